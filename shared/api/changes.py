"""What is new or corrected since a cursor, in the order of publication.

A day that was published several times since then comes once, as it is now. The cursor marks
a place in the order of publications, so it stays valid for as long as it is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson

from shared.api import cursors, series_json
from shared.api.parameters import Parameters
from shared.api.requests import DEFAULT_LIMIT, MAX_LIMIT, Given
from shared.api.series import Run
from shared.metering import Resolution
from shared.readable import Readable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import ChangeRow
from shared.warehouse.watermark import Publication

_QUERY = "changes"

Key = tuple[int, str, str, date]
"""A place in the order of publication: sequence, metering point, direction, market day."""


@dataclass(frozen=True)
class ChangesRequest:
    """A valid question for changes.

    Attributes:
        after: the last day that the caller has; None without a cursor.
        since: the moment after which publications are wanted; None without `since`.
        limit: market days on a page.
        through: sequence of the publication up to which this page tells; 0 before the first.
    """

    after: Key | None
    since: datetime | None
    limit: int
    through: int


@dataclass(frozen=True)
class Changes:
    """A page of changes, and the cursor with which to ask again."""

    rows: Sequence[ChangeRow]
    cursor: str
    is_up_to_date: bool


def read_request(given: Given, *, now: datetime, latest: Publication | None) -> ChangesRequest:
    """A question for changes from its parameters.

    Raises:
        InvalidRequest: with every fault of the request.
    """
    parameters = Parameters(given)
    after = parameters.cursor("cursor", _key)
    since = parameters.moment("since")
    if since is not None and since > now:
        parameters.fault(
            "since", "in-the-future", "'since' lies in the future.", "Give a time that has passed."
        )
    if parameters.is_given("cursor") and parameters.is_given("since"):
        parameters.fault(
            "since", "cursor-and-since", "'since' is given together with 'cursor'.", "Give one or the other."
        )
    limit = parameters.whole_number("limit", default=DEFAULT_LIMIT, low=1, high=MAX_LIMIT)
    parameters.choice("format", {"json": "json"})
    parameters.done()
    return ChangesRequest(after, since, limit, through=latest.sequence if latest else 0)


def fetch(warehouse: Warehouse, *, readable: Readable, asked: ChangesRequest) -> Changes:
    """Read one page; without cursor and `since` it is empty and tells the cursor of now."""
    after = asked.after
    if after is None and asked.since is not None:
        (sequence,) = warehouse.fetch(queries.sequence_at(asked.since))
        after = _first_after(sequence)
    if after is None or after[0] > asked.through:
        return Changes((), _sealed(after or _first_after(asked.through)), is_up_to_date=True)
    rows = warehouse.fetch(
        queries.changes(readable, after=after, through=asked.through, limit=asked.limit + 1)
    )
    if len(rows) <= asked.limit:
        return Changes(rows, _sealed(_first_after(asked.through)), is_up_to_date=True)
    page = rows[: asked.limit]
    last = page[-1]
    key = (last.sequence, last.metering_point_id, last.direction, last.delivery_date)
    return Changes(page, _sealed(key), is_up_to_date=False)


def as_json(changes: Changes) -> bytes:
    """The answer."""
    days = ",".join(map(_day, changes.rows))
    up_to_date = "true" if changes.is_up_to_date else "false"
    return f'{{"days":[{days}],"cursor":"{changes.cursor}","upToDate":{up_to_date}}}'.encode()


def _day(row: ChangeRow) -> str:
    run = Run(
        day=row.delivery_date,
        resolution=Resolution(row.resolution),
        first=0,
        quantities=row.quantities,
        qualities=row.qualities,
        published_at=row.published_at,
    )
    head = {"meteringPointId": row.metering_point_id, "direction": row.direction, "sequence": row.sequence}
    return f"{orjson.dumps(head).decode()[:-1]},{series_json.day(run)[1:]}"


def _first_after(sequence: int) -> Key:
    """The place before everything that is published after a sequence."""
    return sequence + 1, "", "", queries.FIRST_DAY


def _sealed(key: Key) -> str:
    return cursors.seal(_QUERY, *key)


def _key(text: str) -> Key:
    content = cursors.unseal(text, query=_QUERY)
    try:
        sequence, metering_point_id, direction, day = content
        return int(sequence), str(metering_point_id), str(direction), date.fromisoformat(day)
    except (ValueError, TypeError) as error:
        raise cursors.InvalidCursor("This is not a cursor that the API gave.") from error
