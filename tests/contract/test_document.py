import json
import subprocess
import sys
from typing import Any

import openapi_spec_validator
import pytest
from openapi_schema_validator import OAS31Validator

from contract import document, examples


def _every_value(of: Any) -> list[Any]:
    if isinstance(of, dict):
        return [of, *(each for value in of.values() for each in _every_value(value))]
    return [each for value in of for each in _every_value(value)] if isinstance(of, list) else []


def test_the_committed_documents_are_those_that_the_code_generates() -> None:
    assert document.TO_READ.read_text(encoding="utf-8") == document.to_read()
    assert document.TO_IMPORT.read_text(encoding="utf-8") == document.to_import()


@pytest.mark.parametrize("text", [document.to_read(), document.to_import()], ids=["3.1", "3.0.3"])
def test_a_property_may_come_to_every_answer_but_not_while_answers_are_checked(text: str) -> None:
    def forbidding(found: str) -> list[str]:
        schemas = json.loads(found)["components"]["schemas"].items()
        return [name for name, schema in schemas if schema.get("additionalProperties") is False]

    assert forbidding(text) == []
    assert {"Series", "Value", "Day", "ChangedDay", "Problem"} <= {*forbidding(document.closed(text))}


def test_help_writes_nothing() -> None:
    before = document.TO_READ.stat().st_mtime_ns

    done = subprocess.run(
        [sys.executable, "-m", "contract.document", "--help"],
        cwd=document.REPOSITORY,
        capture_output=True,
        text=True,
    )

    assert done.stdout.startswith("usage: openapi")
    assert document.TO_READ.stat().st_mtime_ns == before


def test_the_document_to_import_says_nothing_that_only_3_1_knows() -> None:
    imported = json.loads(document.to_import())

    assert imported["openapi"] == "3.0.3"
    for each in _every_value(imported):
        assert each.get("type") != "null"
        assert not isinstance(each.get("type"), list)
        assert "examples" not in each
        assert "const" not in each
        assert each.get("$ref", "#/components/schemas/").startswith("#/components/schemas/")
    assert set(imported["components"]) == {"schemas"}


def test_a_quantity_is_a_number_or_null() -> None:
    value = json.loads(document.to_import())["components"]["schemas"]["Value"]

    assert (value["properties"]["quantity"]["type"], value["properties"]["quantity"]["nullable"]) == (
        "number",
        True,
    )


def test_every_operation_has_an_id_that_the_gateway_keeps() -> None:
    paths = json.loads(document.to_import())["paths"]
    ids = [operation["operationId"] for path in paths.values() for operation in path.values()]

    assert len(set(ids)) == len(ids)
    assert all(len(each) <= 76 and each == each.lower() for each in ids)


@pytest.mark.parametrize("text", [document.to_read(), document.to_import()], ids=["3.1", "3.0.3"])
def test_the_documents_are_valid_openapi(text: str) -> None:
    openapi_spec_validator.validate(json.loads(text))


def test_an_example_fits_its_own_schema() -> None:
    read = json.loads(document.to_read())
    checked = 0
    for _, _, operation in _operations(read):
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                schema = {**content["schema"], "components": read["components"]}
                for example in content.get("examples", {}).values():
                    OAS31Validator(schema).validate(example["value"])
                    checked += 1
    assert checked == len(examples.EXAMPLES)


def test_everything_in_the_reference_is_described() -> None:
    for path, method, operation in _operations(json.loads(document.to_read())):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        for parameter in operation["parameters"]:
            assert parameter["description"], f"{where}: {parameter['name']}"
        for status, response in operation["responses"].items():
            assert response["description"], f"{where}: {status}"
            if status not in ("414", "431"):
                assert response["headers"]["X-Request-Id"], f"{where}: {status}"


def _operations(read: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, each) for path, item in read["paths"].items() for method, each in item.items()]
