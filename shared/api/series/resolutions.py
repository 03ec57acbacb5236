"""Days that are stored in a coarser resolution than requested. Pure.

Quarters are never made of hours. A request for one metering point is refused, naming the first such day; the
response for many metering points leaves these days out and lists them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.api.problems import Fault, InvalidRequest
from shared.metering import Resolution
from shared.periods import ONE_DAY
from shared.warehouse.queries import StoredInHoursRow

LISTED = 40
"""Metering points that a response lists; it also has their number."""


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
        """Return them as they stand in a response."""
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


def coarser(parts: Sequence[Sequence[StoredInHoursRow]]) -> Coarser:
    """Put together what was found in the parts of a portfolio, in their order."""
    rows = [row for part in parts for row in part]
    return Coarser(rows[:LISTED], sum(part[0].metering_points for part in parts if part))


def refuse(found: Coarser) -> None:
    """Raise instead of answering with a part of one series.

    Raises:
        InvalidRequest: there are such days.
    """
    for each in found.rows[:1]:
        raise InvalidRequest(
            [
                Fault(
                    "resolution",
                    "finer-than-stored",
                    f"{each.metering_point_id} is stored as {Resolution.PT1H} on {each.first_day}.",
                    f"Ask for {Resolution.PT1H} or coarser, or leave 'resolution' out to get what is stored.",
                )
            ]
        )
