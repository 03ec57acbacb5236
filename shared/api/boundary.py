"""The boundary: every answer leaves here, every error becomes one, every request is one log line."""

import functools
import json
import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import azure.functions as func

from shared.access.grants import AccessTooOld, NoGrants
from shared.api import callers, responses
from shared.api.problems import InvalidRequest, Problem, Refused
from shared.tables import TablesUnavailable
from shared.warehouse.engine import WarehouseTimeout, WarehouseUnavailable

Handler = Callable[[func.HttpRequest], func.HttpResponse]

log = logging.getLogger("metering.requests")


def answers(handler: Handler) -> Handler:
    """Make a handler answer problems instead of raising, and log what it answered."""

    @functools.wraps(handler)
    def answer(req: func.HttpRequest) -> func.HttpResponse:
        started = time.perf_counter()
        request_id = callers.request_id(req.headers)
        try:
            response = handler(req)
        except Exception as error:
            problem = _problem(error)
            if problem.code == "internal-error":
                log.exception("Request %s failed", request_id)
            body = problem.body(instance=urlsplit(req.url).path, request_id=request_id)
            response = responses.problem(body, status=problem.status, headers=problem.headers)
        response = responses.compressed(response, req.headers.get("accept-encoding", ""))
        response.headers["X-Request-Id"] = request_id
        _log(req, response, request_id=request_id, seconds=time.perf_counter() - started)
        return response

    return answer


def _problem(error: Exception) -> Problem:
    """What a caller is told of an error: the expected ones by name, the others not at all."""
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
                "Access has not been synchronised lately. Try again later.",
                headers=_later(300),
            )
        case TablesUnavailable():
            return Problem("access-unavailable", "Try again in a moment.", headers=_later(5))
        case WarehouseUnavailable():
            seconds = max(1, round(error.retry_after.total_seconds()))
            return Problem("warehouse-unavailable", "Try again in a moment.", headers=_later(seconds))
        case WarehouseTimeout():
            return Problem(
                "warehouse-unavailable",
                "The warehouse took too long. Ask for a smaller page with 'limit', or try again in a moment.",
                headers=_later(10),
            )
        case _:
            return Problem(
                "internal-error", "Report it with the requestId, and we will find out what happened."
            )


def _later(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


def _log(req: func.HttpRequest, response: func.HttpResponse, *, request_id: str, seconds: float) -> None:
    """One structured line; ids come from headers that the gateway wrote, and never a token or a payload."""
    line = {
        "requestId": request_id,
        "caller": f"{req.headers.get('x-caller-type', '')}:{req.headers.get('x-caller-id', '')}"[:80],
        "method": req.method,
        "path": urlsplit(req.url).path[:200],
        "status": response.status_code,
        "bytes": len(response.get_body()),
        "milliseconds": round(seconds * 1000, 1),
    }
    log.info(json.dumps(line))
