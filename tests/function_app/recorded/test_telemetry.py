"""What a request leaves in traces and metrics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from shared import services
from shared.warehouse.engine import InstrumentedWarehouse, Query, Row, Warehouse, WarehouseTimeout
from tests.builders.api import Api
from tests.builders.telemetry import Recorded
from tests.function_app.conftest import Deliver
from tests.function_app.recorded.test_request_log import logged
from tests.function_app.test_series import SPRING, Customer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS_SPAN = "00f067aa0ba902b7"
SERIES = "/v1/metering-points/{meteringPointId}/consumption"


@dataclass
class Counting:
    """Counts the statements that reach a warehouse, or fails them."""

    inside: Warehouse
    statements: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.statements.append(query.name)
        if self.failure is not None:
            raise self.failure
        return self.inside.fetch(query)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)


@dataclass
class Watched:
    """A customer's requests with telemetry in memory."""

    customer: Customer
    recorded: Recorded = field(default_factory=Recorded)
    counting: Counting = field(init=False)

    def __post_init__(self) -> None:
        self.counting = Counting(self.customer.api.services.warehouse)

    @contextmanager
    def using(self) -> Iterator[None]:
        """Let the routes record here."""
        services = self.customer.api.services
        measured = InstrumentedWarehouse(
            self.counting,
            limit=services.settings.warehouse.timeout,
            telemetry=self.recorded.telemetry,
            url="fabric://some.fabric.example/metering",
        )
        with self.customer.api.using(
            replace(services, telemetry=self.recorded.telemetry, warehouse=measured)
        ):
            yield

    def served(self) -> ReadableSpan:
        """Return the only server span."""
        (span,) = [span for span in self.recorded.spans if span.kind is SpanKind.SERVER]
        return span

    def statements(self) -> list[ReadableSpan]:
        """Return the client spans."""
        return [span for span in self.recorded.spans if span.kind is SpanKind.CLIENT]


@pytest.fixture
def watched(api: Api, deliver: Deliver) -> Iterator[Watched]:
    """Return a caller with a day of hours."""
    customer = Customer(api, deliver)
    customer.days(customer.point(), SPRING, 1)
    made = Watched(customer)
    with made.using():
        yield made


def test_a_request_is_one_server_span_with_a_client_span_for_each_statement(watched: Watched) -> None:
    point = watched.customer.granted[0].metering_point_id

    watched.customer.get(
        f"/v1/metering-points/{point}/consumption",
        date=SPRING,
        headers={"traceparent": f"00-{TRACE}-{CALLERS_SPAN}-01"},
    )

    served, statements = watched.served(), watched.statements()
    assert served.context is not None
    assert served.parent is not None
    assert (served.name, served.status.status_code) == (f"GET {SERIES}", StatusCode.UNSET)
    assert format_trace_id(served.context.trace_id) == TRACE
    assert format_span_id(served.parent.span_id) == CALLERS_SPAN
    assert [span.name for span in statements] == watched.counting.statements
    assert "days" in watched.counting.statements
    assert all(span.parent == served.context for span in statements)
    assert dict(statements[0].attributes or {}) == {
        "db.system.name": "microsoft.sql_server",
        "db.query.summary": watched.counting.statements[0],
        "server.address": "some.fabric.example",
        "db.namespace": "metering",
        "metering.rows": 1,
    }


