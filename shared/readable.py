"""What a caller may read: the value that the access step gives and that queries demand.

Only `shared.access.grants` makes a `Readable` from stored grants, so that a query
cannot be written that forgets to ask.
"""

from dataclasses import dataclass
from datetime import date

from shared.metering import MeteringPointId


@dataclass(frozen=True)
class Permission:
    """One grant: a metering point of a customer, for the market days `[valid_from, valid_to)`."""

    metering_point_id: MeteringPointId
    customer_number: int
    customer_name: str
    valid_from: date | None
    """The first permitted market day; None when the permission has no lower bound."""
    valid_to: date | None
    """The first market day no longer permitted; None while the permission is open."""


@dataclass(frozen=True)
class Readable:
    """What one principal may read.

    Attributes:
        principal: `app:<application id>` or `user:<object id>`.
        permissions: sorted by metering point, then customer; empty when nothing is permitted.
        version: changes whenever what may be read changes.
    """

    principal: str
    permissions: tuple[Permission, ...]
    version: str
