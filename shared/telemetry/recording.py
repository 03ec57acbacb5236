"""What the app tells of its work, under the names of OpenTelemetry's semantic conventions.

Nothing that a caller wrote gets into a span or a metric: of an address the route's template, of a method
only a known one, of an error its class. `url.path`, which the conventions want on a server span, is left out,
since it holds metering point ids. What has few values is an attribute of metrics, the rest of spans alone.

Source: https://opentelemetry.io/docs/specs/semconv/http/ and https://opentelemetry.io/docs/specs/semconv/db/
(stable, but for `db.client.response.returned_rows` and what begins with `metering.`).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, NoOpMeter, Observation
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE = "metering"
"""The instrumentation scope of everything that is recorded here."""

Attributes = Mapping[str, str | int]

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_OPERATION_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)

_propagator = TraceContextTextMapPropagator()


class Request:
    """A request under way."""

    def __init__(self, span: Span, attributes: Attributes) -> None:
        self._span = span
        self.attributes = dict(attributes)
        """What its metrics are told apart by."""
        self.rows = 0

    @property
    def trace_id(self) -> str | None:
        """The W3C trace id; None when the caller sent none and nothing is recorded."""
        context = self._span.get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None

    def answered(self, *, status: int, rows: int, problem: str | None, error: str | None) -> None:
        """Say how it went.

        Args:
            status: what was answered.
            rows: how many values, days or other things the answer tells of.
            problem: the code that the caller was told.
            error: the class of an error that nobody expected.
        """
        self.rows = rows
        self.attributes["http.response.status_code"] = status
        # A refusal is how a server works; only what it could not do is its error.
        if status >= 500:
            self.attributes["error.type"] = error or problem or str(status)
            self._span.set_status(StatusCode.ERROR)
        self._span.set_attributes({**self.attributes, "metering.rows": rows})
        if problem:
            self._span.set_attribute("metering.problem", problem)


class Operation:
    """A call of another system under way; `rows` may be set to what it returned."""

    rows: int | None = None


class Telemetry:
    """Records requests, the calls they make, and the state of the data. Safe to use from several threads."""

    def __init__(
        self, *, tracer: Tracer, meter: Meter, flush: Callable[[], None], close: Callable[[], None]
    ) -> None:
        self._tracer = tracer
        self._meter = meter
        self._flush = flush
        self.close = close
        """Send what is left and stop; the end of Python does it too."""
        self._requests = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_REQUEST_SECONDS,
        )
        self._operations = meter.create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_OPERATION_SECONDS,
        )
        self._rows_read = meter.create_histogram(
            "db.client.response.returned_rows",
            unit="{row}",
            description="The actual number of records returned by the database operation.",
            explicit_bucket_boundaries_advisory=_ROWS,
        )
        self._rows_returned = meter.create_counter(
            "metering.rows.returned",
            unit="{row}",
            description="Values, days or other things that answers told of.",
        )
        self._deliveries = meter.create_counter(
            "metering.deliveries", unit="{delivery}", description="Delivery files taken in or rejected."
        )
        self._published = meter.create_counter(
            "metering.days.published", unit="{day}", description="Market days that came to be or changed."
        )
        self._access = meter.create_counter(
            "metering.access.changes", unit="{grant}", description="Grants that the access sync wrote."
        )

    @contextmanager
    def request(
        self, *, method: str, route: str, scheme: str, traceparents: Sequence[str]
    ) -> Iterator[Request]:
        """Measure a request, as a server span below the first of `traceparents` that is well formed."""
        known = method if method in _METHODS else "_OTHER"
        attributes: Attributes = {
            "http.request.method": known,
            "http.route": route,
            "url.scheme": "https" if scheme == "https" else "http",
        }
        span = self._tracer.start_span(
            f"{'HTTP' if known == '_OTHER' else known} {route}",
            context=_parent(traceparents),
            kind=SpanKind.SERVER,
            attributes=attributes,
        )
        under_way = Request(span, attributes)
        started = time.perf_counter()
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield under_way
        self._requests.record(time.perf_counter() - started, under_way.attributes)
        if under_way.rows:
            self._rows_returned.add(under_way.rows, {"http.route": route})

    @contextmanager
    def operation(self, name: str, *, attributes: Attributes, told: Attributes) -> Iterator[Operation]:
        """Measure a call of a database by its `attributes`; `told` is for its span alone.

        It is a span of the request or run that it belongs to; one that belongs to none is only measured.
        """
        under_way = Operation()
        described = dict(attributes)
        recorded = trace.get_current_span().is_recording()
        span = (
            self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes={**attributes, **told})
            if recorded
            else trace.INVALID_SPAN
        )
        started = time.perf_counter()
        try:
            yield under_way
        except Exception as error:
            described["error.type"] = type(error).__name__
            span.set_attribute("error.type", described["error.type"])
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            self._operations.record(time.perf_counter() - started, described)
            if under_way.rows is not None:
                span.set_attribute("db.response.returned_rows", under_way.rows)
                self._rows_read.record(under_way.rows, attributes)
            span.end()

    @contextmanager
    def run(self, name: str) -> Iterator[None]:
        """A run of a timer or a command, as a span around what it does; told of when it ends."""
        # An instance that ran a timer may be stopped right after it.
        span = self._tracer.start_span(name, kind=SpanKind.INTERNAL)
        try:
            with trace.use_span(
                span, end_on_exit=True, record_exception=False, set_status_on_exception=False
            ):
                try:
                    yield
                except Exception as error:
                    span.set_attribute("error.type", type(error).__name__)
                    span.set_status(StatusCode.ERROR)
                    raise
        finally:
            self._flush()

    def delivered(self, *, loaded: int, rejected: int) -> None:
        """Count delivery files."""
        self._deliveries.add(loaded, {"metering.outcome": "loaded"})
        self._deliveries.add(rejected, {"metering.outcome": "rejected"})

    def published(self, *, days: int) -> None:
        """Count market days of publications."""
        self._published.add(days)

    def access_changed(self, counts: Mapping[str, int]) -> None:
        """Count grants that were `granted`, `changed` and `revoked`."""
        for change in ("granted", "changed", "revoked"):
            self._access.add(counts[change], {"metering.change": change})

    def watch_age(self, name: str, *, description: str, age: Callable[[], timedelta | None]) -> None:
        """Tell of an age, in seconds, whenever metrics are told of; None is nothing to tell."""

        def observe(_: CallbackOptions) -> Iterator[Observation]:
            found = age()
            if found is not None:
                yield Observation(found.total_seconds())

        self._meter.create_observable_gauge(name, [observe], unit="s", description=description)


def off() -> Telemetry:
    """Telemetry that records nothing. A caller's trace id is still followed."""
    return Telemetry(tracer=NoOpTracer(), meter=NoOpMeter(SCOPE), flush=_nothing, close=_nothing)


def _nothing() -> None:
    """Nothing is kept."""


def _parent(traceparents: Sequence[str]) -> Context:
    # Only this header: `tracestate` and `baggage` are free text.
    found = (_propagator.extract({"traceparent": each or ""}, Context()) for each in traceparents)
    return next((each for each in found if each), Context())
