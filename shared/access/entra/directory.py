"""Users of Microsoft Entra for the contact persons of Severa: found, checked, and invited if wanted.

Directory HTTP is here and in `graph` only.

**What proves that a user is the contact person.** The first time, an e-mail address has to lead to
exactly one user whose `mail` it is, whose sign-in name it is, or whose guest sign-in name was made
from it (`kari_firm.example#EXT#@tenant`) while no other `mail` contradicts. These are written by the
tenant's administrators and by the invitation. `otherMails` is searched as well, but a user may be able
to write there himself, and so it can only cast doubt: alone it proves nothing, and together with
another user it makes the address ambiguous. Doubt is a fault for a person to settle, never a guess.

**After the first time** only the object id counts (`known`). It stands for the pair of contact person
and address in Severa: whoever changes addresses in Entra, or registers somebody else's, changes
nothing; another address in Severa is a new question. A user that is gone is not replaced by whoever
has the address now, as addresses are used again: the role has to end in Severa and be given again.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from shared import limits
from shared.access.entra import graph
from shared.access.entra.graph import DirectoryFailed, DirectoryRefused, DirectoryUnavailable, Graph, Refusal
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault
from shared.limits import Limit
from shared.outside import transports
from shared.settings import DirectorySettings

__all__ = ["DirectoryFailed", "DirectoryRefused", "DirectoryUnavailable", "resolve"]

logger = logging.getLogger(__name__)

ROLE = "Metering.Read"
"""The app role that the gateway asks for in a user's token."""

SELECT = "id,accountEnabled,mail,otherMails,userPrincipalName"
IDS_IN_A_FILTER = 15
"""Graph refuses more values in one `in`: https://learn.microsoft.com/graph/filter-query-parameter"""

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
"""Addresses of RFC 5322 without quotes, in ASCII: Entra knows no others, and no two of them look alike."""


def resolve(
    wanted: Iterable[ContactEmail],
    *,
    known: Mapping[ContactEmail, str],
    settings: DirectorySettings,
    token: Callable[[], str],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    limit: Limit = limits.GRAPH,
) -> Directory:
    """The user of each of `wanted`, or why there is none; with `invite`, those who are missing are invited.

    `known` holds the object ids that were stored before. For the next time, store what `users` of the
    answer adds, keep those that are still wanted, also when they are a fault today, and forget the
    others. `token` gives a token for `graph.SCOPE`.

    With `off` Entra is not asked at all: nobody is found, and only applications get access. With `report`
    nothing is changed in Entra. With `invite` everybody who was found or invited is given the app role as
    well. Nothing is ever taken away in Entra.

    Raises:
        DirectoryUnavailable: cut off, throttled or 5xx in each of several tries.
        DirectoryRefused: a permission or the app role is missing; the message says which.
    """
    asked = sorted(set(wanted))
    if not asked or settings.provisioning == "off":
        return Directory()
    with transports.http_client(limit) as http:
        entra = Graph(
            http, base_url=settings.graph_base_url, token=token, clock=clock, limit=limit, sleep=sleep
        )
        directory = _find(entra, asked, known=known)
        if settings.provisioning != "invite":
            return directory
        directory = _invite(entra, directory, redirect_url=settings.invite_redirect_url or "")
        _assign_role(entra, set(directory.users.values()), app_id=settings.api_app_id or "")
        return directory


def _find(entra: Graph, asked: list[ContactEmail], *, known: Mapping[ContactEmail, str]) -> Directory:
    enabled = _enabled(entra, sorted({known[contact].lower() for contact in asked if contact in known}))
    answers: dict[str, str | DirectoryFault] = {}
    users: dict[ContactEmail, str] = {}
    faults: dict[ContactEmail, DirectoryFault] = {}
    for contact in asked:
        if contact in known:
            answer = _still(known[contact].lower(), enabled)
        else:
            if contact.email not in answers:
                answers[contact.email] = _look_up(entra, contact.email)
            answer = answers[contact.email]
        if isinstance(answer, DirectoryFault):
            faults[contact] = answer
        else:
            users[contact] = answer
    return Directory(users, faults)


def _enabled(entra: Graph, object_ids: list[str]) -> dict[str, bool]:
    """Which of the users exist, and whether they are enabled."""
    rest = iter(object_ids)
    found: dict[str, bool] = {}
    while some := list(islice(rest, IDS_IN_A_FILTER)):
        ids = ",".join(_quoted(object_id) for object_id in some)
        rows = entra.every("/users", {"$filter": f"id in ({ids})", "$select": "id,accountEnabled"})
        found |= {_id(row): row.get("accountEnabled") is True for row in rows}
    return found


def _still(object_id: str, enabled: Mapping[str, bool]) -> str | DirectoryFault:
    if object_id not in enabled:
        return DirectoryFault.GONE
    return object_id if enabled[object_id] else DirectoryFault.DISABLED


