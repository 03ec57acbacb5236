"""Series: stored market days cut to the requested period and, if requested, summed.

Pure: rows in, series out. Other modules write them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from shared import periods
from shared.metering import MeteringPointId, Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import PermittedDays
from shared.warehouse.engine import aware
from shared.warehouse.queries import ChangeRow, DayRow

MISSING = "X"
_RESOLUTIONS = {each.value: each for each in Resolution}
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
"""Values start on the hour, or on the quarter, of any zone: Oslo's offset is whole hours since 1900."""
_FROM_SURE_TO_UNSURE = "MFCET"
"""Letters of quality, measured first; a sum is as sure as the least sure value in it."""


class Run(NamedTuple):
    """Consecutive values of one market day. A named tuple, since a portfolio has thousands of them.

    Attributes:
        first: position of the first value on the day's grid of `resolution`, from 0.
        quantities: kWh with three decimals or `null`, comma-separated, in order of time.
        qualities: a letter for each value.
    """

    day: date
    resolution: Resolution
    first: int
    quantities: str
    qualities: str
    published_at: datetime

    @property
    def start(self) -> datetime:
        """Return the start of the first value."""
        return periods.start_of(self.day) + self.first * self.resolution.step


@dataclass(frozen=True)
class Sum:
    """The sum of the values in a period of a day, a month or a year.

    Attributes:
        quantity: kWh with three decimals, or `null` when there is no value at all.
        quality: the letter of the least sure value.
        complete: the whole day, month or year is covered and no value is missing.
        missing: how many values of the period are not there.
    """

    day: date
    resolution: Resolution
    period: Period
    quantity: str
    quality: str
    complete: bool
    missing: int
    published_at: datetime


@dataclass(frozen=True)
class Scope:
    """What is requested of one metering point, and what of it is permitted and available.

    Attributes:
        resolution: None means as stored.
        available_until: end of its last published market day; None when nothing is published.
    """

    metering_point_id: MeteringPointId
    period: Period
    resolution: Resolution | None
    permitted: Sequence[PermittedDays]
    available_until: datetime | None


@dataclass(frozen=True)
class Series:
    """The values of one metering point, or the part of them that is on this page."""

    scope: Scope
    parts: Sequence[Run | Sum]

    @property
    def resolution(self) -> Resolution | None:
        """Return the resolution of all values; None when it changes within them or is unknown."""
        found = {part.resolution for part in self.parts}
        return found.pop() if len(found) == 1 else None if found else self.scope.resolution


def assemble(rows: Sequence[DayRow], scope: Scope) -> Series:
    """Make a series of the rows of one metering point; none of them may be coarser than requested."""
    if scope.resolution is None or scope.resolution.is_stored:
        return Series(scope, _runs(rows, scope))
    return Series(scope, list(_sums(rows, scope, scope.resolution)))


def bucket_of(day: date, resolution: Resolution) -> tuple[date, date]:
    """Return the first day of the day, month or year that contains a market day, and of the next one."""
    if resolution is Resolution.P1M:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    if resolution is Resolution.P1Y:
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return day, day + ONE_DAY


def days_with_starts(period: Period, resolution: Resolution) -> tuple[date, date]:
    """Return the market days `[first, end)` in which values of a stored resolution start in the period."""
    first, end = (_next_start(edge, resolution.step) for edge in (period.start, period.end))
    if first >= end:
        return period.first_day, period.first_day
    return periods.day_of(first), periods.day_of(end - resolution.step) + ONE_DAY


def _runs(rows: Sequence[DayRow], scope: Scope) -> list[Run]:
    runs = [whole_day(row) for row in rows]
    if scope.resolution is not None:
        runs = [_coarser(run, scope.resolution) for run in runs]
    inside = _whole_days(scope.period)
    for edge in {0, len(runs) - 1} if runs else ():  # The days between lie within the period.
        if not inside.contains(runs[edge].day):
            runs[edge] = _cut(runs[edge], scope.period)
    return [run for run in runs if run.qualities]


@lru_cache(maxsize=128)
def _whole_days(period: Period) -> PermittedDays:
    """Return the market days that lie completely in a period."""
    first = period.first_day
    return PermittedDays(
        first if periods.start_of(first) == period.start else first + ONE_DAY, periods.day_of(period.end)
    )


def whole_day(row: DayRow | ChangeRow) -> Run:
    """Return a stored market day as a run of all its values."""
    resolution = _RESOLUTIONS[row.resolution]
    return Run(row.delivery_date, resolution, 0, row.quantities, row.qualities, aware(row.published_at))


