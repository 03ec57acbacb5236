"""The documents by structure: what other people's generators, portals and readers need of them.

Clients by NSwag, Kiota or openapi-typescript, or API Management's portal and reader, break on the opposite.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
from openapi_schema_validator import OAS31Validator

from contract import document, examples, importing, schemas
from local import places
from shared.api.models import Answer

METHODS = ("get", "head")
CLOSED = {"Direction"}
"""Schemas of answers whose words never grow."""

TEXTS = {"read": document.to_read(), "clients": document.for_clients(), "import": document.to_import()}
DOCUMENTS: dict[str, Any] = {name: json.loads(text) for name, text in TEXTS.items()}
CUSTOMERS = {name: DOCUMENTS[name] for name in ("read", "clients")}

each_document = pytest.mark.parametrize("of", DOCUMENTS.values(), ids=DOCUMENTS)
each_for_customers = pytest.mark.parametrize("of", CUSTOMERS.values(), ids=CUSTOMERS)


def operations_of(of: Any) -> list[tuple[str, Any]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in of["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def schemas_in(where: str, schema: Any) -> Iterator[tuple[str, Any]]:
    """A schema and all that it holds, each with where it stands; a reference is not followed."""
    yield where, schema
    for name, each in schema.get("properties", {}).items():
        yield from schemas_in(f"{where}.{name}", each)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from schemas_in(f"{where}[{key}]", schema[key])
    for key in ("anyOf", "oneOf", "allOf"):
        for place, each in enumerate(schema.get(key, [])):
            yield from schemas_in(f"{where}[{key} {place}]", each)


def parameters_of(of: Any) -> list[tuple[str, Any]]:
    """Every parameter of every operation, shared ones resolved."""
    shared = of["components"].get("parameters", {})
    return [
        (f"{where}: {each['name']}", each)
        for where, operation in operations_of(of)
        for described in operation["parameters"]
        for each in [shared[described["$ref"].rpartition("/")[2]] if "$ref" in described else described]
    ]


def responses_of(of: Any) -> list[tuple[str, Any]]:
    return [
        (f"{where} {status}", response)
        for where, operation in operations_of(of)
        for status, response in operation["responses"].items()
    ]


def answered_schemas(of: Any) -> list[tuple[str, Any]]:
    """The schemas of contents and headers, and the shared ones that are reached from there."""
    roots = [
        (where, each["schema"])
        for where, response in responses_of(of)
        for each in (*response.get("content", {}).values(), *response.get("headers", {}).values())
    ]
    reached = schemas.reached([schema for _, schema in roots], of["components"]["schemas"])
    return [each for item in (*roots, *reached.items()) for each in schemas_in(*item)]


def every_schema(of: Any) -> list[tuple[str, Any]]:
    named = [each for item in of["components"]["schemas"].items() for each in schemas_in(*item)]
    given = [
        each for where, parameter in parameters_of(of) for each in schemas_in(where, parameter["schema"])
    ]
    return [*named, *given, *answered_schemas(of)]


def every_value(of: Any) -> Iterator[Any]:
    """Every object of a document, examples left out."""
    if isinstance(of, dict):
        yield of
        for name, value in of.items():
            if name not in ("example", "examples"):
                yield from every_value(value)
    if isinstance(of, list):
        for value in of:
            yield from every_value(value)


def test_the_committed_documents_are_those_that_the_code_generates() -> None:
    assert document.TO_READ.read_text(encoding="utf-8") == TEXTS["read"]
    assert document.FOR_CLIENTS.read_text(encoding="utf-8") == TEXTS["clients"]
    assert document.TO_IMPORT.read_text(encoding="utf-8") == TEXTS["import"]


@each_document
def test_it_is_valid_openapi(of: Any) -> None:
    openapi_spec_validator.validate(of)


@each_document
def test_null_is_one_of_two_types_and_never_a_choice_among_schemas(of: Any) -> None:
    assert [where for where, schema in every_schema(of) if "anyOf" in schema] == []
    for where, schema in every_schema(of):
        if "oneOf" in schema:
            assert [list(each) for each in schema["oneOf"]] == [["$ref"], ["type"]], where


@each_document
def test_nothing_has_a_title_but_the_property_that_is_called_so(of: Any) -> None:
    assert [where for where, schema in every_schema(of) if "title" in schema] == []
    assert "title" in of["components"]["schemas"]["Problem"]["properties"]


@each_document
def test_nothing_that_an_answer_leaves_out_has_a_default(of: Any) -> None:
    assert [where for where, schema in answered_schemas(of) if "default" in schema] == []
    assert [each for each in every_value(of) if each.get("default", 0) is None] == []


@each_document
def test_a_number_or_truth_value_that_may_be_left_out_may_be_null(of: Any) -> None:
    """In C#, what is not there would be zero or false."""
    for name, schema in schemas.flat(of["components"]["schemas"]).items():
        for property_, each in schema.get("properties", {}).items():
            if property_ not in schema.get("required", []) and "oneOf" not in each and "$ref" not in each:
                types = each["type"] if isinstance(each["type"], list) else [each["type"]]
                if {"integer", "number", "boolean"} & set(types):
                    assert "null" in types or each.get("nullable"), f"{name}.{property_}"


