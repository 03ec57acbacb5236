"""The OpenAPI documents: 3.1 to read, 3.0.3 for API Management to import.

API Management imports 3.0.3 without external references, and takes no parameters,
responses or headers from `components`
(https://learn.microsoft.com/azure/api-management/api-management-api-import-restrictions).
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from contract import answers, examples, messages
from contract.operations import IF_NONE_MATCH, OPERATIONS, REQUEST_ID, TRACE_PARENT, Operation, Parameter
from shared.api import urls

REPOSITORY = Path(__file__).resolve().parents[2]
TO_READ = REPOSITORY / "docs" / "openapi.json"
TO_IMPORT = REPOSITORY / "infra" / "apim" / "openapi.json"

_DESCRIPTION = """\
Hourly electricity metering data: all history and each new day.

- Times are ISO 8601 with offset. A market day is a day in Europe/Oslo, with 23, 24 or 25 hours.
- Periods are half-open: `to` is the first moment that is not included.
- Quantities are kWh with the three decimals that were delivered; a missing one is `null`.
- Every question has an answer of pages: follow the cursor until there is none.
- `ETag` and `If-None-Match` tell cheaply that nothing is new.
- Every error is `application/problem+json` with a stable `code`.
- Every path is read with GET and answers HEAD and OPTIONS too; another method is answered 405 with `Allow`.
"""

_WORDS = {
    "Quality": "How a value came to be. Other words may come: take one that you do not know as not final.",
    "Resolution": "The length of a value's interval, as an ISO 8601 duration. Others may come.",
}
"""What is said to callers of the words that some values are taken from."""

_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of Microsoft Entra with the role or scope Metering.Read.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "Ocp-Apim-Subscription-Key"},
}


def to_read() -> str:
    """The 3.1 document, as text."""
    document = _document("3.1.0")
    document["components"]["securitySchemes"] = _SECURITY
    return _text({**document, "security": [{"token": [], "key": []}]})


def to_import() -> str:
    """The 3.0.3 document, as text."""
    return _text(_down_levelled(_document("3.0.3")))


def closed(text: str) -> str:
    """A document in which no answer may hold what it does not tell of, for checks of what is answered.

    The documents themselves say no such thing: a property may come in the same version (docs/versioning.md).
    """
    document = json.loads(text)
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return _text(document)


def write() -> None:
    """Write both documents to where they are committed."""
    for path, text in ((TO_READ, to_read()), (TO_IMPORT, to_import())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _document(version: str) -> dict[str, Any]:
    return {
        "openapi": version,
        "info": {
            "title": "Metering data",
            "version": "1.0.0",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": f"{urls.PUBLIC_PREFIX}/v1"}],
        "paths": {each.path: {"get": _get(each), "head": _head(each)} for each in OPERATIONS},
        "components": {"schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    models: set[type[answers.Answer]] = {each.answer for each in OPERATIONS} | {answers.Problem}
    _, definitions = models_json_schema(
        [(model, "serialization") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    return {name: _open(schema) for name, schema in definitions["$defs"].items()}


def _open(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema to which properties may come: the models forbid what they do not name, for the tests."""
    words = _WORDS.get(schema["title"])
    return {
        **{name: value for name, value in schema.items() if name != "additionalProperties"},
        **({"description": words} if words else {}),
    }


def _get(operation: Operation) -> dict[str, Any]:
    return {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": _parameters(operation),
        "responses": messages.of_get(operation, examples.of(operation.id)),
    }


def _head(operation: Operation) -> dict[str, Any]:
    return {
        "operationId": f"head-{operation.id}",
        "summary": f"{operation.summary}: headers alone",
        "description": "What GET answers, without its body.",
        "parameters": _parameters(operation),
        "responses": messages.of_head(operation),
    }


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    conditional = (IF_NONE_MATCH,) if operation.cached else ()
    return [_parameter(each) for each in (*operation.parameters, *conditional, REQUEST_ID, TRACE_PARENT)]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _down_levelled(value: Any) -> Any:
    """What 3.0.3 says differently: `nullable` for a type or null, and one `example`."""
    if isinstance(value, list):
        return [_down_levelled(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    content = {name: _down_levelled(each) for name, each in value.items()}
    if isinstance(content.get("anyOf"), list):
        content = _nullable(content)
    several = content.pop("examples", None)
    if isinstance(several, list):
        content["example"] = several[0]
    elif isinstance(several, Mapping):
        content["example"] = next(iter(several.values()))["value"]
    return content


def _nullable(content: dict[str, Any]) -> dict[str, Any]:
    choices = [each for each in content["anyOf"] if each != {"type": "null"}]
    if len(choices) == len(content["anyOf"]):
        return content
    rest = {name: each for name, each in content.items() if name != "anyOf"}
    only = choices[0] if len(choices) == 1 else {"anyOf": choices}
    # Beside a $ref nothing counts in 3.0, so a reference that may be null is wrapped.
    return {**rest, **({"allOf": [only]} if "$ref" in only else only), "nullable": True}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them, and say where."""
    argparse.ArgumentParser(prog="openapi", description="Writes the OpenAPI files.").parse_args()
    write()
    for path in (TO_READ, TO_IMPORT):
        print(f"{path.relative_to(REPOSITORY)} written.")


if __name__ == "__main__":
    main()
