"""Totals over many metering points: what one page reads from the warehouse.

Days, months and years are summed in the warehouse; hours and quarters are read packed and summed here. A page
is a range of market days over all metering points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.api import too_large
from shared.api.insights import packed
from shared.api.insights.requests import TotalRequest
from shared.api.series import resolutions
from shared.metering import Resolution
from shared.periods import ONE_DAY
from shared.readable import AT_ONCE, Days, Readable
from shared.series import assembly, coarser, sums, totals
from shared.series.totals import Total
from shared.warehouse import insights, queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.insights import MonthSumRow
from shared.warehouse.queries import WantedDays

MAX_ROWS = 100_000
"""Rows that one statement returns: WAREHOUSE_MAX_ROWS cannot be less."""

_LONGEST_MONTH = 28
_IN_TWO_RESOLUTIONS = 2


@dataclass(frozen=True)
class Page:
    """Some totals, in order of time, and the cursor of the next page; None on the last."""

    totals: Sequence[Total]
    next_cursor: str | None


def fetch(warehouse: Warehouse, *, readable: Readable, request: TotalRequest) -> Page:
    """Read one page of totals.

    Raises:
        InvalidRequest: quarters are requested, and some day is stored in hours.
        TooLargeForOneAnswer: the answer is requested whole, and does not fit on the largest page.
    """
    first, end = days = _wanted(request)
    if request.place:
        first = max(first, request.place.day)
    _refuse_coarser(warehouse, readable, request, days=days)
    page_end = _page_end(readable, request, first=first, end=end)
    if page_end < end and request.is_whole:
        raise too_large.market_days((end - first).days)
    following = None
    if page_end < end:
        stored = _stored(warehouse, readable, request, days=(first, end))
        if stored is None:
            return Page((), None)
        first, last_day = max(first, stored[0]), stored[1]
        page_end = min(end, _page_end(readable, request, first=first, end=end))
        following = request.following(day=page_end) if page_end <= last_day else None
    return Page(_totals(warehouse, readable, request, days=(first, page_end)), following)


def _wanted(request: TotalRequest) -> Days:
    """Return the market days with a value that starts in the period."""
    first, end = request.days
    if not request.resolution.is_stored:
        return first, end
    starts = assembly.days_with_starts(request.period, request.resolution)
    return max(first, starts[0]), max(first, min(end, starts[1]))


def _refuse_coarser(warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days) -> None:
    """Raise if quarters are requested and days are stored in hours: a total without them would be wrong."""
    if request.resolution is not Resolution.PT15M or days[0] >= days[1]:
        return
    wanted = WantedDays(quarters=(days[0], days[0]), hours=days)
    for part in readable.parts():
        query = queries.stored_in_hours(
            part, direction=request.direction, wanted=wanted, as_of=request.as_of, limit=1
        )
        resolutions.refuse(coarser.put_together([warehouse.fetch(query)]))


def _page_end(readable: Readable, request: TotalRequest, *, first: date, end: date) -> date:
    """Return the day at which the page ends: within the limit, and at the edge of a month or a year."""
    metering_points = max(1, len(readable.periods))
    if request.resolution.is_stored:
        days = max(1, min(request.limit, MAX_ROWS // metering_points))
        return min(end, first + days * ONE_DAY)
    if request.resolution is Resolution.P1D:
        return min(end, first + request.limit * ONE_DAY)
    _, least = sums.bucket_of(first, request.resolution)
    months = max(1, MAX_ROWS // (_IN_TWO_RESOLUTIONS * metering_points))
    beyond = first + min(request.limit, months * _LONGEST_MONTH) * ONE_DAY
    return min(end, max(least, sums.bucket_of(beyond, request.resolution)[0])) if beyond < end else end


def _stored(warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days) -> Days | None:
    """Return the first and the last day that any of the metering points has; None without any."""
    found = [
        row
        for part in readable.parts()
        for row in warehouse.fetch(
            insights.day_range(
                part, direction=request.direction, first=days[0], end=days[1], as_of=request.as_of
            )
        )
    ]
    first_days = [row.first_day for row in found if row.first_day]
    last_days = [row.last_day for row in found if row.last_day]
    return (min(first_days), max(last_days)) if first_days and last_days else None


def _totals(warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days) -> list[Total]:
    if days[0] >= days[1] or not readable.permissions:
        return []
    if request.resolution.is_stored:
        return _of_intervals(warehouse, readable, request, days=days)
    if request.resolution is Resolution.P1D:
        return _of_days(warehouse, readable, request, days=days)
    return _of_buckets(warehouse, readable, request, days=days)


def _of_intervals(
    warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days
) -> list[Total]:
    found: list[Total] = []
    for part in readable.parts(size=min(packed.AT_ONCE, max(1, MAX_ROWS // (days[1] - days[0]).days))):
        blocks = packed.read(warehouse, part, direction=request.direction, days=days, as_of=request.as_of)
        found += totals.of_blocks(blocks, resolution=request.resolution, period=request.period)
    return totals.join(found)


def _of_days(warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days) -> list[Total]:
    rows = (
        row
        for part in readable.parts()
        for row in warehouse.fetch(
            insights.day_sums(
                part, direction=request.direction, first=days[0], end=days[1], as_of=request.as_of
            )
        )
    )
    return totals.join(totals.of_days(rows))


def _of_buckets(
    warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days
) -> list[Total]:
    rows = list(_month_sums(warehouse, readable, request, days=days))
    unfinished = totals.unfinished(
        rows, resolution=request.resolution, days=request.days, permitted=readable.periods
    )
    last_days = {
        row.metering_point_id: row.last_day
        for part in readable.only(unfinished).parts()
        for row in warehouse.fetch(
            queries.last_days(part, direction=request.direction, since=days[0], as_of=request.as_of)
        )
    }
    return totals.join(
        totals.of_buckets(
            rows,
            resolution=request.resolution,
            days=request.days,
            permitted=readable.periods,
            last_days=last_days,
        )
    )


def _month_sums(
    warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days
) -> Iterator[MonthSumRow]:
    months = (days[1] - days[0]).days // _LONGEST_MONTH + 2
    for part in readable.parts(size=min(AT_ONCE, max(1, MAX_ROWS // (_IN_TWO_RESOLUTIONS * months)))):
        yield from warehouse.fetch(
            insights.month_sums(
                part, direction=request.direction, first=days[0], end=days[1], as_of=request.as_of
            )
        )
