"""What Visma Severa holds, in the words of the trade.

Values only: `client` reads them, and `sync.mapping` turns them into wanted grants. Inactive, deleted and
faulty records are kept, so that the mapping can report what it left out and why.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Customer:
    """A customer in Severa. `number` is the customer number, which may be absent in Severa."""

    guid: str
    number: int | None
    name: str
    is_active: bool


@dataclass(frozen=True, order=True)
class CustomValue:
    """The value of one customer in one custom property. Severa returns every type of value as text.

    A property whose value is null or blank is left out: Visma does not document whether an emptied field
    leaves a value behind, so both must mean the same. Nor does it document whether a property that allows
    several choices comes as several values with the same name or as one text.
    """

    customer_guid: str
    property_name: str
    value: str


@dataclass(frozen=True, order=True)
class UnreadableCustomValue:
    """A customer's value that is not text, or whose property Severa does not define.

    `property_name` is empty if the property is not known: it may be any of them.
    """

    customer_guid: str
    property_name: str


@dataclass(frozen=True, order=True)
class ContactPerson:
    """A person at a customer. `role_name` is the contact role, by which API access is given.

    `emails` is as typed in Severa: any number of addresses, any case, not checked.
    """

    guid: str
    customer_guid: str
    name: str
    emails: tuple[str, ...]
    role_name: str | None
    is_active: bool
    is_deleted: bool


@dataclass(frozen=True)
class SeveraRegister:
    """One complete reading of Severa, never a part of one.

    `property_names` are the names of the active custom properties that are defined for customers,
    whether or not any customer has a value in them: a property that was renamed is missing here, which is
    a fault of the whole reading and not of each customer. `custom_values` and `unreadable_values` are
    those of active customers only. The tuples are sorted and have no duplicates.
    """

    customers: tuple[Customer, ...]
    property_names: frozenset[str]
    custom_values: tuple[CustomValue, ...]
    contact_persons: tuple[ContactPerson, ...]
    read_at: datetime
    unreadable_values: tuple[UnreadableCustomValue, ...] = ()
