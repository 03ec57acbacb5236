"""Cursors of series: where the next page starts.

A cursor holds the moment whose data all pages show, so that a publication between two pages neither repeats
nor hides a value. It gives no access: each page has only what the caller may read now.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from shared.api.parameters import Seal
from shared.metering import MeteringPointId

_PACKED = struct.Struct(">QIqq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """The first market day of the next page, and what all pages have in common.

    Attributes:
        metering_point_id, day: the key at which the next page starts.
        until: the end of the requested period; the first page fixes it when `to` is left out.
        as_of: the moment whose data is shown.
    """

    metering_point_id: MeteringPointId
    day: date
    until: datetime
    as_of: datetime

    def as_text(self, seal: Seal) -> str:
        """Return the cursor as text."""
        return seal.seal(
            _PACKED.pack(
                int(self.metering_point_id),
                self.day.toordinal(),
                microseconds(self.until),
                microseconds(self.as_of),
            )
        )


def parse(text: str, seal: Seal) -> Cursor:
    """Return a cursor from its text.

    Raises:
        NotSealed: the API did not make it, or it continues another request.
    """
    metering_point_id, day, until, as_of = _PACKED.unpack(seal.open(text))
    return Cursor(
        metering_point_id=MeteringPointId(f"{metering_point_id:018d}"),
        day=date.fromordinal(day),
        until=moment(until),
        as_of=moment(as_of),
    )


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970, as cursors hold it."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(kept: int) -> datetime:
    """Return the moment that a cursor holds in microseconds since 1970."""
    return _EPOCH + kept * _MICROSECOND
