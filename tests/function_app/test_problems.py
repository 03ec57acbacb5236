"""Every route answers every failure in one shape, without details that callers must not see."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import limits, tables
from shared.access.grant import Grant, Span
from shared.access.grants import Grants
from shared.api import models, status
from shared.api.status import Probe
from shared.metering import MeteringPointId
from shared.services import Services
from shared.warehouse.engine import (
    InstrumentedWarehouse,
    Query,
    Row,
    TooManyRows,
    Warehouse,
    WarehouseTimeout,
    WarehouseUnavailable,
)
from tests.builders.api import Answer, Api

POINT = "707057500000010017"
NOBODY = "app:5a5e0000-0000-4000-8000-00000000dead"
ROUTES = [
    "/v1/customers",
    "/v1/metering-points",
    f"/v1/metering-points/{POINT}",
    f"/v1/metering-points/{POINT}/consumption?date=2026-03-29",
    f"/v1/metering-points/{POINT}/production?date=2026-03-29",
    "/v1/consumption?date=2026-03-29",
    "/v1/production?date=2026-03-29",
    "/v1/changes",
    "/v1/status",
]
DATA_ROUTES = [route for route in ROUTES if route != "/v1/status"]


def problem_of(answer: Answer, *, status: int, code: str) -> Any:
    """Return the problem, after comparing its shape with the documented one."""
    problem = models.Problem.model_validate(answer.json)
    assert (answer.status, problem.status, problem.code) == (status, status, code)
    assert answer.headers["X-Request-Id"] == problem.request_id
    assert answer.headers["Cache-Control"] == "no-store"
    assert problem.type == f"/problems/{code}"
    return problem


@pytest.mark.parametrize("route", ROUTES)
def test_without_the_gateways_identity_nobody_gets_in(api: Api, route: str) -> None:
    answer = api.get_url(route, principal=NOBODY, headers={"x-ms-client-principal-id": ""})

    problem_of(answer, status=401, code="not-from-gateway")


@pytest.mark.parametrize("route", ROUTES)
def test_where_authentication_is_off_a_forged_gateway_is_refused(api: Api, route: str) -> None:
    with api.answer_as_if(authentication_enabled=False):
        answer = api.get_url(route, principal=NOBODY)

    assert problem_of(answer, status=503, code="gateway-not-configured")
    assert answer.headers["Retry-After"] == "300"


@pytest.mark.parametrize("route", ROUTES)
def test_the_gateway_must_say_who_calls(api: Api, route: str) -> None:
    problem_of(api.get_url(route, principal=None), status=401, code="unknown-caller")


@pytest.mark.parametrize("route", DATA_ROUTES)
def test_a_caller_without_any_grant_has_no_access(api: Api, route: str) -> None:
    problem_of(api.get_url(route, principal=NOBODY), status=403, code="no-access")


@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_parameter_is_a_fault(api: Api, route: str) -> None:
    answer = api.get_url(f"{route}{'&' if '?' in route else '?'}colour=red", principal=NOBODY)

    problem = problem_of(answer, status=400, code="invalid-parameter")
    assert [(fault.parameter, fault.code) for fault in problem.errors] == [("colour", "unknown-parameter")]


@pytest.mark.parametrize(
    ("method", "url", "sent", "body", "places"),
    [
        ("POST", "/v1/exports?colour=red", {"idempotency-key": "a b"}, b'{"from": "2026"}',
         ["colour", "Idempotency-Key", "directions", "from", "form"]),
        ("PUT", "/v1/webhooks/Copy?colour=red", {}, b'{"url": "https://example.com/"}',
         ["colour", "webhookId", "events"]),
        ("PUT", "/v1/feeds/Daily?colour=red", {}, b'{"name": "Daily", "directions": ["consumption"]}',
         ["colour", "feedId", "form"]),
        ("GET", "/v1/webhooks/Copy?colour=red", {}, b"", ["colour", "webhookId"]),
        ("GET", "/v1/feeds/Daily?colour=red", {}, b"", ["colour", "feedId"]),
        ("GET", "/v1/feeds/Daily/runs?limit=0", {}, b"", ["limit", "feedId"]),
    ],
)  # fmt: skip
def test_faults_of_path_query_headers_and_body_are_named_at_once(
    api: Api, method: str, url: str, sent: dict[str, str], body: bytes, places: list[str]
) -> None:
    headers = {"content-type": "application/json", **sent}

    answer = api.send(method, url, principal=NOBODY, headers=headers, body=body)

    problem = problem_of(answer, status=400, code="invalid-parameter")
    assert [fault.parameter for fault in problem.errors] == places


def test_where_there_are_no_parameters_the_hint_says_so(api: Api) -> None:
    answer = api.send("DELETE", "/v1/webhooks/copy?colour=red", principal=NOBODY)

    [fault] = problem_of(answer, status=400, code="invalid-parameter").errors
    assert fault.hint == "Leave it out: there are no parameters here."


@pytest.mark.parametrize("route", DATA_ROUTES)
def test_access_that_was_not_confirmed_for_too_long_is_not_trusted(api: Api, route: str) -> None:
    later = datetime.now(UTC) + timedelta(hours=73)
    grants = Grants(tables=api.services.tables, max_age=timedelta(hours=72), clock=lambda: later)

    with api.using(replace(api.services, grants=grants)):
        answer = api.get_url(route, principal=NOBODY)

    problem_of(answer, status=503, code="access-too-old")
    assert int(answer.headers["Retry-After"]) > 0


class Away:
    """A warehouse that answers every statement with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Fail."""
        raise self.error


def without_warehouse(services: Services, error: Exception) -> Services:
    """Replace the services' warehouse by one that fails."""
    return replace(services, warehouse=Away(error))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (WarehouseUnavailable("throttled at db.secret.example", retry_after=timedelta(seconds=42)), 42),
        (WarehouseTimeout("SELECT * FROM secret"), 10),
    ],
)
def test_a_warehouse_that_is_away_is_reported_with_when_to_come_back(
    api: Api, error: Exception, seconds: int
) -> None:
    granted = _granted(api)

    with api.using(without_warehouse(api.services, error)):
        answer = api.get_url(f"/v1/metering-points/{POINT}/consumption?date=2026-03-29", principal=granted)

    problem_of(answer, status=503, code="warehouse-unavailable")
    assert answer.headers["Retry-After"] == str(seconds)
    assert b"secret" not in answer.body


