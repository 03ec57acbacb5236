"""The content of an answer, before it becomes a response."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.api.formats import Kind


@dataclass(frozen=True)
class Content:
    """What is answered, written.

    Attributes:
        rows: how many values, days or other things it tells of; for the log.
        cursor: where to go on from here; None when there is nothing to go on with.
        is_more: whether something follows at once.
        access_version: the name of what the caller may read, where the answer tells it.
        stored_coarser: of which days were left out as stored coarser, where the body has no place to say so.
        not_found: what was named and cannot be read, where the body has no place to say so.
    """

    body: bytes
    kind: Kind
    rows: int
    cursor: str | None = None
    is_more: bool = False
    access_version: str | None = None
    not_found: Sequence[str] = ()
    stored_coarser: Sequence[str] = ()
