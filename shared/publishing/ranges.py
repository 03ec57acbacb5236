"""The ranges of market days that publications left, remembered: each page of changes asks for one.

Publications do not change, and their numbers are not used again, not even after the warehouse was restored.
"""

from functools import lru_cache

from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import PublishedDays

RANGES_KEPT = 1_000
"""Ranges that are remembered; one more displaces the one that was not asked for the longest."""


class Ranges:
    """Looks up ranges of market days. Safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, *, kept: int = RANGES_KEPT) -> None:
        self._warehouse = warehouse
        self._read_once = lru_cache(maxsize=kept)(self._read)

    def of(self, *, first: int, last: int) -> PublishedDays:
        """Return the range of the days that the publications from `first` to `last` left.

        See `queries.published_days`.
        """
        return self._read_once(first, last)

    def _read(self, first: int, last: int) -> PublishedDays:
        (published,) = self._warehouse.fetch(queries.published_days(first=first, last=last))
        return published
