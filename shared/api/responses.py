"""Answers as HTTP responses: bodies, headers, compression."""

import gzip
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import azure.functions as func
import orjson

JSON = "application/json"

# Below this a body grows or hardly shrinks, and the header costs more than it saves.
_WORTH_COMPRESSING = 1_000
_FAST_COMPRESSION = 1


def data(body: bytes, *, etag: str, last_modified: datetime | None) -> func.HttpResponse:
    """Data of a caller: cached by them alone, and only after asking whether it is unchanged."""
    return func.HttpResponse(body, mimetype=JSON, headers=_cache_headers(etag, last_modified))


def not_modified(*, etag: str, last_modified: datetime | None) -> func.HttpResponse:
    """The caller holds the answer already."""
    return func.HttpResponse(b"", status_code=304, headers=_cache_headers(etag, last_modified))


def fresh(content: Mapping[str, Any], *, status: int = 200) -> func.HttpResponse:
    """A small answer that is never cached."""
    return func.HttpResponse(
        orjson.dumps(content), status_code=status, mimetype=JSON, headers={"Cache-Control": "no-store"}
    )


def problem(body: bytes, *, status: int, headers: Mapping[str, str]) -> func.HttpResponse:
    """A problem; never cached."""
    return func.HttpResponse(
        body,
        status_code=status,
        mimetype="application/problem+json",
        headers={**headers, "Cache-Control": "no-store"},
    )


def compressed(response: func.HttpResponse, accepted: str) -> func.HttpResponse:
    """The response in gzip, where the caller accepts it and it is worth it."""
    body = response.get_body()
    if not _accepts_gzip(accepted) or len(body) < _WORTH_COMPRESSING:
        return response
    headers = {**response.headers, "Content-Encoding": "gzip"}
    return func.HttpResponse(
        gzip.compress(body, _FAST_COMPRESSION, mtime=0),
        status_code=response.status_code,
        mimetype=response.mimetype,
        headers=headers,
    )


def _accepts_gzip(accepted: str) -> bool:
    """Whether Accept-Encoding names gzip without refusing it by `q=0` (RFC 9110, section 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _cache_headers(etag: str, last_modified: datetime | None) -> dict[str, str]:
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if last_modified is not None:
        headers["Last-Modified"] = format_datetime(last_modified, usegmt=True)
    return headers
