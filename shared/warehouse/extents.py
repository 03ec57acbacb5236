"""The market days that a change affects, as few extents. Pure.

Both engines skip the parts of a table whose smallest and largest values are outside the fixed bounds of a
condition; an equality join does not help them. A single range from the first to the last day is not enough: a
day's delivery that corrects one hour of three years ago would read three years.

Where a publication is packed in parts, extents also decide which metering points belong to a part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from shared import periods
from shared.warehouse.engine import Value

MOST = 16
"""Extents at most; beyond that, those with the smallest gaps between them are joined."""

_ONE_DAY = timedelta(days=1)


class Day(NamedTuple):
    """A market day, and the least and greatest metering point that have something on it."""

    day: date
    first_id: str
    last_id: str


@dataclass(frozen=True)
class Extent:
    """The market days `[first_day, end_day)` of metering points `first_id` to `last_id`, both included."""

    first_day: date
    end_day: date
    first_id: str
    last_id: str


@dataclass(frozen=True)
class Condition:
    """A condition in T-SQL, with a `?` for each of `parameters`."""

    sql: str
    parameters: tuple[Value, ...]


def cover(days: Sequence[Day]) -> list[Extent]:
    """Return the extents that hold all of these days, which come in order, each once."""
    if not days:
        return []
    gaps = [
        place for place, (before, after) in enumerate(pairwise(days), 1) if after.day - before.day > _ONE_DAY
    ]
    widest = sorted(gaps, key=lambda place: days[place].day - days[place - 1].day)[-(MOST - 1) :]
    edges = [0, *sorted(widest), len(days)]
    return [_extent(days[start:end]) for start, end in pairwise(edges)]


def within(extents: Sequence[Extent], *, first_id: str, last_id: str) -> list[Extent]:
    """Return the parts of extents that hold the metering points `first_id` to `last_id`, both included."""
    return [
        replace(each, first_id=max(each.first_id, first_id), last_id=min(each.last_id, last_id))
        for each in extents
        if each.first_id <= last_id and each.last_id >= first_id
    ]


def are_one_day(extents: Sequence[Extent]) -> bool:
    """Return whether extents hold one market day."""
    return [each.end_day - each.first_day for each in extents] == [_ONE_DAY]


def _extent(days: Sequence[Day]) -> Extent:
    return Extent(
        days[0].day,
        days[-1].day + _ONE_DAY,
        min(each.first_id for each in days),
        max(each.last_id for each in days),
    )


def day_condition(extents: Sequence[Extent], *, table: str) -> Condition:
    """Return the condition that a row's `delivery_date` and `metering_point_id` are in one of the extents."""
    return _any_of(
        f"({table}.delivery_date >= CAST(? AS date) AND {table}.delivery_date < CAST(? AS date) "
        f"AND {table}.metering_point_id >= ? AND {table}.metering_point_id <= ?)",
        [(each.first_day, each.end_day, each.first_id, each.last_id) for each in extents],
    )


def start_condition(extents: Sequence[Extent], *, table: str) -> Condition:
    """Return the condition that a row's `start_utc` and `metering_point_id` are in one of the extents."""
    return _any_of(
        f"({table}.start_utc >= CAST(? AS datetime2(0)) AND {table}.start_utc < CAST(? AS datetime2(0)) "
        f"AND {table}.metering_point_id >= ? AND {table}.metering_point_id <= ?)",
        [
            (periods.start_of(each.first_day), periods.start_of(each.end_day), each.first_id, each.last_id)
            for each in extents
        ],
    )


def _any_of(one: str, bounds: Sequence[tuple[Value, ...]]) -> Condition:
    if not bounds:
        return Condition("1 = 0", ())
    return Condition(
        f"({' OR '.join([one] * len(bounds))})", tuple(bound for some in bounds for bound in some)
    )
