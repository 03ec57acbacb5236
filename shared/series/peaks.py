"""The highest hours of each metering point and month, for the capacity tariff (effektledd). Pure.

Quarters are summed to hours first; an hour that lacks a quarter is missing. Of equal hours the earlier one
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

from shared import periods
from shared.metering import GSRN_LENGTH, Resolution
from shared.periods import ONE_HOUR
from shared.series import sums
from shared.series.assembly import MISSING
from shared.series.blocks import Block, Group, numbers

if TYPE_CHECKING:
    import pyarrow as pa

_DAYS_A_WEEK = 7


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


class Peaks(NamedTuple):
    """The highest hours of a metering point in a month, the highest first. A named tuple, as above.

    Attributes:
        month: its first day.
        provisional: whether an hour of the month is missing, not published, not permitted or not requested.
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


_KEY = ("metering_point_id", "month")
_BY_HEIGHT = [
    *((each, "ascending") for each in _KEY),
    ("watt_hours", "descending"),
    ("day", "ascending"),
    ("at", "ascending"),
]
"""The order of each metering point's days in a month: by highest hour; of equal ones, the earlier first."""


def highest(blocks: Iterable[Block], *, count: int, of: Of) -> list[Peaks]:
    """Return the `count` highest hours by metering point and month: of different days or weeks, or any.

    Args:
        blocks: with the ids of the metering points.
    """
    in_hours = [each.as_hours() for each in blocks]
    if not in_hours:
        return []
    import pyarrow as pa  # See `blocks`.

    days = pa.concat_tables([_days(number, each) for number, each in enumerate(in_hours)])
    days = days.sort_by(_BY_HEIGHT).combine_chunks()
    # With `hours`, the highest days suffice too: `count` hours rank before an hour on any other day.
    chosen = _first(_weeks(days) if of is Of.WEEKS else days, count)
    if of is Of.HOURS:
        chosen = _first(_hours_of(chosen, in_hours).sort_by(_BY_HEIGHT).combine_chunks(), count)
    hours = _hours(chosen)
    return [
        Peaks(
            metering_point_id=f"{metering_point_id:0{GSRN_LENGTH}d}",
            month=_day(month),
            hours=hours.get((metering_point_id, month), ()),
            provisional=present != _hours_in(_day(month)),
        )
        for metering_point_id, month, present in _present(days)
    ]


def _days(number: int, block: Block) -> pa.Table:
    """Return the days of a block, each with its highest hour, which is null if it has none.

    The table has the columns of `_BY_HEIGHT`; days and months are ordinals, and `at` is the place of the
    hour in its day. The other columns are the number of `known` hours, and the block and row of the day.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pa.array(accumulate(each.rows for each in block.groups), pa.int32())

    def of_rows(of_group: Callable[[Group], int]) -> pa.Array:
        found = pa.array(map(of_group, block.groups), pa.int64())
        return pc.run_end_decode(pa.RunEndEncodedArray.from_arrays(ends, found))

    watt_hours = pc.max_element_wise(*block.columns)
    at = pa.repeat(0, len(watt_hours))
    for place in reversed(range(len(block.columns))):
        at = pc.if_else(pc.fill_null(pc.equal(block.columns[place], watt_hours), False), place, at)
    return pa.table(
        {
            "metering_point_id": block.metering_point_ids,
            "month": of_rows(lambda group: group.day.replace(day=1).toordinal()),
            "watt_hours": watt_hours,
            "day": of_rows(lambda group: group.day.toordinal()),
            "at": at,
            "known": of_rows(lambda group: len(group.letters) - group.letters.count(MISSING)),
            "block": pa.repeat(number, len(watt_hours)),
            "row": pa.arange(0, len(watt_hours)),
        }
    )


def _weeks(days: pa.Table) -> pa.Table:
    """Return the first day of each metering point, month and ISO week."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # The first day of the calendar was a Monday.
    week = pc.divide(pc.subtract(days["day"], 1), _DAYS_A_WEEK)
    numbered = days.append_column("week", week).append_column("place", pa.arange(0, len(days)))
    first = numbered.group_by([*_KEY, "week"]).aggregate([("place", "min")])["place_min"]
    return days.take(first.take(pc.sort_indices(first)))


def _hours_of(days: pa.Table, blocks: Sequence[Block]) -> pa.Table:
    """Return all known hours of some days, in the columns of `_BY_HEIGHT`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = []
    for number, block in enumerate(blocks):
        of_block = days.filter(pc.equal(days["block"], number)).combine_chunks()
        for place, column in enumerate(block.columns):
            hours = of_block.select([*_KEY, "day"])
            hours = hours.append_column("watt_hours", column.take(of_block["row"]))
            found.append(hours.append_column("at", pa.repeat(place, len(hours))))
    together = pa.concat_tables(found)
    return together.filter(pc.is_valid(together["watt_hours"]))


class _Range(NamedTuple):
    """The places `[start, end)` of a metering point's rows of a month, among sorted rows."""

    metering_point_id: int
    month: int
    start: int
    end: int


def _ranges(rows: pa.Table) -> list[_Range]:
    """Return the range of rows of each metering point and month."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(rows):
        return []
    changes = [pc.not_equal(column[1:], column[:-1]) for column in map(rows.column, _KEY)]
    starts = [0, *pc.add(pc.indices_nonzero(pc.or_(*changes)).cast("int64"), 1).to_pylist()]
    keys = rows.select(_KEY).take(pa.array(starts, pa.int64()))
    return list(
        map(_Range, *(column.to_pylist() for column in keys.columns), starts, [*starts[1:], len(rows)])
    )


def _first(rows: pa.Table, count: int) -> pa.Table:
    """Return the first rows of each metering point and month of sorted rows."""
    import pyarrow as pa

    places = (range(each.start, min(each.end, each.start + count)) for each in _ranges(rows))
    return rows.take(pa.array(chain.from_iterable(places), pa.int64()))


def _present(days: pa.Table) -> Iterator[tuple[int, int, int]]:
    """Yield each metering point and month of sorted days, and how many hours of it are not missing."""
    import pyarrow.compute as pc

    until = [0, *numbers(pc.cumulative_sum(days["known"]).combine_chunks())]
    for metering_point_id, month, start, end in _ranges(days):
        yield metering_point_id, month, until[end] - until[start]


def _hours(chosen: pa.Table) -> dict[tuple[int, int], list[Hour]]:
    """Return the hours of each metering point and month that has any, the highest first."""
    import pyarrow.compute as pc

    known = chosen.filter(pc.is_valid(chosen["watt_hours"]))
    watt_hours, days, at = (numbers(known[name].combine_chunks()) for name in ("watt_hours", "day", "at"))
    hours = list(map(Hour, map(_start, days, at), watt_hours))
    return {(each.metering_point_id, each.month): hours[each.start : each.end] for each in _ranges(known)}


_day = lru_cache(maxsize=4_096)(date.fromordinal)


@lru_cache(maxsize=4_096)
def _start(day: int, at: int) -> datetime:
    return periods.start_of(_day(day)) + at * ONE_HOUR


@lru_cache(maxsize=4_096)
def _hours_in(month: date) -> int:
    first, end = sums.bucket_of(month, Resolution.P1M)
    return (periods.start_of(end) - periods.start_of(first)) // ONE_HOUR
