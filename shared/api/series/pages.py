"""Pages of series: which metering points and market days one page holds, and where the next starts.

Pages start at a key (metering point, market day), not at an offset, so that the cost of a page depends on its
size alone. Only the last page can be empty: the statement leaves out days without a requested value, and if
the next metering points have no values, another statement finds the next one with values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, groupby

from shared import metering, periods
from shared.api import too_large
from shared.api.series import resolutions
from shared.api.series.cursors import Cursor
from shared.api.series.requests import MAX_LIMIT, MAX_NAMED, Layout, SeriesRequest
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import ONE_DAY
from shared.publishing.remembered import LastDays
from shared.readable import AT_ONCE, PermittedDays, Readable
from shared.series import assembly, coarser, sums
from shared.series.assembly import Scope, Series
from shared.series.coarser import NOTHING_COARSER, Coarser
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import series_days
from shared.warehouse.queries.series_days import DayRow, WantedDays

# A page of sums has room for at least one whole bucket, so that no bucket is split.
_LONGEST_BUCKET = {Resolution.P1M: 31, Resolution.P1Y: 366}

_QUARTERS = assembly.PER_HOUR[Resolution.PT15M]
_LEAST_CHUNK, _TIMES_FILLED = 20, 8
_GROWTH = 4

Key = tuple[MeteringPointId, date]
"""A metering point and a market day: where a page starts."""

MAX_VALUES = 250_000
"""The most values that a page writes one by one: more than 10 000 market days of hours, or 2 604 of quarters.
A body is built in memory: with this many values it has up to 44 MB, and writing it takes up to 90 MB
(bench/formats.py)."""

MAX_CELLS = 4 * MAX_VALUES
"""The most cells of a wide table: if its metering points have different days, it is mostly empty."""


@dataclass(frozen=True)
class Page:
    """One page of an answer.

    Attributes:
        cursor: starts the next page; None on the last.
        is_first: whether it is the first page.
        stored_coarser: days stored coarser than requested; on the first page only.
    """

    series: Sequence[Series]
    cursor: Cursor | None
    is_first: bool = True
    stored_coarser: Coarser = NOTHING_COARSER


def fetch(
    warehouse: Warehouse,
    *,
    readable: Readable,
    request: SeriesRequest,
    available_until: datetime | None,
    last_days: LastDays,
) -> Page:
    """Read one page of at most `request.limit` market days.

    `available_until` is the end of everything published; None before the first publication.

    Raises:
        InvalidRequest: one metering point is requested, and has days that are stored coarser.
        TooLargeForOneAnswer: the response is requested whole and does not fit on the largest page, or is a
            wide table that is mostly empty.
    """
    left_out = _stored_coarser(warehouse, readable, request)
    wanted = assembly.wanted_days(request.period, request.resolution)
    limit = max(request.limit, _LONGEST_BUCKET.get(request.resolution, 0) if request.resolution else 0)
    rows, following = _rows(warehouse, readable, request, wanted=wanted, limit=limit)
    newest = _of_newest_day(rows, available_until)
    most_values = None
    if _is_written_one_by_one(request) and (days := days_within(_values(rows, request))) < limit:
        limit, most_values = days, MAX_VALUES
    rows, next_key = _cut(rows, limit, request, following=following)
    if next_key is not None and request.is_whole:
        count = _count(warehouse, readable, request, wanted=wanted)
        refusal = too_large.wide_market_days if _has_columns(request) else too_large.market_days
        raise refusal(count, most_values=most_values)
    shown = _shown(readable, request, rows=rows, until=next_key)
    if request.layout is Layout.WIDE:
        _refuse_sparse(rows, columns=len(shown), request=request)
    sought = readable.only(shown.keys() - newest.keys())
    return Page(
        series=_series(
            rows,
            shown=shown,
            ends=newest | last_days.of(sought, direction=request.direction, as_of=request.as_of),
            request=request,
        ),
        cursor=_cursor(next_key, request),
        is_first=request.cursor is None,
        stored_coarser=left_out,
    )


def _has_columns(request: SeriesRequest) -> bool:
    """Return whether each metering point of a page is a column, so that pages have different columns."""
    return request.layout is Layout.WIDE and not request.is_one


def days_within(values: Iterable[int]) -> int:
    """Return how many market days, from the first on, have at most `MAX_VALUES` together; at least one.

    Args:
        values: of each day.
    """
    return max(1, sum(total <= MAX_VALUES for total in accumulate(values)))


def _values(rows: Iterable[DayRow], request: SeriesRequest) -> Iterator[int]:
    """Yield how many values each market day has in the answer, in which quarters may become hours."""
    for row in rows:
        is_hourly = request.resolution is Resolution.PT1H and row.resolution == Resolution.PT15M
        yield len(row.qualities) // _QUARTERS if is_hourly else len(row.qualities)


def _rows(
    warehouse: Warehouse, readable: Readable, request: SeriesRequest, *, wanted: WantedDays, limit: int
) -> tuple[list[DayRow], MeteringPointId | None]:
    """Read up to one row more than the limit; if there are fewer, also return where the next page starts.

    A page ends after the first searched metering points with any row, unless the answer is requested whole.
    """
    rows: list[DayRow] = []
    key = _start(request)
    start: MeteringPointId | None = key[0] if key else MeteringPointId("")
    size = _chunk_size(request)
    while start is not None and not wanted.is_empty:
        chunk, following = readable.chunk(start=start, size=size)
        left = limit + 1 - len(rows)
        read = _days(warehouse, chunk, request, wanted, key=key, limit=left)
        rows += assembly.sound(read)
        if len(rows) > limit:
            return rows, None
        if len(read) == left:  # Some of these days were invalid and left out: read on after them.
            start = MeteringPointId(read[-1].metering_point_id)
            key = (start, read[-1].delivery_date + ONE_DAY)
            continue
        if rows and not request.is_whole:
            return rows, following
        key = None
        if not read:
            following = next_stored(
                warehouse,
                readable,
                direction=request.direction,
                wanted=wanted,
                as_of=request.as_of,
                start=following,
            )
        start = following
        size = min(AT_ONCE, _GROWTH * size)
    return rows, None


def _days(
    warehouse: Warehouse,
    readable: Readable,
    request: SeriesRequest,
    wanted: WantedDays,
    *,
    key: Key | None,
    limit: int,
) -> list[DayRow]:
    if not readable.permissions:
        return []
    query = series_days.days(
        readable,
        direction=request.direction,
        wanted=wanted,
        as_of=request.as_of,
        after=key,
        limit=limit,
    )
    return sorted(warehouse.fetch(query))


def next_stored(
    warehouse: Warehouse,
    readable: Readable,
    *,
    direction: Direction,
    wanted: WantedDays,
    as_of: datetime,
    start: MeteringPointId | None,
) -> MeteringPointId | None:
    """Find the first metering point from `start` on that has a wanted day."""
    for part in readable.parts(start=start) if start is not None else ():
        (first,) = warehouse.fetch(
            series_days.first_metering_point(part, direction=direction, wanted=wanted, as_of=as_of)
        )
        if first is not None:
            return first
    return None


def _count(warehouse: Warehouse, readable: Readable, request: SeriesRequest, *, wanted: WantedDays) -> int:
    """Count the market days of the whole answer, which starts at the request's cursor."""
    key = _start(request)
    return sum(
        warehouse.fetch(
            series_days.count_days(
                part, direction=request.direction, wanted=wanted, as_of=request.as_of, after=key
            )
        )[0]
        for part in readable.parts(start=key[0] if key else "")
    )