def _look_up(entra: Graph, email: str) -> str | DirectoryFault:
    """The one user who has `email`, or why nobody can be named. Exact but for the case of letters."""
    if not _EMAIL.fullmatch(email):
        return DirectoryFault.INVALID_EMAIL
    rows = entra.every("/users", {"$filter": _filter(email), "$select": SELECT, **graph.SEARCH})
    # Graph is asked for exact matches; what it holds for one is looked at again all the same.
    users = {_id(row): row for row in rows if _is_proof(row, email) or _is_claim(row, email)}
    if not users:
        return DirectoryFault.NOT_FOUND
    if len(users) > 1:
        return DirectoryFault.AMBIGUOUS
    [(object_id, user)] = users.items()
    if not _is_proof(user, email):
        return DirectoryFault.UNPROVEN
    return object_id if user.get("accountEnabled") is True else DirectoryFault.DISABLED


def _filter(email: str) -> str:
    return " or ".join(
        (
            f"mail eq {_quoted(email)}",
            f"userPrincipalName eq {_quoted(email)}",
            f"startsWith(userPrincipalName,{_quoted(_guest_name(email))})",
            f"otherMails/any(address:address eq {_quoted(email)})",
        )
    )


def _quoted(text: str) -> str:
    """An OData string: a quote inside is doubled, so no address can become a part of the filter."""
    return "'" + text.replace("'", "''") + "'"


def _guest_name(email: str) -> str:
    """How Entra begins the sign-in name of a guest who was invited by this address."""
    return email.replace("@", "_") + "#ext#@"


def _is_proof(user: Mapping[str, Any], email: str) -> bool:
    mail, name = _lower(user.get("mail")), _lower(user.get("userPrincipalName"))
    return email in (mail, name) or (not mail and name.startswith(_guest_name(email)))


def _is_claim(user: Mapping[str, Any], email: str) -> bool:
    others = user.get("otherMails")
    addresses = [_lower(each) for each in others] if isinstance(others, list) else []
    return email in addresses or _lower(user.get("userPrincipalName")).startswith(_guest_name(email))


def _lower(value: object) -> str:
    """In lower case, if it is ASCII: some foreign letters, as the Kelvin sign, have an ASCII lower case."""
    if not isinstance(value, str):
        return ""
    return value.lower() if value.isascii() else value


def _id(row: Mapping[str, Any]) -> str:
    object_id = _lower(row.get("id"))
    if not object_id:
        raise DirectoryUnavailable("Graph answered with a user without an id.")
    return object_id


def _invite(entra: Graph, directory: Directory, *, redirect_url: str) -> Directory:
    """`directory` with everybody who was not found invited, once for each address."""
    missing = [each for each, fault in directory.faults.items() if fault is DirectoryFault.NOT_FOUND]
    answers = {
        email: _invite_one(entra, email, redirect_url=redirect_url)
        for email in sorted({contact.email for contact in missing})
    }
    invited = {contact: answers[contact.email] for contact in missing}
    users = {contact: answer for contact, answer in invited.items() if not isinstance(answer, DirectoryFault)}
    refused = {contact: answer for contact, answer in invited.items() if isinstance(answer, DirectoryFault)}
    left = {contact: fault for contact, fault in directory.faults.items() if contact not in users}
    return Directory({**directory.users, **users}, {**left, **refused}, frozenset(users))


def _invite_one(entra: Graph, email: str, *, redirect_url: str) -> str | DirectoryFault:
    """The object id of the invited guest. Inviting an address again gives the same guest."""
    answer = entra.create(
        "/invitations",
        {
            "invitedUserEmailAddress": email,
            "inviteRedirectUrl": redirect_url,
            "sendInvitationMessage": True,
        },
    )
    if isinstance(answer, Refusal):
        logger.warning("Entra refused an invitation. %s", answer)
        return DirectoryFault.NOT_INVITED
    if _lower(answer.get("invitedUserEmailAddress")) != email:
        raise DirectoryUnavailable("Graph answered with an invitation of another address.")
    return _id(answer.get("invitedUser") or {})


def _assign_role(entra: Graph, object_ids: set[str], *, app_id: str) -> None:
    """Give the app role to those of the users who do not have it."""
    path = f"/servicePrincipals(appId='{app_id}')"
    principal = entra.one(path, {"$select": "id,appRoles"})
    roles = (principal or {}).get("appRoles") or []
    role_id = next((role["id"] for role in roles if _is_for_users(role)), None)
    if principal is None or role_id is None:
        raise DirectoryRefused(
            f"The enterprise application {app_id} (ENTRA_API_APP_ID) "
            f"has no enabled app role {ROLE} for users."
        )
    assignments = entra.every(f"/servicePrincipals/{principal['id']}/appRoleAssignedTo", {"$top": "999"})
    having = {_lower(each.get("principalId")) for each in assignments if each.get("appRoleId") == role_id}
    for object_id in sorted(object_ids - having):
        _assign(entra, object_id, resource_id=principal["id"], role_id=role_id)


def _is_for_users(role: Mapping[str, Any]) -> bool:
    for_users = "User" in (role.get("allowedMemberTypes") or [])
    return role.get("value") == ROLE and role.get("isEnabled") is True and for_users


def _assign(entra: Graph, object_id: str, *, resource_id: str, role_id: str) -> None:
    answer = entra.create(
        f"/servicePrincipals/{resource_id}/appRoleAssignedTo",
        {"principalId": object_id, "resourceId": resource_id, "appRoleId": role_id},
    )
    if isinstance(answer, Refusal) and "already exists" not in answer.message:
        # A guest who was just made may not be known everywhere in Entra yet; the next run tries again.
        logger.warning("Entra refused to assign the app role to user:%s. %s", object_id, answer)
