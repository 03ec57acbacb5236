"""Pages through a year and follows changes with a client of openapi-python-client; prints what it read."""

import json
import os

from metering_client import AuthenticatedClient
from metering_client.api.changes import list_changes
from metering_client.api.customers_and_metering_points import list_metering_points
from metering_client.api.series import list_consumption
from metering_client.models import ChangedDay, Changes, ManySeries, MeteringPointPage, Value
from metering_client.types import UNSET, Unset

client = AuthenticatedClient(
    base_url=os.environ["API"],
    token=os.environ["TOKEN"],
    headers={"Ocp-Apim-Subscription-Key": os.environ["KEY"]},
)


def thousandths(quantity: float | None) -> int:
    """The quantity as a whole number: a sum of them is exact."""
    return round((quantity or 0) * 1000)


values: list[Value] = []
cursor: str | Unset = UNSET
while True:
    page = list_consumption.sync(client=client, from_="2025-04-01", to="2026-04-01", limit=10, cursor=cursor)
    assert isinstance(page, ManySeries), page
    values += [value for part in page.series or [] for value in part.values or []]
    if page.next_cursor is None:
        break
    cursor = page.next_cursor

days: list[ChangedDay] = []
changes = list_changes.sync(client=client, since="2026-01-01", limit=7)
while True:
    assert isinstance(changes, Changes), changes
    days += changes.days
    if changes.up_to_date:
        break
    changes = list_changes.sync(client=client, cursor=changes.cursor, limit=7)

listed = list_metering_points.sync(client=client)
assert isinstance(listed, MeteringPointPage), listed

print(
    json.dumps(
        {
            "values": len(values),
            "thousandths": sum(thousandths(value.quantity) for value in values),
            "qualities": sorted({value.quality for value in values}),
            "resolutions": sorted({day.resolution for day in days}),
            "days": len(days),
            "changed": sum(thousandths(each) for day in days for each in day.quantities),
            "sequence": max(day.sequence for day in days),
            "customers": [point.customer_number for point in listed.metering_points],
        }
    )
)
