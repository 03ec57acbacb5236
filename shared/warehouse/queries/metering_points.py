"""Queries for the descriptions of metering points: one statement each. Pure."""

from typing import NamedTuple

import orjson

from shared.metering import MeteringPointId
from shared.readable import Readable
from shared.warehouse.engine import Json, Query


class MeteringPointRow(NamedTuple):
    """The description of a metering point."""

    metering_point_id: str
    name: str | None
    address: str | None
    postal_code: str | None
    city: str | None
    price_area: str | None
    grid_area: str | None
    meter_serial: str | None


def descriptions(readable: Readable) -> Query[MeteringPointRow]:
    """Descriptions of the readable metering points, by metering point; those without one are left out."""
    return Query(
        """
        SELECT m.metering_point_id, m.name, m.address, m.postal_code, m.city,
               m.price_area, m.grid_area, m.meter_serial
        FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS permitted
        JOIN metering.metering_point AS m ON m.metering_point_id = permitted.metering_point_id
        ORDER BY m.metering_point_id
        """,
        (_ids(readable),),
        MeteringPointRow,
        "metering_points",
    )


def in_price_area(readable: Readable, *, price_area: str, limit: int) -> Query[MeteringPointId]:
    """The first readable metering points of a price area."""
    return Query(
        """
        SELECT DISTINCT m.metering_point_id
        FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS permitted
        JOIN metering.metering_point AS m ON m.metering_point_id = permitted.metering_point_id
        WHERE m.price_area = ?
        ORDER BY m.metering_point_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (_ids(readable), price_area, limit),
        lambda metering_point_id: metering_point_id,
        "metering_points_in",
    )


def _ids(readable: Readable) -> Json:
    ids = sorted({permission.metering_point_id for permission in readable.permissions})
    return Json(orjson.dumps([{"metering_point_id": id_} for id_ in ids]).decode())
