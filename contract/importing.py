"""What the document for API Management says differently: OpenAPI 3.0.3, with parameters written out.

The reader that imports it (Microsoft.OpenApi 1.x) turns a time at midnight in an example into a bare date,
and a month into a time. An example with either is left out, and the operation's text links to where all
examples are.
"""

import re
from collections.abc import Mapping
from typing import Any

from contract import schemas
from contract.schemas import Schema

EXAMPLES = "More examples are in the reference, on the page [Getting started](/getting-started)."
"""The page of the developer portal that the operator creates by docs/deploy.md."""
_LARGEST = 10**18 - 1
_MISREAD = re.compile(r"\d{4}-\d\d(?:-\d\dT00:00:00.*)?", re.DOTALL)


def down_levelled(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document of 3.1 with shared parameters, as API Management imports it."""
    components = document["components"]
    # Parameters have their lists of words written out, so only what answers refer to is shared.
    answers = [
        [method["responses"], method.get("requestBody")]
        for path in document["paths"].values()
        for method in path.values()
    ]
    found = {
        **document,
        "paths": {
            path: {method: _operation(each, components) for method, each in methods.items()}
            for path, methods in document["paths"].items()
        },
        "components": {"schemas": schemas.flat(schemas.reached(answers, components["schemas"]))},
    }
    lowered: dict[str, Any] = _lowered(found, components["schemas"])
    # Schemas that were written out where they may be null are no longer referred to.
    used = schemas.reached(lowered["paths"], lowered["components"]["schemas"])
    return {**lowered, "components": {"schemas": used}}


def _operation(operation: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    parameters = [_written_out(each, components) for each in operation["parameters"]]
    responses = {status: _response(each) for status, each in operation["responses"].items()}
    left_out = responses != operation["responses"]
    description = f"{operation['description']}\n\n{EXAMPLES}" if left_out else operation["description"]
    return {**operation, "description": description, "parameters": parameters, "responses": responses}


def _written_out(reference: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    parameter = components["parameters"][reference["$ref"].rpartition("/")[2]]
    schema = parameter["schema"]
    if "$ref" not in schema:
        return dict(parameter)
    words = components["schemas"][schemas.name_of(schema)]
    return {**parameter, "schema": {name: each for name, each in words.items() if name != "description"}}


def _response(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response with the first example that the reader leaves as it is; there is room for one."""
    if "content" not in response:
        return dict(response)
    contents = {media_type: _content(each) for media_type, each in response["content"].items()}
    return {**response, "content": contents}


def _content(content: Mapping[str, Any]) -> dict[str, Any]:
    fitting = {
        name: example
        for name, example in content.get("examples", {}).items()
        if not _is_misread(example["value"])
    }
    rest = {name: each for name, each in content.items() if name != "examples"}
    return {**rest, "examples": dict([next(iter(fitting.items()))])} if fitting else rest


def _is_misread(value: Any) -> bool:
    if isinstance(value, str):
        return _MISREAD.fullmatch(value) is not None
    if isinstance(value, Mapping):
        return any(map(_is_misread, value.values()))
    return isinstance(value, list) and any(map(_is_misread, value))


def _lowered(value: Any, known: Mapping[str, Schema]) -> Any:
    """Return what 3.0.3 writes in another way: `nullable` for a type or null, and one `example`."""
    if isinstance(value, list):
        return [_lowered(each, known) for each in value]
    if not isinstance(value, Mapping):
        return value
    content = _bounded(_nullable({name: _lowered(each, known) for name, each in value.items()}, known))
    content.pop("propertyNames", None)  # 3.0 has no schema for names.
    several = content.pop("examples", None)
    if isinstance(several, list):
        content["example"] = several[0]
    elif isinstance(several, Mapping):
        content["example"] = next(iter(several.values()))["value"]
    return content


def _nullable(schema: dict[str, Any], known: Mapping[str, Schema]) -> dict[str, Any]:
    match schema:
        case {"type": [str() as only, "null"]}:
            return {**schema, "type": only, "nullable": True}
        case {"oneOf": [{"$ref": _} as reference, {"type": "null"}]}:
            # In 3.0 nothing counts beside a reference, so a schema that may be null is written out.
            return {**_lowered(schemas.flat(known)[schemas.name_of(reference)], known), "nullable": True}
        case _:
            return schema


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("format") != "int64":
        return schema
    # The reader takes the number in an example for one of 32 bits, and warns about it.
    return {**{name: each for name, each in schema.items() if name != "format"}, "maximum": _LARGEST}