def _cut(run: Run, period: Period) -> Run:
    """Return the values of a run that start within the period."""
    first = max(0, -((run.start - period.start) // run.resolution.step))
    end = min(len(run.qualities), -((run.start - period.end) // run.resolution.step))
    if first == 0 and end == len(run.qualities):
        return run
    return run._replace(
        first=run.first + first,
        quantities=",".join(run.quantities.split(",")[first:end]),
        qualities=run.qualities[first:end],
    )


def _coarser(run: Run, resolution: Resolution) -> Run:
    """Return a day of quarters as hours: an hour that lacks a quarter is missing, never a smaller sum."""
    if run.resolution is resolution:
        return run
    step = resolution.step // run.resolution.step
    quantities = run.quantities.split(",")
    hours = [
        _add(quantities[at : at + step], run.qualities[at : at + step])
        for at in range(0, len(quantities), step)
    ]
    return run._replace(
        resolution=resolution,
        quantities=",".join(quantity for quantity, _ in hours),
        qualities="".join(quality for _, quality in hours),
    )


def _add(quantities: Sequence[str], qualities: str) -> tuple[str, str]:
    if MISSING in qualities:
        return "null", MISSING
    return kwh(sum(map(_wh, quantities))), _least_sure(qualities)


def _sums(rows: Sequence[DayRow], scope: Scope, resolution: Resolution) -> Iterator[Sum]:
    readable = _readable_days(scope)
    for bucket, group in groupby(rows, key=lambda row: bucket_of(row.delivery_date, resolution)):
        days = [day for day in _days(*bucket) if readable.contains(day) and _is_permitted(day, scope)]
        found = _sum(list(group), days, scope, bucket=bucket, resolution=resolution)
        if found.period.start < found.period.end:
            yield found


def _sum(
    rows: Sequence[DayRow],
    days: Sequence[date],
    scope: Scope,
    *,
    bucket: tuple[date, date],
    resolution: Resolution,
) -> Sum:
    """Sum the rows of one day, month or year, of which `days` are requested, permitted and available."""
    whole = Period(periods.start_of(bucket[0]), periods.start_of(bucket[1]))
    first_step, last_step = (Resolution(row.resolution).step for row in (rows[0], rows[-1]))
    period = Period(
        max(_next_start(scope.period.start, first_step), periods.start_of(days[0])),
        min(_next_start(scope.period.end, last_step), periods.start_of(days[-1] + ONE_DAY)),
    )
    shares = [_share(row, period) for row in rows]
    letters = "".join(letters for _, letters in shares)
    missing = letters.count(MISSING) + _absent(rows, period)
    known = set(letters) - {MISSING}
    return Sum(
        day=bucket[0],
        resolution=resolution,
        period=period,
        quantity=kwh(sum(watt_hours for watt_hours, _ in shares)) if known else "null",
        quality=_least_sure(known) if known else MISSING,
        complete=period == whole and missing == 0 and len(days) == (bucket[1] - bucket[0]).days,
        missing=missing,
        published_at=aware(max(row.published_at for row in rows)),
    )


def _next_start(instant: datetime, step: timedelta) -> datetime:
    """Return the first start of a value at or after an instant: values belong to the period they start in."""
    return instant + (_MIDNIGHT - instant) % step


def _readable_days(scope: Scope) -> PermittedDays:
    """Return the market days that the requested period touches, as far as data is available."""
    end = scope.period.end_day
    if scope.available_until is not None:
        end = min(end, periods.day_of(scope.available_until))
    return PermittedDays(scope.period.first_day, end)


def _days(first: date, end: date) -> Iterator[date]:
    return (first + timedelta(days=count) for count in range((end - first).days))


def _share(row: DayRow, period: Period) -> tuple[int, str]:
    """Return what a day adds to a sum: its Wh and its letters of quality within the period."""
    day = periods.market_day(row.delivery_date)
    if period.start <= day.start and day.end <= period.end:
        return _wh(row.total_kwh), row.qualities
    run = _cut(whole_day(row), period)
    return sum(_wh(each) for each in run.quantities.split(",") if each not in ("", "null")), run.qualities


def _absent(rows: Sequence[DayRow], period: Period) -> int:
    """Count the values of the period whose market days are not published or not permitted.

    An absent day has as many values as its length holds in the resolution of the published day before it or,
    where there is none, after it.
    """
    published = {row.delivery_date: Resolution(row.resolution).step for row in rows}
    missing, step = 0, published[min(published)]
    for day in _days(period.first_day, period.end_day):
        if day in published:
            step = published[day]
        else:
            whole = periods.market_day(day)
            missing += (min(whole.end, period.end) - max(whole.start, period.start)) // step
    return missing


def _is_permitted(day: date, scope: Scope) -> bool:
    return any(days.contains(day) for days in scope.permitted)


def _least_sure(letters: Iterable[str]) -> str:
    return max(letters, key=_FROM_SURE_TO_UNSURE.index)


def _wh(quantity: str) -> int:
    """Return whole Wh from kWh with exactly three decimals: sums of whole numbers are exact."""
    return int(quantity.replace(".", "", 1))


def kwh(watt_hours: int) -> str:
    """Return whole Wh as kWh with three decimals."""
    return f"{watt_hours // 1000}.{watt_hours % 1000:03d}"
