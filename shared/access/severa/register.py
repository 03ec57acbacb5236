"""What is read from Visma Severa and Microsoft Entra, in the words of the trade.

Values only: `severa` and `directory` fill them, `mapping` turns them into wanted grants. Nothing
here is judged: inactive, deleted and faulty records are kept, so that the mapping can say what it
left out and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, order=True)
class Customer:
    """A customer in Severa. `number` is the customer number, and Severa lets it be absent."""

    guid: str
    number: int | None
    name: str
    is_active: bool


@dataclass(frozen=True, order=True)
class CustomValue:
    """What one customer has in one custom property. Severa gives every type of value as text.

    A property whose value is null or blank is left out: whether an emptied field leaves a value behind
    Visma does not document, so both must mean the same. A property that allows several choices can come
    as several values with the same name, or as one text; which of them Visma does not document either.
    """

    customer_guid: str
    property_name: str
    value: str


@dataclass(frozen=True, order=True)
class UnreadableValue:
    """That a customer has a value which is no text, or one whose property Severa does not define.

    `property_name` is empty where the property is not known: it may be any of them.
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
class Register:
    """One complete reading of Severa: never a part of one.

    `property_names` are the names of the active custom properties that are defined for customers,
    whether or not any customer has a value in them: a property that was renamed is missing here,
    which is a fault of the whole reading and not of each customer. `custom_values` and
    `unreadable_values` are those of active customers only. The tuples are sorted, and no record is in
    them twice.
    """

    customers: tuple[Customer, ...]
    property_names: frozenset[str]
    custom_values: tuple[CustomValue, ...]
    contact_persons: tuple[ContactPerson, ...]
    read_at: datetime
    unreadable_values: tuple[UnreadableValue, ...] = ()


@dataclass(frozen=True, order=True)
class ContactEmail:
    """What a user is looked up by, and what a stored object id is bound to.

    Both parts are needed: another contact person with the same address, or another address of the
    same contact person, is a new question to Entra. Build it with `contact_email`.
    """

    contact_guid: str
    email: str


class DirectoryFault(StrEnum):
    """Why an e-mail address leads to no user; the value is the text that a report can show."""

    INVALID_EMAIL = "is not an e-mail address; correct it in Severa"
    NOT_FOUND = "no user in Entra has this e-mail address; invite the user or correct the address in Severa"
    AMBIGUOUS = "more than one user in Entra has this e-mail address; remove it from all but one"
    UNPROVEN = (
        "a user in Entra has it only as an alternate or former address, which proves nothing; "
        "set it as the user's e-mail in Entra"
    )
    DISABLED = "the user is disabled in Entra; enable the user, or end the contact role in Severa"
    GONE = (
        "the user who had this access no longer exists in Entra; end the contact role in Severa, "
        "let the sync run, and give the role again"
    )
    NOT_INVITED = "Entra refused to invite this e-mail address; the log of the run says why"


@dataclass(frozen=True)
class Directory:
    """What Entra said of every asked contact person and address: an object id or a fault, never both.

    `users` gives the immutable object id, in lower case. `invited` are those of `users` who were
    invited in this run.
    """

    users: Mapping[ContactEmail, str] = field(default_factory=dict)
    faults: Mapping[ContactEmail, DirectoryFault] = field(default_factory=dict)
    invited: frozenset[ContactEmail] = frozenset()


def contact_email(*, contact_guid: str, email: str) -> ContactEmail:
    """`email` trimmed and in lower case: addresses are compared exactly, but never by case.

    Only ASCII is put in lower case. Some other letters would become ASCII by it and make another
    address; what is not ASCII is refused later as no address.
    """
    text = email.strip()
    return ContactEmail(contact_guid, text.lower() if text.isascii() else text)
