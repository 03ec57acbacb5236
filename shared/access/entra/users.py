"""Users of Microsoft Entra, looked up for Severa's contact persons: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, order=True)
class ContactEmail:
    """A contact person and an address: a user is looked up by it, and a stored object id is bound to it.

    Both parts are needed: another contact person with the same address, or another address of the
    same contact person, is looked up again. Build it with `contact_email`.
    """

    contact_guid: str
    email: str


class DirectoryFault(StrEnum):
    """Why an e-mail address leads to no user; the value is the text for reports."""

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
    INVITED = "was invited to Entra; the access follows with the next sync"
    NOT_INVITED = "Entra refused to invite this e-mail address; the log of the run says why"


@dataclass(frozen=True)
class Directory:
    """What Entra has for each contact person and address: an object id or a fault, never both.

    `users` has immutable object ids, in lower case. `invited` are the users who were invited in this run.
    """

    users: Mapping[ContactEmail, str] = field(default_factory=dict)
    faults: Mapping[ContactEmail, DirectoryFault] = field(default_factory=dict)
    invited: frozenset[ContactEmail] = frozenset()


def contact_email(*, contact_guid: str, email: str) -> ContactEmail:
    """Return the pair with `email` trimmed and in lower case: addresses are compared without case.

    Only ASCII is put in lower case: some other letters would become ASCII and yield another address. Other
    letters are refused later.
    """
    text = email.strip()
    return ContactEmail(contact_guid, text.lower() if text.isascii() else text)
