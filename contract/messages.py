"""The messages of an operation in OpenAPI: responses with their headers and contents."""

from collections.abc import Mapping
from typing import Any

from contract.operations import Operation
from shared.api import problems
from shared.api.formats import Kind

_PROBLEMS = {
    400: "The request has faults; all of them are in `errors`.",
    401: "The subscription key or the token is missing or not valid.",
    403: "You have no access, or the quota is used up.",
    404: "It does not exist, or you may not read it.",
    406: "`Accept` names no format that there is; `detail` lists them.",
    429: "Too many calls; `Retry-After` says when to call again.",
    500: "A fault of ours: report it with the `requestId`.",
    503: "Not available now; `Retry-After` says when to call again.",
}


def _header(description: str, type_: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": type_}}


_OF_ALL = {"X-Request-Id": _header("The id of the request: yours, or ours when you sent none.")}
_LIMITS = {
    "RateLimit-Limit": _header("Calls that your subscription may make in a minute.", "integer"),
    "RateLimit-Remaining": _header("Calls that are left of them.", "integer"),
}
_RETRY = {"Retry-After": _header("Seconds to wait.", "integer")}
_CACHED = {
    "ETag": _header("What this answer is; send it as `If-None-Match` the next time."),
    "Last-Modified": _header("When data was last published."),
    "Cache-Control": _header("`private, no-cache`: keep it for yourself, and ask before you use it again."),
    "Vary": _header("`Accept, Accept-Encoding`"),
}
_PAGED = {
    "Link": _header('The next page, as `<path>; rel="next"`; absent on the last.'),
    "X-Next-Cursor": _header("The cursor to go on with, for formats whose body has no place for it."),
}
_ACCESS = {"X-Access-Version": _header("`accessVersion`, for formats whose body has no place for it.")}
_SAVED = {"Content-Disposition": _header("In CSV: the name to save it under.")}
_LEFT_OUT = {
    "X-Not-Found": _header("In CSV and NDJSON: those named that do not exist or that you may not read."),
    "X-Stored-Coarser": _header(
        "In CSV and NDJSON: metering points of which this page leaves days out, as they are stored coarser "
        "than `resolution` asks for."
    ),
}

_TOO_LARGE = {
    status: {"description": text, "content": {Kind.JSON.media_type: {"schema": {"type": "object"}}}}
    for status, text in {
        "414": "The address is too long; refused before the API sees it, so not as a problem.",
        "431": "The headers are too large; refused before the API sees them, so not as a problem.",
    }.items()
}

Examples = Mapping[tuple[int, str], Mapping[str, Any]]
"""By status and media type: examples by name, as OpenAPI 3.1 has them."""


def of_get(operation: Operation, examples: Examples) -> dict[str, Any]:
    """The responses to GET."""
    found = {
        "200": {
            "description": "The answer.",
            "headers": _headers_of(operation),
            "content": {kind.media_type: _content(operation, kind) for kind in operation.formats},
        },
        **_unchanged(operation),
        **_TOO_LARGE,
        **{str(status): _problem(status) for status in operation.statuses},
    }
    for (status, media_type), named in examples.items():
        found[str(status)]["content"][media_type]["examples"] = named
    return found


def of_head(operation: Operation) -> dict[str, Any]:
    """The responses to HEAD: those to GET, without contents."""
    return {
        status: {name: value for name, value in response.items() if name != "content"}
        for status, response in of_get(operation, {}).items()
    }


def _headers_of(operation: Operation) -> dict[str, Any]:
    return {
        **_OF_ALL,
        **_LIMITS,
        **(_CACHED if operation.cached else {}),
        **(_PAGED if operation.paged else {}),
        **(_ACCESS if "access_version" in operation.answer.model_fields else {}),
        **(_SAVED if Kind.CSV in operation.formats else {}),
        **(_LEFT_OUT if "not_found" in operation.answer.model_fields else {}),
    }


def _unchanged(operation: Operation) -> dict[str, Any]:
    if not operation.cached:
        return {}
    description = "You hold this answer already (`If-None-Match`)."
    return {"304": {"description": description, "headers": {**_OF_ALL, **_LIMITS, **_CACHED}}}


def _content(operation: Operation, kind: Kind) -> dict[str, Any]:
    if kind is Kind.JSON:
        return {"schema": {"$ref": f"#/components/schemas/{operation.answer.__name__}"}}
    header = "A header, then a row for " if kind is Kind.CSV else "A JSON object on a line for "
    return {"schema": {"type": "string", "description": f"{header}{operation.line}."}}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    limits = _LIMITS if status == 429 else {}
    headers = {**_OF_ALL, **limits, **(_RETRY if status in (403, 429, 503) else {})}
    return {
        "description": _PROBLEMS[status],
        "headers": headers,
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
    }
