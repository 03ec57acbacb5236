"""Customers who were restricted to some of their metering points, and no longer are. Pure.

In `warehouse` mode an empty field in Severa opens everything that the customer is supplied with. But a field
that Severa failed to return looks the same, so a field that has become empty opens nothing until an operator
confirms it. Only these customers are held back: changes of all others, above all revocations, are applied.
"""

from collections.abc import Mapping, Set
from dataclasses import replace

from shared.access.grant import Grant, GrantKey
from shared.access.sync import changes
from shared.access.sync.faults import Fault, FaultKind
from shared.access.sync.mapping import Wanted


def ended(wanted: Wanted, *, restricted_before: Set[int]) -> frozenset[int]:
    """Return the numbers of the customers who give access, were restricted, and no longer are."""
    giving = {number for _, _, number in wanted.grants}
    return frozenset((giving & restricted_before) - wanted.restricted)


def hold_back(wanted: Wanted, *, stored: Mapping[GrantKey, Grant], customers: Set[int], field: str) -> Wanted:
    """Return `wanted` without new access by these customers, and with a fault for each of them.

    Access that should end still ends.
    """
    grants: dict[GrantKey, Grant] = {}
    names: dict[int, str] = {}
    for key, grant in wanted.grants.items():
        if grant.customer_number not in customers:
            grants[key] = grant
            continue
        names[grant.customer_number] = grant.customer_name
        if (before := stored.get(key)) and (left := changes.in_common(before, grant)):
            grants[key] = left
    found = [_fault(number, name, field) for number, name in names.items()]
    return replace(wanted, grants=grants, faults=tuple(sorted({*wanted.faults, *found})))


def _fault(number: int, name: str, field: str) -> Fault:
    return Fault(
        f"customer {number}, {name}",
        FaultKind.EMPTIED,
        f"'{field}' is empty and was not before, which would open everything that the customer is supplied "
        "with; nothing more is opened until somebody fills it in again in Severa, or confirms that it is "
        f"meant: python3 dev.py sync --lift-restriction {number}",
    )