def test_the_log_line_names_the_trace_that_the_span_is_in(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    watched.customer.get("/v1/consumption", date=SPRING)

    served = watched.served()
    assert served.context is not None
    assert logged(caplog)["traceId"] == format_trace_id(served.context.trace_id)


def test_an_unchanged_answer_asks_the_warehouse_nothing(watched: Watched) -> None:
    etag = watched.customer.get("/v1/consumption", date=SPRING).headers["ETag"]
    watched.recorded.exporter.clear()

    watched.customer.get("/v1/consumption", date=SPRING, headers={"if-none-match": etag})

    assert (watched.served().attributes or {})["http.response.status_code"] == 304
    assert watched.statements() == []
    assert [
        count
        for attributes, count in watched.recorded.points("http.server.request.duration")
        if attributes["http.response.status_code"] == 304
    ] == [1]


def test_a_metering_point_of_somebody_else_is_no_error(watched: Watched) -> None:
    other = Customer(watched.customer.api, watched.customer.deliver).point()

    watched.customer.get(f"/v1/metering-points/{other}/consumption", date=SPRING)

    served = watched.served()
    assert (served.attributes or {})["http.response.status_code"] == 404
    assert served.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        (ZeroDivisionError("secret"), 500, "ZeroDivisionError"),
        (WarehouseTimeout("secret"), 503, "warehouse-unavailable"),
    ],
)
def test_what_the_app_could_not_do_is_an_error_of_the_request_and_of_the_statement(
    watched: Watched, failure: Exception, status: int, error: str
) -> None:
    watched.counting.failure = failure

    watched.customer.get("/v1/consumption", date=SPRING)

    served, (statement,) = watched.served(), watched.statements()
    assert served.status.status_code is statement.status.status_code is StatusCode.ERROR
    assert (served.attributes or {})["http.response.status_code"] == status
    assert (served.attributes or {})["error.type"] == error
    assert (statement.attributes or {})["error.type"] == type(failure).__name__
    assert "secret" not in everything(watched.recorded)


def test_nothing_that_a_caller_wrote_and_nobodys_data_gets_into_telemetry(watched: Watched) -> None:
    point = watched.customer.granted[0].metering_point_id
    hidden = {
        "authorization": "Bearer secret-token",
        "ocp-apim-subscription-key": "secret-key",
        "tracestate": "secret=state",
        "baggage": "secret=baggage",
        "user-agent": "secret-agent",
        "x-request-id": "secret-request",
        "x-subscription-id": "secret-subscription",
    }

    watched.customer.get(f"/v1/metering-points/{point}/consumption", date=SPRING, headers=hidden)
    watched.customer.get("/v1/consumption", meteringPointId=point, date=SPRING, headers=hidden)
    watched.customer.get("/v1/consumption", cursor="secret-cursor", headers=hidden)
    watched.customer.get("/v1/metering-points/secret-path/consumption", headers=hidden)
    watched.customer.get(f"/v1/no/{point}/secret-resource", headers=hidden)

    text = everything(watched.recorded)
    assert "secret" not in text
    assert point not in text
    assert watched.customer.principal not in text
    assert watched.customer.principal.partition(":")[2] not in text


def test_the_values_of_answers_are_counted_by_route(watched: Watched) -> None:
    watched.customer.get("/v1/consumption", date=SPRING)
    watched.customer.get("/v1/consumption", layout="wide")

    assert watched.recorded.points("metering.rows.returned") == [({"http.route": "/v1/consumption"}, 23)]


def test_publishing_is_a_run_whose_days_are_counted(watched: Watched, deliver: Deliver) -> None:
    other = Customer(watched.customer.api, deliver)
    other.days(other.point(), SPRING, 2)

    run = next(span for span in watched.recorded.spans if span.name == "publish_readings")
    assert run.kind is SpanKind.INTERNAL
    assert {"waiting_deliveries", "last_days_by_price_area"} < {span.name for span in watched.statements()}
    assert all(span.parent == run.context for span in watched.statements())
    assert watched.recorded.points("metering.days.published") == [({}, 2)]


def test_the_ages_of_data_and_access_are_reported(api: Api) -> None:
    recorded = Recorded()
    now = datetime.fromisoformat("2026-12-01T06:00:00+00:00")
    services.watch_ages(
        recorded.telemetry,
        grants=api.services.grants,
        publications=api.services.publications,
        clock=lambda: now,
    )
    latest = api.services.publications.latest()
    assert latest is not None

    ((_, data),) = recorded.points("metering.data.age")
    ((_, access),) = recorded.points("metering.access.age")

    synced_at = api.services.grants.synced_at()
    assert synced_at is not None
    assert data == (now - latest.available_until).total_seconds()
    assert access == (now - synced_at).total_seconds()


def everything(recorded: Recorded) -> str:
    """Return all that was recorded, as text."""
    points = [(name, recorded.points(name)) for name in recorded.metrics()]
    return "\n".join([*(span.to_json() for span in recorded.spans), json.dumps(points, default=str)])
