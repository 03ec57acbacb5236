"""How many values absent days would have, for series whose resolution changes. Pure.

An absent day has the resolution of the published day before it or, where none is known, of the one after it,
as in the series itself. Only the first and the last day of each resolution in a month are known: where two
resolutions alternate within a month, the later of the two is used.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from shared import periods
from shared.periods import ONE_HOUR
from shared.readable import Days
from shared.series.assembly import PER_HOUR
from shared.warehouse.queries.insights import MonthSumRow, QualityRow

Stored = MonthSumRow | QualityRow
"""Published days of one series that are stored in one resolution."""


class _Stretch(NamedTuple):
    """Days from a first one on: the values an hour of absent days, and the hours that are stored."""

    first_day: date
    per_hour: int
    hours_stored: int


def count(rows: Sequence[Stored], *, expected: Sequence[Days], before: str | None = None) -> int:
    """Return how many values the expected days have that are not published.

    Args:
        rows: at least one; all their days are expected.
        expected: spans in the order of time.
        before: the resolution of the published day before these, where one is known.
    """
    resolution = rows[0].resolution
    if before in (None, resolution) and all(row.resolution == resolution for row in rows):
        lacking = sum(hours(*each) for each in expected) - sum(_hours_stored(row) for row in rows)
        return lacking * PER_HOUR[resolution]
    stretches = list(_stretches(sorted(rows, key=lambda row: row.first_day), before=before))
    ends = [each.first_day for each in stretches[1:]] + [date.max]
    return sum(
        (_hours_within(expected, (each.first_day, end)) - each.hours_stored) * each.per_hour
        for each, end in zip(stretches, ends, strict=True)
    )


def _hours_stored(row: Stored) -> int:
    """Return how many hours the values of a row cover."""
    return row.values_stored // PER_HOUR[row.resolution]


@lru_cache(maxsize=20_000)
def hours(first: date, end: date) -> int:
    """Return how many hours the market days `[first, end)` have."""
    return (periods.start_of(end) - periods.start_of(first)) // ONE_HOUR


def _stretches(rows: Sequence[Stored], *, before: str | None) -> Iterator[_Stretch]:
    """Yield the stretches in the order of time, from the first day of all on."""
    yield _Stretch(date.min, PER_HOUR[before or rows[0].resolution], 0)
    groups: list[list[Stored]] = []
    for row in rows:
        if groups and row.first_day <= max(each.last_day for each in groups[-1]):
            groups[-1].append(row)
        else:
            groups.append([row])
    for group in groups:
        newest = max(group, key=lambda row: row.last_day)
        yield _Stretch(group[0].first_day, PER_HOUR[newest.resolution], sum(map(_hours_stored, group)))


def _hours_within(expected: Sequence[Days], days: Days) -> int:
    clipped = ((max(first, days[0]), min(end, days[1])) for first, end in expected)
    return sum(hours(first, end) for first, end in clipped if first < end)
