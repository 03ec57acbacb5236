"""The highest hours of each metering point and month, for the capacity tariff (effektledd). Pure.

Quarters are summed to hours first; an hour that lacks a quarter is missing. Of equal hours the earlier one
counts.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from shared import periods
from shared.metering import Resolution
from shared.periods import ONE_HOUR
from shared.series import sums
from shared.series.assembly import MISSING
from shared.series.blocks import Block, numbers


class Of(StrEnum):
    """Among what the highest hours are sought, in the words of the parameter `of`."""

    DAYS = "days"
    HOURS = "hours"
    WEEKS = "weeks"


class Hour(NamedTuple):
    """An hour and its energy in Wh. A named tuple, since a portfolio has thousands of them."""

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
    """A day with some value, in the order of preference: the highest hour, then the earlier day.

    Attributes:
        lowered: the negative of its highest hour in Wh.
        day: of the month.
        block, row: where its hours are.
    """

    lowered: int
    day: int
    block: int
    row: int

    @classmethod
    def of_number(cls, number: int) -> "_Day":
        """Return the day of a number of `_by_month`."""
        return cls(number >> 45, number >> 40 & 31, number >> 32 & 255, number & 0xFFFFFFFF)


_Key = tuple[str, date]
"""Metering point and month."""


def highest(blocks: Iterable[Block], *, count: int, of: Of) -> list[Peaks]:
    """Return the `count` highest hours by metering point and month: on different days, weeks, or at all."""
    in_hours = [each.as_hours() for each in blocks]
    months = _by_month(in_hours)
    chosen = {key: _chosen(days, key[1], count=count, of=of) for key, days in months.items()}
    values = _values(in_hours, [each for days in chosen.values() for each in days])
    present = _present(in_hours)
    return [
        Peaks(
            metering_point_id=key[0],
            month=key[1],
            hours=_hours(chosen[key], key[1], values, count=count, of=of),
            provisional=present[key] != _hours_in(key[1]),
        )
        for key in sorted(months)
    ]


@lru_cache(maxsize=40_000)
def _month(day: date) -> date:
    return day.replace(day=1)


def _by_month(blocks: Sequence[Block]) -> dict[_Key, list[int]]:
    """Return the days of each metering point and month; a month without any value has none.

    Each day is one whole number, in the same order as `_Day`: of tens of thousands, a few are looked at.
    """
    import pyarrow.compute as pc  # See `blocks`.

    found: dict[_Key, list[int]] = defaultdict(list)
    for number, block in enumerate(blocks):
        lowered = numbers(pc.fill_null(pc.negate(pc.max_element_wise(*block.columns)), 0))
        days = [
            (value << 5 | day) << 40 | number << 32 | row
            for row, (value, day) in enumerate(zip(lowered, block.days, strict=True))
        ]
        end = 0
        for group in block.groups:
            first, end = end, end + group.rows
            is_known = set(group.letters) != {MISSING}
            found[group.metering_point_id, _month(group.first_day)] += days[first:end] if is_known else []
    return found


def _present(blocks: Sequence[Block]) -> Mapping[_Key, int]:
    """Return how many hours of each metering point and month are not missing."""
    found: dict[_Key, int] = defaultdict(int)
    for block in blocks:
        for group in block.groups:
            hours = len(group.letters) - group.letters.count(MISSING)
            found[group.metering_point_id, _month(group.first_day)] += group.rows * hours
    return found


def _chosen(days: Sequence[int], month: date, *, count: int, of: Of) -> list[_Day]:
    """Return days that have the highest hours.

    With `hours` these days suffice as well: an hour on any other day has `count` hours before it, one on each
    of these days.
    """
    ordered = sorted(days)
    if of is not Of.WEEKS:
        return list(map(_Day.of_number, ordered[:count]))
    weeks: dict[Hashable, _Day] = {}
    for each in map(_Day.of_number, ordered):
        weeks.setdefault(month.replace(day=each.day).isocalendar()[:2], each)
    return list(weeks.values())[:count]


def _values(blocks: Sequence[Block], days: Iterable[_Day]) -> dict[tuple[int, int], Sequence[int | None]]:
    """Return the Wh of each hour of some days, by block and row."""
    import pyarrow as pa  # See `blocks`.

    rows: dict[int, list[int]] = defaultdict(list)
    for _, _, block, row in days:
        rows[block].append(row)
    found: dict[tuple[int, int], Sequence[int | None]] = {}
    for number, wanted in rows.items():
        taken = [each.take(pa.array(wanted)) for each in blocks[number].columns]
        columns = [each.to_pylist() if each.null_count else numbers(each) for each in taken]
        found |= zip(zip(repeat(number), wanted, strict=False), zip(*columns, strict=True), strict=True)
    return found


def _hours(
    days: Sequence[_Day],
    month: date,
    values: Mapping[tuple[int, int], Sequence[int | None]],
    *,
    count: int,
    of: Of,
) -> list[Hour]:
    """Return the highest hours of some days, the highest first; of each day one, or up to `count`."""
    found = []
    for lowered, day, block, row in days:
        start, hours = periods.start_of(month.replace(day=day)), values[block, row]
        if of is Of.HOURS:
            found += [(-wh, start + at * ONE_HOUR) for at, wh in enumerate(hours) if wh is not None]
        else:
            found.append((lowered, start + hours.index(-lowered) * ONE_HOUR))
    return [Hour(start, -lowered) for lowered, start in sorted(found)[:count]]


@lru_cache(maxsize=4_096)
def _hours_in(month: date) -> int:
    first, end = sums.bucket_of(month, Resolution.P1M)
    return (periods.start_of(end) - periods.start_of(first)) // ONE_HOUR
