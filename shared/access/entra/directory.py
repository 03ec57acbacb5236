"""Finds, checks and, if wanted, invites the users of Microsoft Entra for the contact persons of Severa.

**What proves that a user is the contact person.** The first time, an e-mail address has to lead to
exactly one user whose `mail` it is, whose sign-in name it is, or whose guest sign-in name was made
from it (`kari_firm.example#EXT#@tenant`) while no other `mail` contradicts. Only the tenant's
administrators and the invitation write these. `otherMails` is searched as well, but users may be able to
write it themselves, so it can only cast doubt: alone it proves nothing, and together with another user it
makes the address ambiguous. Doubt is reported as a fault; the sync never guesses.

**After the first time** only the object id counts (`known`). It is bound to the pair of contact person
and address in Severa: a change of addresses in Entra has no effect, and a new address in Severa is looked
up again. If a user is deleted, the next user with the same address does not inherit the access, since
addresses are reused: the role has to be taken away in Severa and given again.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice

from shared import limits
from shared.access.entra import graph
from shared.access.entra.graph import DirectoryFailed, DirectoryRefused, DirectoryUnavailable, Graph, Refusal
from shared.access.entra.records import (
    AppRoleModel,
    AssignmentModel,
    InvitationModel,
    ServicePrincipalModel,
    UserModel,
    lowered,
)
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault
from shared.limits import Limit
from shared.outside import httpx_client
from shared.settings import DirectorySettings

__all__ = ["DirectoryFailed", "DirectoryRefused", "DirectoryUnavailable", "resolve"]

logger = logging.getLogger(__name__)

ROLE = "Metering.Read"
"""The app role that the gateway requires in a user's token."""

SELECT = "id,accountEnabled,mail,otherMails,userPrincipalName"
IDS_IN_A_FILTER = 15
"""Graph refuses more values in one `in`: https://learn.microsoft.com/graph/filter-query-parameter"""

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
"""RFC 5322 addresses without quotes, in ASCII: Entra knows no others, and no two look alike."""


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
    """Return the user of each of `wanted`, or why there is none; with `invite`, invite missing users.

    `settings.provisioning` decides what happens in Entra. With `off` no request is sent: nobody is found, and
    only applications get access. With `report` nothing is changed. With `invite` all users who were found or
    invited also get the app role. Nothing is ever removed. A run of the sync calls this first with `report`
    and, when its plan is applied, with `invite`.

    `known` holds the stored object ids. For the next run, store the ids that `users` of the result adds, keep
    stored ones that are still wanted, even if they are a fault today, and delete the rest. `token` returns a
    token for `graph.SCOPE`.

    Raises:
        DirectoryUnavailable: several tries were cut off, throttled or answered with 5xx.
        DirectoryRefused: a permission or the app role is missing; the message says which.
    """
    contacts = sorted(set(wanted))
    if not contacts or settings.provisioning == "off":
        return Directory()
    with httpx_client.open_client(limit) as http:
        entra = Graph(
            http, base_url=settings.graph_base_url, token=token, clock=clock, limit=limit, sleep=sleep
        )
        directory = _find(entra, contacts, known=known)
        if settings.provisioning != "invite":
            return directory
        # Checked before anybody gets a mail: without the app role nobody could use the invitation.
        resource_id, role_id = _app_role(entra, app_id=settings.api_app_id or "")
        directory = _invite(entra, directory, redirect_url=settings.invite_redirect_url or "")
        _assign_role(entra, set(directory.users.values()), resource_id=resource_id, role_id=role_id)
        return directory


def _find(entra: Graph, contacts: list[ContactEmail], *, known: Mapping[ContactEmail, str]) -> Directory:
    enabled = _enabled(entra, sorted({known[contact].lower() for contact in contacts if contact in known}))
    answers: dict[str, str | DirectoryFault] = {}
    users: dict[ContactEmail, str] = {}
    faults: dict[ContactEmail, DirectoryFault] = {}
    for contact in contacts:
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
    """Return whether each user is enabled; users that do not exist are left out."""
    rest = iter(object_ids)
    enabled: dict[str, bool] = {}
    while some := list(islice(rest, IDS_IN_A_FILTER)):
        ids = ",".join(_quoted(object_id) for object_id in some)
        chosen = {"$filter": f"id in ({ids})", "$select": "id,accountEnabled"}
        enabled |= {each.id: each.account_enabled for each in entra.every("/users", chosen, of=UserModel)}
    return enabled


