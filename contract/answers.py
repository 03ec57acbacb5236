"""The answers of the API as models: they document, and tests hold real answers against them.

A model is never called like one of its own properties: generators would number one of the two. Every model
and property has a description; API Management loses a text beside a reference, so a property that is a
reference is described by the schema that it refers to.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from shared.metering import Direction, Quality, Resolution


def _words(words: type[Quality] | type[Resolution], description: str, *, null: bool = False) -> Any:
    """A text whose words may grow within the version: a closed list stops clients at the first new one."""
    return WithJsonSchema(
        {
            "type": ["string", "null"] if null else "string",
            "x-extensible-enum": [str(each) for each in words],
            "description": description,
        }
    )


_GROWING_QUALITY = "Treat a word that you do not know as not final."
OpenQuality = Annotated[Quality, _words(Quality, f"How the value came to be. {_GROWING_QUALITY}")]
DayQuality = Annotated[Quality, _words(Quality, f"The quality that most values have. {_GROWING_QUALITY}")]
OpenResolution = Annotated[
    Resolution,
    _words(Resolution, "The length of an interval, as an ISO 8601 duration. Other durations may come."),
]
Absent = SkipJsonSchema[None]
"""For a property that some answers leave out, and that is never null. A number or a truth value that may be
left out may be null as well: else C# reads what is not there as zero or false."""

MeteringPointId = Annotated[
    str,
    Field(
        pattern=r"^\d{18}$",
        description="An 18-digit GSRN (målepunkt-ID) with a GS1 check digit. Text, never a number.",
        examples=["707057500000010017"],
    ),
]
# A decimal in the code, a JSON number in the answer: pydantic alone would call it a string.
Quantity = Annotated[
    Decimal | None,
    WithJsonSchema(
        {
            "type": ["number", "null"],
            "description": "Energy in kWh, with the three decimals that were delivered; null when missing.",
            "examples": [0.412],
        }
    ),
]
Number = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
"""A number or a count that may grow beyond 32 bits."""
Cursor = Annotated[
    str | None,
    Field(
        description="Give it as `cursor`, with the same parameters, to get the next page; null on the last."
    ),
]


class Answer(BaseModel):
    """What all answers have in common: camel case, and nothing that has no place here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


AccessVersion = Annotated[
    str,
    Field(
        description="The name of what you may read: another one as soon as you are given a metering point or "
        "days, or lose them. Opaque; compare it with the one that you hold.",
        examples=["9f0c2b7e51d3a864"],
    ),
]


class Customer(Answer):
    """A customer whose metering points you may read."""

    customer_number: Number = Field(description="The customer's number.", examples=[10001])
    name: str = Field(description="The customer's name.", examples=["Fjordbakeriet AS"])
    metering_point_count: Number = Field(description="Metering points of this customer that you may read.")


class CustomerList(Answer):
    """All customers whose metering points you may read."""

    customers: list[Customer] = Field(description="In the order of their numbers.")


class PermittedPeriod(Answer):
    """Market days that you may read."""

    from_: date | None = Field(alias="from", description="First permitted market day; null: no lower bound.")
    to: date | None = Field(description="First market day no longer permitted; null: open.")


class CustomersPeriod(PermittedPeriod):
    """Market days that you may read because of one customer."""

    customer_number: Number = Field(description="The customer through whom the period is permitted.")


class MeteringPoint(Answer):
    """A metering point that you may read."""

    metering_point_id: MeteringPointId
    name: str | None = Field(description="What the customer calls it; null when not known.")
    address: str | None = Field(description="Street and number; null when not known.")
    postal_code: str | None = Field(description="Null when not known.")
    city: str | None = Field(description="Null when not known.")
    price_area: str | None = Field(description="Null when not known.", examples=["NO1"])
    grid_area: str | None = Field(description="The grid area's code; null when not known.")
    meter_serial: str | None = Field(
        description="The number on the meter; not the metering point id. Null when not known."
    )
    directions: list[Direction] = Field(description="In which there are values that you may read.")
    resolution: Annotated[
        Resolution | None,
        _words(Resolution, "The stored resolution of the newest published day; null without one.", null=True),
    ]
    customer_number: Number = Field(description="The customer of the newest permitted period.")
    permitted: list[CustomersPeriod] = Field(description="The periods that you may read.")


class MeteringPointPage(Answer):
    """A page of the metering points that you may read."""

    metering_points: list[MeteringPoint] = Field(description="In the order of their ids.")
    next_cursor: Cursor
    access_version: AccessVersion


class Value(Answer):
    """The energy of one interval."""

    start: datetime = Field(description="Start of the interval.")
    end: datetime = Field(description="End of the interval, exclusive.")
    quantity: Quantity
    quality: OpenQuality
    complete: bool | None = Field(
        default=None,
        description="With P1D and coarser alone: all of it is covered, no value is missing.",
    )
    missing: Number | None = Field(
        default=None, description="With P1D and coarser alone: how many values are missing."
    )


class ValueException(Answer):
    """The quality of a value that has another one than the day's."""

    position: int = Field(description="Of the value in `quantities`, from 0.", ge=0, le=99, examples=[1])
    quality: OpenQuality


