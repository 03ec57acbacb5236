"""Pages of changes: the market days that are new or corrected since a cursor, in the order of publication.

A day that was published several times since the cursor appears once, in its current version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from shared.api import too_large
from shared.api.changes import search
from shared.api.changes.requests import ChangesRequest, cursor_text
from shared.api.formats import Kind
from shared.api.series.pages import MAX_VALUES, days_within
from shared.api.series.requests import MAX_LIMIT
from shared.publishing.remembered import Ranges
from shared.readable import AT_ONCE, Readable
from shared.series import assembly
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import publication_log
from shared.warehouse.queries.changes import ChangeRow, Key

_GROWTH = 4


@dataclass(frozen=True)
class Page:
    """A page of changes.

    Attributes:
        cursor: where the next call continues.
        is_up_to_date: whether there are no more changes yet.
    """

    rows: Sequence[ChangeRow]
    cursor: str
    is_up_to_date: bool


def fetch(
    warehouse: Warehouse,
    *,
    ranges: Ranges,
    readable: Readable,
    request: ChangesRequest,
    at_once: int = AT_ONCE,
) -> Page:
    """Read one page; without a cursor or `since` it is empty and has the current cursor.

    Args:
        ranges: looks up the market days that publications left.
        at_once: metering points that are passed to one statement.

    Raises:
        TooLargeForOneAnswer: the response is requested whole, and does not fit on the largest page.
    """
    after = request.after
    if after is None and request.since is not None:
        (sequence,) = warehouse.fetch(publication_log.sequence_at(request.since))
        after = search.first_of(min(sequence, request.through) + 1)
    up_to_date = search.first_of(request.through + 1)
    if after is None or after >= up_to_date:
        return Page((), cursor_text(after or up_to_date, request.seal), is_up_to_date=True)
    rows = _first(warehouse, ranges=ranges, readable=readable, request=request, after=after, at_once=at_once)
    limit = request.limit
    most_values = None
    if request.format.kind is Kind.CSV and (days := days_within(len(row.qualities) for row in rows)) < limit:
        limit, most_values = days, MAX_VALUES
    page = assembly.sound_changes(rows[:limit])
    if len(rows) <= limit:
        return Page(page, cursor_text(up_to_date, request.seal), is_up_to_date=True)
    if request.is_whole:
        count = search.count(
            warehouse,
            ranges=ranges,
            readable=readable,
            after=after,
            through=request.through,
            at_once=at_once,
        )
        raise too_large.changes(count, most_values=most_values)
    last = [row for row in rows[:limit] if assembly.has_direction(row)][-1]
    return Page(page, cursor_text(_place(last), request.seal), is_up_to_date=False)


def _first(
    warehouse: Warehouse,
    *,
    ranges: Ranges,
    readable: Readable,
    request: ChangesRequest,
    after: Key,
    at_once: int,
) -> list[ChangeRow]:
    """Read one row more than a page, or all remaining rows; the first row has a known direction.

    A cursor cannot hold the place of a row with an unknown direction, so such rows at the start are skipped,
    in ever larger steps.
    """
    limit = request.limit + 1
    while True:
        rows = search.first(
            warehouse,
            ranges=ranges,
            readable=readable,
            after=after,
            through=request.through,
            limit=limit,
            at_once=at_once,
        )
        unknown = list(takewhile(lambda row: not assembly.has_direction(row), rows))
        assembly.sound_changes(unknown)  # Logs them.
        is_enough = len(rows) - len(unknown) > request.limit
        if not unknown or is_enough or len(rows) < limit:
            return rows[len(unknown) :]
        after = _place(unknown[-1])
        limit = min(_GROWTH * limit, MAX_LIMIT + 1)


def _place(row: ChangeRow) -> Key:
    return row.sequence, row.metering_point_id, row.direction, row.delivery_date
