"""The one line that each request leaves in the log."""

import json
from typing import Any

import pytest

from tests.builders.api import Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import SPRING, Customer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller with a day of hours."""
    made = Customer(api, deliver)
    made.days(made.point(), SPRING, 1)
    return made


def logged(caplog: pytest.LogCaptureFixture) -> Any:
    [record] = [record for record in caplog.records if record.name == "metering.requests"]
    return json.loads(record.getMessage())


def test_a_line_says_who_asked_for_what_and_how_it_went(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    point = customer.granted[0].metering_point_id
    caplog.set_level("INFO")

    answer = customer.get(
        f"/v1/metering-points/{point}/consumption",
        date=SPRING,
        headers={
            "x-request-id": "morning-1",
            "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
            "x-subscription-id": "sub-partner",
        },
    )

    line = logged(caplog)
    assert line.pop("milliseconds") > 0
    assert line == {
        "requestId": "morning-1",
        "traceId": TRACE,
        "caller": customer.principal,
        "subscription": "sub-partner",
        "method": "GET",
        "route": "/v1/metering-points/{meteringPointId}/consumption",
        "status": 200,
        "problem": None,
        "rows": 23,
        "bytes": len(answer.body),
    }


def test_a_problem_is_logged_with_its_code(customer: Customer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    customer.get("/v1/consumption", layout="wide")

    line = logged(caplog)
    assert (line["status"], line["problem"], line["rows"]) == (400, "invalid-parameter", 0)


@pytest.mark.parametrize("format_", ["csv", "ndjson", "json"])
def test_rows_are_values_in_every_format(
    customer: Customer, caplog: pytest.LogCaptureFixture, format_: str
) -> None:
    caplog.set_level("INFO")

    customer.get("/v1/consumption", date=SPRING, format=format_)

    assert logged(caplog)["rows"] == 23


def test_nothing_that_a_caller_wrote_gets_into_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    api.get(
        "/v1/metering-points/secret-path/consumption",
        principal=None,
        headers={
            "authorization": "Bearer secret-token",
            "ocp-apim-subscription-key": "secret-key",
            "traceparent": "00-secret-trace-01",
            "x-request-id": "secret id\nforged line",
            "x-caller-type": "secret-type",
            "x-caller-id": "secret-caller",
            "x-subscription-id": "one\nline",
        },
        cursor="secret-cursor",
    )

    line = logged(caplog)
    assert "secret" not in json.dumps(line)
    assert (line["caller"], line["traceId"], line["subscription"]) == ("unknown", None, "unknown")
