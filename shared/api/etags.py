"""ETags, decided before the warehouse is read.

A response depends on the caller, the request, what the caller may read and the publication
shown. A tag is a digest of these four; none of them needs the warehouse. Tags are weak
(RFC 9110, section 8.8.1): a compressed and a plain response have the same meaning, not the same bytes.
"""

import hashlib
from collections.abc import Mapping

from shared.readable import Readable


def of(readable: Readable, *request: object) -> str:
    """Return the tag of a response; `request` are the values that decide it besides the caller's grants."""
    content = repr((readable.principal, readable.version, request))
    return f'W/"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def access_version(readable: Readable) -> str:
    """Return a name for everything that a caller may read; it changes whenever that changes."""
    content = repr((readable.principal, readable.version))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Return whether the caller already has this response, by If-None-Match (RFC 9110, section 13.1.2)."""
    given = headers.get("if-none-match", "")
    held = {each.strip().removeprefix("W/") for each in given.split(",")}
    return etag.removeprefix("W/") in held or given.strip() == "*"
