"""Spans and metrics of the app's work, under the names of OpenTelemetry's semantic conventions.

No caller-supplied text reaches a span or metric: addresses are recorded as route templates, unknown methods
as `_OTHER`, errors by class. `url.path`, which the conventions require on a server span, is left out, since
it contains metering point ids. Attributes with few values are on metrics and spans, all others on spans only.

Source: https://opentelemetry.io/docs/specs/semconv/http/ and https://opentelemetry.io/docs/specs/semconv/db/
(the stable names; those that begin with `metering.` are ours).

Log lines and spans of a new thread belong to the invocation that starts the thread, if it runs what `carry`
returns. The Functions host drops a log line without an invocation id. Its Python worker reads the id from a
context variable (from Python 3.13 on) or from its own thread-local storage; a new thread has neither.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import timedelta
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, NoOpMeter, Observation
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE = "metering"
"""The instrumentation scope of everything that is recorded here."""

Attributes = Mapping[str, str | int]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_OPERATION_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

_propagator = TraceContextTextMapPropagator()


class Request:
    """A request in progress."""

    def __init__(
        self, span: Span, attributes: Attributes, *, ended: Callable[["Request", float], None]
    ) -> None:
        self._span = span
        self._ended = ended
        self.attributes = dict(attributes)
        """The attributes of the request's metrics."""
        self.rows = 0

    # Without `contextlib` and `use_span`, which would take as long as all the rest of a measurement.
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
        """The W3C trace id; None if the caller sent none and nothing is recorded."""
        known = self._span.get_span_context()
        return trace.format_trace_id(known.trace_id) if known.is_valid else None

    def set_outcome(self, *, status: int, rows: int, problem: str | None, error: str | None) -> None:
        """Record how the request ended.

        Args:
            status: the HTTP status of the answer.
            rows: the number of values, days or other records in the answer.
            problem: the problem code in the answer, if any.
            error: the class of an unexpected error, if any.
        """
        self.rows = rows
        outcome: dict[str, str | int] = {"http.response.status_code": status}
        # A 4xx is not an error of the server.
        if status >= 500:
            outcome["error.type"] = error or problem or str(status)
            self._span.set_status(StatusCode.ERROR)
        self.attributes.update(outcome)
        if self._span.is_recording():
            code = {"metering.problem": problem} if problem else {}
            self._span.set_attributes({**outcome, **code, "metering.rows": rows})


class Operation:
    """A call to another system in progress; its caller may set `rows` to the number of returned rows."""

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


class NoticeAnswer(Protocol):
    """The result of an attempt to send a notice."""

    @property
    def status(self) -> int | None:
        """The HTTP status, if there was an answer."""
        ...

    @property
    def fault(self) -> str | None:
        """Why there was no answer."""
        ...

    @property
    def milliseconds(self) -> int:
        """The time until the answer or the failure."""
        ...


