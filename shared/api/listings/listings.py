"""Lists: the customers and the metering points that a caller may read."""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import orjson

from shared import periods
from shared.api import etags, formats, stored_days, too_large
from shared.api.contents import Rendered
from shared.api.formats import Format, Kind
from shared.api.listings import lines
from shared.api.parameters import Parameters
from shared.api.sealing import Seal, Seals
from shared.api.series.requests import DataState, Given, read_limit
from shared.metering import PRICE_AREAS, Direction, MeteringPointId
from shared.readable import Permission, PermittedDays, Readable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import LatestDayRow, MeteringPointRow

_PACKED = struct.Struct(">Q")
"""What a cursor holds: the metering point at which the next page starts."""

AT_ONCE = 12_500
"""Metering points that one statement is given when it looks for those of a price area."""


@dataclass(frozen=True)
class MeteringPointsRequest:
    """A valid question for the caller's metering points.

    Attributes:
        limit: metering points on a page.
        is_whole: there are no pages: CSV and NDJSON have no place for a cursor.
        after: the metering point at which the page starts; None on the first page.
        seal: of its cursors; names everything that is asked but the page and the format.
    """

    customer_number: int | None
    price_area: str | None
    limit: int
    is_whole: bool
    after: MeteringPointId | None
    seal: Seal
    format: Format


def read_request(given: Given, *, seals: Seals, accept: str = "") -> MeteringPointsRequest:
    """A question for metering points from its parameters.

    Raises:
        InvalidRequest: with every fault of the request.
        Refused: 406, no format that `accept` names.
    """
    parameters = Parameters(given)
    customer_number = parameters.customer_number("customerNumber")
    price_area = parameters.choice("priceArea", {area: area for area in PRICE_AREAS})
    written = formats.read(parameters, accept=accept)
    limit, is_whole = read_limit(parameters, written)
    seal = seals.of("metering-points", customer_number, price_area)
    after = parameters.cursor("cursor", lambda text: _opened(text, seal))
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


def read_one(metering_point_id: str, given: Given, *, accept: str) -> MeteringPointId:
    """The metering point in the path.

    Raises:
        InvalidRequest: with every fault of the request.
        Refused: 406, `accept` does not take JSON.
    """
    parameters = Parameters(given)
    formats.read(parameters, accept=accept, available=formats.ONLY_JSON)
    found = parameters.metering_point_id("meteringPointId", metering_point_id)
    parameters.done()
    if found is None:
        raise AssertionError("a faulty metering point id was noted, so done() has raised")
    return found


def read_format(given: Given, *, accept: str, available: Sequence[Kind] = formats.EVERY) -> Format:
    """The format of a resource that has no other parameters.

    Raises:
        InvalidRequest: naming each other parameter.
        Refused: 406, no format that `accept` names.
    """
    parameters = Parameters(given)
    written = formats.read(parameters, accept=accept, available=available)
    parameters.done()
    return written


def customers(readable: Readable, written: Format) -> Rendered:
    """The customers whose metering points may be read, by number."""
    names: dict[int, str] = {}
    metering_points: dict[int, set[str]] = defaultdict(set)
    for permission in readable.permissions:
        names[permission.customer_number] = permission.customer_name
        metering_points[permission.customer_number].add(permission.metering_point_id)
    found = [
        {
            "customerNumber": number,
            "name": names[number],
            "meteringPointCount": len(metering_points[number]),
        }
        for number in sorted(names)
    ]
    body = (
        orjson.dumps({"customers": found}) if written.kind is Kind.JSON else lines.customers(found, written)
    )
    return Rendered(body, kind=written.kind, rows=len(found))


def metering_points(
    warehouse: Warehouse, *, readable: Readable, request: MeteringPointsRequest, state: DataState
) -> Rendered:
    """A page of the metering points that may be read.

    Raises:
        TooLargeForOneAnswer: the list is asked for whole, and a largest page does not hold it.
    """
    ids = _ids(warehouse, readable, request)
    following = ids[request.limit] if len(ids) > request.limit else None
    if following and request.is_whole:
        raise too_large.items(_count(warehouse, readable, request))
    page = readable.only(ids[: request.limit])
    shown = _read(warehouse, page, state=state) if page.permissions else []
    cursor = _sealed(following, request.seal) if following else None
    access_version = etags.access_version(readable)
    if request.format.kind is Kind.JSON:
        body = orjson.dumps({"meteringPoints": shown, "nextCursor": cursor, "accessVersion": access_version})
    else:
        body = lines.metering_points(shown, request.format)
    return Rendered(
        body,
        kind=request.format.kind,
        rows=len(shown),
        next_cursor=cursor,
        access_version=access_version,
    )


def _ids(warehouse: Warehouse, readable: Readable, request: MeteringPointsRequest) -> list[MeteringPointId]:
    """The metering points of a page and the one after them, with the price area that is asked for."""
    size, found = request.limit + 1, list[MeteringPointId]()
    for part in _parts(
        readable, start=request.after or "", size=size if request.price_area is None else AT_ONCE
    ):
        found += _in_area(warehouse, part, request, limit=size - len(found))
        if len(found) == size:
            break
    return found


