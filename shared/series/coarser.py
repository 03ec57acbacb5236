"""Days that are left out because they are stored in a coarser resolution than requested.

Quarters are never made of hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.metering import Direction, Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import Readable
from shared.series import assembly
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import series_days
from shared.warehouse.queries.series_days import StoredInHoursRow, WantedDays

LISTED = 40
"""The most metering points that are listed; all of them are counted."""


@dataclass(frozen=True)
class Coarser:
    """Metering points with days that are left out.

    Attributes:
        rows: the first `LISTED` of them, with the first and the last of these days.
        count: how many metering points there are.
    """

    rows: Sequence[StoredInHoursRow]
    count: int

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rows as a response has them."""
        return [
            {
                "meteringPointId": row.metering_point_id,
                "resolution": Resolution.PT1H,
                "from": row.first_day,
                "to": row.last_day + ONE_DAY,
            }
            for row in self.rows
        ]


NOTHING_COARSER = Coarser((), 0)


def find(
    warehouse: Warehouse, readable: Readable, *, direction: Direction, period: Period, as_of: datetime
) -> Coarser:
    """Return the metering points with days that a request for quarters leaves out."""
    first, end = assembly.days_with_starts(period, Resolution.PT1H)
    parts = [
        warehouse.fetch(
            series_days.stored_in_hours(
                part,
                direction=direction,
                wanted=WantedDays(quarters=(first, first), hours=(first, end)),
                as_of=as_of,
                limit=LISTED,
            )
        )
        for part in readable.parts()
        if first < end
    ]
    return put_together(parts)


def put_together(parts: Sequence[Sequence[StoredInHoursRow]]) -> Coarser:
    """Combine the rows of the parts of a portfolio, in their order."""
    rows = [row for part in parts for row in part]
    return Coarser(rows[:LISTED], sum(part[0].metering_points for part in parts if part))
