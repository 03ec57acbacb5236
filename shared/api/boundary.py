"""The boundary: which paths there are, and how a handler's result or error becomes the HTTP response.

Each request leaves a span and a line of the log.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

import azure.functions as func

from shared import limits
from shared.access.grants import AccessTooOld, NoGrants
from shared.api import callers, responses
from shared.api.problems import InvalidRequest, Problem, Refused
from shared.api.responses import Response
from shared.api.too_large import TooLargeForOneAnswer
from shared.files.exports.repeating import IdempotencyConflict
from shared.files.exports.store import MAX_UNFINISHED, TooManyUnfinished
from shared.files.feeds.ledger import NotReady
from shared.files.feeds.store import MAX_FEEDS, BeingDeleted, SentForOneCustomer, TooManyFeeds
from shared.files.making import NoFile, NoLonger
from shared.notices import webhooks
from shared.outside.transports import StorageUnavailable
from shared.queues import QueuesUnavailable
from shared.tables import TablesUnavailable, UnreadableValue
from shared.telemetry import recording
from shared.telemetry.recording import Telemetry
from shared.warehouse import deadlines
from shared.warehouse.engine import TooManyRows, WarehouseTimeout, WarehouseUnavailable

Handler = Callable[[func.HttpRequest], Response]

READ = ("GET", "HEAD", "OPTIONS")
POST = ("POST", "OPTIONS")
PATHS = {
    "customers": READ,
    "customers/{customerNumber}/readers": READ,
    "metering-points": READ,
    "metering-points/{meteringPointId}": READ,
    "metering-points/{meteringPointId}/consumption": READ,
    "metering-points/{meteringPointId}/production": READ,
    "consumption": READ,
    "production": READ,
    "consumption/total": READ,
    "consumption/peaks": READ,
    "production/total": READ,
    "production/peaks": READ,
    "completeness": READ,
    "changes": READ,
    "webhooks": READ,
    "webhooks/{webhookId}": ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"),
    "webhooks/{webhookId}/secret": POST,
    "webhooks/{webhookId}/test": POST,
    "webhooks/{webhookId}/notices": READ,
    "webhooks/{webhookId}/notices/{noticeId}/resend": POST,
    "exports": ("GET", "HEAD", "POST", "OPTIONS"),
    "exports/{exportId}": ("GET", "HEAD", "DELETE", "OPTIONS"),
    "exports/{exportId}/files/{name}": READ,
    "feeds": READ,
    "feeds/{feedId}": ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"),
    "feeds/{feedId}/runs": READ,
    "feeds/{feedId}/runs/{run}/files/{name}": READ,
    "feeds/{feedId}/runs/{run}/acknowledgement": ("POST", "OPTIONS"),
    "feeds/{feedId}/runs/{run}/resend": ("POST", "OPTIONS"),
    "status": READ,
    "health": READ,
}
"""The paths below the version, as in the routes, and the methods of each."""

ANY_PATH = "anyPath"
"""The parameter of the route that matches every path."""

_ANY = f"{{*{ANY_PATH}}}"

_UNEXPECTED = Problem("internal-error", "Report it with the requestId, and we will find out what happened.")

log = logging.getLogger("metering.requests")

# Not `__wrapped__` and the annotations, which functools.wraps would copy: the worker reads a function's
# parameters and result from them, and the handler's are different.
_KEPT = ("__module__", "__name__", "__qualname__", "__doc__")


def http_function(
    handler: Handler, *, telemetry: Callable[[], Telemetry]
) -> Callable[[func.HttpRequest, func.Context], func.HttpResponse]:
    """Turn a handler into a function of the app: errors become problems, and each request is logged."""

    def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        started = time.perf_counter()
        request_id = callers.request_id(req.headers)
        route = route_of(req.url, req.route_params)
        with (
            deadlines.within(limits.ANSWER),
            recording.within(context),
            telemetry().request(
                method=req.method,
                route=route,
                scheme=urlsplit(req.url).scheme,
                # The host's own span of this request is a closer parent than the caller's.
                traceparents=(context.trace_context.trace_parent, req.headers.get("traceparent", "")),
            ) as request,
        ):
            response, error = _ask(handler, req, request_id=request_id)
            response = responses.compress(response, req.headers.get("accept-encoding", ""))
            sent = responses.as_http(response)
            sent.headers["X-Request-Id"] = request_id
            request.set_outcome(
                status=response.status, rows=response.rows, problem=response.problem, error=error
            )
        seconds = time.perf_counter() - started
        _log(req, response, request_id=request_id, trace_id=request.trace_id, route=route, seconds=seconds)
        return sent

    for name in _KEPT:
        setattr(answer, name, getattr(handler, name))
    return answer


def _ask(handler: Handler, req: func.HttpRequest, *, request_id: str) -> tuple[Response, str | None]:
    """Return the response, and the class name of an unexpected error."""
    try:
        return handler(req), None
    except Exception as error:
        problem = problem_of(error)
        response = responses.of_problem(problem, url=req.url, request_id=request_id)
        if problem.status == 503:
            # The response only says when to try again; the log says why.
            log.warning("Request %s was answered 503: %s", request_id, error)
        if isinstance(error, TooManyRows):
            # The limits of requests should prevent this.
            log.error("Request %s needed a statement that is larger than foreseen: %s", request_id, error)
        if problem.code != "internal-error":
            return response, None
        log.exception("Request %s failed", request_id)
        return response, type(error).__name__


def problem_of(error: Exception) -> Problem:
    """Return the problem that answers an error; for an unexpected error it does not name the cause."""
    match error:
        case InvalidRequest():
            count = len(error.faults)
            detail = "One parameter is" if count == 1 else f"{count} parameters are"
            return Problem("invalid-parameter", f"{detail} not as expected; see 'errors'.", error.faults)
        case Refused():
            return Problem(error.code, error.detail, headers=error.headers)
        case NoGrants():
            return Problem(
                "no-access", "Ask your contact at the energy company to register API access for you."
            )
        case AccessTooOld():
            return Problem(
                "access-too-old",
                "Access has not been synchronised recently. Try again later.",
                headers=_later(300),
            )
        case UnreadableValue():  # A subclass of TablesUnavailable, but trying again does not help.
            return _UNEXPECTED
        case TablesUnavailable() | QueuesUnavailable():
            code = "access-unavailable" if isinstance(error, TablesUnavailable) else "queues-unavailable"
            return Problem(code, "Try again in a moment.", headers=_later(5))
        case _:
            return _of_data(error) or _of_files(error) or _of_webhooks(error) or _UNEXPECTED


def _of_data(error: Exception) -> Problem | None:
    """Return the problem that answers an error of reading metering data; None for any other."""
    match error:
        case WarehouseUnavailable():
            seconds = max(1, round(error.retry_after.total_seconds()))
            return Problem("warehouse-unavailable", "Try again in a moment.", headers=_later(seconds))
        case TooLargeForOneAnswer():
            return Problem("too-large-for-one-answer", error.detail, error.faults, members=error.members)
        case TooManyRows():
            return Problem(
                "too-large-for-one-answer", "Ask for a shorter period, or for a smaller page with 'limit'."
            )
        case WarehouseTimeout():
            return Problem(
                "warehouse-unavailable",
                "The warehouse took too long. Ask for a smaller page with 'limit' or for a shorter period, "
                "or try again in a moment.",
                headers=_later(10),
            )
        case _:
            return None


def _of_files(error: Exception) -> Problem | None:
    """Return the problem that answers an error of outgoing files; None for any other."""
    match error:
        case TooManyUnfinished():
            return Problem(
                "too-many-exports",
                f"You have {MAX_UNFINISHED} exports that are not finished. Wait, or delete one.",
                headers=_later(30),
            )
        case NoFile():
            return Problem("not-found", "The export, or the run of the feed, lists its files.")
        case NoLonger():
            return Problem("gone", "The files are no longer kept. Make a new export, or resend the run.")
        case NotReady():
            return Problem("run-not-ready", "GET /feeds/{feedId}/runs shows the status of the run.")
        case BeingDeleted():
            return Problem(
                "feed-being-deleted", "Try again in a minute, or use another id.", headers=_later(60)
            )
        case SentForOneCustomer():
            return Problem(
                "sent-for-one-customer",
                "Keep its customerNumber, or make another feed and ask for its server.",
            )
        case TooManyFeeds():
            return Problem("too-many-feeds", f"You have {MAX_FEEDS} feeds. Delete one, or change one.")
        case IdempotencyConflict():
            return Problem("idempotency-conflict", "Use a new Idempotency-Key for another request.")
        case StorageUnavailable():
            return Problem("files-unavailable", "Try again in a moment.", headers=_later(5))
        case _:
            return None


def _of_webhooks(error: Exception) -> Problem | None:
    """Return the problem that answers an error of webhooks; None for any other."""
    match error:
        case webhooks.NoSuchWebhook():
            return Problem("not-found", "GET /webhooks lists your webhooks.")
        case webhooks.NoSuchNotice():
            detail = "GET /webhooks/{webhookId}/notices lists the notices of the last 30 days."
            return Problem("not-found", detail)
        case webhooks.TooManyWebhooks():
            detail = f"You have {webhooks.MOST_WEBHOOKS} webhooks. Delete one, or change one of them."
            return Problem("too-many-webhooks", detail)
        case webhooks.NotActive():
            detail = "POST …/test asks the receiver to confirm; then send the notice again."
            return Problem("webhook-not-active", detail)
        case _:
            return None


def options(method: str, url: str) -> dict[str, str]:
    """Return the headers that answer OPTIONS for a path of the API.

    Raises:
        Refused: 404 for an unknown path, 405 for every other method.
    """
    path = _path_of(url)
    if path is None:
        raise Refused("unknown-path", "The API has nothing at this path. The reference lists all paths.")
    methods = ", ".join(PATHS[path])
    if method.upper() != "OPTIONS":
        raise Refused("method-not-allowed", f"This path supports {methods}.", headers={"Allow": methods})
    return {"Allow": methods}


def route_of(url: str, route_parameters: Mapping[str, str]) -> str:
    """Return the template of an address's route, for logs and metrics: it has no text of the caller."""
    path = _ANY if ANY_PATH in route_parameters else _path_of(url)
    return f"/v1/{path or _ANY}"


def _path_of(url: str) -> str | None:
    """Return the path of the API that an address matches, if any."""
    segments = [unquote(each) for each in urlsplit(url).path.strip("/").split("/")[1:]]
    return next((path for path in PATHS if _fits(path.split("/"), segments)), None)


def _fits(path: list[str], segments: list[str]) -> bool:
    return len(path) == len(segments) and all(
        wanted.startswith("{") or wanted == segment.lower()
        for wanted, segment in zip(path, segments, strict=True)
    )


def _later(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


def _log(
    req: func.HttpRequest,
    response: Response,
    *,
    request_id: str,
    trace_id: str | None,
    route: str,
    seconds: float,
) -> None:
    """Log one structured line with caller, route and outcome, and never a token, a key or a value."""
    line = {
        "requestId": request_id,
        "traceId": trace_id,
        "caller": callers.for_the_log(req.headers),
        "subscription": callers.subscription(req.headers),
        "method": req.method,
        "route": route,
        "status": response.status,
        "problem": response.problem,
        "rows": response.rows,
        "bytes": 0 if req.method == "HEAD" else len(response.body),
        "milliseconds": round(seconds * 1000, 1),
    }
    log.info(json.dumps(line))