@each_document
def test_the_words_of_answers_may_grow_and_those_of_parameters_are_closed(of: Any) -> None:
    closed = [where for where, schema in answered_schemas(of) if "enum" in schema]
    open_words = [where for where, schema in answered_schemas(of) if "x-extensible-enum" in schema]
    given = [where for where, parameter in parameters_of(of) if "x-extensible-enum" in parameter["schema"]]

    assert set(closed) <= CLOSED
    assert {"Value.quality", "Day.quality", "Day.resolution", "MeteringPoint.resolution"} <= set(open_words)
    assert given == []


@each_document
def test_every_number_says_how_large_it_may_get(of: Any) -> None:
    for where, schema in every_schema(of):
        if "integer" in schema.get("type", ()):
            assert schema.get("format") == "int64" or "maximum" in schema, where
        assert schema.get("format") != "decimal", where


@each_document
def test_every_schema_property_operation_parameter_and_response_is_described(of: Any) -> None:
    lacking = [name for name, schema in of["components"]["schemas"].items() if not schema.get("description")]
    lacking += [
        f"{where}.{name}"
        for where, schema in every_schema(of)
        for name, each in schema.get("properties", {}).items()
        if not each.get("description") and "$ref" not in each
    ]
    lacking += [where for where, each in operations_of(of) if not (each["summary"] and each["description"])]
    lacking += [where for where, parameter in parameters_of(of) if not parameter.get("description")]
    lacking += [where for where, response in responses_of(of) if not response["description"]]
    lacking += [
        f"{where}: {name}"
        for where, response in responses_of(of)
        for name, header in response.get("headers", {}).items()
        if not header["description"]
    ]

    assert lacking == []


@each_document
def test_every_reference_names_something_shared_and_stands_alone(of: Any) -> None:
    for each in every_value(of):
        if "$ref" in each:
            section, name = each["$ref"].removeprefix("#/components/").split("/")
            assert name in of["components"][section]
            assert list(each) == ["$ref"]


@each_document
def test_every_object_has_a_name(of: Any) -> None:
    named = of["components"]["schemas"]
    objects = [
        where
        for where, schema in every_schema(of)
        if schema.get("type") == "object" and "properties" in schema
    ]

    # What a schema adds to the one that it extends is part of it.
    assert [where for where in objects if where.removesuffix("[allOf 1]") not in named] == []


@each_document
def test_no_schema_is_called_like_one_of_its_properties(of: Any) -> None:
    assert [
        name
        for name, schema in of["components"]["schemas"].items()
        if name.lower() in {each.lower() for each in schema.get("properties", {})}
    ] == []


@each_document
def test_no_two_schemas_have_the_same_properties(of: Any) -> None:
    flat = schemas.flat(of["components"]["schemas"])
    fields = [frozenset(schema["properties"]) for schema in flat.values() if "properties" in schema]

    assert len(set(fields)) == len(fields)


@each_document
def test_everything_shared_is_used(of: Any) -> None:
    used = {each["$ref"].rpartition("/")[2] for each in every_value(of) if "$ref" in each}

    assert set(of["components"]["schemas"]) <= used
    assert set(of["components"].get("parameters", {})) <= used


