"""The answers of the API as models: they document, and tests hold real answers against them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from shared.metering import Direction, Quality, Resolution

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
            "anyOf": [{"type": "number"}, {"type": "null"}],
            "description": "Energy in kWh, with the three decimals that were delivered; null when missing.",
            "examples": [0.412],
        }
    ),
]
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
    customer_number: int = Field(examples=[10001])
    name: str = Field(examples=["Fjordbakeriet AS"])
    metering_point_count: int = Field(description="Metering points of this customer that you may read.")


class Customers(Answer):
    customers: list[Customer]


class PermittedPeriod(Answer):
    from_: date | None = Field(alias="from", description="First permitted market day; null: no lower bound.")
    to: date | None = Field(description="First market day no longer permitted; null: open.")


class CustomersPeriod(PermittedPeriod):
    customer_number: int = Field(description="The customer through whom the period is permitted.")


class MeteringPoint(Answer):
    metering_point_id: MeteringPointId
    name: str | None
    address: str | None
    postal_code: str | None
    city: str | None
    price_area: str | None = Field(examples=["NO1"])
    grid_area: str | None
    meter_serial: str | None = Field(description="The number on the meter; not the metering point id.")
    directions: list[Direction] = Field(
        description="With values in the last month or, where there are none, ever."
    )
    resolution: Resolution | None = Field(description="The stored resolution of the newest published day.")
    customer_number: int = Field(description="The customer of the newest permitted period.")
    permitted: list[CustomersPeriod] = Field(description="The periods that you may read.")


class MeteringPoints(Answer):
    metering_points: list[MeteringPoint]
    next_cursor: Cursor
    access_version: AccessVersion


class Value(Answer):
    start: datetime
    end: datetime
    quantity: Quantity
    quality: Quality
    complete: bool | None = Field(
        default=None,
        description="For P1D and coarser: all of the day, month or year is covered, no value is missing.",
    )
    missing: int | None = Field(
        default=None, description="Only for P1D and coarser: how many values are missing."
    )


class Day(Answer):
    date: date
    start: datetime = Field(description="The start of the first value.")
    resolution: Resolution
    quality: Quality = Field(description="The quality that most values have.")
    exceptions: dict[str, Quality] = Field(
        description="The values with another quality, by their position from 0.", examples=[{"1": "missing"}]
    )
    quantities: list[Quantity] = Field(description="In order of time.")
    published_at: datetime
    complete: bool | None = Field(default=None, description="As in `values`.")
    missing: int | None = Field(default=None, description="As in `values`.")


class SeriesPart(Answer):
    metering_point_id: MeteringPointId
    direction: Direction
    unit: str = Field(examples=["kWh"])
    time_zone: str = Field(examples=["Europe/Oslo"])
    from_: datetime = Field(alias="from", description="Start of the asked period.")
    to: datetime = Field(description="End of the asked period, exclusive.")
    resolution: Resolution | None = Field(
        description="Of all values below; null where the stored resolution changes within them. Without "
        "values: what you asked for, or null."
    )
    permitted: list[PermittedPeriod]
    available_until: datetime | None = Field(
        description="End of the last published market day of this series that you may read."
    )
    values: list[Value] | None = Field(default=None, description="With `layout=values`.")
    days: list[Day] | None = Field(default=None, description="With `layout=days`.")


class Series(SeriesPart):
    next_cursor: Cursor


class StoredCoarser(Answer):
    metering_point_id: MeteringPointId
    resolution: Resolution = Field(description="What these days are stored as.")
    from_: date = Field(alias="from", description="First market day.")
    to: date = Field(description="First market day no longer meant.")


class ManySeries(Answer):
    series: list[SeriesPart]
    not_found: list[MeteringPointId] = Field(
        description="Metering points named in the request that do not exist or that you may not read."
    )
    stored_coarser: list[StoredCoarser] = Field(
        description="Market days that this page leaves out, since they are stored coarser than `resolution` "
        "asks for."
    )
    next_cursor: Cursor


class ChangedDay(Day):
    metering_point_id: MeteringPointId
    direction: Direction
    sequence: int = Field(description="Of the publication that this version of the day came with.")


class Changes(Answer):
    days: list[ChangedDay] = Field(description="In the order of publication.")
    cursor: str = Field(description="Keep it, and give it as `cursor` the next time.")
    up_to_date: bool = Field(description="False when more follows at once.")
    access_version: AccessVersion


class Status(Answer):
    data_available_until: datetime | None = Field(description="End of the newest published market day.")
    last_published_at: datetime | None
    access_synced_at: datetime | None = Field(description="When access was last confirmed with the register.")
    price_areas: dict[str, datetime] = Field(
        description="End of the newest published market day by price area."
    )


class Fault(Answer):
    parameter: str
    code: str
    message: str
    hint: str


class Problem(Answer):
    """RFC 9457. `code` is stable; all faults of a request are in `errors`."""

    type: str = Field(examples=["/problems/invalid-parameter"])
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(examples=["invalid-parameter"])
    errors: list[Fault] | None = None
    request_id: str
