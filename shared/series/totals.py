"""The sum over many metering points for each interval, day, month or year. Pure.

A total adds up the series of the metering points: the quantities of their values, and how many are missing. A
metering point counts in an interval if it has a published day there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from shared import periods
from shared.metering import MeteringPointId, Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import Days, PermittedDays, clip
from shared.series import absent, assembly, sums
from shared.series.assembly import MISSING, watt_hours_of
from shared.series.blocks import Block, Group
from shared.warehouse.queries.insights import DaySumRow, MonthSumRow

_LARGEST_SUM = 2**62
"""Wh that a column's sum stays below, since Arrow's sums of whole numbers wrap around silently."""

Permitted = Mapping[MeteringPointId, Sequence[PermittedDays]]


@dataclass(frozen=True)
class Total:
    """The sum of an interval over metering points.

    Attributes:
        watt_hours: None when there is no value at all.
        complete: whether each of these metering points covers the whole interval and no value is missing.
        missing: how many values are missing.
        metering_points: how many metering points have a published day in it.
    """

    start: datetime
    end: datetime
    watt_hours: int | None
    complete: bool
    missing: int
    metering_points: int


def join(totals: Iterable[Total]) -> list[Total]:
    """Add up totals of the same interval; return one for each, in order of time."""
    found: dict[datetime, list[Total]] = defaultdict(list)
    for each in totals:
        found[each.start].append(each)
    return [_joined(found[start]) for start in sorted(found)]


def of_blocks(blocks: Iterable[Block], *, resolution: Resolution, period: Period) -> Iterator[Total]:
    """Yield the totals of each block's hours or quarters that start in the period.

    Quarters are summed to hours first where hours are wanted; blocks of hours are never wanted as quarters.
    """
    for block in blocks:
        fitting = block.as_hours() if resolution is Resolution.PT1H else block
        yield from (each for each in _of_block(fitting) if period.start <= each.start < period.end)


def of_days(rows: Iterable[DaySumRow]) -> Iterator[Total]:
    """Yield the totals of whole market days."""
    for row in rows:
        if not row.is_whole:
            assembly.report(row.metering_points, f"{row.delivery_date}")
            continue
        whole = periods.market_day(row.delivery_date)
        yield Total(
            start=whole.start,
            end=whole.end,
            watt_hours=watt_hours_of(row.total_kwh) if row.values_stored > row.missing else None,
            complete=row.missing == 0,
            missing=row.missing,
            metering_points=row.metering_points,
        )


def of_buckets(
    rows: Iterable[MonthSumRow],
    *,
    resolution: Resolution,
    days: Days,
    permitted: Permitted,
    last_days: Mapping[str, date],
) -> Iterator[Total]:
    """Yield the total of each metering point for months or years, within the requested days.

    Anything that is not a whole market day is left out and logged.

    Args:
        rows: of whole metering points, in any order.
        resolution: P1M or P1Y.
        days: requested market days.
        permitted: the permitted days of each metering point.
        last_days: the last published day of the metering points that `unfinished` names.
    """
    rows = list(rows)
    odd = [row for row in rows if not row.is_whole]
    if odd:
        assembly.report(
            sum(row.days for row in odd),
            ", ".join(f"{row.metering_point_id!a} from {row.first_day}" for row in odd[: assembly.LOGGED]),
        )
    for (metering_point_id, bucket), group in _by_bucket(rows, resolution).items():
        spans = _spans(permitted[MeteringPointId(metering_point_id)], bucket=bucket, days=days)
        last_day = last_days.get(metering_point_id)
        if last_day is not None:
            spans = _until(spans, last_day + ONE_DAY)
        yield _of_one(group, spans, bucket=bucket, days=days)


def unfinished(
    rows: Iterable[MonthSumRow], *, resolution: Resolution, days: Days, permitted: Permitted
) -> set[str]:
    """Return the metering points whose days end before a bucket does; `of_buckets` needs their last days."""
    return {
        metering_point_id
        for (metering_point_id, bucket), group in _by_bucket(rows, resolution).items()
        if max(row.last_day for row in group) + ONE_DAY
        < _spans(permitted[MeteringPointId(metering_point_id)], bucket=bucket, days=days)[-1][1]
    }


def _of_one(rows: Sequence[MonthSumRow], spans: Sequence[Days], *, bucket: Days, days: Days) -> Total:
    """Return the sum of one metering point; absent days between its first and its last one are missing."""
    covered = spans[0][0], spans[-1][1]
    missing = sum(row.missing for row in rows) + absent.count(rows, expected=[covered])
    is_whole = (
        covered == bucket and sum((end - first).days for first, end in spans) == (bucket[1] - bucket[0]).days
    )
    stored, lacking = sum(row.values_stored for row in rows), sum(row.missing for row in rows)
    return Total(
        start=periods.start_of(max(bucket[0], days[0])),
        end=periods.start_of(min(bucket[1], days[1])),
        watt_hours=sum(watt_hours_of(row.total_kwh) for row in rows) if stored > lacking else None,
        complete=is_whole and missing == 0,
        missing=missing,
        metering_points=1,
    )


def _by_bucket(
    rows: Iterable[MonthSumRow], resolution: Resolution
) -> dict[tuple[str, Days], list[MonthSumRow]]:
    found: dict[tuple[str, Days], list[MonthSumRow]] = defaultdict(list)
    for row in rows:
        if row.is_whole:
            found[row.metering_point_id, sums.bucket_of(row.first_day, resolution)].append(row)
    return found


def _spans(permitted: Sequence[PermittedDays], *, bucket: Days, days: Days) -> list[Days]:
    return clip(permitted, (max(bucket[0], days[0]), min(bucket[1], days[1])))


def _until(spans: Sequence[Days], end: date) -> list[Days]:
    return [(first, min(stop, end)) for first, stop in spans if first < end]


def _of_block(block: Block) -> Iterator[Total]:
    """Yield the total of each interval of each day of a block."""
    import pyarrow.compute as pc  # See `blocks`.

    step, largest = block.resolution.step, max(pc.max(each).as_py() or 0 for each in block.columns)
    for day, groups, first, end in _by_day(block):
        start, metering_points = periods.start_of(day), end - first
        missing = _missing(groups, width=len(block.columns))
        for position, watt_hours in enumerate(_sums(block, first, end, largest=largest)):
            count = metering_points - missing[position]
            yield Total(
                start=start + position * step,
                end=start + (position + 1) * step,
                watt_hours=watt_hours if count else None,
                complete=not missing[position],
                missing=missing[position],
                metering_points=metering_points,
            )


def _by_day(block: Block) -> Iterator[tuple[date, list[Group], int, int]]:
    """Yield each market day of a block with its groups, its first row and the row after its last one."""
    first = 0
    for day, found in groupby(block.groups, key=lambda each: each.day):
        groups = list(found)
        end = first + sum(each.rows for each in groups)
        yield day, groups, first, end
        first = end


def _missing(groups: Sequence[Group], *, width: int) -> list[int]:
    """Return how many values are missing at each position."""
    found = [0] * width
    for group in groups:
        if MISSING in group.letters:
            for position, letter in enumerate(group.letters):
                found[position] += group.rows * (letter == MISSING)
    return found


def _sums(block: Block, first: int, end: int, *, largest: int) -> list[int]:
    """Return the sum of each column over some rows; 0 where there is no value."""
    import pyarrow.compute as pc

    parts = [column.slice(first, end - first) for column in block.columns]
    if largest * (end - first) < _LARGEST_SUM:
        return [pc.sum(each).as_py() or 0 for each in parts]
    # Python's whole numbers do not overflow.
    return [sum(value or 0 for value in each.to_pylist()) for each in parts]


def _joined(parts: Sequence[Total]) -> Total:
    """Return the total of parts of one interval."""
    known = [each.watt_hours for each in parts if each.watt_hours is not None]
    return Total(
        start=parts[0].start,
        end=parts[0].end,
        watt_hours=sum(known) if known else None,
        complete=all(each.complete for each in parts),
        missing=sum(each.missing for each in parts),
        metering_points=sum(each.metering_points for each in parts),
    )
