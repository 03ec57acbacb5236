"""ETags, decided before the warehouse is asked.

An answer is settled by who asks, what is asked, what may be read and which publication
is shown. A tag is a digest of these four; none of them needs the warehouse. Tags are weak
(RFC 9110, section 8.8.1): a compressed and a plain answer have the same meaning, not the same bytes.
"""

import hashlib
from collections.abc import Mapping

from shared.readable import Readable


def of(readable: Readable, *request: object) -> str:
    """The tag of the answer to what is asked; `request` names the question and the publication shown."""
    content = repr((readable.principal, readable.version, request))
    return f'W/"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def access_version(readable: Readable) -> str:
    """The name of everything that the caller of a portfolio may read: another one as soon as that changes."""
    content = repr((readable.principal, readable.version))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the caller holds this answer already, by If-None-Match (RFC 9110, section 13.1.2)."""
    given = headers.get("if-none-match", "")
    held = {each.strip().removeprefix("W/") for each in given.split(",")}
    return etag.removeprefix("W/") in held or given.strip() == "*"