class Row(Answer):
    """The energy of one interval of one metering point, with everything that names it."""

    metering_point_id: MeteringPointId
    direction: Direction
    start: datetime = Field(description="Start of the interval.")
    end: datetime = Field(description="End of the interval, exclusive.")
    resolution: OpenResolution
    quantity: Quantity
    quality: OpenQuality
    complete: bool | None = Field(
        default=None, description="With P1D and coarser alone: all of it is covered, no value is missing."
    )
    missing: Number | None = Field(
        default=None, description="With P1D and coarser alone: how many values are missing."
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
        default=None, description="With P1D and coarser alone: all of it is covered, no value is missing."
    )
    missing: Number | None = Field(
        default=None, description="With P1D and coarser alone: how many values are missing."
    )


class SeriesPart(Answer):
    """The values of one metering point in one direction, or a page's part of them."""

    metering_point_id: MeteringPointId
    direction: Direction
    unit: str = Field(description="The unit of the quantities.", examples=["kWh"])
    time_zone: str = Field(description="The time zone of market days.", examples=["Europe/Oslo"])
    from_: datetime = Field(alias="from", description="Start of the asked period.")
    to: datetime = Field(description="End of the asked period, exclusive.")
    resolution: Annotated[
        Resolution | None,
        _words(
            Resolution,
            "Of all values below; null where the stored resolution changes within them. Without values: "
            "what you asked for, or null.",
            null=True,
        ),
    ]
    permitted: list[PermittedPeriod] = Field(description="The market days that you may read.")
    available_until: datetime | None = Field(
        description="End of the last published market day of this series that you may read; null without one."
    )
    values: list[Value] | Absent = Field(default=None, description="With `layout=values` alone.")
    days: list[Day] | Absent = Field(default=None, description="With `layout=days` alone.")


class Series(SeriesPart):
    """A page of the values of one metering point in one direction."""

    rows: list[Row] | Absent = Field(default=None, description="With `layout=rows` alone.")
    next_cursor: Cursor


class StoredCoarser(Answer):
    """A metering point with market days that are stored coarser than what was asked for."""

    metering_point_id: MeteringPointId
    resolution: Annotated[Resolution, _words(Resolution, "What these days are stored as.")]
    from_: date = Field(alias="from", description="The first of these days in the asked period.")
    to: date = Field(description="The day after the last of them.")


class ManySeries(Answer):
    """A page of the series of many metering points."""

    series: list[SeriesPart] | Absent = Field(
        default=None,
        description="In the order of metering points; one may go on on the next page. With `layout=values` "
        "and `layout=days`.",
    )
    rows: list[Row] | Absent = Field(
        default=None, description="With `layout=rows` alone: in the order of metering points and time."
    )
    not_found: list[MeteringPointId] = Field(
        description="Metering points named in the request that do not exist or that you may not read."
    )
    stored_coarser: list[StoredCoarser] = Field(
        description="The first 40 metering points of which days are left out, since they are stored coarser "
        "than `resolution` asks for. On the first page alone."
    )
    stored_coarser_count: Number | None = Field(
        description="How many such metering points there are; null after the first page."
    )
    next_cursor: Cursor


class ChangedDay(Day):
    """A market day that is new or corrected."""

    metering_point_id: MeteringPointId
    direction: Direction
    sequence: Number = Field(description="Of the publication that this version of the day came with.")


class Changes(Answer):
    """A page of the market days that are new or corrected."""

    days: list[ChangedDay] = Field(description="In the order of publication.")
    next_cursor: Cursor
    cursor: str = Field(description="Keep it, and give it as `cursor` the next time you ask.")
    up_to_date: bool = Field(description="False when more follows at once.")
    access_version: AccessVersion


class TimeByPriceArea(RootModel[dict[str, datetime]]):
    """End of the newest published market day by price area."""


class Status(Answer):
    """How fresh metering data and access are."""

    data_available_until: datetime | None = Field(
        description="End of the newest published market day; null without one."
    )
    last_published_at: datetime | None = Field(
        description="When data was last published; null when none was."
    )
    access_synced_at: datetime | None = Field(
        description="When access was last confirmed with the register; null when it never was."
    )
    price_areas: TimeByPriceArea


class Fault(Answer):
    """One thing wrong with one parameter."""

    parameter: str = Field(description="Its name, as you wrote it.")
    code: str = Field(description="Stable, for programs.", examples=["to-not-after-from"])
    message: str = Field(description="What is wrong.")
    hint: str = Field(description="What to write instead.")


class Problem(Answer):
    """Why a request failed (RFC 9457)."""

    type: str = Field(description="The code as an address.", examples=["/problems/invalid-parameter"])
    title: str = Field(description="What the code means.")
    status: int = Field(description="The HTTP status.", ge=100, le=599)
    detail: str = Field(
        description="What is wrong with this request, for people.",
        # Clients that Microsoft's Kiota makes show it as the message of their exception.
        json_schema_extra={"x-ms-primary-error-message": True},
    )
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable, for programs.", examples=["invalid-parameter"])
    market_days: Number | None = Field(
        default=None, description="With `too-large-for-one-answer`: how many market days were asked for."
    )
    items: Number | None = Field(
        default=None, description="With `too-large-for-one-answer`: how many metering points were asked for."
    )
    errors: list[Fault] | Absent = Field(
        default=None,
        description="With `invalid-parameter`: all faults of the request. With `too-large-for-one-answer`: "
        "the ways to a smaller answer.",
    )
    request_id: str = Field(description="Name it when you report the problem.")
