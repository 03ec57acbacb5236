"""Days that are stored in a coarser resolution than is asked for. Pure.

Quarters are never made of hours. Who asks for one metering point is refused, with the day; who asks for
many gets the others, and is told which days were left out and what they are stored as.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from shared.api.problems import Fault, InvalidRequest
from shared.metering import MeteringPointId, Resolution
from shared.periods import ONE_DAY
from shared.warehouse.queries import DayRow

_FINEST = Resolution.PT15M
"""Nothing else can be asked for that is finer than what is stored: hours or quarters."""


@dataclass(frozen=True)
class StoredCoarser:
    """Market days of a metering point, `[first, end)`, that are stored as `resolution`."""

    metering_point_id: MeteringPointId
    resolution: Resolution
    first: date
    end: date

    def as_json(self) -> dict[str, Any]:
        """As it stands in an answer."""
        return {
            "meteringPointId": self.metering_point_id,
            "resolution": self.resolution,
            "from": self.first,
            "to": self.end,
        }


def parted(rows: Iterable[DayRow], asked: Resolution | None) -> tuple[list[DayRow], list[StoredCoarser]]:
    """The rows that have what is asked, and the days of the others, those in a row as one."""
    if asked is not _FINEST:
        return list(rows), []
    fit: list[DayRow] = []
    found: list[StoredCoarser] = []
    for (metering_point_id, stored), group in groupby(rows, key=_series_part):
        days = list(group)
        if stored is not asked:
            first, last = days[0].delivery_date, days[-1].delivery_date
            found.append(StoredCoarser(metering_point_id, stored, first, last + ONE_DAY))
        else:
            fit += days
    return fit, found


def rows_within(rows: Sequence[DayRow], asked: Resolution | None, *, metering_points: int) -> int:
    """How many of the rows, from the first on, leave out days of at most so many metering points."""
    if asked is not _FINEST:
        return len(rows)
    left_out: set[MeteringPointId] = set()
    for count, row in enumerate(rows):
        metering_point_id, stored = _series_part(row)
        if stored is not asked:
            left_out.add(metering_point_id)
            if len(left_out) > metering_points:
                return count
    return len(rows)


def refuse(found: Sequence[StoredCoarser]) -> None:
    """Answer nothing at all instead of a part of one series.

    Raises:
        InvalidRequest: there are such days.
    """
    for each in found[:1]:
        raise InvalidRequest(
            [
                Fault(
                    "resolution",
                    "finer-than-stored",
                    f"{each.metering_point_id} is stored as {each.resolution} on {each.first}.",
                    f"Ask for {each.resolution} or coarser, or leave 'resolution' out to get what is stored.",
                )
            ]
        )


def _series_part(row: DayRow) -> tuple[MeteringPointId, Resolution]:
    return MeteringPointId(row.metering_point_id), Resolution(row.resolution)
