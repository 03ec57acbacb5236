"""Customers, their readers, and metering points as models."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.access.readers import By, Kind
from shared.api.models import (
    AccessVersion,
    Answer,
    Cursor,
    MeteringPointId,
    Number,
    PermittedPeriod,
    open_words,
)
from shared.metering import Direction, Resolution


class Customer(Answer):
    """A customer whose metering points you may read."""

    customer_number: Number = Field(description="The customer's number.", examples=[10001])
    name: str = Field(description="The customer's name.", examples=["Fjordbakeriet AS"])
    metering_point_count: Number = Field(description="Metering points of this customer that you may read.")


class CustomerList(Answer):
    """All customers whose metering points you may read."""

    customers: list[Customer] = Field(description="In the order of their numbers.")


class Reader(PermittedPeriod):
    """An application or a person that may read metering points of a customer.

    The period is from the first to the last market day that it may read at any of the metering points.
    """

    type: Annotated[Kind, open_words(Kind, "`app`: an application. `user`: a person.")]
    id: str = Field(description="The id in Microsoft Entra: of the application, or of the person's user.")
    name: str | None = Field(
        description="A person's e-mail address, masked; null for an application.",
        examples=["k***@fjordbakeriet.example"],
    )
    since: datetime = Field(description="When it first got access to a metering point of the customer.")
    by: Annotated[
        By,
        open_words(
            By,
            "The reason for the access. `application`: the application is registered with the customer. "
            "`contact-person`: the person is a contact of the customer.",
        ),
    ]


class ReaderList(Answer):
    """Who may read a customer's metering points."""

    readers: list[Reader] = Field(description="Applications first, then persons, each by id.")


class CustomersPeriod(PermittedPeriod):
    """Market days that you may read because of one customer."""

    customer_number: Number = Field(description="The customer through whom the period is permitted.")


class MeteringPoint(Answer):
    """A metering point that you may read."""

    metering_point_id: MeteringPointId
    name: str | None = Field(
        description="The customer's name for the metering point. Null if unknown, and if you may not read "
        "today: the name is then another customer's."
    )
    address: str | None = Field(description="Street and number; null if unknown.")
    postal_code: str | None = Field(description="Postal code; null if unknown.")
    city: str | None = Field(description="City; null if unknown.")
    price_area: str | None = Field(description="Electricity price area; null if unknown.", examples=["NO1"])
    grid_area: str | None = Field(description="Code of the grid area; null if unknown.")
    meter_serial: str | None = Field(
        description="The serial number on the meter, which is not the metering point id. Null if unknown, "
        "and if you may not read today."
    )
    directions: list[Direction] = Field(description="The directions with values that you may read.")
    resolution: Annotated[
        Resolution | None,
        open_words(
            Resolution, "The stored resolution of the newest published day; null if there is none.", null=True
        ),
    ]
    customer_number: Number = Field(description="The customer of the newest permitted period.")
    permitted: list[CustomersPeriod] = Field(description="The periods that you may read.")


class MeteringPointPage(Answer):
    """A page of the metering points that you may read."""

    metering_points: list[MeteringPoint] = Field(description="In the order of their ids.")
    next_cursor: Cursor
    access_version: AccessVersion
