import json
from typing import Any

from local.contract import document


def _every_value(of: Any) -> list[Any]:
    if isinstance(of, dict):
        return [of, *(each for value in of.values() for each in _every_value(value))]
    return [each for value in of for each in _every_value(value)] if isinstance(of, list) else []


def test_the_committed_documents_are_those_that_the_code_generates() -> None:
    assert document.TO_READ.read_text(encoding="utf-8") == document.to_read()
    assert document.TO_IMPORT.read_text(encoding="utf-8") == document.to_import()


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
