"""The messages of an operation in OpenAPI: responses with their headers and contents."""

from collections.abc import Mapping
from typing import Any

from contract import schemas
from contract.operations import Operation
from shared.api import problems
from shared.api.formats import Kind

_PROBLEMS = {
    400: "The request has faults; `errors` lists all of them.",
    401: "The subscription key or the token is missing or not valid.",
    403: "You have no access, or the quota is used up.",
    404: "The resource does not exist, or you may not read it.",
    409: "The request conflicts with the current state; `code` says why.",
    410: "The files are no longer kept.",
    413: "The body is longer than 64 kB.",
    415: "The body is not sent as JSON.",
    406: "`Accept` names no available format; `detail` lists those that are.",
    429: "Too many calls; `Retry-After` says when to call again.",
    500: "A fault of ours: report it with the `requestId`.",
    503: "Not available now; `Retry-After` says when to call again.",
}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _number(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "format": "int64"}}


PROBLEM = "Problem"
SHARED = {
    "Csv": {"type": "string", "description": "CSV according to RFC 4180: UTF-8, with a header."},
    "Lines": {"type": "string", "description": "NDJSON: a JSON object on each line."},
    "Workbook": {"type": "string", "format": "binary", "description": "An Excel workbook (xlsx)."},
}
"""The schemas of messages that are not models."""


_OF_ALL = {"X-Request-Id": _header("The id of the request: the one that you sent, or else one of ours.")}
_LIMITS = {
    "RateLimit-Limit": _number("Calls allowed in a minute."),
    "RateLimit-Remaining": _number("Calls that remain in the current minute."),
}
_WITH_RETRY = (403, 429, 503)
_RETRY = {"Retry-After": _number("Seconds to wait.")}
_CACHED = {
    "ETag": _header("Identifies this answer; send it as `If-None-Match` the next time."),
    "Cache-Control": _header("`private, no-cache`: you may store it, but revalidate it before each use."),
    "Vary": _header("`Accept, Accept-Encoding`"),
}
_LINK = {"Link": _header('The next page, as `<path>; rel="next"`; absent on the last.')}
_NEXT = {
    "X-Next-Cursor": _header(
        "`nextCursor`, for formats whose body has no place for it; absent on the last page."
    ),
}
_KEPT = {"X-Cursor": _header("`cursor`, the one to keep, for formats whose body has no place for it.")}
_ACCESS = {"X-Access-Version": _header("`accessVersion`, for formats whose body has no place for it.")}
_SAVED = {"Content-Disposition": _header("In CSV and xlsx: the file name to save the answer under.")}
_LEFT_OUT = {
    "X-Not-Found": _header(
        "On the first page, in all formats except JSON: the first 20 named metering points that do not exist "
        "or that you may not read."
    ),
    "X-Not-Found-Count": _number("The number of all such metering points."),
    "X-Stored-Coarser": _header(
        "On the first page, in all formats except JSON: metering points with days that are left out, because "
        "they are stored coarser than `resolution`. The first 40, or the first 20 if the request names some."
    ),
    "X-Stored-Coarser-Count": _number("The number of all such metering points."),
}

_TOO_LONG = {
    "414": {"description": "The address is too long. The answer is not a problem document."},
    "431": {"description": "The headers are too long. The answer is not a problem document."},
}

_PROBLEM_CONTENT = {problems.MEDIA_TYPE: {"schema": schemas.reference(PROBLEM)}}

_NAMES = {Kind.CSV: "Csv", Kind.NDJSON: "Lines", Kind.XLSX: "Workbook"}

Examples = Mapping[tuple[int, str], Mapping[str, Any]]
"""By status and media type: examples by name, as OpenAPI 3.1 has them."""


def shared_by(operation: Operation) -> set[str]:
    """Return the names of the schemas in SHARED that an operation refers to."""
    return {_NAMES[kind] for kind in operation.formats if kind in _NAMES}


