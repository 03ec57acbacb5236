"""The checks of delivered interval values, one by one. Pure.

The same few texts come again and again in a delivery, so each text is parsed once and remembered, and of
a chunk only the different texts of each column are looked at.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from shared import metering, periods
from shared.deliveries.files import Chunk, Fault
from shared.metering import Direction, Quality, Resolution
from shared.warehouse.engine import Rows

HEADER = ("metering_point_id", "direction", "start", "resolution", "quantity", "quality")

REMEMBERED = 200_000
"""Texts of one column that are remembered before it starts over, so that memory stays flat."""

AHEAD = timedelta(days=2)
"""How far after its receipt a value may start. Nobody has measured what is to come: a start that lies further
ahead is a fault, and would tell every reader that data reaches as far as it."""

FIRST_START = periods.start_of(periods.FIRST_DAY)
END_START = periods.start_of(periods.END_DAY)

# The sum of a day's hundred quarters must fit decimal(18, 3).
_QUANTITY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_STORED = {resolution.value for resolution in Resolution if resolution.is_stored}
_DELIVERED_QUALITIES = {quality.value for quality in Quality}
_DIRECTIONS = {direction.value for direction in Direction}

Parsed = TypeVar("Parsed")


class Interval(NamedTuple):
    """A start as it is stored: UTC without zone, with its market day."""

    start_utc: str
    delivery_date: str


class _Memory(Generic[Parsed]):
    """What the texts of one column, or of some columns together, mean. Each is parsed once."""

    def __init__(self, parse: Callable[..., Parsed]) -> None:
        self._parse = parse
        self.parsed: dict[tuple[str, ...], Parsed] = {}
        self._refused: dict[tuple[str, ...], str] = {}

    def faults(self, lines: Sequence[int], *columns: Sequence[str]) -> list[Fault]:
        """Parse what is new in the columns; what is wrong with any of their texts."""
        if len(self.parsed) > REMEMBERED:
            self.parsed.clear()
        for texts in set(zip(*columns, strict=True)).difference(self.parsed):
            try:
                self.parsed[texts] = self._parse(*texts)
            except ValueError as error:
                self._refused[texts] = str(error)
        if not self._refused:
            return []
        return [
            Fault(line, self._refused[texts])
            for line, texts in zip(lines, zip(*columns, strict=True), strict=True)
            if texts in self._refused
        ]


class Checks:
    """The checks of one file; remembers what it has parsed from chunk to chunk.

    Args:
        header: the file's columns.
        received_at: when the file came.
    """

    def __init__(self, header: Sequence[str], *, received_at: datetime) -> None:
        self._places = [header.index(name) for name in HEADER]
        self._ids = _Memory(_metering_point_id)
        self._directions = _Memory(_direction)
        self._resolutions = _Memory(_resolution)
        self._intervals = _Memory(partial(_interval, received_at=received_at))
        self._qualities = _Memory(_quality)

    def check(self, chunk: Chunk) -> tuple[Rows | None, list[Fault]]:
        """The rows of a chunk as they may be stored, or what is wrong with them, in order of lines."""
        ids, directions, starts, resolutions, quantities, qualities = (
            chunk.columns[place] for place in self._places
        )
        faults = [
            *self._ids.faults(chunk.lines, ids),
            *self._directions.faults(chunk.lines, directions),
            *self._resolutions.faults(chunk.lines, resolutions),
            *self._intervals.faults(chunk.lines, starts, resolutions),
            *self._qualities.faults(chunk.lines, quantities, qualities),
        ]
        if faults:
            return None, sorted(faults, key=lambda fault: fault.line)
        if "" in quantities:
            pairs = zip(quantities, qualities, strict=True)
            qualities = [self._qualities.parsed[pair] for pair in pairs]
        # What a start means does not depend on the resolution beside it; only whether it may stand there.
        meant = {start: interval for (start, _), interval in self._intervals.parsed.items()}
        intervals = [meant[start] for start in starts]
        columns = {
            "line": list(map(str, chunk.lines)),
            "metering_point_id": ids,
            "direction": directions,
            "start_utc": [each.start_utc for each in intervals],
            "delivery_date": [each.delivery_date for each in intervals],
            "resolution": resolutions,
            "quantity": quantities,
            "quality": qualities,
        }
        return Rows(columns), []


def _metering_point_id(text: str) -> str:
    try:
        return metering.parse_metering_point_id(text)
    except metering.InvalidMeteringPointId as error:
        raise ValueError(f"metering_point_id {_shown(text)}: {error}.") from error


def _direction(text: str) -> str:
    if text not in _DIRECTIONS:
        raise ValueError(f"direction {_shown(text)} is not consumption or production.")
    return text


def _resolution(text: str) -> str:
    if text not in _STORED:
        raise ValueError(f"resolution {_shown(text)} is not PT15M or PT1H.")
    return text


def _interval(text: str, resolution: str, *, received_at: datetime) -> Interval:
    start = _instant(text)
    if not FIRST_START <= start < END_START:
        raise ValueError(
            f"start {_shown(text)} is outside the market days {periods.FIRST_DAY} to {periods.END_DAY}."
        )
    if start > received_at + AHEAD:
        raise ValueError(f"start {_shown(text)} lies more than {AHEAD.days} days in the future.")
    minutes = 60 if resolution == Resolution.PT1H else 15
    if start.minute % minutes or start.second or start.microsecond:
        raise ValueError(f"start {_shown(text)} is not the start of an interval of {resolution}.")
    day = periods.day_of(start)
    return Interval(start.replace(tzinfo=None).isoformat(), day.isoformat())


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"start {_shown(text)} is not an ISO 8601 time.") from error
    if instant.tzinfo is None:
        raise ValueError(f"start {_shown(text)} has no offset from UTC; write {_shown(text + 'Z')} for UTC.")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"start {_shown(text)} is outside the calendar.") from error


def _quality(quantity: str, quality: str) -> str:
    """The quality as it is stored: without a quantity a value is missing, whatever it is called."""
    if quality not in _DELIVERED_QUALITIES:
        raise ValueError(f"quality {_shown(quality)} is unknown.")
    if not quantity:
        return Quality.MISSING.value
    if not _QUANTITY.fullmatch(quantity):
        raise ValueError(f"quantity {_shown(quantity)} {_fault_of_quantity(quantity)}.")
    if quality == Quality.MISSING:
        raise ValueError(f"quantity {_shown(quantity)} has the quality missing.")
    return quality


def _fault_of_quantity(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        return "is not a decimal number with a point"
    if text.startswith("-"):
        return "is negative"
    if len(text.partition(".")[0]) > 12:
        return "has more than 12 digits before the point"
    return "has more than three decimals"


def _shown(text: str) -> str:
    """A delivered text in quotes, short and on one line, for a message."""
    return ascii(text if len(text) <= 40 else text[:37] + "...")
