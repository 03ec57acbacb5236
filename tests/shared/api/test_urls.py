import pytest

from shared.api import boundary, parameters, responses
from shared.api.problems import InvalidRequest, Refused

POINT = "http://app.example/v1/metering-points/707057500000010017"


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/Status/", "/v1/metering-points/x/production"])
def test_options_says_what_may_be_done(path: str) -> None:
    assert boundary.options("OPTIONS", f"http://app.example{path}?a=1") == {"Allow": "GET, HEAD, OPTIONS"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed(method: str) -> None:
    with pytest.raises(Refused) as refused:
        boundary.options(method, f"{POINT}/consumption")

    assert (refused.value.code, refused.value.headers) == (
        "method-not-allowed",
        {"Allow": "GET, HEAD, OPTIONS"},
    )


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/meters", "/v1/metering-points/x/consumption/y", "/"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET"])
def test_another_path_is_unknown_whatever_the_method(path: str, method: str) -> None:
    with pytest.raises(Refused) as refused:
        boundary.options(method, f"http://app.example{path}")

    assert refused.value.code == "unknown-path"


@pytest.mark.parametrize(
    ("path", "template"),
    [
        (
            "/v1/metering-points/707057500000010017/Consumption",
            "metering-points/{meteringPointId}/consumption",
        ),
        ("/v1/metering-points/consumption/consumption", "metering-points/{meteringPointId}/consumption"),
        ("/v1/metering-points/my%2Fsecret%252F", "metering-points/{meteringPointId}"),
        ("/v1/%63hanges/", "changes"),
        ("/v1/metering-points/my/secret/consumption", "{*anyPath}"),
    ],
)
def test_a_route_has_no_word_of_the_callers_own(path: str, template: str) -> None:
    found = boundary.route_of(f"http://app.example{path}?date=2026-03-29", {"meteringPointId": "…"})

    assert found == f"/v1/{template}"


def test_what_no_resource_answers_is_one_route() -> None:
    assert boundary.route_of("http://app.example/v1/changes", {"anyPath": "changes"}) == "/v1/{*anyPath}"


def test_a_repeated_parameter_keeps_all_its_values_in_order() -> None:
    assert parameters.of_url("http://host/v1/consumption?id=2&id=1&x=") == {"id": ["2", "1"], "x": [""]}


def test_escaped_signs_are_read() -> None:
    found = parameters.of_url(
        "http://host/v1/x?from=2026-03-29T00%3A00%3A00%2B01:00&to=2026-03-30T00:00:00+02:00"
    )

    assert found == {"from": ["2026-03-29T00:00:00+01:00"], "to": ["2026-03-30T00:00:00 02:00"]}


@pytest.mark.parametrize("text", ["0", "morning-feed", "a" * 64])
def test_an_id_that_can_be_chosen_is_taken_as_it_is(text: str) -> None:
    assert parameters.chosen_id("feedId", text) == text


@pytest.mark.parametrize("text", ["", "-a", "Morning", "a/b", "a.b", "a\n", "å", "a" * 65])
def test_an_id_that_nobody_can_have_chosen_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parameters.chosen_id("feedId", text)

    assert [(each.parameter, each.code) for each in refused.value.faults] == [("feedId", "not-as-expected")]


def test_the_caller_sees_the_path_that_the_gateway_serves() -> None:
    assert responses.public_path("http://app.example/v1/status?format=json") == "/metering/v1/status"
    assert responses.public_path("http://app.example/v1/æ b%20c>") == "/metering/v1/%C3%A6%20b%20c%3E"
