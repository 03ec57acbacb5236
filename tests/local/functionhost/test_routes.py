"""Routes match as they do in the Functions host."""

from collections.abc import Sequence

import pytest

from local.functionhost import routes


def route(template: str, *, function: str = "f", methods: Sequence[str] | None = ("GET",)) -> routes.Route:
    return routes.parse(function=function, template=template, methods=methods, prefix="")


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("v1/status", "/v1/status", {}),
        ("v1/status", "/V1/Status/", {}),
        ("v1/metering-points/{id}", "/v1/metering-points/707057500000000018", {"id": "707057500000000018"}),
        ("v1/metering-points/{id}", "/v1/metering-points/a%2Fb c", {"id": "a%2Fb c"}),
        ("v1/metering-points/{id}", "/v1/metering-points/a\nb", {"id": "a\nb"}),
        ("v1/{*rest}", "/v1/a/b", {"rest": "a/b"}),
        ("v1/{*rest}", "/v1/a//", {"rest": "a//"}),
        ("v1/{*rest}", "/v1/", {}),
        ("v1/{*rest}", "/v1", {}),
    ],
)
def test_a_path_gives_the_route_and_its_parameters(
    template: str, path: str, parameters: dict[str, str]
) -> None:
    found = routes.match([route(template)], method="GET", path=path)

    assert found is not None
    assert found[1] == parameters


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/metering-points/1"),
        ("HEAD", "/v1/metering-points/1"),
        ("GET", "/v1/metering-points"),
        ("GET", "/v1/metering-points/"),
        ("GET", "/v1/metering-points/1/consumption"),
        ("GET", "/api/v1/metering-points/1"),
    ],
)
def test_another_path_or_method_is_no_match(method: str, path: str) -> None:
    assert routes.match([route("v1/metering-points/{id}")], method=method, path=path) is None


@pytest.mark.parametrize("path", ["/v1//", "/v1//a", "/v1%2Fa"])
def test_a_catch_all_takes_nothing_that_begins_with_a_slash_of_its_own(path: str) -> None:
    assert routes.match([route("v1/{*rest}")], method="GET", path=path) is None


def test_names_are_in_order_of_their_upper_case() -> None:
    ordered = routes.in_order([route("x", function=name) for name in ("a_b", "ab", "aa")])

    assert [each.function for each in ordered] == ["aa", "ab", "a_b"]


def test_a_route_without_methods_takes_all_of_them() -> None:
    assert routes.match([route("v1/status", methods=None)], method="DELETE", path="/v1/status")


def test_the_prefix_of_the_host_stands_before_the_route() -> None:
    prefixed = routes.parse(function="f", template="status", methods=["get"], prefix="api")

    assert prefixed.template == "api/status"
    assert routes.match([prefixed], method="GET", path="/api/status")


def test_routes_are_tried_by_name_of_the_function_and_not_by_how_specific_they_are() -> None:
    by_name = routes.in_order([route("v1/latest", function="Latest"), route("v1/{id}", function="by_id")])

    found = routes.match(by_name, method="GET", path="/v1/latest")

    assert found is not None
    assert found[0].function == "by_id"


@pytest.mark.parametrize("template", ["v1/{id:int}", "v1/{id?}", "v1/{id=1}", "v1/{a}-{b}", "v1/{}"])
def test_route_syntax_that_is_not_known_is_refused(template: str) -> None:
    with pytest.raises(routes.UnknownRouteSyntax, match="does not know"):
        route(template)
