"""Spans and metrics under the names of the semantic conventions."""

from datetime import timedelta

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from shared.telemetry import recording
from shared.telemetry.recording import Telemetry
from tests.builders.telemetry import Recorded

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS_SPAN = "00f067aa0ba902b7"
ROUTE = "/v1/metering-points/{meteringPointId}/consumption"


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def ask(
    telemetry: Telemetry,
    *,
    method: str = "GET",
    status: int = 200,
    rows: int = 0,
    problem: str | None = None,
    error: str | None = None,
    traceparent: str = "",
) -> str | None:
    """One request; gives its trace id."""
    with telemetry.request(method=method, route=ROUTE, scheme="https", traceparents=[traceparent]) as request:
        request.set_outcome(status=status, rows=rows, problem=problem, error=error)
    return request.trace_id


def read(telemetry: Telemetry, *, rows: int = 3) -> None:
    """One statement."""
    attributes = {"db.system.name": "duckdb", "db.query.summary": "days"}
    with telemetry.operation(
        "days", attributes=attributes, span_attributes={"db.namespace": "metering"}
    ) as operation:
        operation.rows = rows


def test_every_metric_has_the_name_and_unit_of_the_conventions(recorded: Recorded) -> None:
    ask(recorded.telemetry, rows=24)
    read(recorded.telemetry)
    recorded.telemetry.count_deliveries(loaded=1, rejected=0)
    recorded.telemetry.count_published_days(7)
    recorded.telemetry.count_access_changes({"granted": 1, "changed": 0, "revoked": 0})
    recorded.telemetry.watch_age("metering.data.age", description="", age=lambda: timedelta(hours=2))

    assert {
        name: (metric.unit, type(metric.data).__name__) for name, metric in recorded.metrics().items()
    } == {
        "http.server.request.duration": ("s", "Histogram"),
        "db.client.operation.duration": ("s", "Histogram"),
        "metering.rows.returned": ("{row}", "Sum"),
        "metering.deliveries": ("{delivery}", "Sum"),
        "metering.days.published": ("{day}", "Sum"),
        "metering.access.changes": ("{grant}", "Sum"),
        "metering.data.age": ("s", "Gauge"),
    }


def test_durations_are_counted_in_the_buckets_that_the_conventions_advise(recorded: Recorded) -> None:
    ask(recorded.telemetry)
    read(recorded.telemetry)

    def bounds(name: str) -> list[float]:
        (point,) = recorded.metrics()[name].data.data_points
        return list(point.explicit_bounds)

    assert bounds("http.server.request.duration") == [
        *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    ]
    assert bounds("db.client.operation.duration") == [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]


def test_a_request_is_a_server_span_below_its_callers(recorded: Recorded) -> None:
    traced = ask(recorded.telemetry, rows=24, traceparent=f"00-{TRACE}-{CALLERS_SPAN}-00")

    (span,) = recorded.spans
    assert (span.name, span.kind) == (f"GET {ROUTE}", SpanKind.SERVER)
    assert span.context is not None
    assert span.parent is not None
    assert trace.format_trace_id(span.context.trace_id) == traced == TRACE
    assert trace.format_span_id(span.parent.span_id) == CALLERS_SPAN
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": ROUTE,
        "http.response.status_code": 200,
        "url.scheme": "https",
        "metering.rows": 24,
    }


@pytest.mark.parametrize("hosts", [f"00-{TRACE}-{'12' * 8}-00", "", "|hierarchical.id."])
def test_a_request_stands_under_the_hosts_span_or_where_there_is_none_its_callers(
    recorded: Recorded, hosts: str
) -> None:
    with recorded.telemetry.request(
        method="GET",
        route=ROUTE,
        scheme="https",
        traceparents=(hosts, f"00-{TRACE}-{CALLERS_SPAN}-01"),
    ):
        pass

    (span,) = recorded.spans
    assert span.parent is not None
    assert trace.format_trace_id(span.parent.trace_id) == TRACE
    assert trace.format_span_id(span.parent.span_id) == ("12" * 8 if TRACE in hosts else CALLERS_SPAN)


@pytest.mark.parametrize(
    ("status", "problem", "error", "error_type", "code"),
    [
        (304, None, None, None, StatusCode.UNSET),
        (404, "unknown-metering-point", None, None, StatusCode.UNSET),
        (429, "rate-limit-exceeded", None, None, StatusCode.UNSET),
        (500, "internal-error", "ZeroDivisionError", "ZeroDivisionError", StatusCode.ERROR),
        (503, "warehouse-unavailable", None, "warehouse-unavailable", StatusCode.ERROR),
        (503, None, None, "503", StatusCode.ERROR),
    ],
)
def test_what_the_server_could_not_do_is_an_error_and_a_refusal_is_none(
    recorded: Recorded,
    status: int,
    problem: str | None,
    error: str | None,
    error_type: str | None,
    code: StatusCode,
) -> None:
    ask(recorded.telemetry, status=status, problem=problem, error=error)

    (span,) = recorded.spans
    ((measured, count),) = recorded.points("http.server.request.duration")
    assert (span.status.status_code, span.status.description) == (code, None)
    assert (span.attributes or {}).get("error.type") == error_type
    assert (span.attributes or {}).get("metering.problem") == problem
    assert (measured.get("error.type"), measured["http.response.status_code"], count) == (
        error_type,
        status,
        1,
    )


