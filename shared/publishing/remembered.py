"""Facts about publications that an instance remembers, so that it does not ask the warehouse twice.

They are the end of the data at an earlier moment, the last day of each series, and the range of market days
of some publications, which each page of changes needs. The last day of a series changes only with a
publication or a permission, so a caller who reads one day after another costs one statement.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache

from shared import periods
from shared.metering import Direction, MeteringPointId
from shared.periods import ONE_DAY
from shared.readable import PermittedDays, Readable
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import latest_days, publication_log
from shared.warehouse.queries.publication_log import PublishedDays

MOMENTS_KEPT = 1_000
"""Moments that are remembered; beyond them the least recently used one is dropped."""

SERIES_KEPT = 20_000
"""Series whose last day is remembered, some 6 MB; beyond them the memory is cleared."""

_Key = tuple[datetime, Direction, MeteringPointId, tuple[PermittedDays, ...]]
"""What decides the last day of a series. `as_of` is at most the latest publication that all instances see."""

RANGES_KEPT = 1_000
"""Ranges that are remembered; beyond them the least recently used one is dropped."""

_LATELY = timedelta(days=31)


def starts_of_search(as_of: datetime) -> tuple[date, date]:
    """Return the days from which to search for the last day of a series: a month ago, then the first of all.

    Most series have a day within the last month, and a search of all years reads much more.
    """
    return periods.day_of(as_of) - _LATELY, periods.FIRST_DAY


class Availability:
    """Looks up the end of what was available. Safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, *, kept: int = MOMENTS_KEPT) -> None:
        self._warehouse = warehouse
        self._read_once = lru_cache(maxsize=kept)(self._read)

    def before(self, moment: datetime) -> datetime | None:
        """Return the end of what was published at an earlier moment; None where nothing was."""
        return self._read_once(moment)

    def _read(self, moment: datetime) -> datetime | None:
        (day,) = self._warehouse.fetch(publication_log.last_day(as_of=moment))
        return None if day is None else periods.start_of(day + ONE_DAY)


class LastDays:
    """Looks up the last days of series. Safe to use from several threads."""

    def __init__(self, warehouse: Warehouse, *, kept: int = SERIES_KEPT) -> None:
        self._warehouse = warehouse
        self._kept = kept
        self._last_days: dict[_Key, date | None] = {}

    def of(self, readable: Readable, *, direction: Direction, as_of: datetime) -> dict[str, date]:
        """Return the last published days of these readable series; series without any are left out."""
        keys: dict[str, _Key] = {
            metering_point_id: (as_of, direction, metering_point_id, tuple(permitted))
            for metering_point_id, permitted in readable.periods.items()
        }
        # Another thread may replace the dictionary meanwhile: read everything from the same one.
        remembered = self._last_days
        known = {each: remembered[key] for each, key in keys.items() if key in remembered}
        sought = readable.only(keys.keys() - known.keys())
        read = self._read(sought, direction=direction, as_of=as_of)
        self._remember({keys[each]: read.get(each) for each in keys.keys() - known.keys()})
        return read | {each: day for each, day in known.items() if day is not None}

    def _remember(self, last_days: dict[_Key, date | None]) -> None:
        if len(self._last_days) + len(last_days) > self._kept:
            self._last_days = {}
        self._last_days |= last_days

    def _read(self, readable: Readable, *, direction: Direction, as_of: datetime) -> dict[str, date]:
        """Read the last published days from the warehouse: of the last month, then of all time."""
        days: dict[str, date] = {}
        for since in starts_of_search(as_of):
            sought = readable.only(readable.periods.keys() - days.keys())
            if sought.permissions:
                query = latest_days.in_direction(sought, direction=direction, since=since, as_of=as_of)
                days |= {row.metering_point_id: row.last_day for row in self._warehouse.fetch(query)}
        return days


class Ranges:
    """Looks up ranges of market days. Safe to use from several threads.

    Only ranges of announced publications may be requested. These do not change, and their numbers are not
    used again, not even after the warehouse was restored. The number of an unannounced publication may be.
    """

    def __init__(self, warehouse: Warehouse, *, kept: int = RANGES_KEPT) -> None:
        self._warehouse = warehouse
        self._read_once = lru_cache(maxsize=kept)(self._read)

    def of(self, *, first: int, last: int) -> PublishedDays:
        """Return the range of the days that the publications from `first` to `last` changed.

        See `publication_log.day_range`. The publication `last` must have been announced.
        """
        return self._read_once(first, last)

    def _read(self, first: int, last: int) -> PublishedDays:
        (published,) = self._warehouse.fetch(publication_log.day_range(first=first, last=last))
        return published