def _start(request: SeriesRequest) -> Key | None:
    return (request.cursor.metering_point_id, request.cursor.day) if request.cursor else None


def _stored_coarser(warehouse: Warehouse, readable: Readable, request: SeriesRequest) -> Coarser:
    """Find the days that are left out because they are stored coarser than requested.

    The first page names them. For one metering point, each page raises instead of leaving days out.
    """
    if request.resolution is not Resolution.PT15M or (request.cursor and not request.is_one):
        return NOTHING_COARSER
    left_out = coarser.find(
        warehouse, readable, direction=request.direction, period=request.period, as_of=request.as_of
    )
    if request.is_one:
        resolutions.refuse(left_out)
    return left_out


def _is_written_one_by_one(request: SeriesRequest) -> bool:
    return request.layout is not Layout.DAYS and not metering.is_sum(request.resolution)


def _chunk_size(request: SeriesRequest) -> int:
    """Return how many metering points to search at first.

    This is a few times as many as fill a page with the requested days, so that most pages take one statement,
    but not so many that the statement has to sort years of days to find the first ones.
    """
    if request.named:
        return MAX_NAMED
    days = max(1, (request.period.end_day - request.period.first_day).days)
    return min(MAX_LIMIT, max(_LEAST_CHUNK, _TIMES_FILLED * request.limit // days))


def _cut(
    rows: list[DayRow], limit: int, request: SeriesRequest, *, following: MeteringPointId | None
) -> tuple[list[DayRow], Key | None]:
    """Return the rows of this page, up to the edge of a bucket, and the key at which the next page starts."""
    if len(rows) <= limit:
        return rows, (following, request.period.first_day) if following else None
    beyond = rows[limit]
    first = beyond.delivery_date
    if metering.is_sum(request.resolution):
        first, _ = sums.bucket_of(first, request.resolution)
    kept = [
        row
        for row in rows[:limit]
        if row.metering_point_id != beyond.metering_point_id or row.delivery_date < first
    ]
    return kept, (MeteringPointId(beyond.metering_point_id), max(first, request.period.first_day))


def _shown(
    readable: Readable, request: SeriesRequest, *, rows: Sequence[DayRow], until: Key | None
) -> Mapping[MeteringPointId, Sequence[PermittedDays]]:
    """Return the metering points of this page with their permitted days.

    A metering point that the caller named is part of the page even without values.
    """
    ids = {row.metering_point_id for row in rows}
    if not request.named:
        return readable.only(ids).periods
    start = request.cursor.metering_point_id if request.cursor else ""
    return {
        metering_point_id: permitted
        for metering_point_id, permitted in readable.periods.items()
        if metering_point_id >= start
        and (until is None or (metering_point_id, request.period.first_day) < until)
    }


def _refuse_sparse(rows: Sequence[DayRow], *, columns: int, request: SeriesRequest) -> None:
    """Refuse a wide table that has far more cells than values.

    Raises:
        TooLargeForOneAnswer: it has more than `MAX_CELLS`.
    """
    intervals = {
        (row.delivery_date, row.resolution): 1 if metering.is_sum(request.resolution) else len(row.qualities)
        for row in rows
    }
    cells = columns * sum(intervals.values())
    if cells > MAX_CELLS:
        raise too_large.cells(cells, most=MAX_CELLS)


def _of_newest_day(rows: Sequence[DayRow], available_until: datetime | None) -> dict[str, date]:
    """Return the ends of the series that have the newest published day: they need no other statement."""
    if available_until is None:
        return {}
    newest = periods.day_of(available_until) - ONE_DAY
    return {row.metering_point_id: row.delivery_date for row in rows if row.delivery_date >= newest}


def _series(
    rows: Sequence[DayRow],
    *,
    shown: Mapping[MeteringPointId, Sequence[PermittedDays]],
    ends: Mapping[str, date],
    request: SeriesRequest,
) -> list[Series]:
    by_point = {key: list(group) for key, group in groupby(rows, key=lambda row: row.metering_point_id)}
    return [
        sums.assemble(
            by_point.get(metering_point_id, []), _scope(metering_point_id, permitted, ends, request)
        )
        for metering_point_id, permitted in shown.items()
    ]


def _scope(
    metering_point_id: MeteringPointId,
    permitted: Sequence[PermittedDays],
    ends: Mapping[str, date],
    request: SeriesRequest,
) -> Scope:
    last_day = ends.get(metering_point_id)
    return Scope(
        metering_point_id=metering_point_id,
        direction=request.direction,
        period=request.period,
        resolution=request.resolution,
        permitted=permitted,
        available_until=periods.start_of(last_day + ONE_DAY) if last_day else None,
    )


def _cursor(key: Key | None, request: SeriesRequest) -> Cursor | None:
    if key is None:
        return None
    return Cursor(metering_point_id=key[0], day=key[1], until=request.period.end, as_of=request.as_of)
