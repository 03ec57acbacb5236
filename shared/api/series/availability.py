"""Until when data was available at earlier moments, remembered: what was published then does not change."""

from datetime import datetime

from shared import periods
from shared.periods import ONE_DAY
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse

KEPT = 1_000
"""Moments that are remembered; when there are more, it starts over."""


class Availability:
    """Looks up the end of what was available. Safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, *, kept: int = KEPT) -> None:
        self._warehouse = warehouse
        self._kept = kept
        self._ends: dict[datetime, datetime | None] = {}

    def before(self, moment: datetime) -> datetime | None:
        """Return the end of what was published at an earlier moment; None where nothing was."""
        remembered = self._ends
        if moment not in remembered:
            end = self._read(moment)
            # Another thread may start over between two looks; both answers are right.
            if len(remembered) >= self._kept:
                self._ends = {}
            self._ends[moment] = end
            return end
        return remembered[moment]

    def _read(self, moment: datetime) -> datetime | None:
        (day,) = self._warehouse.fetch(queries.last_day_published(as_of=moment))
        return None if day is None else periods.start_of(day + ONE_DAY)