class Telemetry:
    """Records requests, the calls they make, and the state of the data. Safe to use from several threads."""

    def __init__(
        self, *, tracer: Tracer, meter: Meter, flush: Callable[[], None], close: Callable[[], None]
    ) -> None:
        self._tracer = tracer
        self._meter = meter
        self.flush = flush
        """Send what was recorded, within `limits.FLUSH`; each timer run and command ends with this."""
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
            description="Values, days or other records in answers.",
        )
        self._deliveries = meter.create_counter(
            "metering.deliveries", unit="{delivery}", description="Delivery files loaded or rejected."
        )
        self._published = meter.create_counter(
            "metering.days.published", unit="{day}", description="Market days published or republished."
        )
        self._notices = meter.create_histogram(
            "metering.notice.duration",
            unit="s",
            description="Duration of attempts to send notices to webhooks.",
            explicit_bucket_boundaries_advisory=_REQUEST_SECONDS,
        )
        self._access = meter.create_counter(
            "metering.access.changes", unit="{grant}", description="Grants written by the access sync."
        )

    def request(self, *, method: str, route: str, scheme: str, traceparents: Sequence[str]) -> Request:
        """Measure a request, as a server span below the first well-formed one of `traceparents`."""
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

    def operation(self, name: str, *, attributes: Attributes, span_attributes: Attributes) -> Operation:
        """Measure a call to a database; `span_attributes` are left out of the metrics.

        Outside of a request or run, the call is measured but has no span.
        """
        span: Span = trace.INVALID_SPAN
        if trace.get_current_span().is_recording():
            both = {**attributes, **span_attributes}
            span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=both)
        return Operation(span, attributes, durations=self._operations)

    def table_request(self, operation: str, table: str) -> Operation:
        """Measure a request to Table Storage."""
        attributes = {"db.system.name": "azure.table_storage", "db.operation.name": operation}
        if table:
            attributes["db.collection.name"] = table
        return self.operation(f"{operation} {table}".strip(), attributes=attributes, span_attributes={})

    @contextmanager
    def run(self, name: str) -> Iterator[None]:
        """Record a part of a timer run or of a command as a span."""
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

    def count_deliveries(self, *, loaded: int, rejected: int) -> None:
        """Count delivery files."""
        self._deliveries.add(loaded, {"metering.outcome": "loaded"})
        self._deliveries.add(rejected, {"metering.outcome": "rejected"})

    def count_published_days(self, days: int) -> None:
        """Count published market days."""
        self._published.add(days)

    def count_access_changes(self, counts: Mapping[str, int]) -> None:
        """Count the grants that were `granted`, `changed` and `revoked`."""
        for change in ("granted", "changed", "revoked"):
            self._access.add(counts[change], {"metering.change": change})

    def count_notice(self, event: str, answer: NoticeAnswer) -> None:
        """Count an attempt to send a notice, and how long it took."""
        outcome = "answered" if answer.fault is None else answer.fault
        attributes: dict[str, str | int] = {"metering.event": event, "metering.outcome": outcome}
        if answer.status is not None:
            attributes["http.response.status_code"] = answer.status
        self._notices.record(answer.milliseconds / 1000, attributes)

    def watch_age(self, name: str, *, description: str, age: Callable[[], timedelta | None]) -> None:
        """Report an age, in seconds, whenever metrics are exported; nothing while `age` returns None."""

        def observe(_: CallbackOptions) -> Iterator[Observation]:
            since = age()
            if since is not None:
                yield Observation(since.total_seconds())

        self._meter.create_observable_gauge(name, [observe], unit="s", description=description)


class Invocation(Protocol):
    """The worker's description of an invocation: `azure.functions.Context`."""

    @property
    def invocation_id(self) -> str:
        """The id with which log lines are sent."""
        ...

    @property
    def thread_local_storage(self) -> Any:
        """The worker's thread-local storage, from which it reads `invocation_id`."""
        ...


_invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


@contextmanager
def within(invocation: Invocation) -> Iterator[None]:
    """Make every call that `carry` returns within the block belong to this invocation."""
    token = _invocation.set(invocation)
    try:
        yield
    finally:
        _invocation.reset(token)


def carry(call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the call for use in another thread, where it belongs to the invocation of this thread."""
    context = copy_context()
    invocation = _invocation.get()

    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        if invocation is None:
            return context.copy().run(call, *arguments, **named)
        storage = invocation.thread_local_storage
        before = getattr(storage, "invocation_id", None)
        storage.invocation_id = invocation.invocation_id
        try:
            return context.copy().run(call, *arguments, **named)
        finally:
            storage.invocation_id = before

    return run


def off() -> Telemetry:
    """Return telemetry that records nothing. A caller's trace id is still passed on."""
    return Telemetry(tracer=NoOpTracer(), meter=NoOpMeter(SCOPE), flush=_nothing, close=_nothing)


def _nothing() -> None:
    """Do nothing: nothing was recorded."""


def _parent(traceparents: Sequence[str]) -> Context:
    # Only this header: `tracestate` and `baggage` are free text.
    contexts = (_propagator.extract({"traceparent": each or ""}, Context()) for each in traceparents)
    return next((each for each in contexts if each), Context())
