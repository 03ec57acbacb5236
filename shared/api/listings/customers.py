"""The customers whose metering points a caller may read."""

from collections import defaultdict

import orjson

from shared.api.formats import Format, Kind, Rendered
from shared.api.listings import lines
from shared.readable import Readable


def render(readable: Readable, written: Format) -> Rendered:
    """Write the customers whose metering points may be read, by number."""
    names: dict[int, str] = {}
    metering_points: dict[int, set[str]] = defaultdict(set)
    for permission in readable.permissions:
        names[permission.customer_number] = permission.customer_name
        metering_points[permission.customer_number].add(permission.metering_point_id)
    entries = [
        {
            "customerNumber": number,
            "name": names[number],
            "meteringPointCount": len(metering_points[number]),
        }
        for number in sorted(names)
    ]
    body = (
        orjson.dumps({"customers": entries})
        if written.kind is Kind.JSON
        else lines.customers(entries, written)
    )
    return Rendered(body, kind=written.kind, rows=len(entries))
