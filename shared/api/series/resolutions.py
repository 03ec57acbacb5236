"""Refuses requests for one series of which days are stored coarser than requested. Pure."""

from shared.api.problems import Fault, InvalidRequest
from shared.metering import Resolution
from shared.series.coarser import Coarser


def refuse(left_out: Coarser, *, default: str = "what is stored") -> None:
    """Raise if days are left out, instead of answering with a part of one series or total.

    Args:
        default: what the answer shows if the request names no resolution, for the hint.

    Raises:
        InvalidRequest: days are left out.
    """
    for each in left_out.rows[:1]:
        raise InvalidRequest(
            [
                Fault(
                    "resolution",
                    "finer-than-stored",
                    f"{each.metering_point_id} is stored as {Resolution.PT1H} on {each.first_day}.",
                    f"Ask for {Resolution.PT1H} or coarser, or leave 'resolution' out to get {default}.",
                )
            ]
        )