_SUCCESS = {
    200: "The answer.",
    201: "Created.",
    202: "Accepted: the work continues in the background.",
    204: "Done. The answer has no content.",
    302: "A link that is valid for 15 minutes. Fetch it without token and key.",
}
_LOCATION = {"Location": _header("The path of the resource.")}
_ACCEPTED = {"Content-Location": _header("The path of the resource."), **_LOCATION, **_RETRY}
_OF_STATUS = {201: _LOCATION, 202: _ACCEPTED, 302: _LOCATION}


def of(operation: Operation, examples: Examples) -> dict[str, Any]:
    """Return the responses to a request."""
    success: dict[str, Any] = {
        "description": _SUCCESS[operation.status],
        "headers": {**_headers_of(operation), **_OF_STATUS.get(operation.status, {})},
    }
    if operation.answer:
        success["content"] = {kind.media_type: _content(operation, kind) for kind in operation.formats}
    also = operation.also and {
        **success,
        "description": _SUCCESS[operation.also],
        "headers": {**_headers_of(operation), **_OF_STATUS.get(operation.also, {})},
    }
    found = {
        str(operation.status): success,
        **({str(operation.also): also} if also else {}),
        **_unchanged(operation),
        # A client made with openapi-fetch would not know that there is data where there is no error.
        **({} if operation.only_json else _TOO_LONG),
        **{
            str(status): _problem(status, has_retry=status in (*_WITH_RETRY, *operation.retried))
            for status in operation.statuses
        },
        "default": _default(),
    }
    for (status, media_type), named in examples.items():
        response = found[str(status)]
        if media_type in response["content"]:
            described = {**response["content"][media_type], "examples": named}
            found[str(status)] = {**response, "content": {**response["content"], media_type: described}}
    return found


def of_head() -> dict[str, Any]:
    """Return the responses to HEAD in one line: they are those to GET, without a body."""
    return {"default": {"description": "The answer to GET, without its body."}}


def _headers_of(operation: Operation) -> dict[str, Any]:
    fields = operation.answer.model_fields if operation.answer else {}
    has_rows = Kind.CSV in operation.formats
    return {
        **_OF_ALL,
        **_LIMITS,
        **_cached(operation),
        **({"Retry-After": _number(operation.retry_after)} if operation.retry_after else {}),
        **(_LINK if operation.paged else {}),
        **(_NEXT if operation.paged and has_rows else {}),
        **(_KEPT if "cursor" in fields else {}),
        **(_ACCESS if "access_version" in fields and has_rows else {}),
        **(_SAVED if has_rows else {}),
        **(_LEFT_OUT if "not_found" in fields and has_rows else {}),
    }


def _cached(operation: Operation) -> dict[str, Any]:
    if not operation.cached:
        return {}
    dated = {"Last-Modified": _header(operation.last_modified)} if operation.last_modified else {}
    return {"ETag": _CACHED["ETag"], **dated, **_CACHED}


def _unchanged(operation: Operation) -> dict[str, Any]:
    if not operation.cached:
        return {}
    description = "The answer has not changed since the one that you have (`If-None-Match`)."
    return {"304": {"description": description, "headers": {**_OF_ALL, **_LIMITS, **_cached(operation)}}}


def _content(operation: Operation, kind: Kind) -> dict[str, Any]:
    answer = operation.answer.__name__ if operation.answer else ""
    return {"schema": schemas.reference(_NAMES.get(kind, answer))}


def _problem(status: int, *, has_retry: bool) -> dict[str, Any]:
    limits = _LIMITS if status == 429 else {}
    return {
        "description": _PROBLEMS[status],
        "headers": {**_OF_ALL, **limits, **(_RETRY if has_retry else {})},
        "content": _PROBLEM_CONTENT,
    }


def _default() -> dict[str, Any]:
    description = "Any other error, such as 405 for a method that the path does not support."
    return {"description": description, "content": _PROBLEM_CONTENT}
