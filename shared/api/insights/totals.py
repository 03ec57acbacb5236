"""Totals over many metering points: what one page reads from the warehouse.

Days, months and years are summed in the warehouse; hours and quarters are read packed and summed here. A page
is a range of market days over all metering points. An answer that is returned whole has few totals, but reads
the days of all metering points, so both numbers are limited.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.api import too_large
from shared.api.insights import packed
from shared.api.insights.requests import TotalRequest
from shared.api.insights.sizes import MAX_ROWS, MAX_WHOLE_DAYS
from shared.api.series import resolutions
from shared.api.series.pages import MAX_VALUES
from shared.metering import Resolution
from shared.periods import ONE_DAY
from shared.readable import AT_ONCE, Days, Readable
from shared.series import assembly, coarser, sums, totals
from shared.series.totals import Total
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import insights, latest_days, series_days
from shared.warehouse.queries.series_days import WantedDays

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
    if page_end < end or _reads_too_much(readable, request, days=(first, end)):
        first, end = _stored(warehouse, readable, request, days=(first, end))
        page_end = _page_end(readable, request, first=first, end=end)
    count = (end - first).days
    if page_end < end and request.is_whole:
        raise too_large.totals(count, most_values=MAX_VALUES if count <= request.limit else None)
    if _reads_too_much(readable, request, days=(first, end)):
        raise too_large.totals(count, metering_points=len(readable.periods))
    found = _totals(warehouse, readable, request, days=(first, page_end))
    return Page(found, request.following(day=page_end) if page_end < end else None)


def _reads_too_much(readable: Readable, request: TotalRequest, *, days: Days) -> bool:
    """Return whether totals that are requested whole need too many days of metering points."""
    return request.is_whole and (days[1] - days[0]).days * len(readable.periods) > MAX_WHOLE_DAYS


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
        query = series_days.stored_in_hours(
            part, direction=request.direction, wanted=wanted, as_of=request.as_of, limit=1
        )
        resolutions.refuse(coarser.put_together([warehouse.fetch(query)]), default="days")


def _page_end(readable: Readable, request: TotalRequest, *, first: date, end: date) -> date:
    """Return the day at which the page ends: within the limits, and at the edge of a month or a year."""
    most_days = request.limit
    if request.resolution.is_stored:
        most_days = min(most_days, MAX_VALUES // (ONE_DAY // request.resolution.step))
    if request.is_whole or request.resolution is Resolution.P1D:
        return min(end, first + most_days * ONE_DAY)
    metering_points = max(1, len(readable.periods))
    if request.resolution.is_stored:
        return min(end, first + max(1, min(most_days, MAX_ROWS // metering_points)) * ONE_DAY)
    _, least = sums.bucket_of(first, request.resolution)
    months = max(1, MAX_ROWS // (_IN_TWO_RESOLUTIONS * metering_points))
    beyond = first + min(most_days, months * _LONGEST_MONTH) * ONE_DAY
    return min(end, max(least, sums.bucket_of(beyond, request.resolution)[0])) if beyond < end else end


def _stored(warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days) -> Days:
    """Return the part of `days` from the first stored market day to the last."""
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
    if not first_days or not last_days:
        return days[0], days[0]
    return min(first_days), max(last_days) + ONE_DAY


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
    for some_days in _spans(readable, days):
        of_days: list[Total] = []
        for part in readable.parts(size=packed.AT_ONCE):
            blocks = packed.read(
                warehouse, part, direction=request.direction, days=some_days, as_of=request.as_of
            )
            of_days += totals.of_blocks(blocks, resolution=request.resolution, period=request.period)
        found += totals.join(of_days)
    return found


def _spans(readable: Readable, days: Days) -> Iterator[Days]:
    """Yield market days for which one statement reads at most `MAX_ROWS` days of metering points."""
    first, end = days
    most = max(1, MAX_ROWS // min(packed.AT_ONCE, len(readable.periods)))
    while first < end:
        yield first, min(end, first + most * ONE_DAY)
        first += most * ONE_DAY


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
    months = (days[1] - days[0]).days // _LONGEST_MONTH + 2
    found: list[Total] = []
    for part in readable.parts(size=min(AT_ONCE, max(1, MAX_ROWS // (_IN_TWO_RESOLUTIONS * months)))):
        found = totals.join([*found, *_buckets_of_part(warehouse, part, request, days=days)])
    return found


def _buckets_of_part(
    warehouse: Warehouse, readable: Readable, request: TotalRequest, *, days: Days
) -> Iterator[Total]:
    rows = warehouse.fetch(
        insights.month_sums(
            readable, direction=request.direction, first=days[0], end=days[1], as_of=request.as_of
        )
    )
    unfinished = readable.only(
        totals.unfinished(rows, resolution=request.resolution, days=request.days, permitted=readable.periods)
    )
    last_days = (
        warehouse.fetch(
            latest_days.in_direction(
                unfinished, direction=request.direction, since=days[0], as_of=request.as_of
            )
        )
        if unfinished.permissions
        else ()
    )
    return totals.of_buckets(
        rows,
        resolution=request.resolution,
        days=request.days,
        permitted=readable.periods,
        last_days={row.metering_point_id: row.last_day for row in last_days},
    )
