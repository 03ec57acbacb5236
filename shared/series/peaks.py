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

from shared import periods
from shared.metering import Resolution
from shared.periods import ONE_HOUR
from shared.series import sums
from shared.series.assembly import MISSING
from shared.series.blocks import Block, Group, numbers


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


_Day = tuple[int, int, int, int]
"""A day: the negative of its highest hour in Wh, the day of the month, its block and its row there. In the
order of preference: the highest hour, then the earlier day. A portfolio's month has tens of thousands."""
_WITHOUT_VALUE = 1
"""In place of a day's highest hour where all its hours are missing."""

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


def _key(group: Group) -> _Key:
    return group.metering_point_id, group.first_day.replace(day=1)


def _by_month(blocks: Sequence[Block]) -> dict[_Key, list[_Day]]:
    """Return the days of each metering point and month; a month without any value has none."""
    import pyarrow.compute as pc  # See `blocks`.

    found: dict[_Key, list[_Day]] = defaultdict(list)
    for number, block in enumerate(blocks):
        lowered = pc.negate(pc.max_element_wise(*block.columns))
        days = list(
            zip(
                numbers(pc.fill_null(lowered, _WITHOUT_VALUE)),
                block.days,
                repeat(number),
                range(len(block.days)),
                strict=False,
            )
        )
        first = 0
        for group in block.groups:
            of_group = days[first : first + group.rows]
            if set(group.letters) == {MISSING}:
                of_group = []
            found[_key(group)] += of_group
            first += group.rows
    return found


def _present(blocks: Sequence[Block]) -> Mapping[_Key, int]:
    """Return how many hours of each metering point and month are not missing."""
    found: dict[_Key, int] = defaultdict(int)
    for block in blocks:
        for group in block.groups:
            found[_key(group)] += group.rows * (len(group.letters) - group.letters.count(MISSING))
    return found


def _chosen(days: Sequence[_Day], month: date, *, count: int, of: Of) -> list[_Day]:
    """Return days that have the highest hours.

    With `hours` these days suffice as well: an hour on any other day has `count` hours before it, one on each
    of these days.
    """
    ordered = sorted(days)
    if of is Of.WEEKS:
        weeks: dict[Hashable, _Day] = {}
        for each in ordered:
            weeks.setdefault(month.replace(day=each[1]).isocalendar()[:2], each)
        ordered = list(weeks.values())
    return ordered[:count]


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
