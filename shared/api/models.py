"""The answers of the API as models: the one source of its OpenAPI documents.

This module has what all models share, and the answers of the edge itself; the other models are in the
packages of the resources. Models write small answers. They do not write lists and series, since they take
thirty times as long or more for 10 000 entries; tests check those answers against the models
(docs/development/decisions/answers-by-models.md).

A model never has the name of one of its own properties: client generators would number one of the two. Every
model and property has a description. API Management drops a description beside a reference, so a property
that is a reference is described by the schema that it refers to.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from shared.metering import Quality, Resolution


def open_words(words: type[StrEnum], description: str, *, null: bool = False) -> Any:
    """Describe a text that may get new words in the same version: with a closed list, clients would fail."""
    return WithJsonSchema(
        {
            "type": ["string", "null"] if null else "string",
            "x-extensible-enum": [str(each) for each in words],
            "description": description,
        }
    )


_GROWING_QUALITY = "Treat an unknown value as not final."
OpenQuality = Annotated[Quality, open_words(Quality, f"How the value was obtained. {_GROWING_QUALITY}")]
DayQuality = Annotated[Quality, open_words(Quality, f"The quality that most values have. {_GROWING_QUALITY}")]
OpenResolution = Annotated[
    Resolution,
    open_words(
        Resolution, "The length of an interval, as an ISO 8601 duration. Other durations may be added."
    ),
]
Absent = SkipJsonSchema[None]
"""For a property that some answers leave out and that is never null. A number or boolean that may be left out
is nullable instead: otherwise C# reads a missing one as zero or false."""

MeteringPointId = Annotated[
    str,
    Field(
        pattern=r"^\d{18}$",
        description="An 18-digit GSRN (målepunkt-ID) with a GS1 check digit. Always text, never a number.",
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
        description="Send it as `cursor`, with the same parameters, to get the next page; null on the last."
    ),
]

AccessVersion = Annotated[
    str,
    Field(
        description="Identifies what you may read. It changes when you get or lose access to a metering "
        "point or to days of one. Opaque: compare it with the one that you have.",
        examples=["9f0c2b7e51d3a864"],
    ),
]


class Answer(BaseModel):
    """The base of all answers: camel case, and no unknown properties."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class PermittedPeriod(Answer):
    """Market days that you may read."""

    from_: date | None = Field(alias="from", description="First permitted market day; null: no lower bound.")
    to: date | None = Field(description="First market day no longer permitted; null: no upper bound.")


class TimeByPriceArea(RootModel[dict[str, datetime]]):
    """End of the newest published market day of each price area."""


class Status(Answer):
    """How fresh metering data and access are."""

    data_available_until: datetime | None = Field(
        description="End of the newest published market day; null if there is none."
    )
    last_published_at: datetime | None = Field(
        description="When data was last published; null if no data has been published."
    )
    access_synced_at: datetime | None = Field(
        description="When access was last confirmed with the register; null if never."
    )
    price_areas: TimeByPriceArea


class Fault(Answer):
    """One thing wrong with one parameter."""

    parameter: str = Field(description="The name of the parameter, as you wrote it.")
    code: str = Field(description="Stable, for programs.", examples=["to-not-after-from"])
    message: str = Field(description="What is wrong.")
    hint: str = Field(description="What to write instead.")


class Problem(Answer):
    """Why a request failed (RFC 9457)."""

    type: str = Field(description="The code as an address.", examples=["/problems/invalid-parameter"])
    title: str = Field(description="What the code means.")
    status: int = Field(description="The HTTP status.", ge=100, le=599)
    detail: str = Field(
        description="What is wrong with this request, as text for people.",
        # Clients generated by Microsoft's Kiota show it as the message of their exception.
        json_schema_extra={"x-ms-primary-error-message": True},
    )
    instance: str = Field(description="The requested path.")
    code: str = Field(description="Stable, for programs.", examples=["invalid-parameter"])
    request_id: str = Field(description="The id of the request. Include it when you report the problem.")
    market_days: Number | None = Field(
        default=None, description="With `too-large-for-one-answer`: the number of requested market days."
    )
    items: Number | None = Field(
        default=None,
        description="With `too-large-for-one-answer`: the number of requested metering points, entries or "
        "cells.",
    )
    errors: list[Fault] | Absent = Field(
        default=None,
        description="With `invalid-parameter`: all faults of the request. With `too-large-for-one-answer`: "
        "what you can change to make the answer smaller.",
    )
