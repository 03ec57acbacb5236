"""The content of an answer, before it becomes a response."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.api.formats import Kind


@dataclass(frozen=True)
class LeftOut:
    """What the first page of an answer leaves out, where its body has no place to say so.

    Attributes:
        not_found: metering points that were named and cannot be read.
        stored_coarser: the first metering points with days that are stored coarser than asked.
        stored_coarser_count: how many there are.
        listed: how many metering points a header lists.
    """

    not_found: Sequence[str]
    stored_coarser: Sequence[str]
    stored_coarser_count: int
    listed: int


NOTHING_LEFT_OUT = LeftOut((), (), 0, 0)


@dataclass(frozen=True)
class Rendered:
    """What is answered, written.

    Attributes:
        rows: how many values, days or other things it holds; for the log.
        next_cursor: starts the next page; None on the last.
        cursor: the one to keep, of an answer that is asked for again; None of every other.
        access_version: the name of what the caller may read, where the answer has it.
        left_out: what the headers say is left out.
    """

    body: bytes
    kind: Kind
    rows: int
    next_cursor: str | None = None
    cursor: str | None = None
    access_version: str | None = None
    left_out: LeftOut = NOTHING_LEFT_OUT