@each_document
def test_every_operation_is_in_a_group_and_says_whom_to_ask(of: Any) -> None:
    groups = {tag["name"]: tag["description"] for tag in of["tags"]}

    assert all(groups.values())
    assert {tag for _, operation in operations_of(of) for tag in operation["tags"]} == set(groups)
    assert of["info"]["contact"]["email"] == "api@example.com"


@each_document
def test_any_other_failure_of_get_is_a_problem(of: Any) -> None:
    for where, operation in operations_of(of):
        if where.startswith("get "):
            content = operation["responses"]["default"]["content"]
            assert content == {"application/problem+json": {"schema": schemas.reference("Problem")}}
    assert of["components"]["schemas"]["Problem"]["properties"]["detail"]["x-ms-primary-error-message"]


@each_document
def test_what_is_put_may_be_new_or_changed(of: Any) -> None:
    put = [methods["put"]["responses"] for methods in of["paths"].values() if "put" in methods]

    assert len(put) == 2
    for responses in put:
        assert responses["200"]["content"] == responses["201"]["content"]
        assert "Location" in responses["201"]["headers"]


@each_document
def test_an_answer_has_the_id_of_its_request(of: Any) -> None:
    for where, response in responses_of(of):
        if where.startswith("get ") and where.split()[-1] not in ("414", "431", "default"):
            assert response["headers"]["X-Request-Id"], where


@each_for_customers
def test_customers_get_an_address_and_no_second_operation_for_head(of: Any) -> None:
    assert of["servers"] == [{"url": "https://api.example.com/metering/v1"}]
    methods = {method for methods in of["paths"].values() for method in methods}
    assert methods == {"get", "put", "post", "delete"}
    assert of["security"] == [{"token": [], "key": []}]
    assert all(each["description"] for each in of["components"]["securitySchemes"].values())


@each_for_customers
def test_parameters_and_their_words_are_shared(of: Any) -> None:
    for _, operation in operations_of(of):
        assert all(list(each) == ["$ref"] for each in operation["parameters"])
    for where, parameter in parameters_of(of):
        assert "enum" not in parameter["schema"], where


def test_generators_get_json_alone() -> None:
    of = DOCUMENTS["clients"]
    types = {each for _, response in responses_of(of) for each in response.get("content", {})}

    assert types == {"application/json", "application/problem+json"}
    assert not {where.rpartition(" ")[2] for where, _ in parameters_of(of)} & {"format", "csv"}
    assert not {"Csv", "Lines", "Format", "CsvDialect"} & set(of["components"]["schemas"])
    assert "CSV has" not in TEXTS["clients"]
    assert set(of["paths"]) == set(DOCUMENTS["read"]["paths"])


@pytest.mark.parametrize(
    ("name", "expected"), [("read", {"414", "431"}), ("clients", set()), ("import", {"414", "431"})]
)
def test_answers_of_a_server_before_the_api_have_no_content(name: str, expected: set[str]) -> None:
    for where, operation in operations_of(DOCUMENTS[name]):
        if not where.startswith("head "):
            responses = operation["responses"]
            bare = {status for status, each in responses.items() if "content" not in each}
            assert bare - {"204", "302", "304"} == expected, where


def test_the_address_is_the_deployments_when_it_is_given() -> None:
    given = {"server": "https://api.company.example/metering/v1", "contact": "data@company.example"}

    for text in (document.to_read(**given), document.for_clients(**given)):
        found = json.loads(text)
        assert found["servers"] == [{"url": given["server"]}]
        assert found["info"]["contact"]["email"] == given["contact"]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [(["--help"], "usage: openapi"), (["--server", "/metering/v1"], "is not an absolute address")],
)
def test_a_command_that_is_not_understood_writes_nothing(arguments: list[str], printed: str) -> None:
    before = document.TO_READ.stat().st_mtime_ns

    done = subprocess.run(
        [sys.executable, "-m", "contract.document", *arguments],
        cwd=places.ROOT,
        capture_output=True,
        text=True,
    )

    assert printed in done.stdout + done.stderr
    assert document.TO_READ.stat().st_mtime_ns == before


