"""The metering points that a caller may read: pages of them, and one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import orjson

from shared import periods
from shared.api import too_large
from shared.api.formats import Kind, Rendered
from shared.api.listings import lines
from shared.api.listings.requests import MeteringPointsRequest, cursor_text
from shared.metering import Direction, MeteringPointId
from shared.publishing import remembered
from shared.publishing.watermark import DataState
from shared.readable import AT_ONCE, Permission, PermittedDays, Readable
from shared.series import assembly
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import latest_days, metering_points
from shared.warehouse.queries.latest_days import LatestDayRow
from shared.warehouse.queries.metering_points import MeteringPointRow


def page(
    warehouse: Warehouse, *, readable: Readable, request: MeteringPointsRequest, state: DataState
) -> Rendered:
    """Write a page of the metering points that may be read.

    Raises:
        TooLargeForOneAnswer: the list is requested whole, and does not fit on the largest page.
    """
    ids = _ids(warehouse, readable, request)
    following = ids[request.limit] if len(ids) > request.limit else None
    if following and request.is_whole:
        raise too_large.items(_count(warehouse, readable, request))
    shown = readable.only(ids[: request.limit])
    entries = _read(warehouse, shown, state=state) if shown.permissions else []
    cursor = cursor_text(following, request.seal) if following else None
    access_version = readable.access_version
    if request.format.kind is Kind.JSON:
        body = orjson.dumps(
            {"meteringPoints": entries, "nextCursor": cursor, "accessVersion": access_version}
        )
    else:
        body = lines.metering_points(entries, request.format)
    return Rendered(
        body,
        kind=request.format.kind,
        rows=len(entries),
        next_cursor=cursor,
        access_version=access_version,
    )


def _ids(warehouse: Warehouse, readable: Readable, request: MeteringPointsRequest) -> list[MeteringPointId]:
    """Return the metering points of a page in the requested price area, and the first one after it."""
    size, ids = request.limit + 1, list[MeteringPointId]()
    for part in readable.parts(
        start=request.after or "", size=size if request.price_area is None else AT_ONCE
    ):
        ids += _in_area(warehouse, part, request, limit=size - len(ids))
        if len(ids) == size:
            break
    return ids


def _count(warehouse: Warehouse, readable: Readable, request: MeteringPointsRequest) -> int:
    parts = readable.parts(start=request.after or "")
    return sum(len(_in_area(warehouse, part, request, limit=AT_ONCE)) for part in parts)


def _in_area(
    warehouse: Warehouse, readable: Readable, request: MeteringPointsRequest, *, limit: int
) -> list[MeteringPointId]:
    if request.price_area is None:
        return sorted({each.metering_point_id for each in readable.permissions})
    return warehouse.fetch(
        metering_points.in_price_area(readable, price_area=request.price_area, limit=limit)
    )


def one(warehouse: Warehouse, *, readable: Readable, state: DataState) -> Rendered:
    """Write the only metering point of `readable`."""
    return Rendered(orjson.dumps(_read(warehouse, readable, state=state)[0]), kind=Kind.JSON, rows=1)


def _read(warehouse: Warehouse, readable: Readable, *, state: DataState) -> list[dict[str, Any]]:
    described = {
        each.metering_point_id: each for each in warehouse.fetch(metering_points.descriptions(readable))
    }
    latest = _latest_days(warehouse, readable, as_of=state.published_at or state.now)
    ended = _ended(warehouse, readable, latest=latest, as_of=state.published_at or state.now)
    permissions = defaultdict(list)
    for permission in readable.permissions:
        permissions[permission.metering_point_id].append(permission)
    return [
        _metering_point(
            described.get(each),
            today=state.today,
            permissions=permissions[each],
            latest=latest.get(each, []),
            ended=ended.get(each, []),
        )
        for each in sorted(permissions)
    ]


def _latest_days(
    warehouse: Warehouse, readable: Readable, *, as_of: datetime
) -> dict[str, list[LatestDayRow]]:
    """Return the latest day in each direction: of the last month or, if that has none, of all time."""
    latest: dict[str, list[LatestDayRow]] = defaultdict(list)
    for since in remembered.starts_of_search(as_of):
        unseen = tuple(each for each in readable.permissions if each.metering_point_id not in latest)
        if unseen:
            sought = replace(readable, permissions=unseen)
            rows = warehouse.fetch(latest_days.with_resolution(sought, since=since, as_of=as_of))
            for row in assembly.sound_latest(rows):
                latest[row.metering_point_id].append(row)
    return latest


def _ended(
    warehouse: Warehouse,
    readable: Readable,
    *,
    latest: Mapping[str, Sequence[LatestDayRow]],
    as_of: datetime,
) -> dict[str, list[Direction]]:
    """Return the directions that have days, but none in the last month although the other direction has."""
    ended: dict[str, list[Direction]] = defaultdict(list)
    for direction in Direction:
        sought = [each for each, rows in latest.items() if direction not in {row.direction for row in rows}]
        if sought:
            query = latest_days.in_direction(
                readable.only(sought), direction=direction, since=periods.FIRST_DAY, as_of=as_of
            )
            for row in warehouse.fetch(query):
                ended[row.metering_point_id].append(direction)
    return ended


def _metering_point(
    row: MeteringPointRow | None,
    *,
    today: date,
    permissions: Sequence[Permission],
    latest: Sequence[LatestDayRow],
    ended: Sequence[Direction],
) -> dict[str, Any]:
    """Return one metering point; without a delivered description its fields are null.

    The name and the meter belong to the current customer, so a customer of earlier days does not see them.
    """
    is_current = any(PermittedDays(each.valid_from, each.valid_to).contains(today) for each in permissions)
    current = row if is_current else None
    newest = max(permissions, key=lambda each: (each.valid_to or date.max, each.customer_number))
    return {
        "meteringPointId": newest.metering_point_id,
        "name": current and current.name,
        "address": row and row.address,
        "postalCode": row and row.postal_code,
        "city": row and row.city,
        "priceArea": row and row.price_area,
        "gridArea": row and row.grid_area,
        "meterSerial": current and current.meter_serial,
        "directions": sorted([*(each.direction for each in latest), *ended]),
        "resolution": _resolution(latest),
        "customerNumber": newest.customer_number,
        "permitted": [_period(each) for each in permissions],
    }


def _period(permission: Permission) -> dict[str, Any]:
    first, end = PermittedDays(permission.valid_from, permission.valid_to).shown
    return {"from": first, "to": end, "customerNumber": permission.customer_number}


def _resolution(latest: Iterable[LatestDayRow]) -> str | None:
    """Return the stored resolution of the latest published day."""
    newest = max(latest, key=lambda each: each.last_day, default=None)
    return newest.resolution if newest else None
