"""Pages of changes: what is new or corrected since a cursor, in the order of publication.

A day that was published several times since then comes once, as it is now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.api import stored_days, too_large
from shared.api.changes import search
from shared.api.changes.requests import ChangesRequest, cursor_text
from shared.api.formats import Kind
from shared.api.series.pages import days_within
from shared.readable import AT_ONCE, Readable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import ChangeRow


@dataclass(frozen=True)
class Page:
    """A page of changes.

    Attributes:
        cursor: the one to keep, to ask again with.
        is_up_to_date: nothing follows at once.
    """

    rows: Sequence[ChangeRow]
    cursor: str
    is_up_to_date: bool


def fetch(
    warehouse: Warehouse, *, readable: Readable, request: ChangesRequest, at_once: int = AT_ONCE
) -> Page:
    """Read one page; without cursor and `since` it is empty and has the cursor of now.

    Args:
        at_once: metering points that one statement is given.

    Raises:
        TooLargeForOneAnswer: the response is requested whole, and does not fit on the largest page.
    """
    after = request.after
    if after is None and request.since is not None:
        (sequence,) = warehouse.fetch(queries.sequence_at(request.since))
        after = search.first_of(sequence + 1)
    up_to_date = search.first_of(request.through + 1)
    if after is None or after >= up_to_date:
        return Page((), cursor_text(after or up_to_date, request.seal), is_up_to_date=True)
    found = search.first(
        warehouse,
        readable=readable,
        after=after,
        through=request.through,
        limit=request.limit + 1,
        at_once=at_once,
    )
    limit = request.limit
    if request.format.kind is Kind.CSV:
        limit = min(limit, days_within(row.qualities for row in found))
    page = stored_days.sound_changes(found[:limit])
    if len(found) <= limit:
        return Page(page, cursor_text(up_to_date, request.seal), is_up_to_date=True)
    if request.is_whole:
        raise too_large.changes(
            search.count(warehouse, readable=readable, after=after, through=request.through, at_once=at_once)
        )
    last = found[limit - 1]
    key = (last.sequence, last.metering_point_id, last.direction, last.delivery_date)
    return Page(page, cursor_text(key, request.seal), is_up_to_date=False)
