"""Totals, peaks and completeness as models."""

from datetime import datetime

from pydantic import Field

from shared.api.models import Answer, Cursor, MeteringPointId, Number, Quantity
from shared.metering import Direction

_NOT_FOUND = "Named metering points that do not exist or that you may not read."


_PART_OF_IT = "A metering point without a published day in the interval is not part of the total"


class Total(Answer):
    """The energy of one interval over all these metering points."""

    start: datetime = Field(description="Start of the interval.")
    end: datetime = Field(description="End of the interval, exclusive.")
    quantity: Quantity
    complete: bool = Field(
        description="True if each metering point that is part of the total covers the whole interval and no "
        f"value is missing. {_PART_OF_IT}: compare `meteringPoints` with the number that you expect."
    )
    missing: Number = Field(
        description=f"Number of missing values. {_PART_OF_IT}, so its values are not counted."
    )
    metering_points: Number = Field(
        description="Number of metering points with a published day in the interval: these are part of the "
        "total. `/completeness` lists those whose days are late."
    )


class TotalPage(Answer):
    """A page of totals."""

    values: list[Total] = Field(description="In order of time. Intervals without any data are left out.")
    not_found: list[str] = Field(description=_NOT_FOUND)
    next_cursor: Cursor


class PeakHour(Answer):
    """One of the highest hours."""

    start: datetime = Field(description="Start of the hour.")
    end: datetime = Field(description="End of the hour, exclusive.")
    quantity: Quantity


class PeaksOfMonth(Answer):
    """The highest hours of one metering point in one month."""

    metering_point_id: MeteringPointId
    month: str = Field(
        description="The month, in Europe/Oslo.", pattern=r"^\d{4}-\d{2}$", examples=["2026-11"]
    )
    hours: list[PeakHour] = Field(
        description="The highest hour first; of equal hours, the earlier one. Fewer than `count` if there "
        "are not so many days, weeks or hours with a value."
    )
    mean: Quantity
    provisional: bool = Field(
        description="True if any hour of the month is missing, not yet published, not permitted or outside "
        "the requested period: the highest hours may still change."
    )


class PeaksPage(Answer):
    """A page of peaks."""

    peaks: list[PeaksOfMonth] = Field(description="Ordered by metering point and month.")
    not_found: list[str] = Field(description=_NOT_FOUND)
    next_cursor: Cursor


class CompletePeriod(Answer):
    """How complete one series is in a day or a month."""

    metering_point_id: MeteringPointId
    direction: Direction
    start: datetime = Field(description="Start of the requested part of the day or month.")
    end: datetime = Field(description="End of the requested part of the day or month, exclusive.")
    expected: Number = Field(description="Number of values that should exist by now.")
    measured: Number = Field(description="Number of `measured` values.")
    estimated: Number = Field(description="Number of `estimated` values.")
    final_estimated: Number = Field(description="Number of `final-estimated` values.")
    temporary: Number = Field(description="Number of `temporary` values.")
    calculated: Number = Field(description="Number of `calculated` values.")
    missing: Number = Field(description="Number of expected values that are missing.")
    late: bool = Field(
        description="True if a market day that is due is not published. A day is due at 09:00 in Europe/Oslo "
        "on the next day, or when a later day is published."
    )


class CompletenessPage(Answer):
    """A page of completeness."""

    periods: list[CompletePeriod] = Field(
        description="Ordered by metering point, direction and time. Days and months without expected values "
        "are left out."
    )
    not_found: list[str] = Field(description=_NOT_FOUND)
    next_cursor: Cursor
