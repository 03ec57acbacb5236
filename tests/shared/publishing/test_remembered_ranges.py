"""The ranges of market days that publications left."""

from datetime import date
from typing import Any

import pytest

from shared.periods import ONE_DAY
from shared.publishing.remembered import Ranges
from shared.warehouse.engine import RETRY_LATER, WarehouseUnavailable
from shared.warehouse.queries.publication_log import PublishedDays

DAY = date(2026, 3, 1)


class Counting:
    """A warehouse in which each publication left a day of its own; it counts statements."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.questions = 0

    def fetch(self, query: Any) -> list[PublishedDays]:
        """Return the range."""
        self.questions += 1
        if self.fails:
            raise WarehouseUnavailable("away", retry_after=RETRY_LATER)
        return [days(*query.parameters)]


def days(first: int, last: int) -> PublishedDays:
    return PublishedDays(DAY + first * ONE_DAY, DAY + last * ONE_DAY)


def opened(warehouse: Counting, **kept: int) -> Ranges:
    return Ranges(warehouse, **kept)  # type: ignore[arg-type]


def test_the_range_of_the_same_publications_is_read_once() -> None:
    warehouse = Counting()
    ranges = opened(warehouse)

    asked = [(7, 9), (7, 10), (8, 9), (7, 9), (7, 10)]

    found = [ranges.of(first=first, last=last) for first, last in asked]

    assert found == [days(*each) for each in asked]
    assert warehouse.questions == 3


def test_a_range_that_could_not_be_read_is_read_again() -> None:
    warehouse = Counting(fails=True)
    ranges = opened(warehouse)
    with pytest.raises(WarehouseUnavailable):
        ranges.of(first=7, last=9)

    warehouse.fails = False

    assert ranges.of(first=7, last=9) == days(7, 9)


def test_what_is_remembered_does_not_grow_without_end() -> None:
    warehouse = Counting()
    ranges = opened(warehouse, kept=2)

    for first in (1, 2, 3, 1):
        ranges.of(first=first, last=9)

    assert warehouse.questions == 4