def test_metrics_of_requests_have_only_attributes_with_few_values(recorded: Recorded) -> None:
    ask(recorded.telemetry, rows=24, problem="p", status=500, error="E")

    ((measured, _),) = recorded.points("http.server.request.duration")
    assert measured == {
        "http.request.method": "GET",
        "http.route": ROUTE,
        "http.response.status_code": 500,
        "url.scheme": "https",
        "error.type": "E",
    }
    assert recorded.points("metering.rows.returned") == [({"http.route": ROUTE}, 24)]


def test_a_method_that_nobody_knows_is_not_repeated(recorded: Recorded) -> None:
    ask(recorded.telemetry, method="SECRET")

    (span,) = recorded.spans
    assert span.name == f"HTTP {ROUTE}"
    assert (span.attributes or {})["http.request.method"] == "_OTHER"


@pytest.mark.parametrize(
    "traceparent",
    ["", "secret", f"00-{TRACE}", f"00-{'0' * 32}-{CALLERS_SPAN}-01", f"ff-{TRACE}-{CALLERS_SPAN}-01"],
)
def test_a_caller_without_a_usable_trace_begins_a_new_one(recorded: Recorded, traceparent: str) -> None:
    traced = ask(recorded.telemetry, traceparent=traceparent)

    (span,) = recorded.spans
    assert span.parent is None
    assert traced is not None
    assert traced != TRACE


def test_a_statement_is_a_client_span_of_its_request(recorded: Recorded) -> None:
    with recorded.telemetry.request(method="GET", route=ROUTE, scheme="https", traceparents=[]) as request:
        read(recorded.telemetry, rows=3)
        request.set_outcome(status=200, rows=3, problem=None, error=None)

    statement, served = recorded.spans
    assert (statement.name, statement.kind) == ("days", SpanKind.CLIENT)
    assert statement.parent == served.context
    assert dict(statement.attributes or {}) == {
        "db.system.name": "duckdb",
        "db.query.summary": "days",
        "db.namespace": "metering",
        "metering.rows": 3,
    }
    measured = {"db.system.name": "duckdb", "db.query.summary": "days"}
    assert recorded.points("db.client.operation.duration") == [(measured, 1)]


def test_a_statement_that_belongs_to_no_request_is_only_measured(recorded: Recorded) -> None:
    read(recorded.telemetry)

    assert recorded.spans == []
    assert [count for _, count in recorded.points("db.client.operation.duration")] == [1]


def test_a_statement_that_fails_is_recorded_by_the_class_of_its_error(recorded: Recorded) -> None:
    with (
        pytest.raises(TimeoutError),
        recorded.telemetry.run("publish_readings"),
        recorded.telemetry.operation("days", attributes={"db.system.name": "duckdb"}, span_attributes={}),
    ):
        raise TimeoutError("secret")

    statement, run = recorded.spans
    for span in (statement, run):
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "TimeoutError"
        assert "secret" not in span.to_json()
    ((measured, _),) = recorded.points("db.client.operation.duration")
    assert measured["error.type"] == "TimeoutError"


def test_an_age_is_reported_in_seconds_and_an_unknown_one_not_at_all(recorded: Recorded) -> None:
    recorded.telemetry.watch_age("known", description="", age=lambda: timedelta(minutes=2))
    recorded.telemetry.watch_age("unknown", description="", age=lambda: None)

    assert recorded.points("known") == [({}, 120.0)]
    assert "unknown" not in recorded.metrics()


def test_an_age_that_cannot_be_found_leaves_the_others(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> timedelta:
        raise ConnectionError("tables are away")

    recorded.telemetry.watch_age("away", description="", age=away)
    recorded.telemetry.watch_age("known", description="", age=lambda: timedelta(minutes=2))

    assert set(recorded.metrics()) == {"known"}
    assert "tables are away" in caplog.text


def test_when_off_the_callers_trace_is_followed_and_none_is_begun() -> None:
    off = recording.off()

    with off.run("sync_access"):
        read(off)
        off.count_published_days(3)
        off.count_deliveries(loaded=1, rejected=1)
        off.watch_age("metering.data.age", description="", age=lambda: None)

    assert ask(off, traceparent=f"00-{TRACE}-{CALLERS_SPAN}-01") == TRACE
    assert ask(off) is None
