"""What arrives at Application Insights: a server on this machine that keeps what it is sent."""

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.settings import TelemetrySettings
from shared.telemetry import exporting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS_SPAN = "00f067aa0ba902b7"


@dataclass
class Ingestion:
    """The items that arrived, and the connection string to send them with."""

    connection_string: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of the items of one kind, such as `RequestData`."""
        return [item["data"]["baseData"] for item in self.items if item["data"]["baseType"] == kind]


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    """The ingestion endpoint, on a port of its own."""
    kept = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sent = json.loads(body)
            kept.items.extend(sent)
            answer = json.dumps(
                {"itemsReceived": len(sent), "itemsAccepted": len(sent), "errors": []}
            ).encode()
            self.send_response(kept.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # The base class names it.
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    kept.connection_string = (
        "InstrumentationKey=5a5e0000-0000-4000-8000-000000000001;"
        f"IngestionEndpoint=http://127.0.0.1:{server.server_port}/"
    )
    yield kept
    server.shutdown()
    server.server_close()
    serving.join()


def work(ingestion: Ingestion, *, status: int = 200, trace_percentage: float = 100) -> None:
    """A run of one request with one statement; at its end everything is sent."""
    telemetry = exporting.open_telemetry(
        TelemetrySettings(ingestion.connection_string, printing="off", trace_percentage=trace_percentage)
    )
    with (
        contextlib.closing(telemetry),
        telemetry.run("sync_access"),
        telemetry.request(
            method="GET",
            route="/v1/consumption",
            scheme="https",
            traceparents=[f"00-{TRACE}-{CALLERS_SPAN}-00"],
        ) as request,
    ):
        attributes = {"db.system.name": "microsoft.sql_server", "db.query.summary": "days"}
        place = {"server.address": "some.fabric.example", "db.namespace": "metering"}
        with telemetry.operation("days", attributes=attributes, span_attributes=place) as operation:
            operation.rows = 3
        request.set_outcome(status=status, rows=72, problem=None, error=None)


def test_a_request_arrives_as_a_dependency_since_the_host_has_reported_it(ingestion: Ingestion) -> None:
    work(ingestion)

    assert ingestion.of("RequestData") == []
    spans = {
        (each["name"], each["type"], each.get("target"), each["success"])
        for each in ingestion.of("RemoteDependencyData")
    }
    assert spans == {
        ("sync_access", "InProc", None, True),
        ("GET /v1/consumption", "InProc", None, True),
        ("days", "SQL", "some.fabric.example|metering", True),
    }


def test_a_request_that_failed_arrives_as_one(ingestion: Ingestion) -> None:
    work(ingestion, status=503)

    success = {each["name"]: each["success"] for each in ingestion.of("RemoteDependencyData")}
    assert success == {"sync_access": True, "GET /v1/consumption": False, "days": True}


def test_a_duration_keeps_its_route_and_is_not_added_to_the_hosts_own_metric(ingestion: Ingestion) -> None:
    work(ingestion)

    metrics = {
        metric["name"]: (metric["count"], each["properties"])
        for each in ingestion.of("MetricData")
        for metric in each["metrics"]
    }
    assert metrics["metering.request.duration"] == (
        1,
        {
            "http.request.method": "GET",
            "http.response.status_code": "200",
            "http.route": "/v1/consumption",
            "url.scheme": "https",
        },
    )
    assert set(metrics) == {
        "metering.request.duration",
        "metering.rows.returned",
        "db.client.operation.duration",
    }


def test_everything_is_sent_under_the_name_of_the_app(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "func-metering-test")

    work(ingestion)

    assert {item["tags"]["ai.cloud.role"] for item in ingestion.items} == {"func-metering-test"}


def test_traces_are_sampled_and_metrics_are_not(ingestion: Ingestion) -> None:
    work(ingestion, trace_percentage=0)

    assert ingestion.of("RemoteDependencyData") == []
    assert len(ingestion.of("MetricData")) == 3


def test_an_endpoint_that_refuses_everything_disturbs_nobody(ingestion: Ingestion) -> None:
    ingestion.status = 400

    work(ingestion)

    assert ingestion.items != []
