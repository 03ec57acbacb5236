"""The highest hours of many metering points: what one page reads from the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shared.api import too_large
from shared.api.insights import packed
from shared.api.insights.requests import PeaksRequest
from shared.api.insights.sizes import MAX_ROWS, MAX_WHOLE
from shared.api.series import pages
from shared.metering import MeteringPointId
from shared.readable import Readable
from shared.series import peaks
from shared.series.peaks import Peaks
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries.series_days import WantedDays


@dataclass(frozen=True)
class Page:
    """Some peaks by metering point and month, and the cursor of the next page; None on the last."""

    peaks: Sequence[Peaks]
    next_cursor: str | None


def fetch(warehouse: Warehouse, *, readable: Readable, request: PeaksRequest) -> Page:
    """Read one page of peaks.

    Raises:
        TooLargeForOneAnswer: the answer is requested whole, and does not fit on the largest page.
    """
    (first, end), months = request.days, request.months
    limit = min(MAX_WHOLE if request.is_whole else request.limit, pages.MAX_VALUES // request.count)
    if request.is_whole and months * len(readable.periods) > limit:
        raise too_large.entries(months * len(readable.periods), most=limit)
    most = max(1, min(packed.AT_ONCE, MAX_ROWS // max(1, (end - first).days)))
    size = min(limit // months + 1, most)
    place = request.place
    start: MeteringPointId | None = MeteringPointId(place.metering_point_id if place else "")
    found: list[Peaks] = []
    while start is not None and first < end:
        part, following = readable.chunk(start=start, size=size)
        read = _of_part(
            warehouse, part, request, after=(place.metering_point_id, place.day) if place else None
        )
        found += read
        if len(found) > limit:
            beyond = found[limit]
            cursor = request.following(day=beyond.month, metering_point_id=beyond.metering_point_id)
            return Page(found[:limit], cursor)
        if found and following is not None and not request.is_whole:
            return Page(found, request.following(day=first.replace(day=1), metering_point_id=following))
        start = following if read else _next_stored(warehouse, readable, request, start=following)
    return Page(found, None)


def _next_stored(
    warehouse: Warehouse, readable: Readable, request: PeaksRequest, *, start: MeteringPointId | None
) -> MeteringPointId | None:
    """Find the first metering point from `start` on with a day; most may have nothing in this direction."""
    return pages.next_stored(
        warehouse,
        readable,
        direction=request.direction,
        wanted=WantedDays.every(*request.days),
        as_of=request.as_of,
        start=start,
    )


def _of_part(
    warehouse: Warehouse, readable: Readable, request: PeaksRequest, *, after: tuple[str, date] | None
) -> list[Peaks]:
    if not readable.permissions:
        return []
    blocks = packed.read(
        warehouse,
        readable,
        direction=request.direction,
        days=request.days,
        as_of=request.as_of,
        with_ids=True,
    )
    found = peaks.highest(blocks, count=request.count, of=request.of)
    return [each for each in found if after is None or (each.metering_point_id, each.month) >= after]
