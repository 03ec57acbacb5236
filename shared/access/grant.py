"""A grant: a principal may read a metering point of a customer in a period; and its row in Table Storage.

`AccessGrants` holds a row for each grant and, last in each partition, the manifest of its principal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import metering, tables
from shared.access import spans
from shared.access.spans import Spans
from shared.metering import GSRN_LENGTH, MeteringPointId

MANIFEST = "~manifest"
"""Sorts after every grant of its partition: their keys start with a digit."""

GrantKey = tuple[str, MeteringPointId, int]
"""Principal, metering point and customer number: there is one grant for each."""


class UnreadableGrant(ValueError):
    """A stored row is not a grant as this code writes it."""


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


def row_key(grant: Grant) -> str:
    """Return the key of a grant in its partition."""
    return f"{grant.metering_point_id}:{grant.customer_number}"


def of_row(entity: Mapping[str, Any]) -> Grant:
    """Return the grant of an entity.

    Raises:
        UnreadableGrant: the entity is no grant.
    """
    try:
        point, _, number = entity["RowKey"].partition(":")
        return Grant(
            principal=entity["PartitionKey"],
            metering_point_id=_point(point),
            customer_number=int(number),
            customer_name=entity["customerName"],
            spans=spans_of(entity),
            why=entity.get("why", ""),
        )
    except (KeyError, ValueError) as error:
        raise UnreadableGrant(f"row {entity.get('RowKey')!r} is not a grant") from error


def spans_of(entity: Mapping[str, Any]) -> Spans:
    """Return the spans of a grant's entity: the first in two columns, more (rare) in one text."""
    first = spans.parse(f"{entity.get('validFrom') or ''}..{entity.get('validTo') or ''}")
    later = entity.get("laterPeriods")
    return first + spans.parse(later) if later else first


def as_row(grant: Grant, *, granted_at: str, run_id: str) -> tables.Entity:
    """Return the entity of a grant that a run writes."""
    first, *later = grant.spans
    columns = {
        "validFrom": first.valid_from and first.valid_from.isoformat(),
        "validTo": first.valid_to and first.valid_to.isoformat(),
        "laterPeriods": spans.text(later) or None,
    }
    return {
        "PartitionKey": grant.principal,
        "RowKey": row_key(grant),
        **{name: value for name, value in columns.items() if value is not None},
        "customerName": grant.customer_name,
        "why": grant.why,
        "grantedAt": granted_at,
        "runId": run_id,
    }


def _point(text: str) -> MeteringPointId:
    """Return a metering point id; its check digit was checked before it was stored."""
    if len(text) != GSRN_LENGTH or not text.isdigit():
        raise ValueError("no metering point id")
    return MeteringPointId(text)


def _guid(text: str) -> str:
    lowered = text.lower()
    if not metering.is_guid(lowered):
        raise ValueError("a principal is named by a GUID")
    return lowered
