"""Whether a run would end so much access that a mistake is likelier than the wish: pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.access.grant import Grant, GrantKey
from shared.access.severa.register import Register
from shared.access.sync import mapping
from shared.access.sync.changes import Plan
from shared.access.sync.mapping import Fields

AT_LEAST = 10
"""Fewer lost grants than this are the daily business of a small portfolio, whatever their share."""

SEVERAL_USERS = 2
"""One user may simply leave."""

APPS, USERS = "app:", "user:"


@dataclass(frozen=True)
class Before:
    """What is known from before the run.

    `narrowing_was_defined` says whether the last complete run found the property with metering points.
    """

    stored: Mapping[GrantKey, Grant]
    narrowing_was_defined: bool


def objections(
    plan: Plan,
    *,
    before: Before,
    register: Register,
    fields: Fields,
    by_supply: bool,
    max_revoked_share: float,
) -> tuple[str, ...]:
    """Why the plan must not be carried out unless a person says so; empty when it may."""
    found = [
        _too_many_losses(plan, stored=len(before.stored), max_share=max_revoked_share),
        _no_customers(before, register),
        _no_contact_persons(before, register, fields),
        _client_ids_missing(before, register, fields),
        _metering_points_missing(before, register, fields, by_supply=by_supply),
    ]
    return tuple(objection for objection in found if objection)


def _too_many_losses(plan: Plan, *, stored: int, max_share: float) -> str | None:
    losses = len(plan.losses)
    if losses < AT_LEAST or losses <= stored * max_share:
        return None
    return (
        f"{losses} of {stored} grants would be revoked or shortened, "
        f"more than the {max_share:.0%} that a run may end by itself (SYNC_MAX_REVOKED_SHARE)."
    )


def _no_customers(before: Before, register: Register) -> str | None:
    if not before.stored or any(customer.is_active for customer in register.customers):
        return None
    return "Severa answered without a single active customer."


def _no_contact_persons(before: Before, register: Register, fields: Fields) -> str | None:
    """Contact roles have no definitions that could be looked for, so a renamed one shows by its absence."""
    users = {principal for principal, _, _ in before.stored if principal.startswith(USERS)}
    if users and not register.contact_persons:
        return "Severa answered without a single contact person."
    if len(users) < SEVERAL_USERS or any(mapping.has_role(each, fields) for each in register.contact_persons):
        return None
    return (
        f"No contact person has the role '{fields.contact_role}' any more, so all {len(users)} users "
        "would lose access. Was it renamed? Then correct SEVERA_CONTACT_ROLE."
    )


def _client_ids_missing(before: Before, register: Register, fields: Fields) -> str | None:
    has_apps = any(principal.startswith(APPS) for principal, _, _ in before.stored)
    if not has_apps or fields.client_ids in register.property_names:
        return None
    return (
        f"The custom property '{fields.client_ids}' is no longer defined in Severa, so every application "
        "would lose access. Was it renamed? Then correct SEVERA_CLIENT_IDS_PROPERTY."
    )


def _metering_points_missing(
    before: Before, register: Register, fields: Fields, *, by_supply: bool
) -> str | None:
    if fields.metering_points in register.property_names or not before.stored:
        return None
    if by_supply and not before.narrowing_was_defined:
        return None
    effect = "no customer could be narrowed by it" if by_supply else "all access would end"
    return (
        f"The custom property '{fields.metering_points}' is no longer defined in Severa, so {effect}. "
        "Was it renamed? Then correct SEVERA_METERING_POINTS_PROPERTY."
    )
