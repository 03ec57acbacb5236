"""The OpenAPI documents: 3.1 to read, 3.0.3 for API Management to import.

API Management imports 3.0.3 without external references, and takes no parameters,
responses or headers from `components`
(https://learn.microsoft.com/azure/api-management/api-management-api-import-restrictions).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from local.contract import answers
from local.contract.operations import OPERATIONS, Operation, Parameter

REPOSITORY = Path(__file__).resolve().parents[2]
TO_READ = REPOSITORY / "docs" / "openapi.json"
TO_IMPORT = REPOSITORY / "infra" / "apim" / "openapi.json"

_PROBLEMS = {
    400: "The request has faults; all of them are in `errors`.",
    401: "The subscription key or the token is missing or not valid.",
    403: "You have no access, or the quota is used up.",
    404: "It does not exist, or you may not read it.",
    429: "Too many calls; `Retry-After` says when to call again.",
    503: "Not available now; `Retry-After` says when to call again.",
}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def to_read() -> str:
    """The 3.1 document, as text."""
    return _text(_document("3.1.0"))


def to_import() -> str:
    """The 3.0.3 document, as text."""
    return _text(_down_levelled(_document("3.0.3")))


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
            "description": "Hourly electricity metering data: all history and each new day. "
            "Times are ISO 8601 with offset; a market day is a day in Europe/Oslo with 23, 24 or 25 hours; "
            "periods are half-open.",
        },
        "servers": [{"url": "/metering/v1"}],
        "paths": {each.path: {"get": _operation(each)} for each in OPERATIONS},
        "components": {"schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    models: set[type[answers.Answer]] = {each.answer for each in OPERATIONS} | {answers.Problem}
    _, definitions = models_json_schema(
        [(model, "serialization") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [_parameter(each) for each in operation.parameters],
        "responses": {
            "200": _response("The answer.", "application/json", operation.answer.__name__),
            "304": {"description": "You hold this answer already (`If-None-Match`)."},
            **{str(status): _problem(status) for status in operation.statuses},
        },
    }


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


def _problem(status: int) -> dict[str, Any]:
    response = _response(_PROBLEMS[status], "application/problem+json", "Problem")
    return {**response, "headers": _RETRY} if status in (429, 503) else response


def _response(description: str, media_type: str, schema: str) -> dict[str, Any]:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _down_levelled(value: Any) -> Any:
    """What 3.0.3 says differently: `nullable` for a type or null, and one `example`."""
    if isinstance(value, list):
        return [_down_levelled(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    content = {name: _down_levelled(each) for name, each in value.items()}
    if isinstance(content.get("anyOf"), list):
        content = _nullable(content)
    examples = content.pop("examples", None)
    if isinstance(examples, list):
        content["example"] = examples[0]
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


if __name__ == "__main__":
    write()
