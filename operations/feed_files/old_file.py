"""What a file of the old system holds."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from shared.metering import Direction

Key = tuple[str, Direction]
"""A metering point and a direction."""


EMPTY = "The file is empty. Fetch it again from the old system."


class Unreadable(Exception):
    """The file is not what it should be; the message says where, and what to do."""


@dataclass
class OldFile:
    """What a file holds.

    Attributes:
        values: the kWh of each interval by its start; None where the file has an empty value.
        steps: the length of the intervals of each series.
        faults: what the file says about itself that is not true.
    """

    values: dict[Key, dict[datetime, Decimal | None]] = field(default_factory=lambda: defaultdict(dict))
    steps: dict[Key, timedelta] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def number(text: str) -> Decimal | None:
    """Return a number with a point or a comma, or None for an empty text.

    Raises:
        ValueError: it is no finite number.
    """
    if not text.strip():
        return None
    try:
        found = Decimal(text.replace(",", "."))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ValueError(f"'{text}' is not a number")
    return found