def test_the_document_to_import_says_nothing_that_only_3_1_knows() -> None:
    imported = DOCUMENTS["import"]

    assert imported["openapi"] == "3.0.3"
    for _, schema in every_schema(imported):
        assert not isinstance(schema.get("type"), list)
        assert schema.get("type") != "null"
        assert not {"examples", "const", "oneOf", "allOf"} & set(schema)
        assert "nullable" not in schema or isinstance(schema["type"], str)
    assert set(imported["components"]) == {"schemas"}
    assert imported["servers"] == [{"url": "/metering/v1"}]


def test_the_document_to_import_allows_every_null_of_the_document_to_read() -> None:
    def nullable(of: Any) -> set[str]:
        named = {**of, "components": {"schemas": schemas.flat(of["components"]["schemas"])}}["components"]
        return {
            # A reference that may be null is one of two in 3.1.
            where.removesuffix("[oneOf 1]")
            for item in named["schemas"].items()
            for where, schema in schemas_in(*item)
            if schema.get("nullable") or "null" in schema.get("type", ())
        }

    assert nullable(DOCUMENTS["import"]) == nullable(DOCUMENTS["read"])
    assert "MeteringPoint.resolution" in nullable(DOCUMENTS["import"])


def test_the_document_to_import_lists_head_in_a_line() -> None:
    for path, methods in DOCUMENTS["import"]["paths"].items():
        assert ("get" in methods) == ("head" in methods), path
        if "head" in methods:
            assert list(methods["head"]["responses"]) == ["default"]


def test_the_document_to_import_has_no_example_that_its_reader_changes() -> None:
    imported = DOCUMENTS["import"]
    night = imported["paths"]["/metering-points/{meteringPointId}/consumption"]["get"]
    customers = imported["paths"]["/customers"]["get"]

    assert "example" not in night["responses"]["200"]["content"]["application/json"]
    assert importing.EXAMPLES in night["description"]
    assert customers["responses"]["200"]["content"]["application/json"]["example"]["customers"]


def test_every_operation_has_an_id_that_the_gateway_keeps() -> None:
    ids = [operation["operationId"] for _, operation in operations_of(DOCUMENTS["import"])]

    assert len(set(ids)) == len(ids)
    assert all(len(each) <= 76 and each == each.lower() for each in ids)


@pytest.mark.parametrize("of", ["read", "clients", "import"])
def test_a_property_and_a_word_may_come_but_not_while_answers_are_checked(of: str) -> None:
    closed = json.loads(document.closed(TEXTS[of]))["components"]["schemas"]

    for name, schema in closed.items():
        assert (schema.get("additionalProperties") is False) == ("properties" in schema), name
    assert "additionalProperties" not in DOCUMENTS[of]["components"]["schemas"]["Value"]
    assert closed["Value"]["properties"]["quality"]["enum"][0] == "measured"
    assert closed["MeteringPoint"]["properties"]["resolution"]["enum"][-1] is None
    assert {"start", "sequence"} <= set(closed["ChangedDay"]["properties"])


def test_an_example_fits_its_own_schema() -> None:
    read = json.loads(document.closed(TEXTS["read"]))
    checked = set()
    for _, response in responses_of(read):
        for content in response.get("content", {}).values():
            schema = {**content["schema"], "components": read["components"]}
            for example in content.get("examples", {}).values():
                OAS31Validator(schema).validate(example["value"])
                checked.add(json.dumps(example))
    assert len(checked) == len(examples.EXAMPLES)


class Owner(Answer):
    """Who owns a thing."""

    name: str


class Thing(Answer):
    """Something that may have an owner."""

    owner: Owner | None


def test_a_reference_that_may_be_null_is_one_of_two() -> None:
    [thing] = [schema for name, schema in schemas.of([Thing]).items() if name == "Thing"]

    assert thing["properties"] == {"owner": {"oneOf": [schemas.reference("Owner"), {"type": "null"}]}}


def test_a_reference_that_may_be_null_is_written_out_for_the_import() -> None:
    content = {"content": {"application/json": {"schema": schemas.reference("Thing")}}}
    get = {"description": "A thing.", "parameters": [], "responses": {"200": content}}
    components = {"schemas": schemas.of([Thing]), "parameters": {}}

    found = importing.down_levelled({"paths": {"/thing": {"get": get}}, "components": components})

    assert found["components"]["schemas"]["Thing"]["properties"]["owner"] == {
        "description": "Who owns a thing.",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "type": "object",
        "nullable": True,
    }
