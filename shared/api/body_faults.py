"""Faults of a body as pydantic finds them, each with its place and what to write instead. Pure."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from shared import foreign
from shared.api.problems import Fault

_GIVE = {
    "bool_type": "Give true or false without quotation marks",
    "dict_type": "Give an object",
    "int_type": "Give a whole number without quotation marks",
    "list_type": "Give a list",
    "model_type": "Give an object",
    "string_type": "Give a text in quotation marks",
}
"""What to write instead of a value of the wrong type, by pydantic's name of the error."""

Schema = Mapping[str, Any]


def of(error: ErrorDetails, model: type[BaseModel]) -> Fault:
    """Return the fault that pydantic found in a body that is read as `model`."""
    place, context = _place(error["loc"]), error.get("ctx", {})
    match error["type"]:
        case "body":
            return Fault(place, context["code"], context["message"], context["hint"])
        case "missing":
            return Fault(place, "required", f"'{place}' is missing.", "Give it.")
        case "extra_forbidden":
            hint = "Leave it out. The reference lists the properties of the body."
            return Fault(place, "unknown-parameter", "This property is unknown here.", hint)
        case "enum" | "literal_error":
            given = foreign.shown(str(error["input"]))
            hint = f"Use one of {context['expected']}."
            return Fault(place, "not-a-choice", f"'{place}' cannot be '{given}'.", hint)
        case "too_long" | "string_too_long":
            hint = f"Give at most {context['max_length']}."
            return Fault(place, "too-many", f"'{place}' is too long.", hint)
        case "too_short" | "string_too_short":
            return Fault(place, "required", f"'{place}' is empty.", f"Give at least {context['min_length']}.")
        case "greater_than_equal" | "less_than_equal":
            hint = _range(_schema(model, error["loc"]))
            return Fault(place, "not-in-range", f"'{place}' is out of range.", hint)
        case "string_pattern_mismatch":
            hint = _description(_schema(model, error["loc"]))
            return Fault(place, "not-as-expected", f"'{place}' is not written as expected.", hint)
        case kind:
            hint = _hint(kind, _schema(model, error["loc"]))
            return Fault(place, "not-as-expected", f"'{place}': {error['msg']}.", hint)


def _place(location: tuple[int | str, ...]) -> str:
    """Return a place in a body, such as `meteringPointIds[3]`, on one line."""
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in location)
    return foreign.shown(text.removeprefix(".")) or "body"


def _range(schema: Schema) -> str:
    bounds = (("from", "minimum"), ("to", "maximum"))
    given = " ".join(f"{word} {schema[name]}" for word, name in bounds if name in schema)
    return f"Use a whole number {given}."


def _hint(kind: str, schema: Schema) -> str:
    if kind not in _GIVE:
        return _description(schema)
    example = _example(schema, schema)
    such_as = "" if example is None else f", such as {json.dumps(example, ensure_ascii=False)}"
    return f"{_GIVE[kind]}{such_as}."


def _description(schema: Schema) -> str:
    described = schema.get("description", "Look it up in the reference.").replace("`", "'")
    examples = schema.get("examples")
    return f"{described} For example: {examples[0]}." if examples else described


def _schema(model: type[BaseModel], location: tuple[int | str, ...]) -> Schema:
    """Return the JSON schema of a place in a body, with the definitions that it refers to."""
    whole = _whole_schema(model)
    found: Schema = _resolved(whole, whole)
    for each in location:
        inner = found.get("items", {}) if isinstance(each, int) else found.get("properties", {}).get(each, {})
        found = _resolved(inner, whole)
    return found


@lru_cache
def _whole_schema(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


def _resolved(schema: Schema, whole: Schema) -> Schema:
    """Return a schema without a reference or a choice with null; its own description wins."""
    [inner, *_] = schema.get("anyOf", [schema])
    definitions = whole.get("$defs", {})
    if "$ref" in inner:
        inner = definitions[inner["$ref"].rpartition("/")[2]]
    return {**inner, **schema, "$defs": definitions}


def _example(schema: Schema, whole: Schema) -> Any:
    """Return a valid value, with only the required properties of an object; None if the schema shows none."""
    schema = _resolved(schema, whole)
    for known in ("examples", "enum"):
        if known in schema:
            return schema[known][0]
    if "items" in schema:
        item = _example(schema["items"], whole)
        return None if item is None else [item]
    required = {name: _example(schema["properties"][name], whole) for name in schema.get("required", ())}
    return None if None in required.values() or not required else required