def _count(warehouse: Warehouse, readable: Readable, request: MeteringPointsRequest) -> int:
    return sum(
        len(_in_area(warehouse, part, request, limit=AT_ONCE))
        for part in _parts(readable, start="", size=AT_ONCE)
    )


def _in_area(
    warehouse: Warehouse, readable: Readable, request: MeteringPointsRequest, *, limit: int
) -> list[MeteringPointId]:
    if request.price_area is None:
        return sorted({each.metering_point_id for each in readable.permissions})
    return warehouse.fetch(queries.metering_points_in(readable, price_area=request.price_area, limit=limit))


def _parts(readable: Readable, *, start: str, size: int) -> Iterator[Readable]:
    """What may be read from a metering point on, some metering points at a time."""
    following: str | None = start
    while following is not None:
        part, following = readable.chunk(start=following, size=size)
        if part.permissions:
            yield part


def metering_point(warehouse: Warehouse, *, readable: Readable, state: DataState) -> Rendered:
    """The one metering point that `readable` holds."""
    return Rendered(orjson.dumps(_read(warehouse, readable, state=state)[0]), kind=Kind.JSON, rows=1)


def _sealed(following: MeteringPointId, seal: Seal) -> str:
    return seal.seal(_PACKED.pack(int(following)))


def _opened(text: str, seal: Seal) -> MeteringPointId:
    (number,) = _PACKED.unpack(seal.open(text))
    return MeteringPointId(f"{number:018d}")


def _read(warehouse: Warehouse, readable: Readable, *, state: DataState) -> list[dict[str, Any]]:
    described = {each.metering_point_id: each for each in warehouse.fetch(queries.metering_points(readable))}
    latest = _latest_days(warehouse, readable, as_of=state.published_at or state.now)
    ended = _ended(warehouse, readable, latest=latest, as_of=state.published_at or state.now)
    permissions = defaultdict(list)
    for permission in readable.permissions:
        permissions[permission.metering_point_id].append(permission)
    return [
        _metering_point(
            described.get(each),
            permissions=permissions[each],
            latest=latest.get(each, []),
            ended=ended.get(each, []),
        )
        for each in sorted(permissions)
    ]


def _latest_days(
    warehouse: Warehouse, readable: Readable, *, as_of: datetime
) -> dict[str, list[LatestDayRow]]:
    """The latest day in each direction: of the last month or, where that has none, of all time."""
    found: dict[str, list[LatestDayRow]] = defaultdict(list)
    for since in queries.lately_then_ever(as_of):
        unseen = tuple(each for each in readable.permissions if each.metering_point_id not in found)
        if unseen:
            sought = replace(readable, permissions=unseen)
            rows = warehouse.fetch(queries.latest_days(sought, since=since, as_of=as_of))
            for row in stored_days.sound_latest(rows):
                found[row.metering_point_id].append(row)
    return found


def _ended(
    warehouse: Warehouse,
    readable: Readable,
    *,
    latest: Mapping[str, Sequence[LatestDayRow]],
    as_of: datetime,
) -> dict[str, list[Direction]]:
    """Return the directions that have days, but none in the last month while the other has."""
    found: dict[str, list[Direction]] = defaultdict(list)
    for direction in Direction:
        sought = [each for each, rows in latest.items() if direction not in {row.direction for row in rows}]
        if sought:
            query = queries.last_days(
                readable.only(sought), direction=direction, since=periods.FIRST_DAY, as_of=as_of
            )
            for row in warehouse.fetch(query):
                found[row.metering_point_id].append(direction)
    return found


def _metering_point(
    row: MeteringPointRow | None,
    *,
    permissions: Sequence[Permission],
    latest: Sequence[LatestDayRow],
    ended: Sequence[Direction],
) -> dict[str, Any]:
    """One metering point; a description that has not been delivered is null, never a reason to hide it."""
    newest = max(permissions, key=lambda each: (each.valid_to or date.max, each.customer_number))
    return {
        "meteringPointId": newest.metering_point_id,
        "name": row and row.name,
        "address": row and row.address,
        "postalCode": row and row.postal_code,
        "city": row and row.city,
        "priceArea": row and row.price_area,
        "gridArea": row and row.grid_area,
        "meterSerial": row and row.meter_serial,
        "directions": sorted([*(each.direction for each in latest), *ended]),
        "resolution": _resolution(latest),
        "customerNumber": newest.customer_number,
        "permitted": [_period(each) for each in permissions],
    }


def _period(permission: Permission) -> dict[str, Any]:
    first, end = PermittedDays(permission.valid_from, permission.valid_to).shown
    return {"from": first, "to": end, "customerNumber": permission.customer_number}


def _resolution(latest: Iterable[LatestDayRow]) -> str | None:
    """The stored resolution of the newest published day."""
    newest = max(latest, key=lambda each: each.last_day, default=None)
    return newest.resolution if newest else None
