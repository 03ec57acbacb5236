"""The ranges of market days that publications left, remembered: each page of changes asks for one.

Only ranges of announced publications may be asked for. These do not change, and their numbers are not used
again, not even after the warehouse was restored. The number of one that no caller knows yet may be.
"""

from functools import lru_cache

from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import PublishedDays

RANGES_KEPT = 1_000
"""Ranges that are remembered; beyond them the least recently used one is dropped."""


class Ranges:
    """Looks up ranges of market days. Safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, *, kept: int = RANGES_KEPT) -> None:
        self._warehouse = warehouse
        self._read_once = lru_cache(maxsize=kept)(self._read)

    def of(self, *, first: int, last: int) -> PublishedDays:
        """Return the range of the days that the publications from `first` to `last` left.

        See `queries.published_days`. The publication `last` has been announced.
        """
        return self._read_once(first, last)

    def _read(self, first: int, last: int) -> PublishedDays:
        (published,) = self._warehouse.fetch(queries.published_days(first=first, last=last))
        return published
