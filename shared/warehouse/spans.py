"""The market days that a change touches, as few spans of days. Pure.

Both engines pass over the parts of a table whose smallest and largest value lie outside of what a condition
with fixed bounds asks for. One range from the first to the last day would not do: a day's delivery that
corrects an hour of three years ago would have three years read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from shared import periods
from shared.warehouse.engine import Value

MOST = 16
"""Spans at most; with more, those with the least between them are taken together."""


@dataclass(frozen=True)
class Span:
    """The market days from `first` to `last`, both of them included."""

    first: date
    last: date


@dataclass(frozen=True)
class Condition:
    """A condition in T-SQL, with a `?` for each of `parameters`."""

    sql: str
    parameters: tuple[Value, ...]


def covering(days: Sequence[date]) -> list[Span]:
    """The spans that hold all of these days, which come in order, each once."""
    if not days:
        return []
    gaps = [
        place for place, (before, after) in enumerate(pairwise(days), 1) if after - before > timedelta(days=1)
    ]
    widest = sorted(gaps, key=lambda place: days[place] - days[place - 1])[-(MOST - 1) :]
    edges = [0, *sorted(widest), len(days)]
    return [Span(days[start], days[end - 1]) for start, end in pairwise(edges)]


def days_within(spans: Sequence[Span], *, column: str) -> Condition:
    """That a column of dates lies in one of the spans."""
    one = f"({column} >= CAST(? AS date) AND {column} <= CAST(? AS date))"
    return _any_of(one, [(span.first, span.last) for span in spans])


def starts_within(spans: Sequence[Span], *, column: str) -> Condition:
    """That a column of starts in UTC lies in one of the spans."""
    one = f"({column} >= CAST(? AS datetime2(0)) AND {column} < CAST(? AS datetime2(0)))"
    return _any_of(one, [(periods.start_of(span.first), periods.market_day(span.last).end) for span in spans])


def _any_of(one: str, bounds: Sequence[tuple[Value, Value]]) -> Condition:
    if not bounds:
        return Condition("1 = 0", ())
    return Condition(
        f"({' OR '.join([one] * len(bounds))})", tuple(bound for both in bounds for bound in both)
    )