def _still(object_id: str, enabled: Mapping[str, bool]) -> str | DirectoryFault:
    if object_id not in enabled:
        return DirectoryFault.GONE
    return object_id if enabled[object_id] else DirectoryFault.DISABLED


def _look_up(entra: Graph, email: str) -> str | DirectoryFault:
    """Return the only user with this address, compared without case, or why there is none."""
    if not _EMAIL.fullmatch(email):
        return DirectoryFault.INVALID_EMAIL
    wanted = {"$filter": _filter(email), "$select": SELECT, **graph.SEARCH}
    # Graph compares by its own collation, which may match more than exact addresses.
    users = {
        each.id: each
        for each in entra.every("/users", wanted, of=UserModel)
        if _is_proof(each, email) or _is_claim(each, email)
    }
    if not users:
        return DirectoryFault.NOT_FOUND
    if len(users) > 1:
        return DirectoryFault.AMBIGUOUS
    [(object_id, user)] = users.items()
    if not _is_proof(user, email):
        return DirectoryFault.UNPROVEN
    return object_id if user.account_enabled else DirectoryFault.DISABLED


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
    """Return an OData string; inner quotes are doubled, so that no address can change the filter."""
    return "'" + text.replace("'", "''") + "'"


def _guest_name(email: str) -> str:
    """Return the beginning of the sign-in name of a guest who was invited by this address."""
    return email.replace("@", "_") + "#ext#@"


def _is_proof(user: UserModel, email: str) -> bool:
    mail, name = user.mail, user.user_principal_name
    return email in (mail, name) or (not mail and name.startswith(_guest_name(email)))


def _is_claim(user: UserModel, email: str) -> bool:
    others = [lowered(each) for each in user.other_mails]
    return email in others or user.user_principal_name.startswith(_guest_name(email))


def _invite(entra: Graph, directory: Directory, *, redirect_url: str) -> Directory:
    """Invite the users who were not found, once for each address, and return `directory` with them."""
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
    """Invite a guest and return the object id. Inviting an address again returns the same guest."""
    answer = entra.create(
        "/invitations",
        {
            "invitedUserEmailAddress": email,
            "inviteRedirectUrl": redirect_url,
            "sendInvitationMessage": True,
        },
        of=InvitationModel,
    )
    if isinstance(answer, Refusal):
        logger.warning("Entra refused an invitation. %s", answer)
        return DirectoryFault.NOT_INVITED
    if answer.invited_user_email_address != email:
        raise DirectoryUnavailable("Graph answered with an invitation of another address.")
    return answer.invited_user.id


def _app_role(entra: Graph, *, app_id: str) -> tuple[str, str]:
    """Return the ids of the enterprise application and of its app role."""
    path = f"/servicePrincipals(appId='{app_id}')"
    principal = entra.one(path, {"$select": "id,appRoles"}, of=ServicePrincipalModel)
    roles = principal.app_roles if principal else ()
    role_id = next((role.id for role in roles if _is_for_users(role)), None)
    if principal is None or role_id is None:
        raise DirectoryRefused(
            f"The enterprise application {app_id} (ENTRA_API_APP_ID) "
            f"has no enabled app role {ROLE} for users."
        )
    return principal.id, role_id


def _assign_role(entra: Graph, object_ids: set[str], *, resource_id: str, role_id: str) -> None:
    """Assign the app role to the users who do not have it."""
    assigned = f"/servicePrincipals/{resource_id}/appRoleAssignedTo"
    assignments = entra.every(assigned, {"$top": "999"}, of=AssignmentModel)
    having = {each.principal_id for each in assignments if each.app_role_id == role_id}
    for object_id in sorted(object_ids - having):
        _assign(entra, object_id, resource_id=resource_id, role_id=role_id)


def _is_for_users(role: AppRoleModel) -> bool:
    return bool(role.id) and role.value == ROLE and role.is_enabled and "User" in role.allowed_member_types


def _assign(entra: Graph, object_id: str, *, resource_id: str, role_id: str) -> None:
    answer = entra.create(
        f"/servicePrincipals/{resource_id}/appRoleAssignedTo",
        {"principalId": object_id, "resourceId": resource_id, "appRoleId": role_id},
        of=AssignmentModel,
    )
    if isinstance(answer, Refusal) and "already exists" not in answer.message:
        # A guest who was just made may not be known everywhere in Entra yet; the next run tries again.
        logger.warning("Entra refused to assign the app role to user:%s. %s", object_id, answer)
