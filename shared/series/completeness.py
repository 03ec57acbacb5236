"""How complete each series is by day or month: values of each quality, missing ones, and late days. Pure.

A day is expected from the first published day of its series on, as far as it is requested and permitted, once
it is due: at 09:00 in Europe/Oslo on the day after, or when a later day is published. A metering point
without any published day is expected to have consumption.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import NamedTuple

from shared import periods
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import ONE_DAY
from shared.readable import Days, PermittedDays, clip
from shared.series import absent, sums
from shared.series.assembly import PER_HOUR
from shared.warehouse.queries.insights import QualityRow

_NO_COUNTS = (0,) * 6
"""The counts where there is no row; those of a row are its columns from the sixth on."""

DUE = time(9)
"""When the values of the day before are due, in Europe/Oslo."""


class Period(NamedTuple):
    """The values of one series in a day or a month, as far as it is requested and permitted.

    A named tuple, since a portfolio's year has tens of thousands of them.

    Attributes:
        expected: how many values there should be by now.
        missing: how many of these are missing.
        late: whether a whole day that is due is not published.
    """

    metering_point_id: str
    direction: str
    days: Days
    expected: int
    measured: int
    estimated: int
    final_estimated: int
    temporary: int
    calculated: int
    missing: int
    late: bool


@dataclass(frozen=True)
class Request:
    """The request, which is the same for all series.

    Attributes:
        resolution: P1D or P1M.
        days: requested market days.
        due_end: the first market day that is not due yet.
    """

    resolution: Resolution
    days: Days
    due_end: date


FirstDays = Mapping[Direction, dict[str, date]]
"""The first published day of metering points, by direction."""


def first_days_seen(
    rows: Iterable[QualityRow],
    *,
    request: Request,
    permitted: Mapping[MeteringPointId, Sequence[PermittedDays]],
) -> FirstDays:
    """Return the first days that these rows suffice for; those of all other series must be queried.

    If a series has the first day that is requested and permitted, an earlier day makes no difference. Nor
    does any day of a metering point without a requested and permitted day.
    """
    starts = {each: clip(spans, request.days)[:1] for each, spans in permitted.items()}
    nothing = {str(each): request.days[0] for each, spans in starts.items() if not spans}
    found = {direction: dict(nothing) for direction in Direction}
    first_days = {str(each): spans[0][0] for each, spans in starts.items() if spans}
    of_direction = {direction.value: known for direction, known in found.items()}
    for row in rows:
        if first_days.get(row.metering_point_id) == row.first_day and row.resolution in PER_HOUR:
            known = of_direction.get(row.direction)
            if known is not None:
                known[row.metering_point_id] = row.first_day
    return found


def due_end(moment: datetime) -> date:
    """Return the first market day that is not due yet at a moment."""
    local = moment.astimezone(periods.OSLO)
    return local.date() if local.time() >= DUE else local.date() - ONE_DAY


def periods_of(
    rows: Iterable[QualityRow],
    *,
    request: Request,
    permitted: Mapping[MeteringPointId, Sequence[PermittedDays]],
    first_days: FirstDays,
) -> Iterator[Period]:
    """Yield the periods with expected values of all permitted metering points, in order.

    Args:
        rows: by day or month, as the resolution says, in any order.
        request: the request.
        permitted: the permitted days of each metering point.
        first_days: of all series with a published day.
    """
    stored: dict[tuple[str, str], list[QualityRow]] = defaultdict(list)
    for row in rows:
        if row.resolution in PER_HOUR:
            stored[row.metering_point_id, row.direction].append(row)
    buckets = list(_buckets(request))
    for metering_point_id, spans in sorted(permitted.items()):
        directions = [each for each in Direction if metering_point_id in first_days[each]]
        for direction in directions or [Direction.CONSUMPTION]:
            yield from _of_series(
                (metering_point_id, direction.value),
                stored.get((metering_point_id, direction.value), []),
                buckets=buckets,
                request=request,
                spans=spans,
                first_day=first_days[direction].get(metering_point_id, request.days[0]),
            )


@dataclass(frozen=True)
class _Bucket:
    """A day or month, and the requested days of it."""

    whole: Days
    requested: Days


def _of_series(
    key: tuple[str, str],
    rows: Sequence[QualityRow],
    *,
    buckets: Sequence[_Bucket],
    request: Request,
    spans: Sequence[PermittedDays],
    first_day: date,
) -> Iterator[Period]:
    by_bucket: dict[date, list[QualityRow]] = defaultdict(list)
    for row in rows:
        by_bucket[_first_of(row.first_day, request.resolution)].append(row)
    last_day = max((row.last_day for row in rows), default=request.due_end - ONE_DAY)
    end = max(request.due_end, last_day + ONE_DAY)
    before = min(rows, key=lambda row: row.first_day).resolution if rows else Resolution.PT1H.value
    is_always_permitted = spans[0].first is None and spans[0].end is None
    for bucket in buckets:
        found = by_bucket.get(bucket.whole[0], ())
        first, stop = bucket.requested
        if first < first_day:
            first = first_day
        if stop > end:
            stop = end
        if first >= stop:
            expected = []
        elif is_always_permitted:
            expected = [(first, stop)]
        else:
            expected = clip(spans, (first, stop))
        if expected or found:
            period = _period(key, found, expected, before=before, days=bucket.requested)
            if period.expected:
                yield period
        if found:
            before = max(found, key=lambda row: row.last_day).resolution


def _period(
    key: tuple[str, str],
    rows: Sequence[QualityRow],
    expected: Sequence[Days],
    *,
    before: str,
    days: Days,
) -> Period:
    """Return one period.

    Args:
        expected: the days that there should be by now.
        before: the resolution of the published day before, or else of the first one.
    """
    counts: Sequence[int] = _NO_COUNTS
    if len(rows) == 1:
        counts = rows[0][5:]
    elif rows:
        counts = [sum(column) for column in zip(*(row[5:] for row in rows), strict=True)]
    if rows:
        lacking = absent.count(rows, expected=expected, before=before)
    else:
        lacking = PER_HOUR[before] * sum(absent.hours(*each) for each in expected)
    stored, measured, estimated, final_estimated, temporary, calculated = counts
    known = measured + estimated + final_estimated + temporary + calculated
    return Period(
        *key,
        days,
        stored + lacking,
        measured,
        estimated,
        final_estimated,
        temporary,
        calculated,
        stored - known + lacking,
        lacking > 0,
    )


@lru_cache(maxsize=20_000)
def _first_of(day: date, resolution: Resolution) -> date:
    """Return the first day of the day or month that contains a market day."""
    return sums.bucket_of(day, resolution)[0]


def _buckets(request: Request) -> Iterator[_Bucket]:
    day = request.days[0]
    while day < request.days[1]:
        first, end = sums.bucket_of(day, request.resolution)
        yield _Bucket((first, end), (max(first, request.days[0]), min(end, request.days[1])))
        day = end
