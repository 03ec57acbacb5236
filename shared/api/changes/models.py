"""Changes as models."""

from pydantic import Field

from shared.api.models import AccessVersion, Answer, Cursor, MeteringPointId, Number
from shared.api.series.models import Day
from shared.metering import Direction


class ChangedDay(Day):
    """A market day that is new or corrected."""

    metering_point_id: MeteringPointId
    direction: Direction
    sequence: Number = Field(description="The number of the publication with this version of the day.")


class Changes(Answer):
    """A page of the market days that are new or corrected."""

    days: list[ChangedDay] = Field(description="In the order of publication.")
    next_cursor: Cursor
    cursor: str = Field(description="Keep it, and send it as `cursor` in your next call.")
    up_to_date: bool = Field(description="False if there is a next page.")
    access_version: AccessVersion
