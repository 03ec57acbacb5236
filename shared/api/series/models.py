"""Series as models."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from shared.api.models import (
    Absent,
    Answer,
    Cursor,
    DayQuality,
    MeteringPointId,
    Number,
    OpenQuality,
    OpenResolution,
    PermittedPeriod,
    Quantity,
    open_words,
)
from shared.metering import Direction, Resolution


class Value(Answer):
    """The energy of one interval."""

    start: datetime = Field(description="Start of the interval.")
    end: datetime = Field(description="End of the interval, exclusive.")
    quantity: Quantity
    quality: OpenQuality
    complete: bool | None = Field(
        default=None,
        description="Only with P1D and coarser: true if all of it is covered and no value is missing.",
    )
    missing: Number | None = Field(
        default=None, description="Only with P1D and coarser: number of missing values."
    )


class ValueException(Answer):
    """A value whose quality differs from the quality of the day."""

    position: int = Field(
        description="Position of the value in `quantities`, from 0.", ge=0, le=99, examples=[1]
    )
    quality: OpenQuality


class Row(Answer):
    """The energy of one interval of one metering point, as a flat object."""

    metering_point_id: MeteringPointId
    direction: Direction
    start: datetime = Field(description="Start of the interval.")
    end: datetime = Field(description="End of the interval, exclusive.")
    resolution: OpenResolution
    quantity: Quantity
    quality: OpenQuality
    complete: bool | None = Field(
        default=None,
        description="Only with P1D and coarser: true if all of it is covered and no value is missing.",
    )
    missing: Number | None = Field(
        default=None, description="Only with P1D and coarser: number of missing values."
    )


class Day(Answer):
    """The values of one market day, packed."""

    market_day: date = Field(alias="date", description="The market day, in Europe/Oslo.")
    start: datetime = Field(description="The start of the first value.")
    resolution: OpenResolution
    quality: DayQuality
    exceptions: list[ValueException] = Field(
        description="The values whose quality differs from the day's, in order of time."
    )
    quantities: list[Quantity] = Field(
        description="Energy in kWh of each interval, in order of time; null when missing."
    )
    published_at: datetime = Field(description="When this version of the day was published.")
    complete: bool | None = Field(
        default=None,
        description="Only with P1D and coarser: true if all of it is covered and no value is missing.",
    )
    missing: Number | None = Field(
        default=None, description="Only with P1D and coarser: number of missing values."
    )


class SeriesPart(Answer):
    """The values of one metering point in one direction, or a page's part of them."""

    metering_point_id: MeteringPointId
    direction: Direction
    unit: str = Field(description="The unit of the quantities.", examples=["kWh"])
    time_zone: str = Field(description="The time zone of market days.", examples=["Europe/Oslo"])
    from_: datetime = Field(alias="from", description="Start of the requested period.")
    to: datetime = Field(description="End of the requested period, exclusive.")
    resolution: Annotated[
        Resolution | None,
        open_words(
            Resolution,
            "The resolution of all values below; null if the stored resolution changes within them. Without "
            "values: the requested resolution, or null.",
            null=True,
        ),
    ]
    permitted: list[PermittedPeriod] = Field(description="The market days that you may read.")
    available_until: datetime | None = Field(
        description="End of the last published market day of this series that you may read; null if none."
    )
    values: list[Value] | Absent = Field(default=None, description="Only with `layout=values`.")
    days: list[Day] | Absent = Field(default=None, description="Only with `layout=days`.")


class Series(SeriesPart):
    """A page of the values of one metering point in one direction."""

    rows: list[Row] | Absent = Field(default=None, description="Only with `layout=rows`.")
    next_cursor: Cursor


class StoredCoarser(Answer):
    """A metering point with market days that are stored coarser than requested."""

    metering_point_id: MeteringPointId
    resolution: Annotated[
        Resolution, open_words(Resolution, "The resolution in which these days are stored.")
    ]
    from_: date = Field(alias="from", description="The first of these days in the requested period.")
    to: date = Field(description="The day after the last of these days.")


class ManySeries(Answer):
    """A page of the series of many metering points."""

    series: list[SeriesPart] | Absent = Field(
        default=None,
        description="Ordered by metering point; a series may continue on the next page. Only with "
        "`layout=values` and `layout=days`.",
    )
    rows: list[Row] | Absent = Field(
        default=None, description="Only with `layout=rows`: ordered by metering point and time."
    )
    not_found: list[MeteringPointId] = Field(
        description="Named metering points that do not exist or that you may not read."
    )
    stored_coarser: list[StoredCoarser] = Field(
        description="The first 40 metering points with days that are left out, because they are stored "
        "coarser than `resolution`. Only on the first page."
    )
    stored_coarser_count: Number | None = Field(
        description="Number of all such metering points; null after the first page."
    )
    next_cursor: Cursor