class Patient:
    """Passes queries on, and notes how long each may take."""

    def __init__(self, inner: Warehouse) -> None:
        self.inner = inner
        self.limits: list[timedelta | None] = []

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Note the query's limit."""
        self.limits.append(query.within)
        return self.inner.fetch(query)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_all_queries_of_a_request_have_one_deadline_and_those_of_a_timer_none(api: Api) -> None:
    granted, patient = _granted(api), Patient(api.services.warehouse)
    limit = api.services.settings.warehouse.timeout
    warehouse = InstrumentedWarehouse(
        patient, limit=limit, telemetry=api.services.telemetry, url="duckdb:metering.duckdb"
    )

    with api.using(replace(api.services, warehouse=warehouse)):
        api.get_url(f"/v1/metering-points/{POINT}/consumption?date=2026-03-29", principal=granted)
        of_request, patient.limits = patient.limits, []
        api.services.publish_readings()

    assert of_request
    assert all(each is not None and timedelta() < each <= limit for each in of_request)
    assert set(patient.limits) == {None}


def test_more_rows_than_one_statement_gives_are_a_question_too_large(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    granted = _granted(api)

    with api.using(without_warehouse(api.services, TooManyRows("days has more than 250000 rows"))):
        answer = api.get_url(f"/v1/metering-points/{POINT}/consumption?date=2026-03-29", principal=granted)

    problem_of(answer, status=400, code="too-large-for-one-answer")
    [logged] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert "larger than foreseen: days has more than 250000 rows" in logged


def test_why_the_warehouse_is_away_is_in_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    granted = _granted(api)
    away = WarehouseUnavailable("The ODBC driver is not installed.", retry_after=timedelta(seconds=1))

    with api.using(without_warehouse(api.services, away)):
        answer = api.get_url(f"/v1/metering-points/{POINT}/consumption?date=2026-03-29", principal=granted)

    request_id = problem_of(answer, status=503, code="warehouse-unavailable").request_id
    assert f"Request {request_id} was answered 503: The ODBC driver is not installed." in caplog.messages


def test_a_fault_of_ours_shows_nothing_but_the_request_id(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    granted = _granted(api)

    with api.using(without_warehouse(api.services, ZeroDivisionError("secret"))):
        answer = api.get_url(f"/v1/metering-points/{POINT}/consumption?date=2026-03-29", principal=granted)

    problem = problem_of(answer, status=500, code="internal-error")
    assert b"secret" not in answer.body
    assert problem.request_id in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_tables_that_are_away_are_distinguished_from_no_access(api: Api, free_port: int) -> None:
    nowhere = tables.open_tables(_connection_to(free_port), credential=None)
    grants = Grants(tables=nowhere, max_age=timedelta(hours=72), clock=api.services.clock)

    with api.using(replace(api.services, grants=grants)):
        answer = api.get_url("/v1/customers", principal=NOBODY)

    problem_of(answer, status=503, code="access-unavailable")


def test_health_says_which_part_is_away(api: Api) -> None:
    away = WarehouseUnavailable("away", retry_after=timedelta(seconds=1))

    with api.using(probing(api.services)):
        ready = api.get("/v1/health", principal=None)
    with api.using(probing(without_warehouse(api.services, away))):
        not_ready = api.get("/v1/health", principal=None)

    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert not_ready.status == 503
    assert not_ready.json["status"] == "not-ready"
    assert not_ready.json["checks"] == {"warehouse": "unavailable", "tables": "ok"}


class Empty:
    """A warehouse that answers, and has no tables."""

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return nothing."""
        return []


def test_a_warehouse_without_what_the_queries_need_is_not_ready(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with api.using(probing(replace(api.services, warehouse=Empty()))):  # type: ignore[arg-type]
        answer = api.get("/v1/health", principal=None)

    assert (answer.status, answer.json["checks"]) == (503, {"warehouse": "unavailable", "tables": "ok"})
    assert "metering.metering_point: The table is missing." in caplog.text


def test_health_asks_the_warehouse_once_in_ten_seconds(api: Api) -> None:
    counting = Counting(api.services.warehouse)
    now = [0.0]
    services = replace(api.services, warehouse=counting)  # type: ignore[arg-type]
    probe = probe_of(services, monotonic=lambda: now[0])

    with api.using(replace(services, probe=probe)):
        for _ in range(20):
            api.get("/v1/health", principal=None)
        now[0] += 4
        remembered = api.get("/v1/health", principal=None)
        now[0] += 6
        api.get("/v1/health", principal=None)

    assert remembered.json["ageSeconds"] == 4
    assert counting.questions == ["alive", "columns", "alive"]


class Stuck:
    """A warehouse that does not answer until it is released."""

    def __init__(self) -> None:
        self.answering = threading.Event()
        self.questions = 0

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return nothing, once released."""
        self.questions += 1
        self.answering.wait()
        return []


def test_one_probe_waits_for_a_stuck_warehouse_and_the_others_are_answered_at_once(api: Api) -> None:
    stuck = Stuck()
    services = probing(replace(api.services, warehouse=stuck))  # type: ignore[arg-type]

    def ask(_: int) -> tuple[float, Answer]:
        started = time.monotonic()
        answer = api.get("/v1/health", principal=None)
        return time.monotonic() - started, answer

    with api.using(services), ThreadPoolExecutor(12) as threads:
        answered = sorted(threads.map(ask, range(12)), key=lambda each: each[0])
        later_seconds, later = ask(12)
        asked = stuck.questions
        stuck.answering.set()

    assert [answer.status for _, answer in answered] == [503] * 12
    assert answered[10][0] < limits.PROBED.total_seconds()  # One waits so long, and no other does.
    assert answered[11][0] < limits.PROBED.total_seconds() + 3
    assert answered[11][1].json["checks"] == {"tables": "ok", "warehouse": "unavailable"}
    assert later_seconds < limits.PROBED.total_seconds()
    assert later.json["checks"] == {"tables": "ok", "warehouse": "unavailable"}
    assert asked == 1


class Counting:
    """A warehouse that notes the names of its statements."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.questions: list[str] = []

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Ask the warehouse."""
        self.questions.append(query.name)
        return self._warehouse.fetch(query)


def probing(services: Services) -> Services:
    """Give the services a health probe of their own, which remembers nothing yet."""
    return replace(services, probe=probe_of(services))


def probe_of(services: Services, monotonic: Callable[[], float] = time.monotonic) -> Probe:
    """Return a probe that remembers nothing yet."""
    return Probe(status.checks(tables=services.tables, warehouse=services.warehouse), monotonic=monotonic)


def _granted(api: Api) -> str:
    """Return a principal that may read POINT."""
    principal = "app:5a5e0000-0000-4000-8000-0000000000c9"
    api.grant(Grant(principal, MeteringPointId(POINT), 1, "Customer 1", (Span(None, None),), "test"))
    return principal


def _connection_to(port: int) -> str:
    return (
        "DefaultEndpointsProtocol=http;AccountName=nowhere;AccountKey=bm93aGVyZQ==;"
        f"TableEndpoint=http://127.0.0.1:{port}/nowhere;"
    )
