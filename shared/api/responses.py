"""Responses: what a handler returns, its headers, and how it becomes the worker's HTTP response.

An ETag is known before the warehouse is read: it is a digest of the caller, the request, what the caller may
read, the publication shown and the contract's version. Tags are weak (RFC 9110, section 8.8.1): a compressed
and a plain response have the same meaning, but not the same bytes.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import azure.functions as func
import orjson

from shared.api import problems
from shared.api.formats import Kind, Rendered
from shared.api.problems import Problem
from shared.readable import Readable

CONTRACT = "1.0.0"
"""The version of the contract. Raise it with each release that changes the form or the values of an answer.
Tags depend on it: otherwise a caller with the old answer would get 304 Not Modified."""

PUBLIC_PREFIX = "/metering"
"""The gateway serves /metering/v1 and asks the app for /v1."""

# A shorter body hardly shrinks, and the header costs more than compression saves.
_WORTH_COMPRESSING = 1_000
_FAST_COMPRESSION = 1
_SAVED = (Kind.CSV, Kind.XLSX)
"""Formats that a browser saves instead of showing them."""


@dataclass(frozen=True)
class Response:
    """A response.

    Attributes:
        rows: how many values, days or other items it holds; for the log.
        problem: the code of the problem; None for a success.
    """

    body: bytes = b""
    status: int = 200
    media_type: str = Kind.JSON.media_type
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    problem: str | None = None


def etag_of(readable: Readable, *request: object) -> str:
    """Return the tag of a response; besides what is readable, it depends on the values in `request`."""
    content = repr((CONTRACT, readable.principal, readable.version, request))
    return f'W/"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Return whether the caller already has this response, by If-None-Match (RFC 9110, section 13.1.2)."""
    given = headers.get("if-none-match", "")
    held = {each.strip().removeprefix("W/") for each in given.split(",")}
    return etag.removeprefix("W/") in held or given.strip() == "*"


def data(rendered: Rendered, *, url: str, etag: str, last_modified: datetime | None) -> Response:
    """Return a response with data: only the caller may cache it, and has to revalidate it before each use."""
    return Response(
        rendered.body,
        media_type=rendered.kind.media_type,
        headers={
            **_cache_headers(etag, last_modified),
            **_page_headers(rendered, url),
            **_access_headers(rendered),
            **_format_headers(rendered, url),
        },
        rows=rendered.rows,
    )


def not_modified(*, etag: str, last_modified: datetime | None) -> Response:
    """Return the response to a caller that already has the data."""
    return Response(status=304, headers=_cache_headers(etag, last_modified))


def uncached(content: Mapping[str, Any], *, status: int = 200) -> Response:
    """Return a small response that is never cached."""
    return Response(orjson.dumps(content), status=status, headers={"Cache-Control": "no-store"}, rows=1)


def created(content: bytes, *, location: str) -> Response:
    """Return a response to a request that created a resource; `location` is its path at the gateway."""
    return Response(content, status=201, headers={"Location": location, "Cache-Control": "no-store"}, rows=1)


def accepted(content: bytes, *, location: str, retry_after: int) -> Response:
    """Return a response to a request whose work continues; see `location` after `retry_after` seconds."""
    headers = {
        "Location": location,
        "Content-Location": location,
        "Retry-After": str(retry_after),
        "Cache-Control": "no-store",
    }
    return Response(content, status=202, headers=headers, rows=1)


def small(content: bytes, *, retry_after: int | None = None) -> Response:
    """Return a small response, written as JSON, that is never cached."""
    later = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(content, headers={"Cache-Control": "no-store", **later}, rows=1)


def elsewhere(link: str) -> Response:
    """Return a redirection to a short-lived link."""
    return Response(status=302, headers={"Location": link, "Cache-Control": "no-store"})


def no_content(headers: Mapping[str, str]) -> Response:
    """Return a response that only has headers."""
    return Response(status=204, headers=headers)


def of_problem(problem: Problem, *, url: str, request_id: str) -> Response:
    """Return a problem as a response, never cached."""
    return Response(
        problem.body(instance=public_path(url), request_id=request_id),
        status=problem.status,
        media_type=problems.MEDIA_TYPE,
        headers={**problem.headers, "Cache-Control": "no-store"},
        problem=problem.code,
    )


def compress(response: Response, accepted: str) -> Response:
    """Return the response in gzip when the caller accepts gzip and the body would shrink."""
    is_packed = response.media_type == Kind.XLSX.media_type
    if is_packed or not _accepts_gzip(accepted) or len(response.body) < _WORTH_COMPRESSING:
        return response
    return replace(
        response,
        body=gzip.compress(response.body, _FAST_COMPRESSION, mtime=0),
        headers={**response.headers, "Content-Encoding": "gzip"},
    )


def as_http(response: Response) -> func.HttpResponse:
    """Return the response as the Functions worker expects it; for HEAD the host leaves out the body."""
    return func.HttpResponse(
        response.body,
        status_code=response.status,
        mimetype=response.media_type,
        headers=dict(response.headers),
    )


def public_path(url: str) -> str:
    """Return the path that the caller requested at the gateway."""
    return PUBLIC_PREFIX + quote(urlsplit(url).path, safe="/%:@!$&'()*+,;=~")


def _accepts_gzip(accepted: str) -> bool:
    """Return whether Accept-Encoding names gzip without refusing it by `q=0` (RFC 9110, section 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _cache_headers(etag: str, last_modified: datetime | None) -> dict[str, str]:
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}
    if last_modified is not None:
        headers["Last-Modified"] = format_datetime(last_modified, usegmt=True)
    return headers


def _page_headers(rendered: Rendered, url: str) -> dict[str, str]:
    """Return cursors and the link to the next page (RFC 8288) as headers: only JSON has them in the body."""
    headers = {"X-Cursor": rendered.cursor} if rendered.cursor else {}
    if rendered.next_cursor:
        headers["X-Next-Cursor"] = rendered.next_cursor
        headers["Link"] = f'<{_following(url, cursor=rendered.next_cursor)}>; rel="next"'
    return headers


def _following(url: str, *, cursor: str) -> str:
    """Return the address of the next page without the host: the same request with the next cursor."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name != "cursor"]
    # Times have many colons, which need no escaping in a query (RFC 3986, section 3.4).
    return f"{public_path(url)}?{urlencode([*kept, ('cursor', cursor)], safe=':')}"


def _access_headers(rendered: Rendered) -> dict[str, str]:
    return {"X-Access-Version": rendered.access_version} if rendered.access_version else {}


def _format_headers(rendered: Rendered, url: str) -> dict[str, str]:
    headers = {}
    if rendered.kind in _SAVED:
        name = public_path(url).rstrip("/").rpartition("/")[2].lower()
        headers["Content-Disposition"] = f'attachment; filename="{name}.{rendered.kind}"'
    left_out = rendered.left_out
    if left_out.not_found:
        headers["X-Not-Found"] = ",".join(left_out.not_found[: left_out.listed])
        headers["X-Not-Found-Count"] = str(len(left_out.not_found))
    if left_out.stored_coarser:
        headers["X-Stored-Coarser"] = ",".join(left_out.stored_coarser[: left_out.listed])
        headers["X-Stored-Coarser-Count"] = str(left_out.stored_coarser_count)
    return headers
