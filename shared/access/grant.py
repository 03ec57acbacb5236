"""A grant: a principal may read a metering point of a customer in a period."""

from dataclasses import dataclass

from shared import guids
from shared.access.spans import Spans
from shared.metering import MeteringPointId

GrantKey = tuple[str, MeteringPointId, int]
"""Principal, metering point and customer number: there is one grant for each."""


@dataclass(frozen=True)
class Grant:
    """What `principal` may read of one metering point by one customer's authority.

    A customer that left a metering point and came back has two spans in one grant. `why` is for people: it
    names the record in Severa that the grant comes from.
    """

    principal: str
    metering_point_id: MeteringPointId
    customer_number: int
    customer_name: str
    spans: Spans
    why: str

    @property
    def key(self) -> GrantKey:
        """The key of this grant."""
        return self.principal, self.metering_point_id, self.customer_number


def app(client_id: str) -> str:
    """Return the principal of an Entra application, by its application (client) id."""
    return f"app:{_guid(client_id)}"


def user(object_id: str) -> str:
    """Return the principal of an Entra user, by the immutable object id."""
    return f"user:{_guid(object_id)}"


def _guid(text: str) -> str:
    lowered = text.lower()
    if not guids.is_guid(lowered):
        raise ValueError("a principal is named by a GUID")
    return lowered
