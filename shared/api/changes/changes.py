"""What is new or corrected since a cursor, in the order of publication.

A day that was published several times since then comes once, as it is now. The cursor marks
a place in the order of publications, so it stays valid for as long as it is kept.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson

from shared.api import formats, stored_days, too_large
from shared.api.changes import change_pages
from shared.api.changes.change_pages import Key
from shared.api.contents import Rendered
from shared.api.formats import Format, Kind
from shared.api.parameters import Parameters
from shared.api.sealing import Seal, Seals
from shared.api.series import as_lines, assembly, packed, pages
from shared.api.series.requests import Given, read_limit
from shared.metering import Direction
from shared.publishing.watermark import Publication
from shared.readable import Readable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import ChangeRow

_PACKED = struct.Struct(">QQBI")
"""What a cursor holds: sequence, metering point, direction and market day; 0 stands for no metering point."""
_DIRECTIONS = ("", *Direction)


@dataclass(frozen=True)
class ChangesRequest:
    """A valid question for changes.

    Attributes:
        after: the last day that the caller has; None without a cursor.
        since: the moment after which publications are wanted; None without `since`.
        limit: market days on a page.
        through: sequence of the publication up to which this page tells; 0 before the first.
        seal: of the cursors of changes.
    """

    after: Key | None
    since: datetime | None
    limit: int
    through: int
    seal: Seal
    format: Format = formats.JSON
    is_whole: bool = False
    """There are no pages: CSV and NDJSON have no place for a cursor."""


@dataclass(frozen=True)
class Changes:
    """A page of changes.

    Attributes:
        cursor: the one to keep, to ask again with.
        is_up_to_date: nothing follows at once.
    """

    rows: Sequence[ChangeRow]
    cursor: str
    is_up_to_date: bool


def read_request(
    given: Given, *, now: datetime, latest: Publication | None, seals: Seals, accept: str = ""
) -> ChangesRequest:
    """A question for changes from its parameters.

    Raises:
        InvalidRequest: with every fault of the request.
        Refused: 406, no format that `accept` names.
    """
    parameters = Parameters(given)
    seal = seals.of("changes")
    after = parameters.cursor("cursor", lambda text: _opened(text, seal))
    since = parameters.moment("since")
    if since is not None and since > now:
        parameters.fault(
            "since", "in-the-future", "'since' lies in the future.", "Give a time that has passed."
        )
    written = formats.read_with_times(parameters, accept=accept)
    limit, is_whole = read_limit(parameters, written)
    parameters.done()
    through = latest.sequence if latest else 0
    return ChangesRequest(after, since, limit, through, seal, written, is_whole)


def fetch(
    warehouse: Warehouse, *, readable: Readable, request: ChangesRequest, at_once: int = change_pages.AT_ONCE
) -> Changes:
    """Read one page; without cursor and `since` it is empty and has the cursor of now.

    Args:
        at_once: metering points that one statement is given.

    Raises:
        TooLargeForOneAnswer: the answer is asked for whole, and a largest page does not hold it.
    """
    after = request.after
    if after is None and request.since is not None:
        (sequence,) = warehouse.fetch(queries.sequence_at(request.since))
        after = change_pages.first_of(sequence + 1)
    up_to_date = change_pages.first_of(request.through + 1)
    if after is None or after >= up_to_date:
        return Changes((), _sealed(after or up_to_date, request.seal), is_up_to_date=True)
    found = change_pages.fetch(
        warehouse,
        readable=readable,
        after=after,
        through=request.through,
        limit=request.limit + 1,
        at_once=at_once,
    )
    limit = request.limit
    if request.format.kind is Kind.CSV:
        limit = min(limit, pages.days_within(row.qualities for row in found))
    page = stored_days.sound_changes(found[:limit])
    if len(found) <= limit:
        return Changes(page, _sealed(up_to_date, request.seal), is_up_to_date=True)
    if request.is_whole:
        raise too_large.changes(
            change_pages.count(
                warehouse, readable=readable, after=after, through=request.through, at_once=at_once
            )
        )
    last = found[limit - 1]
    key = (last.sequence, last.metering_point_id, last.direction, last.delivery_date)
    return Changes(page, _sealed(key, request.seal), is_up_to_date=False)


def render(changes: Changes, written: Format, *, access_version: str) -> Rendered:
    """The answer in the format asked for; `access_version` names what the caller may read."""
    match written.kind:
        case Kind.JSON:
            body, rows = _json(changes, access_version), len(changes.rows)
        case Kind.NDJSON:
            body, rows = _ndjson(changes), len(changes.rows)
        case Kind.CSV:
            body, rows = _csv(changes, written), sum(len(row.qualities) for row in changes.rows)
    return Rendered(
        body,
        kind=written.kind,
        rows=rows,
        next_cursor=None if changes.is_up_to_date else changes.cursor,
        cursor=changes.cursor,
        access_version=access_version,
    )


def _json(changes: Changes, access_version: str) -> bytes:
    days = ",".join(map(_day, changes.rows))
    about = orjson.dumps(
        {
            "nextCursor": None if changes.is_up_to_date else changes.cursor,
            "cursor": changes.cursor,
            "upToDate": changes.is_up_to_date,
            "accessVersion": access_version,
        }
    ).decode()
    return f'{{"days":[{days}],{about[1:]}'.encode()


def _ndjson(changes: Changes) -> bytes:
    return "".join(f"{_day(row)}\n" for row in changes.rows).encode()


def _csv(changes: Changes, written: Format) -> bytes:
    return "".join(
        [as_lines.csv_header_of_changes(written), *(_csv_rows(row, written) for row in changes.rows)]
    ).encode()


def _csv_rows(row: ChangeRow, written: Format) -> str:
    return as_lines.csv_of_change(
        assembly.whole_day(row),
        metering_point_id=row.metering_point_id,
        direction=row.direction,
        sequence=row.sequence,
        written=written,
    )


def _day(row: ChangeRow) -> str:
    head = as_lines.json_head(row.metering_point_id, row.direction)
    return f'{head}"sequence":{row.sequence},{packed.day(assembly.whole_day(row))[1:]}'


def _sealed(key: Key, seal: Seal) -> str:
    sequence, metering_point_id, direction, day = key
    number = int(metering_point_id or 0)
    return seal.seal(_PACKED.pack(sequence, number, _DIRECTIONS.index(direction), day.toordinal()))


def _opened(text: str, seal: Seal) -> Key:
    sequence, number, direction, day = _PACKED.unpack(seal.open(text))
    metering_point_id = f"{number:018d}" if direction else ""
    return sequence, metering_point_id, str(_DIRECTIONS[direction]), date.fromordinal(day)
