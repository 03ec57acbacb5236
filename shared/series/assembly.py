"""Series: stored market days, checked and cut to the requested period; `sums` adds them up.

Rows in, series out; other modules write them. Invalid days are left out and logged: one bad row must not fail
the requests of everybody who may read it. Publishing writes no such day, but Fabric enforces no rule on rows
that are written in other ways.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar

from shared import periods
from shared.metering import QUALITY_OF_LETTER, Direction, MeteringPointId, Quality, Resolution
from shared.periods import ONE_DAY, ONE_HOUR, Period
from shared.readable import PermittedDays
from shared.warehouse.engine import aware
from shared.warehouse.queries.changes import ChangeRow
from shared.warehouse.queries.insights import PackedRow
from shared.warehouse.queries.latest_days import LatestDayRow
from shared.warehouse.queries.series_days import DayRow, WantedDays

MISSING = Quality.MISSING.letter
_RESOLUTIONS = {each.value: each for each in Resolution}
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
"""Values start on the hour, or on the quarter, of any zone: Oslo's offset is whole hours since 1900."""
_FROM_SURE_TO_UNSURE = "MFCET"
"""Letters of quality, measured first; a sum is as sure as the least sure value in it."""

LOGGED = 5
"""Days that one answer names in the log; check-warehouse finds the others."""

