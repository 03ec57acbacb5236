"""Requests for lists: from path and query parameters to one typed value, or all faults together."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from shared.api import formats
from shared.api.formats import Format, Kind
from shared.api.parameters import Parameters, Seal, Seals
from shared.api.series.requests import Given, read_limit
from shared.metering import PRICE_AREAS, MeteringPointId

_PACKED = struct.Struct(">Q")
"""A cursor holds the metering point at which the next page starts."""


@dataclass(frozen=True)
class MeteringPointsRequest:
    """A valid request for the caller's metering points.

    Attributes:
        limit: metering points on a page.
        is_whole: whether there are no pages, since CSV and NDJSON have no place for a cursor.
        after: the metering point at which the page starts; None on the first page.
        seal: of its cursors; covers every parameter except the page and the format.
    """

    customer_number: int | None
    price_area: str | None
    limit: int
    is_whole: bool
    after: MeteringPointId | None
    seal: Seal
    format: Format


@dataclass(frozen=True)
class ReadersRequest:
    """A valid request for the readers of a customer."""

    customer_number: int
    format: Format


def metering_points(given: Given, *, seals: Seals, accept: str = "") -> MeteringPointsRequest:
    """Read a request for metering points from its parameters.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    customer_number = parameters.customer_number("customerNumber")
    price_area = parameters.choice("priceArea", {area: area for area in PRICE_AREAS})
    written = formats.read(parameters, accept=accept)
    limit, is_whole = read_limit(parameters, written)
    seal = seals.of("metering-points", customer_number, price_area)
    after = parameters.cursor("cursor", lambda text: _parse_cursor(text, seal))
    parameters.done()
    return MeteringPointsRequest(
        customer_number=customer_number,
        price_area=price_area,
        limit=limit,
        is_whole=is_whole,
        after=after,
        seal=seal,
        format=written,
    )


def metering_point(metering_point_id: str, given: Given, *, accept: str) -> MeteringPointId:
    """Read the metering point in the path.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when `accept` does not include JSON.
    """
    parameters = Parameters(given)
    formats.read(parameters, accept=accept, available=formats.ONLY_JSON)
    found = parameters.metering_point_id("meteringPointId", metering_point_id)
    parameters.done()
    if found is None:
        raise AssertionError("a faulty metering point id was noted, so done() has raised")
    return found


def readers(customer_number: str, given: Given, *, accept: str) -> ReadersRequest:
    """Read a request for the readers of the customer in the path.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    written = formats.read(parameters, accept=accept)
    found = parameters.number_of_customer("customerNumber", customer_number)
    parameters.done()
    if found is None:
        raise AssertionError("a faulty customer number was noted, so done() has raised")
    return ReadersRequest(found, written)


def format_alone(given: Given, *, accept: str, available: Sequence[Kind] = formats.USUAL) -> Format:
    """Read the format of a resource that has no other parameters.

    Raises:
        InvalidRequest: there are other parameters; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    written = formats.read(parameters, accept=accept, available=available)
    parameters.done()
    return written


def cursor_text(following: MeteringPointId, seal: Seal) -> str:
    """Return a cursor that starts with a metering point."""
    return seal.seal(_PACKED.pack(int(following)))


def _parse_cursor(text: str, seal: Seal) -> MeteringPointId:
    (number,) = _PACKED.unpack(seal.open(text))
    return MeteringPointId(f"{number:018d}")
