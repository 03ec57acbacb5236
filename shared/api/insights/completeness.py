"""Completeness of many series: what one page reads from the warehouse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from shared.api import too_large
from shared.api.insights.requests import CompletenessRequest
from shared.api.insights.sizes import MAX_ROWS, MAX_WHOLE
from shared.api.too_large import TooLargeForOneAnswer
from shared.metering import Direction, Resolution
from shared.readable import Readable
from shared.series import completeness
from shared.series.completeness import Period
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import insights

_ROWS_A_PERIOD = {Resolution.P1D: 2, Resolution.P1M: 4}
"""The most rows: one for each direction and, in a month, for each resolution."""

_GROWTH = 4
"""After metering points without periods, the next statement reads this many times as many."""


@dataclass(frozen=True)
class Page:
    """Some periods by metering point, direction and time, and the next page's cursor; None on the last."""

    periods: Sequence[Period]
    next_cursor: str | None


def fetch(warehouse: Warehouse, *, readable: Readable, request: CompletenessRequest) -> Page:
    """Read one page of periods.

    Raises:
        TooLargeForOneAnswer: the answer is requested whole, and does not fit on the largest page.
    """
    first, end = request.days
    each = (end - first).days if request.resolution is Resolution.P1D else request.months
    if request.is_whole and each * len(readable.periods) > MAX_WHOLE:
        raise _too_large(readable, each)
    limit = MAX_WHOLE if request.is_whole else request.limit
    most = max(1, MAX_ROWS // max(1, each * _ROWS_A_PERIOD[request.resolution]))
    size = min(limit // max(1, each) + 1, most)
    place = request.place
    start: str | None = place.metering_point_id if place else ""
    found: list[Period] = []
    while start is not None and first < end:
        part, start = readable.chunk(start=start, size=size)
        after = (place.metering_point_id, place.direction.value, place.day) if place else None
        found += [each for each in _of_part(warehouse, part, request) if after is None or _key(each) >= after]
        if len(found) > limit:
            if request.is_whole:
                raise _too_large(readable, each)
            metering_point_id, direction, day = _key(found[limit])
            cursor = request.following(
                day=day, metering_point_id=metering_point_id, direction=Direction(direction)
            )
            return Page(found[:limit], cursor)
        if found and start is not None and not request.is_whole:
            return Page(found, request.following(day=first, metering_point_id=start))
        if not found:
            size = min(_GROWTH * size, most)  # Access to most of a portfolio may have ended before.
    return Page(found, None)


def _too_large(readable: Readable, each: int) -> TooLargeForOneAnswer:
    """Return the refusal of `each` days or months of each metering point in both directions."""
    return too_large.entries(len(Direction) * each * len(readable.periods), most=MAX_WHOLE)


def _key(period: Period) -> tuple[str, str, date]:
    return period.metering_point_id, period.direction, period.days[0]


def _of_part(warehouse: Warehouse, readable: Readable, request: CompletenessRequest) -> Iterator[Period]:
    if not readable.permissions:
        return iter(())
    first, end = request.days
    read = (
        insights.qualities_of_days if request.resolution is Resolution.P1D else insights.qualities_of_months
    )
    rows = warehouse.fetch(read(readable, first=first, end=end, as_of=request.as_of))
    asked = completeness.Request(request.resolution, request.days, request.due_end)
    first_days = completeness.first_days_seen(rows, request=asked, permitted=readable.periods)
    for direction, known in first_days.items():
        others = readable.only(readable.periods.keys() - known.keys())
        if others.permissions:
            found = warehouse.fetch(insights.first_days(others, direction=direction, as_of=request.as_of))
            known |= dict(found)
    return completeness.periods_of(rows, request=asked, permitted=readable.periods, first_days=first_days)