_STEPS = {each.value: each.step for each in Resolution if each.is_stored}
PER_HOUR = {name: ONE_HOUR // step for name, step in _STEPS.items()}
"""Values in an hour, by the stored resolutions."""
_DIRECTIONS = frozenset(each.value for each in Direction)
LETTERS = "".join(letter for letter in QUALITY_OF_LETTER)
_NULL = "null"
# Possessive, so that no text takes long; a comma follows each value.
_VALUES = re.compile(rf"(?:[0-9]{{1,15}}+\.[0-9][0-9][0-9],|{_NULL},)*+")

_DIGITS = b"0123456789"
_OUTLINE = bytes.maketrans(_DIGITS + b";", b"0000000000,")
_TOO_LONG = b"0" * 16

Day = TypeVar("Day", DayRow, ChangeRow, PackedRow)

log = logging.getLogger("metering.requests")


class Values(NamedTuple):
    """Consecutive values of one market day. A named tuple, since a portfolio has thousands of them.

    Attributes:
        first: position of the first value on the day's grid of `resolution`, from 0.
        quantities: kWh with three decimals or `null`, comma-separated, in order of time.
        qualities: a letter for each value.
    """

    day: date
    resolution: Resolution
    first: int
    quantities: str
    qualities: str
    published_at: datetime

    @property
    def start(self) -> datetime:
        """Return the start of the first value."""
        return periods.start_of(self.day) + self.first * self.resolution.step


@dataclass(frozen=True)
class Sum:
    """The sum of the values in a period of a day, a month or a year.

    Attributes:
        quantity: kWh with three decimals, or `null` when there is no value at all.
        quality: the letter of the least sure value.
        complete: whether the whole day, month or year is covered and no value is missing.
        missing: how many values of the period are missing.
    """

    day: date
    resolution: Resolution
    period: Period
    quantity: str
    quality: str
    complete: bool
    missing: int
    published_at: datetime


@dataclass(frozen=True)
class Scope:
    """What is requested of one metering point in one direction, and what of it is permitted and available.

    Attributes:
        resolution: None means as stored.
        available_until: end of its last published market day; None when nothing is published.
    """

    metering_point_id: MeteringPointId
    direction: Direction
    period: Period
    resolution: Resolution | None
    permitted: Sequence[PermittedDays]
    available_until: datetime | None


@dataclass(frozen=True)
class Series:
    """The values of one metering point, or the part of them that is on this page."""

    scope: Scope
    parts: Sequence[Values | Sum]

    @property
    def resolution(self) -> Resolution | None:
        """Return the resolution of all values; None when it changes within them or is unknown."""
        found = {part.resolution for part in self.parts}
        return found.pop() if len(found) == 1 else None if found else self.scope.resolution


def sound(rows: Sequence[Day]) -> list[Day]:
    """Return the rows that are whole market days of a known resolution; log the others."""
    if _all_are_whole(rows):
        return list(rows)
    found = [row for row in rows if _is_whole(row)]
    if len(found) < len(rows):
        _report([(row.metering_point_id, row.delivery_date) for row in rows if not _is_whole(row)])
    return found


def sound_changes(rows: Sequence[ChangeRow]) -> list[ChangeRow]:
    """Return the rows that are whole market days in a known direction and resolution; log the others."""
    unknown = [row for row in rows if not has_direction(row)]
    if unknown:
        _report([(row.metering_point_id, row.delivery_date) for row in unknown])
    return sound([row for row in rows if has_direction(row)])


def has_direction(row: ChangeRow) -> bool:
    """Return whether a row's direction is exactly one of ours."""
    return row.direction in _DIRECTIONS


def sound_latest(rows: Iterable[LatestDayRow]) -> list[LatestDayRow]:
    """Return the rows in a known direction and resolution; log the others."""
    found: list[LatestDayRow] = []
    unknown: list[LatestDayRow] = []
    for row in rows:
        is_known = row.direction in _DIRECTIONS and row.resolution in _STEPS
        (found if is_known else unknown).append(row)
    if unknown:
        _report([(row.metering_point_id, row.last_day) for row in unknown])
    return found


def assemble(rows: Sequence[DayRow], scope: Scope) -> Series:
    """Make a series of the values of one metering point, cut to the requested period.

    No row may be coarser than requested; `sums.assemble` makes sums.
    """
    return Series(scope, _values(rows, scope))


def days_with_starts(period: Period, resolution: Resolution) -> tuple[date, date]:
    """Return the market days `[first, end)` in which values of a stored resolution start in the period."""
    first, end = (next_start(edge, resolution.step) for edge in (period.start, period.end))
    if first >= end:
        return period.first_day, period.first_day
    return periods.day_of(first), periods.day_of(end - resolution.step) + ONE_DAY


def wanted_days(period: Period, resolution: Resolution | None) -> WantedDays:
    """Return the market days that have a value in the period, by the resolution in which they are stored.

    A value belongs to the period in which it starts. Days of quarters count as days of hours when hours are
    requested; days of hours never count as quarters. Without a resolution days count as they are stored.
    """
    hours = days_with_starts(period, Resolution.PT1H)
    quarters = days_with_starts(period, Resolution.PT15M)
    match resolution:
        case Resolution.PT15M:
            return WantedDays(quarters=quarters, hours=(quarters[0], quarters[0]))
        case Resolution.PT1H:
            return WantedDays(quarters=hours, hours=hours)
        case _:
            return WantedDays(quarters=quarters, hours=hours)


def _values(rows: Sequence[DayRow], scope: Scope) -> list[Values]:
    days = [whole_day(row) for row in rows]
    if scope.resolution is not None:
        days = [_coarser(values, scope.resolution) for values in days]
    inside = _whole_days(scope.period)
    for edge in {0, len(days) - 1} if days else ():  # The days between are within the period.
        if not inside.contains(days[edge].day):
            days[edge] = cut(days[edge], scope.period)
    return [values for values in days if values.qualities]


@lru_cache(maxsize=128)
def _whole_days(period: Period) -> PermittedDays:
    """Return the market days that are completely in a period."""
    first = period.first_day
    return PermittedDays(
        first if periods.start_of(first) == period.start else first + ONE_DAY, periods.day_of(period.end)
    )


def whole_day(row: DayRow | ChangeRow) -> Values:
    """Return a stored market day with all its values."""
    resolution = _RESOLUTIONS[row.resolution]
    return Values(row.delivery_date, resolution, 0, row.quantities, row.qualities, aware(row.published_at))


def cut(values: Values, period: Period) -> Values:
    """Return those values that start within the period."""
    first = max(0, -((values.start - period.start) // values.resolution.step))
    end = min(len(values.qualities), -((values.start - period.end) // values.resolution.step))
    if first == 0 and end == len(values.qualities):
        return values
    return values._replace(
        first=values.first + first,
        quantities=",".join(values.quantities.split(",")[first:end]),
        qualities=values.qualities[first:end],
    )


def _coarser(values: Values, resolution: Resolution) -> Values:
    """Return a day of quarters as hours: an hour that lacks a quarter is missing, never a smaller sum."""
    if values.resolution is resolution:
        return values
    step = resolution.step // values.resolution.step
    quantities = values.quantities.split(",")
    hours = [
        _add(quantities[at : at + step], values.qualities[at : at + step])
        for at in range(0, len(quantities), step)
    ]
    return values._replace(
        resolution=resolution,
        quantities=",".join(quantity for quantity, _ in hours),
        qualities="".join(quality for _, quality in hours),
    )


def _add(quantities: Sequence[str], qualities: str) -> tuple[str, str]:
    if MISSING in qualities:
        return "null", MISSING
    return kwh(sum(map(watt_hours_of, quantities))), least_sure(qualities)


def next_start(instant: datetime, step: timedelta) -> datetime:
    """Return the first start of a value at or after an instant: values belong to the period they start in."""
    return instant + (_MIDNIGHT - instant) % step


def least_sure(letters: Iterable[str]) -> str:
    return max(letters, key=_FROM_SURE_TO_UNSURE.index)


def watt_hours_of(quantity: str) -> int:
    """Return whole Wh from kWh with exactly three decimals: sums of whole numbers are exact."""
    return int(quantity.replace(".", "", 1))


def kwh(watt_hours: int) -> str:
    """Return whole Wh as kWh with three decimals."""
    return f"{watt_hours // 1000}.{watt_hours % 1000:03d}"


def _all_are_whole(rows: Sequence[DayRow | ChangeRow | PackedRow]) -> bool:
    """Return whether `_is_whole` is true of every row, the usual case, in a fraction of the time.

    Without its digits, the text must be what the letters require. With each digit replaced by 0, counting
    and searching in the text checks the numbers, faster than a pattern does.
    """
    if not all(
        _is_known(*form) for form in {(row.resolution, row.delivery_date, row.qualities) for row in rows}
    ):
        return False
    text = ";".join([row.quantities for row in rows]).encode()
    places = b";".join([_places(row.qualities) for row in rows])
    if text.translate(None, _DIGITS) != places:
        return False
    outline = text.translate(_OUTLINE) + b","
    if b"n" in places and (outline.count(b"null,") != places.count(b"n") or b"0null" in outline):
        return False
    return outline.count(b"0.000,") == places.count(b".") and _TOO_LONG not in outline


@lru_cache(maxsize=40_000)
def _is_known(resolution: str, day: date, qualities: str) -> bool:
    """Return whether a day has a known resolution, and a known letter for each of its intervals."""
    step = _STEPS.get(resolution)
    return step is not None and len(qualities) == intervals(day, step) and not qualities.strip(LETTERS)


@lru_cache(maxsize=4_096)
def _places(qualities: str) -> bytes:
    """Return how the values of these letters look without their digits, such as `.,.,null,.`."""
    return ",".join(_NULL if letter == MISSING else "." for letter in qualities).encode()


def _is_whole(row: DayRow | ChangeRow | PackedRow) -> bool:
    """Return whether a day has a letter, and a number with three decimals or null, for each interval."""
    return (
        _is_known(row.resolution, row.delivery_date, row.qualities)
        and _VALUES.fullmatch(f"{row.quantities},") is not None
        and row.quantities.encode().translate(None, _DIGITS) == _places(row.qualities)
    )


@lru_cache(maxsize=40_000)
def intervals(day: date, step: timedelta) -> int:
    """Return how many intervals of a step a market day has."""
    whole = periods.market_day(day)
    return (whole.end - whole.start) // step


def _report(days: Sequence[tuple[str, date]]) -> None:
    named = ", ".join(f"{metering_point_id!a} on {day}" for metering_point_id, day in days[:LOGGED])
    report(len(days), named)


def report(count: int, named: str) -> None:
    """Log how many stored days are left out of an answer, with the names of some of them."""
    log.error(
        "Stored market days are left out of an answer, %d of them: %s. Their rows in metering.series_day are "
        "not whole days of a known resolution, so publishing did not write them. Run check-warehouse, and "
        "deliver those days again; see days-left-out in docs/operations.md.",
        *(count, named),
    )
