"""Totals, peaks and completeness, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from metering_api import models


@dataclass(frozen=True)
class Total:
    """The energy of one interval over all requested metering points; times have their offset."""

    start: datetime
    end: datetime
    quantity: Decimal | None
    complete: bool
    missing: int
    metering_points: int

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Total":
        """Read one of `values`."""
        return cls(
            *_bounds(content),
            quantity=models.quantity(content["quantity"]),
            complete=content["complete"],
            missing=content["missing"],
            metering_points=content["meteringPoints"],
        )


@dataclass(frozen=True)
class PeakHour:
    """One of the highest hours."""

    start: datetime
    end: datetime
    quantity: Decimal | None


@dataclass(frozen=True)
class Peaks:
    """The highest hours of a metering point in a month (`2026-11`), the highest first.

    Attributes:
        provisional: whether an hour of the month is missing, so that the highest may still change.
    """

    metering_point_id: str
    month: str
    hours: tuple[PeakHour, ...]
    mean: Decimal | None
    provisional: bool

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Peaks":
        """Read one of `peaks`."""
        return cls(
            metering_point_id=content["meteringPointId"],
            month=content["month"],
            hours=tuple(
                PeakHour(*_bounds(each), quantity=models.quantity(each["quantity"]))
                for each in content["hours"]
            ),
            mean=models.quantity(content["mean"]),
            provisional=content["provisional"],
        )


@dataclass(frozen=True)
class Completeness:
    """How complete a series is in a day or month.

    Attributes:
        expected: how many values there should be by now.
        counts: how many values there are by quality, as the API names them, such as `finalEstimated`.
        late: whether a day that is due is not published.
    """

    metering_point_id: str
    direction: str
    start: datetime
    end: datetime
    expected: int
    missing: int
    late: bool
    counts: Mapping[str, int]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Completeness":
        """Read one of `periods`; a quality that is not known here is counted too."""
        named = {"expected", "missing", "late"}
        start, end = _bounds(content)
        return cls(
            metering_point_id=content["meteringPointId"],
            direction=content["direction"],
            start=start,
            end=end,
            expected=content["expected"],
            missing=content["missing"],
            late=content["late"],
            counts={
                name: number
                for name, number in content.items()
                if isinstance(number, int) and not isinstance(number, bool) and name not in named
            },
        )


def _bounds(content: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(content["start"]), datetime.fromisoformat(content["end"])
