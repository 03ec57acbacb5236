"""Spans and metrics as lines."""

import io
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from local import demo, places
from shared.telemetry import printing, providers
from shared.telemetry.recording import Telemetry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

ASKING = """
from shared import settings
from shared.telemetry import exporting
telemetry = exporting.open_telemetry(settings.from_environment().telemetry)
with telemetry.request(method="GET", route="/v1/consumption", scheme="http", traceparents=[]) as request:
    with telemetry.operation("days", attributes={"db.system.name": "duckdb"}, span_attributes={}):
        pass
    request.set_outcome(status=200, rows=72, problem=None, error=None)
"""


def ask(telemetry: Telemetry) -> None:
    """A request with one statement."""
    with telemetry.request(
        method="GET",
        route="/v1/consumption",
        scheme="http",
        traceparents=[f"00-{TRACE}-00f067aa0ba902b7-01"],
    ) as request:
        with telemetry.operation(
            "days", attributes={"db.system.name": "duckdb"}, span_attributes={}
        ) as operation:
            operation.rows = 3
        request.set_outcome(status=200, rows=72, problem=None, error=None)


def test_each_span_is_a_line_when_it_ends() -> None:
    stream = io.StringIO()

    ask(providers.build(printing.destination(stream)))

    statement, request = stream.getvalue().splitlines()
    assert re.fullmatch(
        rf"span CLIENT days \d+\.\d ms trace={TRACE} span=\w{{16}} parent=\w{{16}} "
        r"db\.system\.name=duckdb metering\.rows=3",
        statement,
    )
    assert re.fullmatch(
        rf"span SERVER GET /v1/consumption \d+\.\d ms trace={TRACE} span=\w{{16}} "
        r"parent=00f067aa0ba902b7 http\.request\.method=GET http\.response\.status_code=200 "
        r"http\.route=/v1/consumption metering\.rows=72 url\.scheme=http",
        request,
    )


def test_a_span_that_failed_says_so() -> None:
    stream = io.StringIO()
    telemetry = providers.build(printing.destination(stream))

    with pytest.raises(TimeoutError, match="secret"), telemetry.run("publish_readings"):
        raise TimeoutError("secret")

    assert re.fullmatch(
        r"span INTERNAL publish_readings \d+\.\d ms ERROR trace=\w{32} span=\w{16} parent=- "
        r"error\.type=TimeoutError",
        stream.getvalue().splitlines()[0],
    )
    assert "secret" not in stream.getvalue()


def test_each_series_of_a_metric_is_a_line_of_what_happened_since_the_last() -> None:
    stream = io.StringIO()
    telemetry = providers.build(printing.destination(stream))
    telemetry.watch_age("metering.data.age", description="", age=lambda: timedelta(hours=1))

    with telemetry.run("first"):
        ask(telemetry)
    telemetry.flush()
    first = metrics(stream)
    telemetry.flush()

    assert first == [
        "metric db.client.operation.duration 1 x … (at most …) s db.system.name=duckdb",
        "metric http.server.request.duration 1 x … (at most …) s http.request.method=GET "
        "http.response.status_code=200 http.route=/v1/consumption url.scheme=http",
        "metric metering.rows.returned 72 {row} http.route=/v1/consumption",
        "metric metering.data.age 3600 s",
    ]
    assert metrics(stream) == [*first, "metric metering.data.age 3600 s"]


@pytest.mark.parametrize(("chosen", "lines"), [("console", 5), ("off", 0)])
def test_the_setting_chooses_the_console_and_the_end_of_python_prints_what_is_left(
    chosen: str, lines: int
) -> None:
    settings = {"TELEMETRY": chosen, "WAREHOUSE": "duckdb:x", "TABLE_STORAGE": "https://t"}
    severa = {"SEVERA_CLIENT_ID": "s", "SEVERA_CLIENT_SECRET": "s", **demo.ACCESS_SETTINGS}

    done = subprocess.run(
        [sys.executable, "-c", ASKING],
        cwd=places.ROOT,
        env={**os.environ, **settings, **severa},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line.split()[:2] for line in done.stderr.splitlines()] == [
        ["span", "CLIENT"],
        ["span", "SERVER"],
        ["metric", "db.client.operation.duration"],
        ["metric", "http.server.request.duration"],
        ["metric", "metering.rows.returned"],
    ][:lines]


def metrics(stream: io.StringIO) -> list[str]:
    """The lines of metrics, without the measured times."""
    lines = [line for line in stream.getvalue().splitlines() if line.startswith("metric ")]
    return [re.sub(r"x \S+ \(at most \S+\)", "x … (at most …)", line) for line in lines]
