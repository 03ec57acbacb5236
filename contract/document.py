"""The OpenAPI documents: to read and for generators of clients (3.1), to import into API Management (3.0.3).

`python3 dev.py openapi [--server URL] [--contact EMAIL]` writes them.

- To read: everything; parameters and schemas are shared.
- For generators: JSON alone, since clients break on several media types under one status.
- To import: API Management takes no parameters from `components` and routes HEAD only where it is listed
  (https://learn.microsoft.com/azure/api-management/api-management-api-import-restrictions). Its server is
  relative, and the deployment replaces it.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from contract import examples, importing, messages, schemas
from contract.operations import (
    IF_NONE_MATCH,
    OPERATIONS,
    REQUEST_ID,
    TAGS,
    TRACE_PARENT,
    Operation,
    Parameter,
    Words,
)
from contract.schemas import Schema
from local import places
from shared.api import models, responses

TO_READ = places.ROOT / "docs" / "openapi.json"
FOR_CLIENTS = places.ROOT / "docs" / "openapi-client.json"
TO_IMPORT = places.ROOT / "infra" / "apim" / "openapi.json"

_PATH = f"{responses.PUBLIC_PREFIX}/v1"
SERVER = f"https://api.example.com{_PATH}"
CONTACT = "api@example.com"

_DESCRIPTION = """\
Hourly electricity metering data: the full history, each new day and every correction.

- Times are ISO 8601 with offset. A market day is a day in Europe/Oslo, with 23, 24 or 25 hours.
- Periods are half-open: `to` is the first moment that is not included.
- Quantities are kWh with the three decimals that were delivered; a missing one is `null`.
- Long answers come in pages: follow `nextCursor` until it is null.
- To check cheaply whether anything is new, send the `ETag` as `If-None-Match`.
- Every error is `application/problem+json` with a stable `code`.
- Every path with GET also supports HEAD, and every path supports OPTIONS. Other methods get 405 with `Allow`.
- A request body is JSON of at most 64 kB; an unknown property is a fault.
"""

_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of Microsoft Entra with the role or scope Metering.Read.",
    },
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "Ocp-Apim-Subscription-Key",
        "description": "The key of your subscription in the developer portal. Every call needs it too.",
    },
}


def to_read(*, server: str = SERVER, contact: str = CONTACT) -> str:
    """Return the document for people and their tools, as text."""
    return _text(_for_customers(OPERATIONS, server=server, contact=contact))


def for_clients(*, server: str = SERVER, contact: str = CONTACT) -> str:
    """Return the document that clients are generated from, as text."""
    operations = [each.as_json_alone() for each in OPERATIONS]
    return _text(_for_customers(operations, server=server, contact=contact))


def to_import(*, contact: str = CONTACT) -> str:
    """Return the document that API Management imports, as text."""
    document = {
        **_head("3.0.3", server=_PATH, contact=contact),
        "paths": _paths(OPERATIONS, with_head=True),
        "components": {"schemas": _schemas(OPERATIONS), "parameters": _shared_parameters(OPERATIONS)},
    }
    return _text(importing.down_levelled(document))


def closed(text: str) -> str:
    """Return a document to check answers by: it allows only the properties and words that it names.

    The documents themselves allow new ones, which may come in the same version (docs/versioning.md).
    """
    document = json.loads(text)
    flat = {name: _closed(schema) for name, schema in schemas.flat(document["components"]["schemas"]).items()}
    return _text({**document, "components": {**document["components"], "schemas": flat}})


def write(*, server: str = SERVER, contact: str = CONTACT) -> None:
    """Write the documents to where they are committed."""
    for path, text in (
        (TO_READ, to_read(server=server, contact=contact)),
        (FOR_CLIENTS, for_clients(server=server, contact=contact)),
        (TO_IMPORT, to_import(contact=contact)),
    ):
        path.write_text(text, encoding="utf-8")


def _for_customers(operations: Sequence[Operation], *, server: str, contact: str) -> dict[str, Any]:
    return {
        **_head("3.1.0", server=server, contact=contact),
        "security": [{"token": [], "key": []}],
        "paths": _paths(operations, with_head=False),
        "components": {
            "schemas": _schemas(operations),
            "parameters": _shared_parameters(operations),
            "securitySchemes": _SECURITY,
        },
    }


def _head(version: str, *, server: str, contact: str) -> dict[str, Any]:
    return {
        "openapi": version,
        "info": {
            "title": "Metering data",
            "version": responses.CONTRACT,
            "description": _DESCRIPTION,
            "contact": {"name": "Metering data", "email": contact},
            "license": {"name": "Proprietary, all rights reserved", **_license_identifier(version)},
        },
        "servers": [{"url": server}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
    }


def _license_identifier(version: str) -> dict[str, str]:
    """Return a licence in SPDX's terms; OpenAPI 3.0 has no place for it.

    openapi-generator refuses a document of 3.1 without one.
    """
    return {"identifier": "LicenseRef-Proprietary"} if version.startswith("3.1") else {}


def _schemas(operations: Sequence[Operation]) -> dict[str, Schema]:
    answers = schemas.of(
        {models.Problem, *(each.answer for each in operations if each.answer)},
        bodies={each.body for each in operations if each.body},
    )
    kinds = {name for each in operations for name in messages.shared_by(each)}
    return {
        **answers,
        **{name: schema for name, schema in messages.SHARED.items() if name in kinds},
        **{each.name: each.schema for each in _words(operations)},
    }


def _words(operations: Iterable[Operation]) -> list[Words]:
    parameters = (parameter for operation in operations for parameter in operation.parameters)
    return [each.schema for each in parameters if isinstance(each.schema, Words)]


def _shared_parameters(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return every parameter by its key; AssertionError when two different ones have the same."""
    found: dict[str, Parameter] = {}
    for parameter in (each for operation in operations for each in _parameters(operation)):
        if found.setdefault(parameter.key, parameter) != parameter:
            raise AssertionError(f"two different parameters are shared as '{parameter.key}'")
    return {key: _parameter(parameter) for key, parameter in sorted(found.items())}


