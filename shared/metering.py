"""The terms of the trade: metering point id, direction, resolution, quality; and the GUIDs of Entra.

Names and codes follow Elhub's market standard (https://dok.elhub.no/Elhubstandard/).
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import NewType, TypeGuard

MeteringPointId = NewType("MeteringPointId", str)
"""An 18-digit GSRN with a valid GS1 check digit; as text, since readers of JSON round such long numbers."""

GSRN_LENGTH = 18

PRICE_AREAS = ("NO1", "NO2", "NO3", "NO4", "NO5")
"""The bidding zones of Norway."""


_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NIL_GUID = "00000000-0000-0000-0000-000000000000"


class InvalidMeteringPointId(ValueError):
    """The text is not a GSRN; the message names the broken rule."""


class Direction(StrEnum):
    """Which way energy flows at the metering point."""

    CONSUMPTION = "consumption"
    PRODUCTION = "production"


class Resolution(StrEnum):
    """The length of a value's interval, as an ISO 8601 duration."""

    PT15M = "PT15M"
    PT1H = "PT1H"
    P1D = "P1D"
    P1M = "P1M"
    P1Y = "P1Y"

    @property
    def step(self) -> timedelta:
        """The fixed length of an interval.

        Raises:
            KeyError: the resolution is a day or coarser, so the length varies.
        """
        return _STEPS[self]

    @property
    def is_stored(self) -> bool:
        """Whether market days are stored in this resolution; the coarser ones are sums."""
        return self in _STEPS


_STEPS = {Resolution.PT15M: timedelta(minutes=15), Resolution.PT1H: timedelta(hours=1)}


def is_sum(resolution: Resolution | None) -> TypeGuard[Resolution]:
    """Return whether values in a requested resolution are sums of stored ones; None means as stored."""
    return resolution is not None and not resolution.is_stored


class Quality(StrEnum):
    """How a value was obtained."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    FINAL_ESTIMATED = "final-estimated"
    TEMPORARY = "temporary"
    CALCULATED = "calculated"
    MISSING = "missing"

    @property
    def letter(self) -> str:
        """The letter by which a packed market day stores this quality."""
        return _LETTERS[self]


_LETTERS = {
    Quality.MEASURED: "M",
    Quality.ESTIMATED: "E",
    Quality.FINAL_ESTIMATED: "F",
    Quality.TEMPORARY: "T",
    Quality.CALCULATED: "C",
    Quality.MISSING: "X",
}

QUALITY_OF_LETTER = {letter: quality for quality, letter in _LETTERS.items()}


def parse_metering_point_id(text: str) -> MeteringPointId:
    """Return the metering point id that a text holds.

    Raises:
        InvalidMeteringPointId: the text is not 18 digits, or its check digit is wrong.
    """
    if not (text.isascii() and text.isdigit() and len(text) == GSRN_LENGTH):
        raise InvalidMeteringPointId("a metering point id has exactly 18 digits")
    expected = check_digit(text[:-1])
    if text[-1] != expected:
        raise InvalidMeteringPointId(f"the check digit should be {expected}")
    return MeteringPointId(text)


def check_digit(payload: str) -> str:
    """Return the GS1 modulo 10 check digit for the digits before it.

    Source: https://www.gs1.org/services/how-calculate-check-digit-manually
    """
    weighted = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(payload)))
    return str(-weighted % 10)


def is_guid(text: str) -> bool:
    """Return whether a text is a lower-case GUID, with which Entra identifies applications and users.

    The nil GUID identifies nobody, so it does not count.
    """
    return bool(_GUID.fullmatch(text)) and text != _NIL_GUID
