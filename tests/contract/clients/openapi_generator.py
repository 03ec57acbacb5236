"""Pages through a year and follows changes with a client of openapi-generator; prints what it read."""

import json
import os

from generated_client import ApiClient, ChangesApi, Configuration, CustomersAndMeteringPointsApi, SeriesApi
from generated_client.models.changed_day import ChangedDay
from generated_client.models.value import Value

configuration = Configuration(
    host=os.environ["API"], access_token=os.environ["TOKEN"], api_key={"key": os.environ["KEY"]}
)
client = ApiClient(configuration)


def thousandths(quantity: float | None) -> int:
    """The quantity as a whole number: a sum of them is exact."""
    return round((quantity or 0) * 1000)


values: list[Value] = []
cursor: str | None = None
while True:
    page = SeriesApi(client).list_consumption(var_from="2025-04-01", to="2026-04-01", limit=10, cursor=cursor)
    values += [value for part in page.series or [] for value in part.values or []]
    cursor = page.next_cursor
    if cursor is None:
        break

days: list[ChangedDay] = []
changes = ChangesApi(client).list_changes(since="2026-01-01", limit=7)
while True:
    days += changes.days
    if changes.up_to_date:
        break
    changes = ChangesApi(client).list_changes(cursor=changes.cursor, limit=7)

listed = CustomersAndMeteringPointsApi(client).list_metering_points()

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