def _paths(operations: Iterable[Operation], *, with_head: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in operations:
        methods = found.setdefault(each.path, {})
        methods[each.method.lower()] = _described(each)
        if with_head and each.method == "GET":
            methods["head"] = _head_of(each)
    return found


def _described(operation: Operation) -> dict[str, Any]:
    body = schemas.reference(operation.body.__name__) if operation.body else None
    content = {"required": True, "content": {"application/json": {"schema": body}}}
    return {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.text,
        "parameters": _references(operation),
        **({"requestBody": content} if body else {}),
        "responses": messages.of(operation, examples.of(operation.id)),
    }


def _head_of(operation: Operation) -> dict[str, Any]:
    return {
        "operationId": f"head-{operation.id}",
        "tags": [operation.tag],
        "summary": f"{operation.summary}: headers only",
        "description": "The answer to GET, without its body.",
        "parameters": _references(operation),
        "responses": messages.of_head(),
    }


def _references(operation: Operation) -> list[dict[str, Any]]:
    return [{"$ref": f"#/components/parameters/{each.key}"} for each in _parameters(operation)]


def _parameters(operation: Operation) -> tuple[Parameter, ...]:
    conditional = (IF_NONE_MATCH,) if operation.cached else ()
    return (*operation.parameters, *conditional, REQUEST_ID, TRACE_PARENT)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.schema
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schemas.reference(schema.name) if isinstance(schema, Words) else schema,
        **({} if parameter.example is None else {"example": parameter.example}),
    }


def _closed(value: Any) -> Any:
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    schema = {name: _closed(each) for name, each in value.items()}
    words = schema.pop("x-extensible-enum", None)
    if isinstance(words, list):
        may_be_null = "null" in schema["type"] or schema.get("nullable")
        schema["enum"] = [*words, None] if may_be_null else words
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        schema["additionalProperties"] = False
    return schema


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _absolute(text: str) -> str:
    address = urlsplit(text)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise argparse.ArgumentTypeError(f"'{text}' is not an absolute address, such as {SERVER}")
    return text.rstrip("/")


def main() -> None:
    """Write the documents, and print where."""
    parser = argparse.ArgumentParser(prog="openapi", description="Writes the OpenAPI files.")
    parser.add_argument(
        "--server",
        type=_absolute,
        default=SERVER,
        metavar="URL",
        help=f"where the API is (default: {SERVER})",
    )
    parser.add_argument(
        "--contact", default=CONTACT, metavar="EMAIL", help=f"whom customers ask (default: {CONTACT})"
    )
    arguments = parser.parse_args()
    write(server=arguments.server, contact=arguments.contact)
    for path in (TO_READ, FOR_CLIENTS, TO_IMPORT):
        print(f"{path.relative_to(places.ROOT)} written.")


if __name__ == "__main__":
    main()
