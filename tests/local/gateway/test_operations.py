"""Which operation a path is for, with all the ways to write a path."""

import json
from pathlib import Path

import pytest

from local.gateway import operations
from local.gateway.operations import OpenApiRefused
from tests.builders.gateway import OPENAPI, ROOT

API = operations.parse(OPENAPI, name="test")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("/a/b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"),
        ("/../../a", "/a"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/..", "/"),
        ("/a\\..\\b", "/b"),
        ("/a//b", "/a//b"),
        ("/a/..%2Fb", "/a/..%2Fb"),
        ("/a/...", "/a/..."),
        ("/", "/"),
    ],
)
def test_dot_segments_are_removed(written: str, plain: str) -> None:
    assert operations.normalised(written) == plain


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/metering/v1/customers", "list-customers"),
        ("/METERING/v1/CUSTOMERS", "list-customers"),
        ("/metering/v1/metering-points", "list-metering-points"),
        ("/metering/v1/metering-points/707057500000000018", "get-metering-point"),
        ("/metering/v1/metering-points/%20", "get-metering-point"),
        ("/metering/v1/metering-points/1/consumption", "get-consumption"),
        ("/metering/v1/metering-points/1/consumption/", None),
        ("/metering/v1/metering-points/", None),
        ("/metering/v1", None),
        ("/metering/v1/", None),
        ("/metering/v11/customers", None),
        ("/customers", None),
    ],
)
def test_a_path_is_matched_by_segments(path: str, operation: str | None) -> None:
    below = API.below_api(path)
    found = API.match("GET", below) if below is not None else None

    assert (found.id if found else None) == operation


def test_a_literal_segment_is_a_better_match_than_a_parameter() -> None:
    paths = {
        "/points/{id}": {"get": {"operationId": "one"}},
        "/points/all": {"get": {"operationId": "all"}},
    }
    api = operations.parse(OPENAPI | {"paths": paths}, name="test")

    assert (api.match("GET", "/points/all") or pytest.fail("no match")).id == "all"


def test_every_operation_of_the_deployed_file_is_found_by_its_own_path() -> None:
    path = ROOT / "infra" / "apim" / "openapi.json"
    api = operations.read(path)

    for template, methods in json.loads(path.read_text())["paths"].items():
        for method, described in methods.items():
            found = api.match(method.upper(), template.replace("{", "").replace("}", ""))
            assert found is not None
            assert found.id == described["operationId"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (OPENAPI | {"openapi": "3.1.0"}, "is not OpenAPI 3.0"),
        (OPENAPI | {"servers": []}, "names no server"),
        ({}, "is not OpenAPI 3.0"),
    ],
)
def test_a_file_that_cannot_be_served_is_refused(document: dict[str, object], reason: str) -> None:
    with pytest.raises(OpenApiRefused, match=reason):
        operations.parse(document, name="test")


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpenApiRefused, match="cannot be read"):
        operations.read(tmp_path / "absent.json")
