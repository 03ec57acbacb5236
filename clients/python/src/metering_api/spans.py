"""Periods of market days as sets: their union, intersection and difference."""

from collections.abc import Iterable
from datetime import date

from metering_api.models import Period

Spans = tuple[Period, ...]
"""In order, without overlaps and without neighbours that touch."""


def united(periods: Iterable[Period]) -> Spans:
    """Return the same days in the fewest periods."""
    found: list[tuple[date, date]] = []
    for start, end in sorted(map(_bounds, periods)):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return tuple(_period(start, end) for start, end in found)


def common(some: Spans, others: Spans) -> Spans:
    """Return the days that are in both."""
    pairs = ((_bounds(one), _bounds(other)) for one in some for other in others)
    return united(
        _period(max(a[0], b[0]), min(a[1], b[1])) for a, b in pairs if max(a[0], b[0]) < min(a[1], b[1])
    )


def without(some: Spans, others: Spans) -> Spans:
    """Return the days of the first that are not in the second."""
    left = [_bounds(each) for each in some]
    for start, end in map(_bounds, others):
        left = [part for a, b in left for part in ((a, min(b, start)), (max(a, end), b)) if part[0] < part[1]]
    return united(_period(start, end) for start, end in left)


def _bounds(period: Period) -> tuple[date, date]:
    return period.from_ or date.min, period.to or date.max


def _period(start: date, end: date) -> Period:
    return Period(None if start == date.min else start, None if end == date.max else end)
