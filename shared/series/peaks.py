"""The highest hours of each metering point and month, for the capacity tariff (effektledd). Pure.

Quarters are summed to hours first; an hour that lacks a quarter is missing. Of equal hours the earlier one
counts.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from heapq import nsmallest

from shared import periods
from shared.metering import Resolution
from shared.periods import ONE_HOUR
from shared.series import blocks as packed
from shared.series import sums
from shared.series.assembly import MISSING
from shared.series.blocks import Block
from shared.warehouse.queries import PackedRow


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


@dataclass(frozen=True)
class _Day:
    """A day's highest hour in Wh, None if all are missing, and its number of hours that are not missing."""

    row: PackedRow
    highest: int | None
    hours: int


def highest(blocks: Iterable[Block], *, count: int, of: Of) -> list[Peaks]:
    """Return the `count` highest hours by metering point and month: on different days, weeks, or at all."""
    months: dict[tuple[str, int, int], list[_Day]] = defaultdict(list)
    for block in blocks:
        for each in _days(block):
            day = each.row[1]
            months[each.row[0], day.year, day.month].append(each)
    return [
        _of_month(metering_point_id, date(year, month, 1), days, count=count, of=of)
        for (metering_point_id, year, month), days in sorted(months.items())
    ]


def _days(block: Block) -> Iterator[_Day]:
    import pyarrow.compute as pc  # See `blocks`.

    in_hours = block.as_hours()
    maxima = pc.max_element_wise(*in_hours.columns).to_pylist()
    whole = len(in_hours.columns)
    for row, maximum in zip(block.rows, maxima, strict=True):
        missing = MISSING in row[4]
        yield _Day(row, maximum, _present(row) if missing else whole)


def _present(row: PackedRow) -> int:
    return sum(each is not None for each in packed.hours_of(row))


def _of_month(metering_point_id: str, month: date, days: Sequence[_Day], *, count: int, of: Of) -> Peaks:
    first, end = sums.bucket_of(month, Resolution.P1M)
    in_month = (periods.start_of(end) - periods.start_of(first)) // ONE_HOUR
    return Peaks(
        metering_point_id=metering_point_id,
        month=month,
        hours=[hour for _, hour in nsmallest(count, _candidates(days, count=count, of=of))],
        provisional=sum(each.hours for each in days) != in_month,
    )


def _candidates(days: Sequence[_Day], *, count: int, of: Of) -> list[tuple[tuple[int, datetime], Hour]]:
    """Return hours among which the highest are, each with its key of order: the highest, then the earliest.

    Only the days with the highest hours are read. With `hours` these suffice as well: an hour on any other
    day has `count` hours before it, one on each of these days.
    """
    known = [(-each.highest, each.row.delivery_date, each.row) for each in days if each.highest is not None]
    if of is Of.WEEKS:
        weeks: dict[Hashable, tuple[int, date, PackedRow]] = {}
        for each in sorted(known):
            weeks.setdefault(each[1].isocalendar()[:2], each)
        known = list(weeks.values())
    found = []
    for _, day, row in nsmallest(count, known):
        hours = [
            (-watt_hours, position)
            for position, watt_hours in enumerate(packed.hours_of(row))
            if watt_hours is not None
        ]
        start = periods.start_of(day)
        for negative, position in nsmallest(count if of is Of.HOURS else 1, hours):
            hour = Hour(start + position * ONE_HOUR, -negative)
            found.append(((negative, hour.start), hour))
    return found
