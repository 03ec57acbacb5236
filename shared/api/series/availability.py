"""Until when data is available, remembered: of everything at earlier moments, and of each series.

What was published at an earlier moment does not change. The last day of a series changes only with a
publication or a permission, and both are part of the key: a caller who reads one day after the other costs
one statement.
"""

from collections.abc import Set
from datetime import date, datetime

from shared import periods
from shared.api.series.requests import SeriesRequest
from shared.metering import Direction, MeteringPointId
from shared.periods import ONE_DAY
from shared.readable import PermittedDays, Readable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse

MOMENTS_KEPT = 1_000
"""Moments that are remembered; one more clears the memory."""

SERIES_KEPT = 20_000
"""Series whose last day is remembered, some 6 MB; more clear the memory."""

_Key = tuple[datetime, Direction, MeteringPointId, tuple[PermittedDays, ...]]
"""What decides the last day of a series. `as_of` is never later than the latest publication that all see."""


class Availability:
    """Looks up the end of what was available. Safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, *, kept: int = MOMENTS_KEPT) -> None:
        self._warehouse = warehouse
        self._kept = kept
        self._ends: dict[datetime, datetime | None] = {}

    def before(self, moment: datetime) -> datetime | None:
        """Return the end of what was published at an earlier moment; None where nothing was."""
        remembered = self._ends
        if moment not in remembered:
            end = self._read(moment)
            # Another thread may replace the dictionary meanwhile; both values are right.
            if len(remembered) >= self._kept:
                self._ends = {}
            self._ends[moment] = end
            return end
        return remembered[moment]

    def _read(self, moment: datetime) -> datetime | None:
        (day,) = self._warehouse.fetch(queries.last_day_published(as_of=moment))
        return None if day is None else periods.start_of(day + ONE_DAY)


class LastDays:
    """The last days of at most `kept` series. Safe to use from several threads."""

    def __init__(self, *, kept: int = SERIES_KEPT) -> None:
        self._kept = kept
        self._last_days: dict[_Key, date | None] = {}

    def of(self, readable: Readable, *, warehouse: Warehouse, request: SeriesRequest) -> dict[str, date]:
        """Return the last published days of these readable series; series without any are left out."""
        keys: dict[str, _Key] = {
            metering_point_id: (request.as_of, request.direction, metering_point_id, tuple(permitted))
            for metering_point_id, permitted in readable.periods.items()
        }
        # Another thread may replace the dictionary meanwhile: read everything from the same one.
        remembered = self._last_days
        known = {each: remembered[key] for each, key in keys.items() if key in remembered}
        found = _looked_for(warehouse, readable, request, of=keys.keys() - known.keys())
        self._remember({keys[each]: found.get(each) for each in keys.keys() - known.keys()})
        return found | {each: day for each, day in known.items() if day is not None}

    def _remember(self, last_days: dict[_Key, date | None]) -> None:
        if len(self._last_days) + len(last_days) > self._kept:
            self._last_days = {}
        self._last_days |= last_days


def _looked_for(
    warehouse: Warehouse, readable: Readable, request: SeriesRequest, *, of: Set[str]
) -> dict[str, date]:
    """Read the last published days from the warehouse: of the last month, then of all time."""
    found: dict[str, date] = {}
    for since in queries.lately_then_ever(request.as_of):
        sought = of - found.keys()
        if sought:
            rows = warehouse.fetch(
                queries.last_days(
                    readable.only(sought), direction=request.direction, since=since, as_of=request.as_of
                )
            )
            found |= {row.metering_point_id: row.last_day for row in rows}
    return found
