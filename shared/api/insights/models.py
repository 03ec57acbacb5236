"""Totals, peaks and completeness as models."""

from datetime import datetime

from pydantic import Field

from shared.api.models import Answer, Cursor, MeteringPointId, Number, Quantity
from shared.metering import Direction

_NOT_FOUND = "The metering points that you named and may not read, unknown or somebody else's."


_PART_OF_IT = "A metering point without a published day in the interval is not part of it"


class Total(Answer):
    """The energy of one interval over all these metering points."""

    start: datetime = Field(description="Start of the interval.")
    end: datetime = Field(description="End of the interval, exclusive.")
    quantity: Quantity
    complete: bool = Field(
        description="Each metering point that is part of the interval covers all of it, and no value is "
        f"missing. {_PART_OF_IT}: compare `meteringPoints` with how many you expect."
    )
    missing: Number = Field(description=f"How many values are missing. {_PART_OF_IT}, and lacks none.")
    metering_points: Number = Field(
        description="How many metering points have a published day in the interval, and so are part of it. "
        "`/completeness` lists those whose days are late."
    )


class TotalPage(Answer):
    """A page of totals."""

    values: list[Total] = Field(description="In order of time; intervals without any data are left out.")
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
        description="The highest first; of equal hours the earlier. Fewer than `count` where there are not "
        "so many days, weeks or hours with a value."
    )
    mean: Quantity
    provisional: bool = Field(
        description="Some hour of the month is missing, not published yet, not permitted or outside the "
        "period asked for: the highest hours may still change."
    )


class PeaksPage(Answer):
    """A page of peaks."""

    peaks: list[PeaksOfMonth] = Field(description="By metering point and month.")
    not_found: list[str] = Field(description=_NOT_FOUND)
    next_cursor: Cursor


class CompletePeriod(Answer):
    """How complete one series is in a day or a month."""

    metering_point_id: MeteringPointId
    direction: Direction
    start: datetime = Field(description="Start of the day or month, as far as it was asked for.")
    end: datetime = Field(description="Its end, exclusive.")
    expected: Number = Field(description="How many values there should be by now.")
    measured: Number = Field(description="How many are measured.")
    estimated: Number = Field(description="How many are estimated.")
    final_estimated: Number = Field(description="How many are estimated for good.")
    temporary: Number = Field(description="How many are temporary.")
    calculated: Number = Field(description="How many are calculated.")
    missing: Number = Field(description="How many of the expected values are not there.")
    late: bool = Field(
        description="A market day that should be there is not published: it is due at 09:00 in Europe/Oslo "
        "on the day after."
    )


class CompletenessPage(Answer):
    """A page of completeness."""

    periods: list[CompletePeriod] = Field(
        description="By metering point, direction and time; days and months without expected values are "
        "left out."
    )
    not_found: list[str] = Field(description=_NOT_FOUND)
    next_cursor: Cursor
