"""Customers who were narrowed to some of their metering points, and no longer are: pure.

Where the warehouse says what a customer is supplied with, an empty field in Severa opens all of it. An
empty field and one that Severa failed to give look the same, so nobody gains by it unasked. Only the
customers concerned are held back: everybody else's changes, revocations above all, go on.
"""

from collections.abc import Mapping, Set
from dataclasses import replace

from shared.access.grant import Grant, GrantKey
from shared.access.sync import changes
from shared.access.sync.faults import Fault, FaultKind
from shared.access.sync.mapping import Wanted


def opened(wanted: Wanted, *, restricted_before: Set[int]) -> frozenset[int]:
    """The numbers of the customers who give access, were narrowed, and are not any more."""
    giving = {number for _, _, number in wanted.grants}
    return frozenset((giving & restricted_before) - wanted.restricted)


def held_back(wanted: Wanted, *, stored: Mapping[GrantKey, Grant], customers: Set[int], field: str) -> Wanted:
    """`wanted` without anything that these customers do not show already, and a fault for each of them.

    What they no longer should show ends all the same.
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
