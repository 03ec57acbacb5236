"""The highest hours of each metering point and month, for the capacity tariff (effektledd). Pure.

Quarters are summed to hours first; an hour that lacks a quarter is missing. Of equal hours the earlier one
counts.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache, reduce
from typing import NamedTuple, cast

from shared import periods
from shared.metering import Resolution
from shared.periods import ONE_HOUR
from shared.series import sums
from shared.series.blocks import Block


class Of(StrEnum):
    """Among what the highest hours are sought, in the words of the parameter `of`."""

    DAYS = "days"
    HOURS = "hours"
    WEEKS = "weeks"


@dataclass(frozen=True)
class Hour:
    """An hour and its energy in Wh."""

    start: datetime
    watt_hours: int

    @property
    def end(self) -> datetime:
        """Return the end of the hour."""
        return self.start + ONE_HOUR


@dataclass(frozen=True)
class Peaks:
    """The highest hours of a metering point in a month, the highest first.

    Attributes:
        month: its first day.
        provisional: some hour of the month is missing, not published, not permitted or not requested.
    """

    metering_point_id: str
    month: date
    hours: Sequence[Hour]
    provisional: bool

    @property
    def mean(self) -> int | None:
        """Return the mean of the hours in Wh, halves rounded up; None without any hour."""
        if not self.hours:
            return None
        count = len(self.hours)
        return (2 * sum(each.watt_hours for each in self.hours) + count) // (2 * count)


class _Day(NamedTuple):
    """A day with some value; they are in the order of preference: the highest hour, then the earlier day.

    Attributes:
        lowered: the negative of its highest hour in Wh.
        block, row: where its hours are.
        hours: how many of them are not missing.
    """

    lowered: int
    day: date
    block: int
    row: int
    hours: int


def highest(blocks: Iterable[Block], *, count: int, of: Of) -> list[Peaks]:
    """Return the `count` highest hours by metering point and month: on different days, weeks, or at all."""
    in_hours = [each.as_hours() for each in blocks]
    months = _by_month(in_hours)
    chosen = {key: _chosen(days, count=count, of=of) for key, days in months.items()}
    values = _values(in_hours, [each for days in chosen.values() for each in days])
    return [
        Peaks(
            metering_point_id=metering_point_id,
            month=month,
            hours=_hours(chosen[metering_point_id, month], values, count=count, of=of),
            provisional=sum(each.hours for each in days) != _hours_in(month),
        )
        for (metering_point_id, month), days in sorted(months.items())
    ]


def _by_month(blocks: Sequence[Block]) -> dict[tuple[str, date], list[_Day]]:
    """Return the days of each metering point and month; a month without any value has none."""
    import pyarrow.compute as pc  # See `blocks`.

    found: dict[tuple[str, date], list[_Day]] = defaultdict(list)
    for number, block in enumerate(blocks):
        month_of = {day: day.replace(day=1) for day in set(block.days)}
        lowered = pc.negate(pc.max_element_wise(*block.columns)).to_pylist()
        for row, (metering_point_id, day, value, hours) in enumerate(
            zip(block.metering_point_ids, block.days, lowered, _present(block), strict=True)
        ):
            days = found[metering_point_id, month_of[day]]
            if value is not None:
                days.append(_new_day(_Day, (value, day, number, row, hours)))
    return found


_new_day = tuple.__new__
"""Makes a named tuple in half the time that its class takes: a portfolio's month has tens of thousands."""


def _present(block: Block) -> Sequence[int]:
    """Return how many hours of each row are not missing."""
    import pyarrow as pa  # See `blocks`.
    import pyarrow.compute as pc

    lacking = [each for each in block.columns if each.null_count]
    if not lacking:
        return [len(block.columns)] * len(block.days)
    missing = reduce(pc.add, [pc.cast(pc.is_null(each), pa.int64()) for each in lacking])
    return cast(list[int], pc.subtract(len(block.columns), missing).to_pylist())


def _chosen(days: Sequence[_Day], *, count: int, of: Of) -> list[_Day]:
    """Return days that have the highest hours.

    With `hours` these days suffice as well: an hour on any other day has `count` hours before it, one on each
    of these days.
    """
    ordered = sorted(days)
    if of is Of.WEEKS:
        weeks: dict[Hashable, _Day] = {}
        for each in ordered:
            weeks.setdefault(each.day.isocalendar()[:2], each)
        ordered = list(weeks.values())
    return ordered[:count]


def _values(blocks: Sequence[Block], days: Iterable[_Day]) -> dict[tuple[int, int], Sequence[int | None]]:
    """Return the Wh of each hour of some days, by block and row."""
    import pyarrow as pa  # See `blocks`.

    rows: dict[int, list[int]] = defaultdict(list)
    for each in days:
        rows[each.block].append(each.row)
    found: dict[tuple[int, int], Sequence[int | None]] = {}
    for number, wanted in rows.items():
        at = pa.array(wanted)
        columns = [each.take(at).to_pylist() for each in blocks[number].columns]
        found |= zip(((number, row) for row in wanted), zip(*columns, strict=True), strict=True)
    return found


def _hours(
    days: Sequence[_Day], values: Mapping[tuple[int, int], Sequence[int | None]], *, count: int, of: Of
) -> list[Hour]:
    """Return the highest hours of some days, the highest first; of each day one, or up to `count`."""
    found = []
    for each in days:
        start, hours = periods.start_of(each.day), values[each.block, each.row]
        if of is Of.HOURS:
            found += [(-wh, start + at * ONE_HOUR) for at, wh in enumerate(hours) if wh is not None]
        else:
            found.append((each.lowered, start + hours.index(-each.lowered) * ONE_HOUR))
    return [Hour(start, -lowered) for lowered, start in sorted(found)[:count]]


@lru_cache(maxsize=4_096)
def _hours_in(month: date) -> int:
    first, end = sums.bucket_of(month, Resolution.P1M)
    return (periods.start_of(end) - periods.start_of(first)) // ONE_HOUR
