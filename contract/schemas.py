"""JSON schemas of the answers' models, in the forms that third-party generators read well.

- A property that may be null has `type: [X, "null"]`: generators make an empty class of `anyOf` with null.
- Nothing has a `title`: API Management's portal shows it in place of the property's name.
- A property that an answer leaves out has no `default`: TypeScript would believe it is always there.
- A model that extends another one refers to it by `allOf`, so that both stay related in a client.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from shared.api.bodies import Body
from shared.api.models import Answer

Schema = dict[str, Any]
_PREFIX = "#/components/schemas/"


class _Writer(GenerateJsonSchema):
    """Pydantic's writer of schemas, without what makes clients break."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        inner = self.generate_inner(schema["schema"])
        if "$ref" in inner:
            return {"oneOf": [inner, {"type": "null"}]}
        return {**inner, "type": [inner["type"], "null"]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        return self.generate_inner(schema["schema"])


class _WriterOfBodies(_Writer):
    """Writes bodies: what has a default may be null, otherwise C# would send zero for what is left out."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        inner = self.generate_inner(schema["schema"])
        kind = inner.get("type")
        return {**inner, "type": [kind, "null"]} if isinstance(kind, str) else inner


def reference(name: str) -> Schema:
    """Return a reference to a shared schema."""
    return {"$ref": f"{_PREFIX}{name}"}


def name_of(reference: Mapping[str, Any]) -> str:
    """Return the name of the schema that a reference means."""
    return str(reference["$ref"]).removeprefix(_PREFIX)


def reached(value: Any, known: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the known schemas that a value refers to, directly or through another of them."""
    names: set[str] = set()
    waiting = _references(value)
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += _references(known[name])
    return {name: schema for name, schema in known.items() if name in names}


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for each in value for name in _references(each)]
    if not isinstance(value, Mapping):
        return []
    own = [name_of(value)] if isinstance(value.get("$ref"), str) else []
    return [*own, *(name for each in value.values() for name in _references(each))]


def of(models: Iterable[type[Answer]], *, bodies: Iterable[type[Body]] = ()) -> dict[str, Schema]:
    """Return the schemas of these models and of all that they hold, by name, in alphabetical order.

    Bodies of requests are closed: they have no other properties and no other words than those named.
    """
    written = _of_bodies(bodies)
    answers = _of_answers(list(models))
    if twice := written.keys() & answers.keys() - {"Direction"}:
        raise AssertionError(f"bodies and answers both have schemas named {twice}")
    return dict(sorted({**written, **answers}.items()))


def _of_bodies(bodies: Iterable[type[Body]]) -> dict[str, Schema]:
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(bodies, key=lambda model: model.__name__)],
        ref_template=_PREFIX + "{model}",
        schema_generator=_WriterOfBodies,
    )
    written: dict[str, Schema] = definitions.get("$defs", {})
    return {name: _of_body(schema, written) for name, schema in written.items()}


def _of_body(schema: Mapping[str, Any], written: Mapping[str, Schema]) -> Schema:
    """Return a schema of a body; an object that may be left out cannot be null as well, as in answers."""
    found = {name: value for name, value in schema.items() if name != "title"}
    found["description"] = found["description"].partition("\n\n")[0]
    if "properties" in found:
        found["properties"] = {
            name: _object_alone(each, written) for name, each in found["properties"].items()
        }
    return found


def _object_alone(schema: Schema, written: Mapping[str, Schema]) -> Schema:
    match schema:
        case {"oneOf": [{"$ref": str()} as only, {"type": "null"}]} if "properties" in written[name_of(only)]:
            return dict(only)
        case _:
            return schema


def _of_answers(models: list[type[Answer]]) -> dict[str, Schema]:
    wanted = {base for model in models for base in _with_bases(model)}
    _, definitions = models_json_schema(
        [(model, "serialization") for model in sorted(wanted, key=lambda model: model.__name__)],
        ref_template=_PREFIX + "{model}",
        schema_generator=_Writer,
    )
    written = {name: _without_title(schema) for name, schema in definitions["$defs"].items()}
    bases = {model.__name__: _base(model) for model in _all_models()}
    found = {name: _extending(schema, bases.get(name), written) for name, schema in sorted(written.items())}
    # Pydantic also defines the enumerations that the models write as open texts.
    return reached([reference(model.__name__) for model in models], found)


def flat(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the same schemas with the properties of the one that they extend written out."""

    def written_out(schema: Schema) -> Schema:
        if "allOf" not in schema:
            return schema
        base, added = schema["allOf"]
        inherited = written_out(schemas[name_of(base)])
        return {
            "description": schema["description"],
            "type": "object",
            "properties": {**inherited["properties"], **added["properties"]},
            "required": [*inherited["required"], *added.get("required", [])],
        }

    return {name: written_out(schema) for name, schema in schemas.items()}


def _with_bases(model: type[Answer]) -> list[type[Answer]]:
    base = _base(model)
    return [model, *(_with_bases(base) if base else [])]


def _base(model: type[Answer]) -> type[Answer] | None:
    base = model.__base__
    return base if base is not None and issubclass(base, Answer) and base is not Answer else None


def _all_models(of: type[Answer] = Answer) -> list[type[Answer]]:
    return [each for model in of.__subclasses__() for each in (model, *_all_models(model))]


def _without_title(schema: Mapping[str, Any]) -> Schema:
    # The models forbid unknown properties, for the tests; the schemas do not, as answers may get new ones.
    return {
        name: value
        for name, value in schema.items()
        if name != "title" and (name, value) != ("additionalProperties", False)
    }


def _extending(schema: Schema, base: type[Answer] | None, written: Mapping[str, Schema]) -> Schema:
    if base is None:
        return schema
    inherited = written[base.__name__]
    own = {name: value for name, value in schema["properties"].items() if name not in inherited["properties"]}
    required = [name for name in schema.get("required", []) if name in own]
    # openapi-python-client would not see the schema's own properties beside `allOf`.
    added = {"type": "object", "properties": own, **({"required": required} if required else {})}
    return {"description": schema["description"], "allOf": [reference(base.__name__), added]}
