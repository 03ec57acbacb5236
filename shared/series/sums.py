"""Series as requested: values as stored, or their sums of days, months and years. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from shared import metering, periods
from shared.metering import Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import PermittedDays
from shared.series import assembly
from shared.series.assembly import Scope, Series, Sum
from shared.warehouse.engine import aware
from shared.warehouse.queries.series_days import DayRow


def assemble(rows: Sequence[DayRow], scope: Scope) -> Series:
    """Make a series of the rows of one metering point: of sums, or of values as `assembly.assemble` does."""
    if metering.is_sum(scope.resolution):
        return Series(scope, list(_sums(rows, scope, scope.resolution)))
    return assembly.assemble(rows, scope)


def bucket_of(day: date, resolution: Resolution) -> tuple[date, date]:
    """Return the first day of the day, month or year that contains a market day, and of the next one."""
    if resolution is Resolution.P1M:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    if resolution is Resolution.P1Y:
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return day, day + ONE_DAY


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
        max(assembly.next_start(scope.period.start, first_step), periods.start_of(days[0])),
        min(assembly.next_start(scope.period.end, last_step), periods.start_of(days[-1] + ONE_DAY)),
    )
    shares = [_share(row, period) for row in rows]
    letters = "".join(letters for _, letters in shares)
    missing = letters.count(assembly.MISSING) + _absent(rows, period)
    known = set(letters) - {assembly.MISSING}
    return Sum(
        day=bucket[0],
        resolution=resolution,
        period=period,
        quantity=assembly.kwh(sum(watt_hours for watt_hours, _ in shares)) if known else "null",
        quality=assembly.least_sure(known) if known else assembly.MISSING,
        complete=period == whole and missing == 0,
        missing=missing,
        published_at=aware(max(row.published_at for row in rows)),
    )


def _readable_days(scope: Scope) -> PermittedDays:
    """Return the market days that the requested period overlaps, as far as data is available."""
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
        return assembly.watt_hours_of(row.total_kwh), row.qualities
    values = assembly.cut(assembly.whole_day(row), period)
    known = [each for each in values.quantities.split(",") if each not in ("", "null")]
    return sum(map(assembly.watt_hours_of, known)), values.qualities


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
