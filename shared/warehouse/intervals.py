"""The checks of delivered interval values, row by row. Pure.

The same few texts come again and again in a delivery, so each text is parsed once and
remembered; a chunk is checked column by column.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Generic, NamedTuple, TypeVar, cast

from shared import metering, periods
from shared.metering import Direction, Quality, Resolution
from shared.warehouse.files import Chunk, Fault
from shared.warehouse.queries import END_DAY, FIRST_DAY

HEADER = ("metering_point_id", "direction", "start", "resolution", "quantity", "quality")

REMEMBERED = 200_000
"""Texts of one column that are remembered before it starts over, so that memory stays flat."""

AHEAD = timedelta(days=2)
"""How far after its receipt a value may start. Nobody has measured what is to come: a start that lies further
ahead is a fault, and would tell every reader that data reaches as far as it."""

FIRST_START = periods.start_of(FIRST_DAY)
END_START = periods.start_of(END_DAY)

# The sum of a day's hundred quarters must fit decimal(18, 3).
_QUANTITY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_STORED = {resolution.value for resolution in Resolution if resolution.is_stored}
_DELIVERED_QUALITIES = {quality.value for quality in Quality}
_DIRECTIONS = {direction.value for direction in Direction}

Text = TypeVar("Text", bound=Hashable)
Parsed = TypeVar("Parsed")


class Interval(NamedTuple):
    """A start as it is stored: UTC without zone, with its market day."""

    start_utc: str
    delivery_date: str


class StoredValue(NamedTuple):
    """A quantity as decimal text, or None where it is missing, with its quality."""

    quantity: str | None
    quality: str


CheckedRow = tuple[int, str, str, Interval, str, StoredValue]
"""Line, metering point, direction, interval, resolution, value: a row that may be stored."""


class _Memory(dict[Text, Parsed | None], Generic[Text, Parsed]):
    """Parses each text once. What cannot be parsed is None, with the reason in `refused`."""

    def __init__(self, parse: Callable[[Text], Parsed]) -> None:
        super().__init__()
        self._parse = parse
        self.refused: dict[Text, str] = {}

    def __missing__(self, text: Text) -> Parsed | None:
        parsed: Parsed | None = None
        try:
            parsed = self._parse(text)
        except ValueError as error:
            self.refused[text] = str(error)
        self[text] = parsed
        return parsed

    def all(self, column: Sequence[Text]) -> list[Parsed | None]:
        if len(self) > REMEMBERED:
            self.clear()
            self.refused.clear()
        return list(map(self.__getitem__, column))

    def faults(self, chunk: Chunk, column: Sequence[Text]) -> list[Fault]:
        if not self.refused:
            return []
        return [
            Fault(line, self.refused[text])
            for line, text in zip(chunk.lines, column, strict=True)
            if text in self.refused
        ]


class Checks:
    """The row checks of one file; remembers what it has parsed from chunk to chunk.

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
        self._values = _Memory(_value)

    def check(self, chunk: Chunk) -> tuple[list[CheckedRow], list[Fault]]:
        """The rows of a chunk, or what is wrong with them, in order of lines."""
        ids, directions, starts, resolutions, quantities, qualities = (
            chunk.columns[place] for place in self._places
        )
        lengths = list(zip(starts, resolutions, strict=True))
        values = list(zip(quantities, qualities, strict=True))
        rows = list(
            zip(
                chunk.lines,
                self._ids.all(ids),
                self._directions.all(directions),
                self._intervals.all(lengths),
                self._resolutions.all(resolutions),
                self._values.all(values),
                strict=True,
            )
        )
        faults = [
            *self._ids.faults(chunk, ids),
            *self._directions.faults(chunk, directions),
            *self._resolutions.faults(chunk, resolutions),
            *self._intervals.faults(chunk, lengths),
            *self._values.faults(chunk, values),
        ]
        if faults:
            return [], sorted(faults, key=lambda fault: fault.line)
        # Without faults, no text was refused, so none of the parsed values is None.
        return cast(list[CheckedRow], rows), []


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


def _interval(start_and_resolution: tuple[str, str], *, received_at: datetime) -> Interval:
    text, resolution = start_and_resolution
    start = _instant(text)
    if not FIRST_START <= start < END_START:
        raise ValueError(f"start {_shown(text)} is outside the market days {FIRST_DAY} to {END_DAY}.")
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


def _value(quantity_and_quality: tuple[str, str]) -> StoredValue:
    """Quantity and quality together: without a quantity a value is missing, whatever it is called."""
    quantity, quality = quantity_and_quality
    if quality not in _DELIVERED_QUALITIES:
        raise ValueError(f"quality {_shown(quality)} is unknown.")
    if not quantity:
        return StoredValue(None, Quality.MISSING.value)
    if not _QUANTITY.fullmatch(quantity):
        raise ValueError(f"quantity {_shown(quantity)} {_fault_of_quantity(quantity)}.")
    if quality == Quality.MISSING:
        raise ValueError(f"quantity {_shown(quantity)} has the quality missing.")
    return StoredValue(quantity, quality)


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
