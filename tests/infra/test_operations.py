"""Whether the gateway serves what the app has routes for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.infracheck import agreement, surface

SOURCE = """
@app.route("v1/customers", methods=["GET"])
@boundary.answers
def customers(req): ...

@app.route(route="v1/health", methods=["GET"])
def health(req): ...

@app.timer_trigger(schedule="%SYNC_SCHEDULE%", arg_name="timer")
def sync_access(timer): ...

def unrelated(): ...
"""


def test_routes_are_read_without_running_the_app() -> None:
    assert surface.routes(SOURCE, prefix="v1") == {("GET", "/customers"), ("GET", "/health")}
    assert surface.functions(SOURCE) == {"customers", "health", "sync_access"}


def test_a_route_that_does_not_name_its_methods_is_refused() -> None:
    source = '@app.route("v1/customers")\ndef customers(req): ...'

    with pytest.raises(surface.UnreadableRoute, match="Line 1"):
        surface.routes(source, prefix="v1")


def test_a_route_without_operation_and_an_operation_without_route_are_found() -> None:
    document: dict[str, Any] = {"paths": {"/status": {"get": {}, "parameters": []}}}

    found = agreement.differing_operations(
        app=surface.routes(SOURCE, prefix="v1"), openapi=surface.operations(document)
    )

    assert found == [
        "GET /customers is a route without operation.",
        "GET /status is an operation without route.",
    ]


def test_health_is_for_the_platform_and_needs_no_operation() -> None:
    assert agreement.differing_operations(app=[("GET", "/health")], openapi=[]) == []


def test_the_gateway_serves_exactly_the_routes_of_the_app(function_app: str, root: Path) -> None:
    document = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))
    ours = surface.routes(function_app, prefix="v1")

    assert ("GET", "/health") in ours
    assert agreement.differing_operations(app=ours, openapi=surface.operations(document)) == []


def test_the_document_is_of_the_version_that_api_management_imports_and_exports(root: Path) -> None:
    document = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))

    assert document["openapi"] == "3.0.3"


def test_the_gateway_knows_another_method_for_exactly_the_documented_paths(root: Path) -> None:
    policy = (root / "infra/apim/policies/global.xml").read_text("utf-8")
    document = json.loads((root / "infra/apim/openapi.json").read_text("utf-8"))
    [pattern] = re.findall(r"&quot;(\^/metering/v1/[^&]+)&quot;", policy)

    for path in document["paths"]:
        assert re.search(pattern, "/metering/v1" + path.replace("{meteringPointId}", "707057500000010017"))
        assert not re.search(pattern, f"/metering/v1{path}/more/than/there/is")
    assert set(re.findall(r"[a-z]+(?:-[a-z]+)*", pattern)) == {
        "metering", "v", *(word for path in document["paths"] for word in re.findall(r"[a-z-]+(?=/|$)", path))
    }  # fmt: skip
