"""What the app tells of its work, under the names of OpenTelemetry's semantic conventions.

Nothing that a caller wrote gets into a span or a metric: of an address the route's template, of a method
only a known one, of an error its class. `url.path`, which the conventions want on a server span, is left out,
since it holds metering point ids. What has few values is an attribute of metrics, the rest of spans alone.

Source: https://opentelemetry.io/docs/specs/semconv/http/ and https://opentelemetry.io/docs/specs/semconv/db/
(the stable names; what begins with `metering.` is ours).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, NoOpMeter, Observation
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE = "metering"
"""The instrumentation scope of everything that is recorded here."""

Attributes = Mapping[str, str | int]

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_OPERATION_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

_propagator = TraceContextTextMapPropagator()


class Request:
    """A request under way."""

    def __init__(
        self, span: Span, attributes: Attributes, *, ended: Callable[["Request", float], None]
    ) -> None:
        self._span = span
        self._ended = ended
        self.attributes = dict(attributes)
        """What its metrics are told apart by."""
        self.rows = 0

    # Written out, as `contextlib` and `use_span` cost as much as what they would measure.
    def __enter__(self) -> Self:
        self._outside = context.attach(trace.set_span_in_context(self._span))
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._started
        context.detach(self._outside)
        self._span.end()
        self._ended(self, seconds)

    @property
    def trace_id(self) -> str | None:
        """The W3C trace id; None when the caller sent none and nothing is recorded."""
        known = self._span.get_span_context()
        return trace.format_trace_id(known.trace_id) if known.is_valid else None

    def answered(self, *, status: int, rows: int, problem: str | None, error: str | None) -> None:
        """Say how it went.

        Args:
            status: what was answered.
            rows: how many values, days or other things the answer tells of.
            problem: the code that the caller was told.
            error: the class of an error that nobody expected.
        """
        self.rows = rows
        outcome: dict[str, str | int] = {"http.response.status_code": status}
        # A refusal is how a server works; only what it could not do is its error.
        if status >= 500:
            outcome["error.type"] = error or problem or str(status)
            self._span.set_status(StatusCode.ERROR)
        self.attributes.update(outcome)
        if self._span.is_recording():
            told = {"metering.problem": problem} if problem else {}
            self._span.set_attributes({**outcome, **told, "metering.rows": rows})


class Operation:
    """A call of another system under way; `rows` may be set to how many it returned."""

    rows: int | None = None

    def __init__(self, span: Span, attributes: Attributes, *, durations: Histogram) -> None:
        self._span = span
        self._attributes = attributes
        self._durations = durations

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        seconds = time.perf_counter() - self._started
        failure = {"error.type": kind.__name__} if kind else {}
        self._durations.record(seconds, {**self._attributes, **failure})
        if not self._span.is_recording():
            return
        if kind is not None:
            self._span.set_attributes(failure)
            self._span.set_status(StatusCode.ERROR)
        if self.rows is not None:
            self._span.set_attribute("metering.rows", self.rows)
        self._span.end()


class Telemetry:
    """Records requests, the calls they make, and the state of the data. Safe to use from several threads."""

    def __init__(
        self, *, tracer: Tracer, meter: Meter, flush: Callable[[], None], close: Callable[[], None]
    ) -> None:
        self._tracer = tracer
        self._meter = meter
        self.flush = flush
        """Send what was recorded, within `limits.FLUSH`; a run of a timer or a command ends with it."""
        self.close = close
        """Send what is left and stop."""
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

    def request(self, *, method: str, route: str, scheme: str, traceparents: Sequence[str]) -> Request:
        """Measures a request, as a server span below the first of `traceparents` that is well formed."""
        known = method if method in _METHODS else "_OTHER"
        attributes = {
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
        return Request(span, attributes, ended=self._answered)

    def _answered(self, request: Request, seconds: float) -> None:
        self._requests.record(seconds, request.attributes)
        if request.rows:
            self._rows_returned.add(request.rows, {"http.route": request.attributes["http.route"]})

    def operation(self, name: str, *, attributes: Attributes, told: Attributes) -> Operation:
        """Measures a call of a database by its `attributes`; `told` is for its span alone.

        It is a span of the request or run that it belongs to; one that belongs to none is only measured.
        """
        span: Span = trace.INVALID_SPAN
        if trace.get_current_span().is_recording():
            span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes={**attributes, **told})
        return Operation(span, attributes, durations=self._operations)

    @contextmanager
    def run(self, name: str) -> Iterator[None]:
        """A part of a timer's run or a command, as a span around what it does."""
        span = self._tracer.start_span(name, kind=SpanKind.INTERNAL)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()

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
