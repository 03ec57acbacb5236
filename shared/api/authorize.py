"""May this caller read what is asked: the step between the question and the warehouse."""

from collections.abc import Sequence
from dataclasses import replace

from shared.access.grants import Grants
from shared.api.callers import Caller
from shared.api.problems import Refused
from shared.metering import MeteringPointId
from shared.readable import Permission, Readable


def one(grants: Grants, caller: Caller, *, metering_point_id: MeteringPointId) -> Readable:
    """What the caller may read of one metering point.

    Raises:
        Refused: nothing. An unknown metering point and somebody else's take the very same path.
    """
    readable = grants.of(caller.principal, metering_point_id=metering_point_id)
    if not readable.permissions:
        raise Refused("not-found", "GET /metering-points lists the metering points that you may read.")
    return readable


def many(
    grants: Grants,
    caller: Caller,
    *,
    named: Sequence[MeteringPointId] = (),
    customer_number: int | None = None,
) -> Readable:
    """What the caller may read of the metering points named, of a customer's, or of all.

    Raises:
        Refused: nothing of the customer. Named metering points that may not be read are left out.
    """
    if customer_number is None:
        if named:
            return grants.some(caller.principal, metering_point_ids=named)
        return grants.portfolio(caller.principal)
    portfolio = grants.portfolio(caller.principal)
    if not _has_customer(portfolio.permissions, customer_number):
        raise Refused("not-found", "GET /customers lists the customers whose metering points you may read.")
    readable = portfolio.only(named) if named else portfolio
    permissions = tuple(each for each in readable.permissions if each.customer_number == customer_number)
    return replace(readable, permissions=permissions)


def not_found(named: Sequence[MeteringPointId], readable: Readable) -> list[MeteringPointId]:
    """The metering points named that cannot be read, whether unknown or somebody else's."""
    found = {each.metering_point_id for each in readable.permissions}
    return [each for each in named if each not in found]


def _has_customer(permissions: Sequence[Permission], customer_number: int) -> bool:
    return any(each.customer_number == customer_number for each in permissions)
