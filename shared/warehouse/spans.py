"""The market days that a change touches, as few spans of days. Pure.

Both engines pass over the parts of a table whose smallest and largest value lie outside of what a condition
with fixed bounds asks for: an equality join does not help them. One range from the first to the last day
would not do: a day's delivery that corrects an hour of three years ago would have three years read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from shared import periods
from shared.warehouse.engine import Value

MOST = 16
"""Spans at most; with more, those with the least between them are taken together."""


class Day(NamedTuple):
    """A market day, and the least and greatest metering point that have something on it."""

    day: date
    first_id: str
    last_id: str


@dataclass(frozen=True)
class Span:
    """Market days from `first` to `last` and metering points from `first_id` to `last_id`, all included."""

    first: date
    last: date
    first_id: str
    last_id: str


@dataclass(frozen=True)
class Condition:
    """A condition in T-SQL, with a `?` for each of `parameters`."""

    sql: str
    parameters: tuple[Value, ...]


def covering(days: Sequence[Day]) -> list[Span]:
    """Return the spans that hold all of these days, which come in order, each once."""
    if not days:
        return []
    gaps = [
        place
        for place, (before, after) in enumerate(pairwise(days), 1)
        if after.day - before.day > timedelta(days=1)
    ]
    widest = sorted(gaps, key=lambda place: days[place].day - days[place - 1].day)[-(MOST - 1) :]
    edges = [0, *sorted(widest), len(days)]
    return [_span(days[start:end]) for start, end in pairwise(edges)]


def _span(days: Sequence[Day]) -> Span:
    return Span(
        days[0].day,
        days[-1].day,
        min(each.first_id for each in days),
        max(each.last_id for each in days),
    )


def days_within(spans: Sequence[Span], *, table: str) -> Condition:
    """Return the condition that a row's `delivery_date` and `metering_point_id` lie in one of the spans."""
    return _any_of(
        f"({table}.delivery_date >= CAST(? AS date) AND {table}.delivery_date <= CAST(? AS date) "
        f"AND {table}.metering_point_id >= ? AND {table}.metering_point_id <= ?)",
        [(span.first, span.last, span.first_id, span.last_id) for span in spans],
    )


def starts_within(spans: Sequence[Span], *, table: str) -> Condition:
    """Return the condition that a row's `start_utc` and `metering_point_id` lie in one of the spans."""
    return _any_of(
        f"({table}.start_utc >= CAST(? AS datetime2(0)) AND {table}.start_utc < CAST(? AS datetime2(0)) "
        f"AND {table}.metering_point_id >= ? AND {table}.metering_point_id <= ?)",
        [
            (periods.start_of(span.first), periods.market_day(span.last).end, span.first_id, span.last_id)
            for span in spans
        ],
    )


def _any_of(one: str, bounds: Sequence[tuple[Value, ...]]) -> Condition:
    if not bounds:
        return Condition("1 = 0", ())
    return Condition(
        f"({' OR '.join([one] * len(bounds))})", tuple(bound for some in bounds for bound in some)
    )
