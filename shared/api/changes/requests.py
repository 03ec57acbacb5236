"""Requests for changes: from query parameters to one typed value, or all faults together.

A cursor marks a place in the order of publications, so it stays valid for as long as it is kept.
"""

import struct
from dataclasses import dataclass
from datetime import date, datetime

from shared.api import formats
from shared.api.formats import Format
from shared.api.parameters import Parameters, Seal, Seals
from shared.api.series.requests import Given, read_limit
from shared.metering import Direction
from shared.publishing.watermark import DataState
from shared.warehouse.queries.changes import Key

_PACKED = struct.Struct(">QQBI")
"""A cursor holds sequence, metering point, direction and market day; 0 means no metering point."""
_DIRECTIONS = ("", *Direction)


@dataclass(frozen=True)
class ChangesRequest:
    """A valid request for changes.

    Attributes:
        after: the last day that the caller has; None without a cursor.
        since: the moment after which publications are wanted; None without `since`.
        limit: market days on a page.
        through: sequence of the latest publication that this page covers; 0 before the first. Every instance
            knows of it, so the series that a caller reads after this page are never older than its cursor.
        is_whole: whether there are no pages, since CSV and NDJSON have no place for a cursor.
        seal: of its cursors.
    """

    after: Key | None
    since: datetime | None
    limit: int
    through: int
    seal: Seal
    format: Format = formats.JSON
    is_whole: bool = False


def read(given: Given, *, state: DataState, seals: Seals, accept: str = "") -> ChangesRequest:
    """Read a request for changes from its parameters.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    seal = seals.of("changes")
    after = parameters.cursor("cursor", lambda text: _parse_cursor(text, seal))
    since = parameters.moment("since")
    if since is not None and since > state.latest_moment:
        parameters.fault(
            "since", "in-the-future", "'since' lies in the future.", "Give a time that has passed."
        )
    written = formats.read_with_times(parameters, accept=accept)
    limit, is_whole = read_limit(parameters, written)
    parameters.done()
    return ChangesRequest(after, since, limit, state.settled, seal, written, is_whole)


def cursor_text(key: Key, seal: Seal) -> str:
    """Return a cursor that continues after a place."""
    sequence, metering_point_id, direction, day = key
    number = int(metering_point_id or 0)
    return seal.seal(_PACKED.pack(sequence, number, _DIRECTIONS.index(direction), day.toordinal()))


def _parse_cursor(text: str, seal: Seal) -> Key:
    sequence, number, direction, day = _PACKED.unpack(seal.open(text))
    metering_point_id = f"{number:018d}" if direction else ""
    return sequence, metering_point_id, str(_DIRECTIONS[direction]), date.fromordinal(day)
