"""Invalid stored market days: they are left out and logged, so that the other days can be answered.

Publishing writes no such day, but Fabric enforces no rule on rows that are written in other ways, and one bad
row must not fail the requests of everybody who may read it.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import TypeVar

from shared import periods
from shared.metering import QUALITY_OF_LETTER, Direction, Quality, Resolution
from shared.warehouse.queries import ChangeRow, DayRow, LatestDayRow

LOGGED = 5
"""Days that one answer names in the log; check-warehouse finds the others."""

_STEPS = {each.value: each.step for each in Resolution if each.is_stored}
_DIRECTIONS = frozenset(each.value for each in Direction)
_LETTERS = "".join(letter for letter in QUALITY_OF_LETTER)
_MISSING = Quality.MISSING.letter
_NULL = "null"
# Possessive, so that no text takes long; a comma follows each value.
_VALUES = re.compile(rf"(?:[0-9]{{1,15}}+\.[0-9][0-9][0-9],|{_NULL},)*+")

Day = TypeVar("Day", DayRow, ChangeRow)

log = logging.getLogger("metering.requests")


def sound(rows: Sequence[Day]) -> list[Day]:
    """Return the rows that are whole market days of a known resolution; log the others."""
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
    """Return whether a row's direction is one of ours, letter by letter."""
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


def _is_whole(row: DayRow | ChangeRow) -> bool:
    """Return whether a day has one value and one letter for each interval."""
    step, qualities, quantities = _STEPS.get(row.resolution), row.qualities, row.quantities
    return (
        step is not None
        and len(qualities) == _intervals(row.delivery_date, step)
        and not qualities.strip(_LETTERS)
        and quantities.count(",") + 1 == len(qualities)
        and _are_values(quantities, qualities)
    )


def _are_values(quantities: str, qualities: str) -> bool:
    """Return whether all values are numbers with three decimals, and null exactly where they are missing."""
    if not _VALUES.fullmatch(f"{quantities},"):
        return False
    if _MISSING not in qualities:
        return _NULL not in quantities
    return quantities.encode().translate(None, b"0123456789.") == _nulls(qualities)


@lru_cache(maxsize=4_096)
def _nulls(qualities: str) -> bytes:
    """Return the values of these letters without their numbers, such as `,,null,`."""
    return ",".join(_NULL if letter == _MISSING else "" for letter in qualities).encode()


@lru_cache(maxsize=40_000)
def _intervals(day: date, step: timedelta) -> int:
    whole = periods.market_day(day)
    return (whole.end - whole.start) // step


def _report(days: Sequence[tuple[str, date]]) -> None:
    named = ", ".join(f"{metering_point_id!a} on {day}" for metering_point_id, day in days[:LOGGED])
    log.error(
        "Stored market days are left out of an answer, %d of them: %s. Run check-warehouse, and correct "
        "series_day.",
        *(len(days), named),
    )
