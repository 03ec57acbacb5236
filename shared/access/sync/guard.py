"""Objects to a run that would end or open so much access that it is probably a mistake. Pure.

A lock-out can be undone and a leak cannot, so gains are checked as losses are. A run to which the guard
objects is applied only if an operator has allowed that kind of change by name, for this one run.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

from shared import foreign
from shared.access import mode, runs
from shared.access.grant import Grant, GrantKey, spans_without
from shared.access.mode import Mode
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import mapping
from shared.access.sync.changes import Change, Plan
from shared.access.sync.mapping import Fields

LOSSES_AT_LEAST = 10
"""Fewer lost grants are usual in a small portfolio, whatever their share."""

GAINS_AT_LEAST = 200
"""Fewer new grants are a new customer of ordinary size, whatever their share."""

SEVERAL_USERS = 2
"""One user may simply leave."""

PRINCIPALS_SHOWN = 5

APPS, USERS = "app:", "user:"


class Allowance(StrEnum):
    """What an operator can allow one run to do; the value is the option of `dev.py sync`."""

    REVOCATIONS = "--allow-revocations"
    GRANTS = "--allow-grants"
    SOURCE = "--change-source"


_LOOK_FIRST = {
    Allowance.REVOCATIONS: "First look in Severa and the supply periods whether this access should end",
    Allowance.GRANTS: "First compare the new grants in sync --dry-run with the account managers",
    Allowance.SOURCE: "First compare these settings with the app's, and run sync --dry-run --change-source",
}


@dataclass(frozen=True)
class Objection:
    """Why a run is held back, and what an operator has to allow to let it through."""

    text: str
    allowance: Allowance

    @property
    def advised(self) -> str:
        """The text, what to look at first, and the option that lets the run through."""
        return f"{self.text} {_LOOK_FIRST[self.allowance]}; {self.allowance} lets it through."


@dataclass(frozen=True)
class Limits:
    """How much access a run may end or open by itself: shares of the stored grants, and a number."""

    max_revoked_share: float = 0.10
    max_granted_share: float = 0.10
    max_granted_per_principal: int = 500


@dataclass(frozen=True)
class Before:
    """The state before the run; `last_complete` is None if no complete run is stored."""

    stored: Mapping[GrantKey, Grant]
    last_complete: runs.LastComplete | None


def held_back(objections: Iterable[Objection], *, allowed: Set[Allowance]) -> tuple[Objection, ...]:
    """Return the objections that no operator has allowed; if there is any, nothing may be changed."""
    return tuple(objection for objection in objections if objection.allowance not in allowed)


def other_mode(now: Mode, *, last_complete: runs.LastComplete | None) -> tuple[Objection, ...]:
    """Return objections to settings that differ, or may differ, from those of the last complete run."""
    if last_complete is None:
        return ()
    if last_complete.mode is None:
        text = (
            "The settings of the last complete sync are not stored, so nothing says that these are the same."
        )
        return (Objection(text, Allowance.SOURCE),)
    return tuple(
        Objection(f"{difference} at the last complete sync.", Allowance.SOURCE)
        for difference in mode.differences(now, before=last_complete.mode)
    )


def objections(
    plan: Plan, *, before: Before, register: SeveraRegister, fields: Fields, by_supply: bool, limits: Limits
) -> tuple[Objection, ...]:
    """Return why the plan may not be applied unless an operator allows it; empty if it may."""
    losses = [
        _too_many_losses(plan, stored=len(before.stored), max_share=limits.max_revoked_share),
        _no_customers(before, register),
        _no_contact_persons(before, register, fields),
        _client_ids_missing(before, register, fields),
        _metering_points_missing(before, register, fields, by_supply=by_supply),
    ]
    gained = [change.subject.principal for change in plan.gains if _adds_days(change)]
    gains = [
        _first_sync(before, gained),
        _too_many_gains(len(gained), stored=len(before.stored), max_share=limits.max_granted_share),
        _too_many_gains_of_one(Counter(gained), at_most=limits.max_granted_per_principal),
    ]
    return tuple(
        Objection(text, allowance)
        for allowance, texts in ((Allowance.REVOCATIONS, losses), (Allowance.GRANTS, gains))
        for text in texts
        if text
    )


def _adds_days(change: Change) -> bool:
    """Return whether a change lets more be read: a customer's new name changes grants, but opens nothing."""
    if change.before is None or change.after is None:
        return change.after is not None
    return bool(spans_without(change.after.spans, change.before.spans))


