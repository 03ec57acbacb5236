"""The changes from the stored to the wanted grants, in an order that is safe at every step."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from shared.access.grant import Grant, GrantKey, cut_spans


class Event(StrEnum):
    """What happened to a grant."""

    GRANTED = "granted"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Change:
    """One grant before and after a change; one of them is None if the grant is new or revoked."""

    before: Grant | None
    after: Grant | None

    @property
    def event(self) -> Event:
        """The name of this change in the audit."""
        if self.before is None:
            return Event.GRANTED
        return Event.REVOKED if self.after is None else Event.CHANGED

    @property
    def subject(self) -> Grant:
        """The grant that the change is about: the one after it, or the one that was revoked."""
        subject = self.after or self.before
        if subject is None:
            raise ValueError("a change has a grant before or after it")
        return subject


@dataclass(frozen=True)
class Plan:
    """The changes from the stored to the wanted grants: first every loss of access, then every gain.

    After the losses, the grants are those that both the old and the new mapping allow. So at every step, a
    reader sees only what the old mapping or the new one allows, never a mixture.
    """

    losses: tuple[Change, ...]
    gains: tuple[Change, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes, in the order in which they are written."""
        return self.losses + self.gains


def plan(*, stored: Mapping[GrantKey, Grant], wanted: Mapping[GrantKey, Grant]) -> Plan:
    """Return the losses and gains, each sorted by principal, metering point and customer."""
    common = {key: left for key, grant in stored.items() if (left := in_common(grant, wanted.get(key)))}
    return Plan(losses=tuple(_diff(stored, common)), gains=tuple(_diff(common, wanted)))


def in_common(stored: Grant, wanted: Grant | None) -> Grant | None:
    """Return what both grants allow, or the wanted grant if they are equal; None if that is nothing."""
    if wanted is None or stored == wanted:
        return wanted
    left = cut_spans(stored.spans, wanted.spans)
    return replace(stored, spans=left) if left else None


def _diff(before: Mapping[GrantKey, Grant], after: Mapping[GrantKey, Grant]) -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield Change(before.get(key), after.get(key))


def by_principal(changes: Iterable[Change], *, at_most: int) -> Iterator[tuple[str, list[Change]]]:
    """Yield sorted changes in groups of one principal and at most `at_most`."""
    for principal, group in groupby(changes, key=lambda change: change.subject.principal):
        of_principal = list(group)
        for start in range(0, len(of_principal), at_most):
            yield principal, of_principal[start : start + at_most]
