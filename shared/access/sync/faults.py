"""Faults of records that should give access; each says what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from shared import foreign
from shared.access.severa.severa_register import Customer


class FaultKind(StrEnum):
    """What is wrong."""

    NO_NUMBER = "no-number"
    DUPLICATE_NUMBER = "duplicate-number"
    CLIENT_ID = "client-id"
    NO_EMAIL = "no-email"
    USER = "user"
    METERING_POINT = "metering-point"
    NO_METERING_POINTS = "no-metering-points"
    NOT_SUPPLIED = "not-supplied"
    OVERLAP = "overlap"
    NO_FIELD = "no-field"
    EMPTIED = "emptied"
    UNKNOWN_CUSTOMER = "unknown-customer"


@dataclass(frozen=True, order=True)
class Fault:
    """A record that gives nobody access: whose it is, and what to do about it."""

    whose: str
    kind: FaultKind
    text: str

    def __str__(self) -> str:
        return f"{self.whose}: {self.text}"


def fault(customer: Customer, kind: FaultKind, text: str) -> Fault:
    """Return a fault of a customer, named by its number, or by its guid when it has none; always one line."""
    name, line = foreign.one_line(customer.name), foreign.one_line(text)
    if customer.number is None:
        return Fault(f"customer without number, {name} ({customer.guid})", kind, line)
    return Fault(f"customer {customer.number}, {name}", kind, line)