def _too_many_losses(plan: Plan, *, stored: int, max_share: float) -> str | None:
    losses = len(plan.losses)
    if losses < LOSSES_AT_LEAST or losses <= stored * max_share:
        return None
    return (
        f"{losses} of {stored} grants would be revoked or shortened, "
        f"more than the {max_share:.0%} that a run may end by itself (SYNC_MAX_REVOKED_SHARE)."
    )


def _first_sync(before: Before, gained: list[str]) -> str | None:
    """Object to a first sync, or one after the state was lost, even in part: it cannot be compared."""
    if before.last_complete is not None:
        return None if before.last_complete.completed_at else _time_is_lost(before, gained)
    if before.stored:
        return (
            f"No completed sync is stored, but {foreign.counted(len(before.stored), 'grants')}: either the "
            "first sync was interrupted, or the table ServiceState was lost, and with it which customers are "
            "restricted and which user each address is bound to. What would open has to be checked first: "
            f"docs/operations.md, A lost ServiceState. New or extended grants: {len(gained)}."
        )
    return f"No sync has been completed before, so nothing says that these grants are meant: {len(gained)}."


def _time_is_lost(before: Before, gained: list[str]) -> str:
    return (
        "The time of the last complete sync is missing or unreadable, so other rows of the table "
        "ServiceState may be damaged or lost, too. What would open has to be checked first: "
        "docs/operations.md, A lost ServiceState. "
        f"Grants: {len(before.stored)}; new or extended: {len(gained)}."
    )


def _too_many_gains(gains: int, *, stored: int, max_share: float) -> str | None:
    if gains < GAINS_AT_LEAST or gains <= stored * max_share:
        return None
    return (
        f"{gains} grants would be new or extended, beside {stored} that there are: more than the "
        f"{max_share:.0%} that a run may open by itself (SYNC_MAX_GRANTED_SHARE)."
    )


def _too_many_gains_of_one(gained: Counter[str], *, at_most: int) -> str | None:
    over = [(principal, count) for principal, count in gained.most_common() if count > at_most]
    if not over:
        return None
    shown = ", ".join(f"{principal} ({count})" for principal, count in over[:PRINCIPALS_SHOWN])
    more = f" and {len(over) - PRINCIPALS_SHOWN} more" if len(over) > PRINCIPALS_SHOWN else ""
    return (
        f"More than {at_most} new or extended grants, which a run may give to one principal by itself "
        f"(SYNC_MAX_GRANTED_PER_PRINCIPAL), would go to {shown}{more}."
    )


def _no_customers(before: Before, register: SeveraRegister) -> str | None:
    if not before.stored or any(customer.is_active for customer in register.customers):
        return None
    return "Severa answered without a single active customer."


def _no_contact_persons(before: Before, register: SeveraRegister, fields: Fields) -> str | None:
    """Object if no contact person has the role: contact roles have no definitions to look it up in."""
    users = {principal for principal, _, _ in before.stored if principal.startswith(USERS)}
    if users and not register.contact_persons:
        return "Severa answered without a single contact person."
    if len(users) < SEVERAL_USERS or any(mapping.has_role(each, fields) for each in register.contact_persons):
        return None
    return (
        f"No contact person has the role '{fields.contact_role}' any more, so all {len(users)} users "
        "would lose access. Was it renamed? Then correct SEVERA_CONTACT_ROLE."
    )


def _client_ids_missing(before: Before, register: SeveraRegister, fields: Fields) -> str | None:
    has_apps = any(principal.startswith(APPS) for principal, _, _ in before.stored)
    if not has_apps or fields.client_ids in register.property_names:
        return None
    return (
        f"The custom property '{fields.client_ids}' is no longer defined in Severa, so every application "
        "would lose access. Was it renamed? Then correct SEVERA_CLIENT_IDS_PROPERTY."
    )


def _metering_points_missing(
    before: Before, register: SeveraRegister, fields: Fields, *, by_supply: bool
) -> str | None:
    if fields.metering_points in register.property_names or not before.stored:
        return None
    restriction_was_defined = before.last_complete is not None and before.last_complete.restriction_defined
    if by_supply and not restriction_was_defined:
        return None
    effect = "no customer could be restricted by it" if by_supply else "all access would end"
    return (
        f"The custom property '{fields.metering_points}' is no longer defined in Severa, so {effect}. "
        "Was it renamed? Then correct SEVERA_METERING_POINTS_PROPERTY."
    )
