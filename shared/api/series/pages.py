"""Pages of series: which metering points and market days one answer holds, and where the next starts.

Paging goes by key (metering point, market day), never by offset, so that a page costs
what it holds, however far into the answer it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, groupby

from shared import periods
from shared.api import stored_days
from shared.api.formats import Kind
from shared.api.series import assembly, resolutions
from shared.api.series.assembly import Scope, Series
from shared.api.series.cursors import Cursor
from shared.api.series.last_days import Reach
from shared.api.series.requests import MAX_LIMIT, MAX_NAMED, Layout, SeriesRequest
from shared.api.series.resolutions import StoredCoarser
from shared.metering import MeteringPointId, Resolution
from shared.periods import ONE_DAY
from shared.readable import PermittedDays, Readable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import DayRow

# A page of sums holds at least one whole bucket, so that no bucket is ever cut in two.
_LONGEST_BUCKET = {Resolution.P1M: 31, Resolution.P1Y: 366}

_LEAST_CHUNK, _TIMES_FILLED = 20, 8

Key = tuple[MeteringPointId, date]
"""A metering point and a market day: where a page starts."""

MAX_VALUES = 250_000
"""Values written one by one that a page holds at most: more than 10 000 market days of hours, and 2 604 of
quarters. An answer is put together in memory: of so many values it is up to 44 MB long, and writing it takes
up to 90 MB (bench/formats.py)."""


@dataclass(frozen=True)
class Page:
    """One page of an answer.

    Attributes:
        cursor: starts the next page; None on the last.
        stored_coarser: the days of this page that do not have the resolution asked for.
    """

    series: Sequence[Series]
    cursor: Cursor | None
    stored_coarser: Sequence[StoredCoarser] = ()


def fetch(
    warehouse: Warehouse,
    *,
    readable: Readable,
    asked: SeriesRequest,
    available_until: datetime | None,
    reach: Reach,
) -> Page:
    """Read one page: one to three statements, and at most `asked.limit` market days.

    A page may hold less than the limit, also nothing, while `cursor` says that more follows.
    `available_until` is the end of everything published, None before the first publication.
    """
    chunk, following = _chunk(readable, asked)
    if not chunk.permissions:
        return Page((), None)
    limit = limit_read = max(asked.limit, _LONGEST_BUCKET.get(asked.resolution, 0) if asked.resolution else 0)
    found = warehouse.fetch(
        queries.days(
            chunk,
            direction=asked.direction,
            first_day=asked.period.first_day,
            last_day=asked.period.end_day,
            as_of=asked.as_of,
            after=(asked.cursor.metering_point_id, asked.cursor.day) if asked.cursor else None,
            limit=limit_read + 1,
        )
    )
    newest = _of_newest_day(found, available_until)
    rows = stored_days.sound(found)
    if _is_written_one_by_one(asked):
        limit = min(limit, days_within(row.qualities for row in rows))
    if asked.format.kind is not Kind.JSON:
        limit = min(limit, resolutions.rows_within(rows, asked.resolution, metering_points=MAX_NAMED))
    rows, next_key = _cut(rows, limit, asked, beyond=found[limit_read] if len(found) > limit_read else None)
    rows, stored_coarser = resolutions.parted(rows, asked.resolution)
    shown = _shown(chunk, asked, until=next_key)
    wanted = {*shown} if asked.named else {row.metering_point_id for row in rows}
    last_days = newest | reach.last_days(warehouse, chunk, asked, of=wanted - newest.keys())
    return Page(
        series=_series(rows, shown=shown, last_days=last_days, asked=asked),
        cursor=_cursor(next_key or following, asked),
        stored_coarser=stored_coarser,
    )


def days_within(qualities: Iterable[str], *, values: int = MAX_VALUES) -> int:
    """How many of these market days, from the first on, have so many values together; at least one."""
    return max(1, sum(total <= values for total in accumulate(map(len, qualities))))


def _is_written_one_by_one(asked: SeriesRequest) -> bool:
    is_sum = asked.resolution is not None and not asked.resolution.is_stored
    return asked.layout is Layout.VALUES and not is_sum


def _chunk(readable: Readable, asked: SeriesRequest) -> tuple[Readable, Key | None]:
    """What is permitted of the metering points that this page may reach, and where those after them start."""
    first = asked.cursor.metering_point_id if asked.cursor else ""
    chunk, following = readable.chunk(start=first, size=_chunk_size(asked))
    return chunk, (following, asked.period.first_day) if following else None


def _chunk_size(asked: SeriesRequest) -> int:
    """How many metering points to look through for one page.

    A few times as many as would fill it with the asked days, so that those without values do not make
    pages empty, and never so many that finding the first days means sorting years of the others.
    """
    days = max(1, (asked.period.end_day - asked.period.first_day).days)
    return min(MAX_LIMIT, max(_LEAST_CHUNK, _TIMES_FILLED * asked.limit // days))


def _cut(
    rows: list[DayRow], limit: int, asked: SeriesRequest, *, beyond: DayRow | None
) -> tuple[list[DayRow], Key | None]:
    """The rows of this page, up to the edge of a bucket, and the key at which the next page starts.

    `beyond` is the last row that was read where more follow; rows that were left out may have come before.
    """
    if len(rows) > limit:
        beyond = rows[limit]
    if beyond is None:
        return rows, None
    first = beyond.delivery_date
    if asked.resolution and not asked.resolution.is_stored:
        first, _ = assembly.bucket_of(first, asked.resolution)
    kept = [
        row
        for row in rows[:limit]
        if row.metering_point_id != beyond.metering_point_id or row.delivery_date < first
    ]
    return kept, (MeteringPointId(beyond.metering_point_id), max(first, asked.period.first_day))


def _shown(
    chunk: Readable, asked: SeriesRequest, *, until: Key | None
) -> Mapping[MeteringPointId, Sequence[PermittedDays]]:
    """The metering points that this page answers for, with their permitted days."""
    return {
        metering_point_id: permitted
        for metering_point_id, permitted in chunk.periods().items()
        if until is None or (metering_point_id, asked.period.first_day) < until
    }


def _of_newest_day(rows: Sequence[DayRow], available_until: datetime | None) -> dict[str, date]:
    """The series whose rows reach to the newest day of all: where they end need not be looked for."""
    if available_until is None:
        return {}
    newest = periods.day_of(available_until) - ONE_DAY
    return {row.metering_point_id: row.delivery_date for row in rows if row.delivery_date >= newest}


def _series(
    rows: Sequence[DayRow],
    *,
    shown: Mapping[MeteringPointId, Sequence[PermittedDays]],
    last_days: Mapping[str, date],
    asked: SeriesRequest,
) -> list[Series]:
    """The series of the page: those with values, and those named by the caller even without."""
    found = {key: list(group) for key, group in groupby(rows, key=lambda row: row.metering_point_id)}
    return [
        assembly.assemble(
            found.get(metering_point_id, []), _scope(metering_point_id, permitted, last_days, asked)
        )
        for metering_point_id, permitted in shown.items()
        if asked.named or metering_point_id in found
    ]


def _scope(
    metering_point_id: MeteringPointId,
    permitted: Sequence[PermittedDays],
    last_days: Mapping[str, date],
    asked: SeriesRequest,
) -> Scope:
    last_day = last_days.get(metering_point_id)
    return Scope(
        metering_point_id=metering_point_id,
        period=asked.period,
        resolution=asked.resolution,
        permitted=permitted,
        available_until=periods.start_of(last_day + ONE_DAY) if last_day else None,
    )


def _cursor(key: Key | None, asked: SeriesRequest) -> Cursor | None:
    if key is None:
        return None
    return Cursor(metering_point_id=key[0], day=key[1], until=asked.period.end, as_of=asked.as_of)
