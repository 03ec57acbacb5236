"""The load of a delivered file, and its result."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from shared.warehouse.engine import Warehouse

Kind = Literal["interval values", "metering points", "supply periods"]
Progress = Callable[[int, float], None]
"""Called with the number of rows done and the share of the file read, 0 to 1."""

SOURCE_LENGTH = 400

_TABLES: dict[Kind, str] = {
    "interval values": "delivery_line",
    "metering points": "metering_point_line",
    "supply periods": "supply_period_line",
}


class Unknown(NamedTuple):
    """Metering points that occur nowhere else in the warehouse: how many, and some of them."""

    number: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """The result of loading a file.

    Attributes:
        path: the file.
        kind: what the file holds.
        rows: how many rows it has.
        is_new: False when the file was skipped: interval values of the same content were loaded before, and
            nothing newer was delivered since.
        unknown: its metering points that occur nowhere else in the warehouse; None if there are none.
    """

    path: Path
    kind: Kind
    rows: int
    is_new: bool
    unknown: Unknown | None = None


@dataclass(frozen=True)
class Load:
    """One load of one file, whose staged rows have its id."""

    warehouse: Warehouse
    path: Path
    kind: Kind
    now: datetime
    arrived_at: datetime | None
    delivered_as: str | None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def table(self) -> str:
        """The table in which its rows are staged."""
        return _TABLES[self.kind]

    @property
    def source(self) -> str:
        """The name that the file was delivered under, in printable ASCII; the end of a long one."""
        name = (self.delivered_as or self.path.name).encode("ascii", "replace").decode()
        return "".join(each if each.isprintable() else "?" for each in name)[-SOURCE_LENGTH:]
