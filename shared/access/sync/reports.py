"""Reports of the access sync for people: what a run did, or would have done."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared import foreign
from shared.access.grant import GrantKey, moved_text, spans_text
from shared.access.sync.changes import Change, Event, Plan
from shared.access.sync.faults import Fault
from shared.access.sync.guard import Allowance, Objection


class SyncRefused(Exception):
    """The guard held a run back, and an operator has to decide."""


class InvitingFailed(Exception):
    """Access was brought up to date, but the missing users could not be invited."""


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    DRY_RUN = "dry-run"
    REFUSED = "refused"
    FAILED = "failed"
    BUSY = "busy"

    @property
    def is_good(self) -> bool:
        """Whether nobody has to act."""
        return self in (Outcome.COMPLETE, Outcome.DRY_RUN)


@dataclass(frozen=True)
class SyncReport:
    """One run. `plan` is what was done, or what a dry or refused run would have done.

    `plan` is None for a run that ended before it had one. A complete run has an `error` if the missing users
    could not be invited. `held_back` are the `objections` that no operator has allowed. `lift` are the
    numbers of the customers whose restriction an operator wants to lift, `not_lifted` those that had none.
    """

    run_id: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    plan: Plan | None = None
    faults: tuple[Fault, ...] = ()
    objections: tuple[Objection, ...] = ()
    held_back: tuple[Objection, ...] = ()
    customers: int = 0
    grants: int = 0
    principals: int = 0
    invited: tuple[str, ...] = ()
    error: str = ""
    lift: tuple[int, ...] = ()
    not_lifted: tuple[int, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """The numbers of the run, for logs and `ServiceState`."""
        events = [change.event for change in self.changes]
        return {
            "customers": self.customers,
            "grants": self.grants,
            "principals": self.principals,
            "granted": events.count(Event.GRANTED),
            "changed": events.count(Event.CHANGED),
            "revoked": events.count(Event.REVOKED),
            "faults": len(self.faults),
            "invited": len(self.invited),
        }

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes that were made, or would have been: one for each grant."""
        return tuple(_joined(self.plan.changes)) if self.plan else ()

    def raise_for_failure(self) -> None:
        """Fail the run if somebody has to act, since alerts watch for failed runs.

        Raises:
            SyncRefused: the guard held the run back; the message has its objections.
            InvitingFailed: the run was applied, and inviting failed; the message says so.
        """
        if self.outcome is Outcome.COMPLETE and self.error:
            raise InvitingFailed(self.error)
        if self.outcome is Outcome.REFUSED:
            raise SyncRefused(" ".join((*(each.advised for each in self.held_back), self._how_to_allow())))

    def text(self) -> str:
        """Return the whole report, one fact a line: first what needs action, then the changes."""
        lines = [self._headline(), *(f"! {objection.text}" for objection in self.objections)]
        if self.objections:
            lines.append(self._how_to_allow() if self.held_back else self._what_was_allowed())
        if self.error:
            lines.append(f"! {self.error}")
        lines += [
            f"--lift-restriction {number}: nothing of this customer is held back, so nothing was lifted."
            for number in self.not_lifted
        ]
        title = "Changes:" if self.outcome is Outcome.COMPLETE else "Changes that would be made:"
        lines += _listed(title, change_lines(self.changes))
        lines += _listed(
            f"{len(self.invited)} invited to Entra, with access from the next sync:", self.invited
        )
        records = "1 record that gives" if len(self.faults) == 1 else f"{len(self.faults)} records that give"
        lines += _listed(f"{records} no access:", [str(fault) for fault in self.faults])
        return "\n".join(lines)

    def _how_to_allow(self) -> str:
        """Return the command that would allow all of it."""
        needed = {objection.allowance for objection in self.objections}
        options = [each.value for each in Allowance if each in needed]
        if self.lift:
            options += ["--lift-restriction", *map(str, self.lift)]
        begin = "Nothing was changed." if self.outcome is Outcome.REFUSED else "A sync would be held back."
        command = f"python3 dev.py sync {' '.join(options)}"
        if self.plan is None:
            command += " (with --dry-run it shows what would change)"
        elif needed == {Allowance.REVOCATIONS} and not self.lift:
            command += " (or SYNC_ALLOW_REVOCATIONS=true for a while)"
        return f"{begin} If this is what you want: {command}"

    def _what_was_allowed(self) -> str:
        needed = {objection.allowance for objection in self.objections}
        return f"Allowed by an operator: {' '.join(each.value for each in Allowance if each in needed)}"

    def _headline(self) -> str:
        begin = f"Access sync {self.run_id}: "
        if self.outcome is Outcome.FAILED:
            return begin + "failed; the next run does what this one did not."
        if self.outcome is Outcome.BUSY:
            return begin + "not begun."
        if self.plan is None:
            return f"{begin}{self.outcome}; Severa was not read."
        counts = self.counts
        rest = (
            f"{foreign.counted(self.grants, 'grants')} of {foreign.counted(self.principals, 'principals')} "
            f"by {foreign.counted(self.customers, 'customers')}."
        )
        granted, changed, revoked = (counts[event.value] for event in Event)
        if self.outcome is Outcome.COMPLETE:
            return f"{begin}complete; granted {granted}, changed {changed}, revoked {revoked}; now {rest}"
        would = f"would grant {granted}, change {changed}, revoke {revoked}, and leave {rest}"
        return f"{begin}{self.outcome}; {would}"


def _joined(changes: Iterable[Change]) -> Iterable[Change]:
    """Return one change for each grant: a period that moves is first shortened and then extended."""
    joined: dict[GrantKey, Change] = {}
    for change in changes:
        first = joined.get(change.subject.key, change)
        joined[change.subject.key] = Change(first.before, change.after)
    return joined.values()


def change_lines(changed: Sequence[Change]) -> list[str]:
    """Return a line for each principal, customer, event and reason, with days if it is one metering point."""
    groups: defaultdict[tuple[str, int, str, str], list[Change]] = defaultdict(list)
    for change in changed:
        subject = change.subject
        groups[subject.principal, subject.customer_number, change.event, _why(change)].append(change)
    return [
        f"{event}: {principal} for customer {customer}, {_points(group)} ({why})"
        for (principal, customer, event, why), group in sorted(groups.items())
    ]


def _points(group: Sequence[Change]) -> str:
    if len(group) > 1:
        return f"{len(group)} metering points"
    [change] = group
    before = spans_text(change.before.spans) if change.before else ""
    after = spans_text(change.after.spans) if change.after else ""
    return f"metering point {change.subject.metering_point_id} in {moved_text(before, after)}"


def _why(change: Change) -> str:
    """Return what gives the access, and whether that or the customer's name changed."""
    before, after = change.before, change.after
    if before is None or after is None:
        return change.subject.why
    if before.why != after.why:
        return f"before: {before.why}, now: {after.why}"
    renamed = "; the customer has another name" if before.customer_name != after.customer_name else ""
    return f"{after.why}{renamed}"


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(f"- {line}" for line in lines)] if lines else []
