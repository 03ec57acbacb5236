"""The access sync: fetch, map, plan, guard, apply, report.

An incomplete fetch raises before anything is written. Every step of writing is safe: all losses of access
come before the first gain, each transaction writes the manifest of its partition, and the next run completes
what a killed run left undone.

Missing users are invited last, by a run that was not held back and has applied its plan. Their access comes
with the next run, whose guard weighs it like every other gain.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared import foreign, leases, tables
from shared.access import runs
from shared.access.entra.directory import DirectoryFailed
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault
from shared.access.mode import Mode
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import changes, guard, mapping, readers, restrictions, state, store
from shared.access.sync.changes import Change, Plan
from shared.access.sync.faults import FaultKind
from shared.access.sync.guard import Allowance, Limits, Objection
from shared.access.sync.mapping import Fields, Wanted
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.store import Partition
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.leases import HeldByAnother, Lease
from shared.telemetry import long_texts

log = logging.getLogger(__name__)

LEASED = leases.Work(tables.SERVICE_STATE, runs.SYNC)
"""One sync at a time, the timer's or an operator's: this avoids wasted work and confusing reports.

The grants do not depend on it (see `store.Writer`).
"""
_LEVELS = {
    Outcome.REFUSED: logging.ERROR,
    Outcome.FAILED: logging.ERROR,
    Outcome.BUSY: logging.WARNING,
}


@dataclass(frozen=True)
class Sources:
    """What the mapping is made from. Each function returns a complete answer or raises.

    `find_users` takes the addresses in Severa and the object ids that were bound to them before, and changes
    nothing. `supply_periods` is None where Severa alone decides who has which metering point. `invite_users`
    takes what `find_users` takes and also invites the missing users; None where nobody is to be invited.
    """

    register: Callable[[], SeveraRegister]
    find_users: Callable[[Sequence[ContactEmail], Mapping[ContactEmail, str]], Directory]
    supply_periods: Callable[[], Sequence[SupplyPeriod]] | None = None
    invite_users: Callable[[Sequence[ContactEmail], Mapping[ContactEmail, str]], Directory] | None = None


@dataclass(frozen=True)
class Rules:
    """How the sources are read, and how much access a run may end or open by itself.

    `allowed` is what an operator allows this run beyond the `limits`. `lift` are the numbers of the
    customers for whom an operator has confirmed that their restriction to some metering points is lifted.
    """

    fields: Fields = field(default_factory=Fields)
    provisioning: str = "report"
    limits: Limits = field(default_factory=Limits)
    allowed: frozenset[Allowance] = frozenset()
    lift: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Fetched:
    """Everything that a run needs to decide, read completely."""

    register: SeveraRegister
    directory: Directory
    wanted: Wanted
    contacts: tuple[ContactEmail, ...]
    bound: Mapping[ContactEmail, str]


@dataclass(frozen=True)
class _Decided:
    """The plan, and the objections to it."""

    plan: Plan
    partitions: Mapping[str, Partition]
    objections: tuple[Objection, ...]
    last_complete: runs.LastComplete | None
    newly_restricted: frozenset[int]
    lifted: frozenset[int]
    not_lifted: frozenset[int]


def run(
    sources: Sources,
    *,
    storage: tables.Tables,
    rules: Rules,
    clock: Callable[[], datetime],
    dry_run: bool = False,
) -> SyncReport:
    """Bring the stored grants up to date, once.

    A dry run writes nothing. A run that the guard refuses, or that finds another run under way, reports it.
    A run that was applied and could not invite the missing users is complete, and its report has the error.
    Every other failure is raised, and stored in `ServiceState` unless another run has taken the lease. The
    grants are as they were or, if it happened while they were written, between the old and the new.
    """
    started_at = clock()
    run_id, lift = runs.new_run_id(started_at), tuple(sorted(rules.lift))
    begun = SyncReport(run_id, Outcome.FAILED, started_at, started_at, lift=lift)
    if dry_run:
        fetched, decided = _decide(sources, storage=storage, rules=rules)
        report = _reported(begun, fetched, decided, rules=rules)
        return _logged(replace(report, outcome=Outcome.DRY_RUN, finished_at=clock()))
    try:
        lease = leases.take(storage, LEASED, holder=begun.run_id, now=started_at)
    except HeldByAnother as error:
        return _logged(replace(begun, outcome=Outcome.BUSY, error=str(error)))
    with lease.held(clock):
        try:
            return _run(begun, sources, storage=storage, rules=rules, clock=clock, lease=lease)
        except Exception as error:
            reason = foreign.one_line(f"{type(error).__name__}: {error}")
            failed = _logged(replace(begun, finished_at=clock(), error=reason))
            if not isinstance(error, HeldByAnother):  # The run that is stored is the other one's then.
                _note_failure(failed, storage=storage)
            raise


def _run(
    begun: SyncReport,
    sources: Sources,
    *,
    storage: tables.Tables,
    rules: Rules,
    clock: Callable[[], datetime],
    lease: Lease,
) -> SyncReport:
    before = runs.last_complete(storage)
    objections = guard.other_mode(_mode(sources, rules), last_complete=before)
    if held_back := guard.held_back(objections, allowed=rules.allowed):
        # Refused before anything is read, so that a shell with other settings sends no requests.
        unread = replace(begun, objections=objections, held_back=held_back)
        return _refused(unread, before, storage=storage, now=clock())
    fetched, decided = _decide(sources, storage=storage, rules=rules)
    report = _reported(begun, fetched, decided, rules=rules)
    if report.held_back:
        return _refused(report, decided.last_complete, storage=storage, now=clock())
    lease.confirm()  # Reading takes minutes.
    _bind_users(fetched, storage=storage, run_id=report.run_id, now=clock())
    state.restrict(storage, decided.newly_restricted, run_id=report.run_id)
    _apply(fetched, decided, storage=storage, rules=rules, run_id=report.run_id, clock=clock, lease=lease)
    lease.confirm()  # Another run may have bound a user again, or found a restriction again.
    state.lift_restrictions(storage, decided.lifted)
    state.unbind_users(storage, fetched.bound.keys() - set(fetched.contacts))
    report = replace(report, outcome=Outcome.COMPLETE, finished_at=clock())
    restriction_defined = rules.fields.metering_points in fetched.register.property_names
    complete = runs.LastComplete(report.started_at, restriction_defined, _mode(sources, rules))
    runs.record(storage, _as_run(report, complete))
    if sources.invite_users is not None:
        try:
            report = _invite(report, fetched, sources.invite_users, storage=storage, lease=lease, now=clock())
        except HeldByAnother as error:
            return _logged(_without_inviting(report, error))  # The stored result is the other run's now.
        except (DirectoryFailed, tables.TablesUnavailable) as error:
            report = _without_inviting(report, error)
        report = replace(report, finished_at=clock())
        runs.record(storage, _as_run(report, complete))
    return _logged(report)


def _invite(
    report: SyncReport,
    fetched: _Fetched,
    invite_users: Callable[[Sequence[ContactEmail], Mapping[ContactEmail, str]], Directory],
    *,
    storage: tables.Tables,
    lease: Lease,
    now: datetime,
) -> SyncReport:
    """Invite the missing users, bind them, and return the report with them."""
    lease.confirm()
    known = {**_known(fetched.contacts, fetched.bound), **fetched.directory.users}
    after = invite_users(fetched.contacts, known)
    new = {contact: after.users[contact] for contact in after.invited}
    state.bind_users(storage, new, now=now, run_id=report.run_id)
    return _with_invitations(report, fetched.directory, after)


def _without_inviting(report: SyncReport, error: Exception) -> SyncReport:
    """Return the report with why nobody was invited: a failed run would hide which grants were changed."""
    return replace(report, error=f"Access was applied; inviting failed: {foreign.one_line(str(error))}")


def _with_invitations(report: SyncReport, before: Directory, after: Directory) -> SyncReport:
    """Return the report with the invited users, and with the new faults of the users who were missing."""
    now = {each: after.faults[each] for each in before.faults if each in after.faults}
    now |= dict.fromkeys(after.invited, DirectoryFault.INVITED)
    texts = {
        mapping.user_text(contact, before): mapping.user_text(contact, Directory(faults=now))
        for contact in now
    }
    faults = (
        replace(each, text=texts.get(each.text, each.text)) if each.kind is FaultKind.USER else each
        for each in report.faults
    )
    invited = sorted({contact.email for contact in after.invited})
    return replace(report, faults=tuple(faults), invited=tuple(invited))


def _refused(
    report: SyncReport, last_complete: runs.LastComplete | None, *, storage: tables.Tables, now: datetime
) -> SyncReport:
    report = replace(report, outcome=Outcome.REFUSED, finished_at=now)
    runs.record(storage, _as_run(report, last_complete))
    log.error("Access sync held back: %s", " ".join(each.advised for each in report.held_back))
    return _logged(report)


def _mode(sources: Sources, rules: Rules) -> Mode:
    return Mode(
        metering_point_source="severa" if sources.supply_periods is None else "warehouse",
        entra_provisioning=rules.provisioning,
        severa_client_ids_property=rules.fields.client_ids,
        severa_metering_points_property=rules.fields.metering_points,
        severa_contact_role=rules.fields.contact_role,
    )


def _decide(sources: Sources, *, storage: tables.Tables, rules: Rules) -> tuple[_Fetched, _Decided]:
    fetched = _fetch(sources, storage=storage, fields=rules.fields)
    partitions = store.read(storage)
    stored = {key: row.grant for each in partitions.values() for key, row in each.grants.items()}
    restricted_before = state.restricted_customers(storage) if sources.supply_periods else frozenset()
    ended = restrictions.ended(fetched.wanted, restricted_before=restricted_before)
    held = restrictions.hold_back(
        fetched.wanted, stored=stored, customers=ended - rules.lift, field=rules.fields.metering_points
    )
    fetched = replace(fetched, wanted=held)
    plan = changes.plan(stored=stored, wanted=held.grants)
    last_complete = runs.last_complete(storage)
    objections = guard.objections(
        plan,
        before=guard.Before(stored, last_complete),
        register=fetched.register,
        fields=rules.fields,
        by_supply=sources.supply_periods is not None,
        limits=rules.limits,
    )
    return fetched, _Decided(
        plan=plan,
        partitions=partitions,
        objections=(*guard.other_mode(_mode(sources, rules), last_complete=last_complete), *objections),
        last_complete=last_complete,
        newly_restricted=held.restricted - restricted_before,
        lifted=ended & rules.lift,
        not_lifted=rules.lift - ended,
    )


def _fetch(sources: Sources, *, storage: tables.Tables, fields: Fields) -> _Fetched:
    register = sources.register()
    contacts = mapping.users_to_find(register, fields=fields)
    bound = state.bound_users(storage)
    directory = sources.find_users(contacts, _known(contacts, bound))
    supply_periods = sources.supply_periods() if sources.supply_periods else None
    wanted = mapping.wanted(register, directory=directory, fields=fields, supply_periods=supply_periods)
    return _Fetched(register, directory, wanted, contacts, bound)


def _known(contacts: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> dict[ContactEmail, str]:
    return {each: bound[each] for each in contacts if each in bound}


def _bind_users(fetched: _Fetched, *, storage: tables.Tables, run_id: str, now: datetime) -> None:
    """Store new object ids before any grant, so that no user with grants is looked up by address again."""
    new = {
        contact: object_id
        for contact, object_id in fetched.directory.users.items()
        if contact not in fetched.bound
    }
    state.bind_users(storage, new, now=now, run_id=run_id)


def _apply(
    fetched: _Fetched,
    decided: _Decided,
    *,
    storage: tables.Tables,
    rules: Rules,
    run_id: str,
    clock: Callable[[], datetime],
    lease: Lease,
) -> None:
    writers: dict[str, store.Writer] = {}

    def writer(principal: str) -> store.Writer:
        if principal not in writers:
            partition = decided.partitions.get(principal, Partition(principal))
            writers[principal] = store.Writer(storage, partition, run_id=run_id)
        return writers[principal]

    for partition in decided.partitions.values():
        if not partition.is_settled:
            writer(partition.principal).settle(partition, now=clock())

    def write(part: Sequence[Change]) -> None:
        for principal, batch in changes.by_principal(part, at_most=store.CHANGES_IN_TRANSACTION):
            lease.confirm()
            writer(principal).write(batch, now=clock())

    write(decided.plan.losses)
    readers.bring_up_to_date(
        storage,
        fetched.wanted.grants.values(),
        names=readers.names(fetched.register, directory=fetched.directory, fields=rules.fields),
        run_id=run_id,
        now=clock(),
        confirm=lease.confirm,
    )
    write(decided.plan.gains)
    for each in writers.values():
        each.finish()


def _reported(begun: SyncReport, fetched: _Fetched, decided: _Decided, *, rules: Rules) -> SyncReport:
    grants = fetched.wanted.grants
    return replace(
        begun,
        plan=decided.plan,
        faults=fetched.wanted.faults,
        objections=decided.objections,
        held_back=guard.held_back(decided.objections, allowed=rules.allowed),
        customers=len({number for _, _, number in grants}),
        grants=len(grants),
        principals=len({principal for principal, _, _ in grants}),
        not_lifted=tuple(sorted(decided.not_lifted)),
    )


def _as_run(report: SyncReport, last_complete: runs.LastComplete | None) -> runs.Run:
    """Return what is stored of a run, with what the last complete run left."""
    left = last_complete or runs.NONE_LEFT
    return runs.Run(
        run_id=report.run_id,
        outcome=report.outcome.value,
        started_at=report.started_at,
        finished_at=report.finished_at,
        completed_at=left.completed_at,
        counts=report.counts,
        report=report.text(),
        restriction_defined=left.restriction_defined,
        mode=left.mode,
    )


def _note_failure(report: SyncReport, *, storage: tables.Tables) -> None:
    """Store the failed run for operators; if this fails too, the first failure must still be raised."""
    try:
        runs.record(storage, _as_run(report, runs.last_complete(storage)))
    except (tables.TablesUnavailable, tables.ChangedMeanwhile) as error:
        log.error("The failed run could not be stored: %s", error)


def _logged(report: SyncReport) -> SyncReport:
    """Log the numbers in one line for queries, and the whole report for people."""
    log.info(json.dumps({"sync": report.run_id, "outcome": report.outcome.value, **report.counts}))
    level = _LEVELS.get(report.outcome, logging.ERROR if report.error else logging.INFO)
    first, *rest = long_texts.parts(report.text())
    log.log(level, "%s", first.rstrip("\n"))
    for number, part in enumerate(rest, start=2):
        head = f"Access sync {report.run_id}, part {number} of {len(rest) + 1}:"
        log.log(level, "%s\n%s", head, part.rstrip("\n"))
    return report
