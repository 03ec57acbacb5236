"""The access sync on real tables: what it changes, what it refuses, what it leaves behind."""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import pytest
from azure.core.exceptions import ServiceResponseError

from shared import leases, tables
from shared.access import readers, runs
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault
from shared.access.grant import ALWAYS, MANIFEST, Span, Spans
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import stages, state, store
from shared.access.sync.guard import Allowance
from shared.access.sync.reports import Outcome, SyncRefused, SyncReport
from shared.access.sync.stages import Rules, Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.tables import Tables
from tests.builders.access import (
    CLIENT_IDS,
    METERING_POINTS,
    NOW,
    Client,
    Clock,
    Entra,
    Person,
    app,
    disagreements,
    guid,
    point,
    register,
    rules,
    user,
)

KARI = "kari@fjord.example"
REVOCATIONS = (
    "First look in Severa and the supply periods whether this access should end; "
    "--allow-revocations lets it through."
)
Shown = set[tuple[str, str, int, Spans]]
Find = Callable[[Sequence[ContactEmail], Mapping[ContactEmail, str]], Directory]


class World:
    """A Severa, an Entra, tables and a clock, and syncs between them."""

    def __init__(self, storage: Tables) -> None:
        self.storage = storage
        self.clock = Clock()
        self.entra = Entra()
        self.severa: Callable[[], SeveraRegister] = lambda: register([])
        self.supply: list[SupplyPeriod] | None = None

    def has(self, *clients: Client, property_names: Sequence[str] = (CLIENT_IDS, METERING_POINTS)) -> None:
        """Put customers into Severa."""
        read = register(clients, property_names=property_names)
        self.severa = lambda: read

    def sync(
        self,
        *,
        dry_run: bool = False,
        allowed: Sequence[Allowance] = (),
        lift: Sequence[int] = (),
        storage: Tables | None = None,
    ) -> SyncReport:
        """One run, an hour after the last."""
        self.clock.pass_time(timedelta(hours=1))
        supply = self.supply
        sources = Sources(self.severa, self.entra.find, None if supply is None else lambda: supply)
        return stages.run(
            sources,
            storage=storage or self.storage,
            rules=rules(self.storage, allowed=allowed, lift=lift),
            clock=self.clock,
            dry_run=dry_run,
        )

    def sync_and_invite(self, invite: Find, *, find: Find | None = None) -> SyncReport:
        """One run at this moment that invites missing users."""
        return stages.run(
            Sources(self.severa, find or self.entra.find, invite_users=invite),
            storage=self.storage,
            rules=rules(self.storage),
            clock=self.clock,
        )

    def grants(self) -> Shown:
        """What is stored."""
        return {
            (row.grant.principal, row.grant.metering_point_id, row.grant.customer_number, row.grant.spans)
            for partition in store.read(self.storage).values()
            for row in partition.grants.values()
        }

    def everything(self) -> list[tables.Entity]:
        """All rows of all tables but the lease."""
        return [
            dict(row)
            for table in tables.ALL
            for row in self.storage.everything(table)
            if row["RowKey"] != leases.ROW
        ]


@pytest.fixture
def world(storage: Tables) -> World:
    return World(storage)


def vendor_customers(count: int, *, number: int = 10_000) -> list[Client]:
    return [Client(number + each, apps=guid(1), points=point(number + each)) for each in range(count)]


def test_a_first_sync_stores_what_severa_says(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(
        Client(10001, apps=guid(1), points=f"{point(1)} 2024-05-01..", persons=(Person(7),)),
        Client(10002, apps=guid(1), points=point(2)),
    )

    report = world.sync()

    since_may = (Span(date(2024, 5, 1), None),)
    assert world.grants() == {
        (app(1), point(1), 10001, since_may),
        (app(1), point(2), 10002, ALWAYS),
        (user(70), point(1), 10001, since_may),
    }
    assert report.outcome is Outcome.COMPLETE
    assert report.counts == {
        "customers": 2, "grants": 3, "principals": 2, "granted": 3, "changed": 0, "revoked": 0,
        "faults": 0, "invited": 0,
    }  # fmt: skip


def test_supply_periods_are_used_where_the_warehouse_is_the_source(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(1), date(2024, 5, 1), None)]
    world.has(Client(10001, apps=guid(1)))

    world.sync()

    assert world.grants() == {(app(1), point(1), 10001, (Span(date(2024, 5, 1), None),))}


def test_a_run_without_changes_writes_only_its_state(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(*vendor_customers(3), Client(20001, points=point(500), persons=(Person(7),)))
    world.sync()
    before = world.everything()

    report = world.sync()

    changed = [row for row in world.everything() if row not in before]
    assert {(row["PartitionKey"], row["RowKey"]) for row in changed} == {
        ("sync", "latest"),
        ("sync", f"run-{report.run_id}"),
    }


def test_a_change_touches_only_the_principals_that_it_concerns(world: World) -> None:
    other = Client(20001, apps=guid(2), points=point(500))
    world.has(*vendor_customers(3), other)
    world.sync()
    before = [row for row in world.everything() if row["PartitionKey"] == app(2)]

    world.has(*vendor_customers(2), other)
    report = world.sync()

    assert report.counts["revoked"] == 1
    assert [row for row in world.everything() if row["PartitionKey"] == app(2)] == before


def test_a_dry_run_writes_nothing_at_all(world: World) -> None:
    world.has(*vendor_customers(3))
    world.sync()
    before = world.everything()
    world.has(*vendor_customers(2), Client(20001, apps="nobody", points=point(500)))

    report = world.sync(dry_run=True)

    assert world.everything() == before
    assert report.outcome is Outcome.DRY_RUN
    assert "dry-run; would grant 0, change 0, revoke 1, and leave 2 grants of" in report.text()
    assert "customer 20001, Kunde 20001: 'API client id': 'nobody' is not an application id" in report.text()


def test_a_dry_run_neither_waits_for_another_run_nor_stops_one(world: World) -> None:
    other = leases.take(
        world.storage, stages.LEASED, holder="another", now=world.clock() + timedelta(hours=1)
    )

    report = world.sync(dry_run=True)

    other.renew(world.clock())
    other.confirm()
    assert report.outcome is Outcome.DRY_RUN


def test_a_dry_run_takes_no_lease(world: World) -> None:
    world.sync(dry_run=True)

    assert world.storage.get(tables.SERVICE_STATE, partition=runs.SYNC, row=leases.ROW) is None


# The guard.


def test_a_damaged_manifest_stops_nobody_and_is_repaired(world: World) -> None:
    world.has(*vendor_customers(2), Client(10009, apps=guid(2), points=point(9)))
    world.sync()
    before = world.grants()
    world.storage.upsert(tables.ACCESS_GRANTS, {"PartitionKey": app(1), "RowKey": MANIFEST})

    report = world.sync()

    assert (report.outcome, world.grants()) == (Outcome.COMPLETE, before)
    assert all(each.is_settled for each in store.read(world.storage).values())


def test_an_empty_severa_revokes_nothing(world: World) -> None:
    world.has(*vendor_customers(2))
    world.sync()
    before = world.grants()

    world.has()
    report = world.sync()

    assert world.grants() == before
    assert report.outcome is Outcome.REFUSED
    assert "! Severa answered without a single active customer." in report.text()
    with pytest.raises(SyncRefused, match="without a single active customer"):
        report.raise_for_failure()


def test_half_of_the_customers_gone_revokes_nothing_until_a_person_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.has(*vendor_customers(40))
    world.sync()
    before = world.grants()
    completed_at = runs.completed_at(world.storage)

    world.has(*vendor_customers(20))
    report = world.sync()

    assert world.grants() == before
    assert report.outcome is Outcome.REFUSED
    assert "20 of 40 grants would be revoked or shortened, more than the 10%" in report.text()
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [
        "Access sync held back: 20 of 40 grants would be revoked or shortened, more than the 10% that a run "
        "may end by itself (SYNC_MAX_REVOKED_SHARE). First look in Severa and the supply periods whether "
        "this access should end; --allow-revocations lets it through.",
        report.text(),
    ]
    latest = runs.latest(world.storage)
    assert latest is not None
    assert (latest.outcome, latest.completed_at) == ("refused", completed_at)
    assert latest.report == report.text()

    assert world.sync(allowed=[Allowance.REVOCATIONS]).outcome is Outcome.COMPLETE
    assert len(world.grants()) == 20


def test_a_run_with_several_objections_is_logged_with_all_of_them(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.has(*vendor_customers(20))
    world.sync()

    world.has()
    world.sync()

    assert (
        "ERROR",
        "Access sync held back: 20 of 20 grants would be revoked or shortened, more than the 10% that a run "
        f"may end by itself (SYNC_MAX_REVOKED_SHARE). {REVOCATIONS} "
        f"Severa answered without a single active customer. {REVOCATIONS}",
    ) in logged(caplog)


def test_a_renamed_client_id_field_revokes_nothing_however_few_the_grants(world: World) -> None:
    world.has(*vendor_customers(2))
    world.sync()
    before = world.grants()

    world.has(*vendor_customers(2), property_names=["API klient-id", METERING_POINTS])
    report = world.sync()

    assert world.grants() == before
    assert report.outcome is Outcome.REFUSED
    assert "The custom property 'API client id' is no longer defined in Severa" in report.text()


def test_a_renamed_restriction_opens_nothing(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(each), date(2024, 5, 1), None) for each in range(3)]
    world.has(Client(10001, apps=guid(1), points=point(1)))
    world.sync()
    before = world.grants()
    assert len(before) == 1

    world.has(Client(10001, apps=guid(1), points=point(1)), property_names=[CLIENT_IDS])
    report = world.sync()

    assert world.grants() == before
    assert report.outcome is Outcome.REFUSED
    assert "is no longer defined in Severa, so no customer could be restricted by it" in report.text()


def test_a_company_that_never_defined_the_restriction_is_not_held_up(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(1), date(2024, 5, 1), None)]
    world.has(Client(10001, apps=guid(1)), property_names=[CLIENT_IDS])
    world.sync()

    world.supply.append(SupplyPeriod(10001, point(2), date(2024, 5, 1), None))

    assert world.sync().outcome is Outcome.COMPLETE
    assert len(world.grants()) == 2


def with_users(*roles: str | None) -> list[Client]:
    emails = (KARI, "ola@fjord.example")
    persons = [Person(7 + each, emails=(emails[each],), role=role) for each, role in enumerate(roles)]
    return [Client(10001, points=point(1), persons=tuple(persons))]


def test_a_renamed_contact_role_revokes_nothing(world: World) -> None:
    world.entra.users = {KARI: guid(70), "ola@fjord.example": guid(71)}
    world.has(*with_users("API", "API"))
    world.sync()
    before = world.grants()

    world.has(*with_users("API-tilgang", "API-tilgang"))
    report = world.sync()

    assert world.grants() == before
    assert report.outcome is Outcome.REFUSED
    assert "No contact person has the role 'API' any more, so all 2 users" in report.text()


def test_the_only_user_may_leave_but_not_every_contact_person_at_once(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(*with_users("API"))
    world.sync()

    world.has(*with_users())
    assert world.sync().outcome is Outcome.REFUSED
    world.has(*with_users(None))
    assert world.sync().outcome is Outcome.COMPLETE
    assert world.grants() == set()


def test_few_losses_are_daily_business_whatever_their_share(world: World) -> None:
    world.has(*vendor_customers(12))
    world.sync()

    world.has(*vendor_customers(3))

    assert world.sync().outcome is Outcome.COMPLETE
    assert len(world.grants()) == 3


def test_a_tenth_may_go(world: World) -> None:
    world.has(*vendor_customers(100))
    world.sync()

    world.has(*vendor_customers(90))
    assert world.sync().outcome is Outcome.COMPLETE
    world.has(*vendor_customers(80))
    assert world.sync().outcome is Outcome.REFUSED


def test_shortened_periods_count_as_losses(world: World) -> None:
    world.has(*vendor_customers(20))
    world.sync()

    world.has(*[Client(each.number, apps=each.apps, points=f"{each.points} ..2020-01-01")
                for each in vendor_customers(20)])  # fmt: skip

    assert world.sync().outcome is Outcome.REFUSED


# Users.


def users_after_sync(world: World) -> set[str]:
    """Sync, and return which users have access."""
    world.sync()
    return {principal for principal, _, _, _ in world.grants() if principal.startswith("user:")}


def test_a_user_is_bound_to_the_object_id_that_was_found_first(world: World) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7),)))
    world.entra.users = {KARI: guid(70)}
    assert users_after_sync(world) == {user(70)}

    world.entra.users = {KARI: guid(66), "kari@new.example": guid(70)}

    assert users_after_sync(world) == {user(70)}
    assert state.bound_users(world.storage) == {ContactEmail(guid(7), KARI): guid(70)}


def test_a_user_whose_object_id_is_no_guid_stops_nobody_elses_access(world: World) -> None:
    world.entra.users = {KARI: "kari"}
    world.has(Client(10001, apps=guid(1), points=point(1), persons=(Person(7),)))

    report = world.sync()

    assert (report.outcome, len(report.faults)) == (Outcome.COMPLETE, 1)
    assert world.grants() == {(app(1), point(1), 10001, ALWAYS)}


def test_who_was_found_just_now_is_known_when_the_missing_users_are_invited(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(Client(10001, points=point(1), persons=(Person(7), Person(8, emails=("ola@fjord.example",)))))
    known: list[str] = []

    def invite(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        known.extend(bound.values())
        return world.entra.find(wanted, bound)

    world.sync_and_invite(invite)

    assert known == [guid(70)]


def test_a_bound_user_who_is_disabled_is_known_when_the_missing_users_are_invited(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(Client(10001, points=point(1), persons=(Person(7),)))
    world.sync()
    known: list[str] = []

    def disabled(wanted: Sequence[ContactEmail], _: Mapping[ContactEmail, str]) -> Directory:
        return Directory(faults=dict.fromkeys(wanted, DirectoryFault.DISABLED))

    def invite(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        known.extend(bound.values())
        return disabled(wanted, bound)

    world.sync_and_invite(invite, find=disabled)

    assert known == [guid(70)]


def test_an_invitation_leaves_the_faults_of_users_whom_nobody_invited(world: World) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7, emails=(KARI, "kari@home.example")),)))
    faults = world.sync().faults

    def invite(wanted: Sequence[ContactEmail], _: Mapping[ContactEmail, str]) -> Directory:
        [contact] = [each for each in wanted if each.email == KARI]
        return Directory(users={contact: guid(70)}, invited=frozenset([contact]))

    report = world.sync_and_invite(invite)

    assert [each.text for each in report.faults] == [
        f"{KARI}: {DirectoryFault.INVITED}",
        f"kari@home.example: {DirectoryFault.NOT_FOUND}",
    ]
    assert report.faults[1] in faults


def test_an_invitation_leaves_earlier_bindings_as_they_were(world: World) -> None:
    ola = "ola@fjord.example"
    world.entra.users = {KARI: guid(70)}
    world.has(Client(10001, points=point(1), persons=(Person(7), Person(8, emails=(ola,)))))
    world.sync()
    [before] = world.storage.range(tables.SERVICE_STATE, partition=state.USERS)

    def invite(wanted: Sequence[ContactEmail], _: Mapping[ContactEmail, str]) -> Directory:
        ids = {KARI: guid(70), ola: guid(71)}
        invited = frozenset(each for each in wanted if each.email == ola)
        return Directory(users={each: ids[each.email] for each in wanted}, invited=invited)

    world.sync_and_invite(invite)

    after = list(world.storage.range(tables.SERVICE_STATE, partition=state.USERS))
    assert sorted(each["objectId"] for each in after) == [guid(70), guid(71)]
    assert before in after


def test_a_run_ends_when_its_invitations_have_ended(world: World) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7),)))

    def invite(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        world.clock.pass_time(timedelta(minutes=1))
        return world.entra.find(wanted, bound)

    report = world.sync_and_invite(invite)

    latest = runs.latest(world.storage)
    assert latest is not None
    assert report.finished_at == latest.finished_at == NOW + timedelta(minutes=1)


def test_a_bound_user_whose_role_has_ended_is_not_looked_up(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(Client(10001, apps=guid(1), points=point(1), persons=(Person(7),)))
    world.sync()
    world.has(Client(10001, apps=guid(1), points=point(1), persons=(Person(7, role=None),)))
    looked_up: list[str] = []

    def find(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        looked_up.extend(bound.values())
        return world.entra.find(wanted, bound)

    stages.run(
        Sources(world.severa, find),
        storage=world.storage,
        rules=rules(world.storage),
        clock=world.clock,
    )

    assert looked_up == []


def test_an_address_that_was_invited_for_several_customers_is_named_once(world: World) -> None:
    ola = "ola@fjord.example"
    world.has(
        Client(10001, points=point(1), persons=(Person(7, emails=(KARI,)), Person(8, emails=(ola,)))),
        Client(10002, points=point(2), persons=(Person(9, emails=(KARI,)),)),
    )

    def invite(wanted: Sequence[ContactEmail], _: Mapping[ContactEmail, str]) -> Directory:
        ids = {KARI: guid(70), ola: guid(71)}
        return Directory(users={each: ids[each.email] for each in wanted}, invited=frozenset(wanted))

    report = world.sync_and_invite(invite)

    assert report.invited == (KARI, ola)
    assert sorted(state.bound_users(world.storage).values()) == [guid(70), guid(70), guid(71)]


@pytest.mark.parametrize(
    ("failure", "outcome", "noted"),
    [
        (
            tables.TablesUnavailable("gone\nfor now"),
            "complete",
            "! Access was applied; inviting failed: gone for now",
        ),
        (KeyError("bug"), "failed", "! KeyError: 'bug'"),
    ],
)
def test_an_invitation_that_fails_is_noted_and_one_with_a_bug_fails_the_run(
    world: World, failure: Exception, outcome: str, noted: str
) -> None:
    world.has(*vendor_customers(1))

    def invite(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        raise failure

    with contextlib.suppress(KeyError):
        world.sync_and_invite(invite)

    latest = runs.latest(world.storage)
    assert latest is not None
    assert (latest.outcome, len(world.grants())) == (outcome, 1)
    assert noted in latest.report.splitlines()


def test_another_address_in_severa_is_another_question(world: World) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7),)))
    world.entra.users = {KARI: guid(70), "ola@fjord.example": guid(71)}
    users_after_sync(world)

    world.has(Client(10001, points=point(1), persons=(Person(7, emails=("ola@fjord.example",)),)))

    assert users_after_sync(world) == {user(71)}
    assert state.bound_users(world.storage) == {ContactEmail(guid(7), "ola@fjord.example"): guid(71)}


def test_a_role_that_ends_ends_the_grants_and_forgets_the_user(world: World) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7),)))
    world.entra.users = {KARI: guid(70)}
    users_after_sync(world)

    world.has(Client(10001, points=point(1), persons=(Person(7, role=None),)))

    assert users_after_sync(world) == set()
    assert state.bound_users(world.storage) == {}


def test_a_user_is_bound_before_anything_is_granted(world: World) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7),)))
    world.entra.users = {KARI: guid(70)}

    class NoGrantsWritten(Wrapped):
        def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
            if table == tables.ACCESS_GRANTS:
                raise tables.TablesUnavailable("gone")
            return self.inner.transact(table, operations)

    with pytest.raises(tables.TablesUnavailable):
        world.sync(storage=NoGrantsWritten(world.storage))

    assert state.bound_users(world.storage) == {ContactEmail(guid(7), KARI): guid(70)}


def test_a_restricted_customer_is_remembered_before_anything_is_granted(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(1), date(2024, 5, 1), None)]
    world.has(Client(10001, apps=guid(1), points=point(1)))

    class NoGrantsWritten(Wrapped):
        def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
            if table == tables.ACCESS_GRANTS:
                raise tables.TablesUnavailable("gone")
            return self.inner.transact(table, operations)

    with pytest.raises(tables.TablesUnavailable):
        world.sync(storage=NoGrantsWritten(world.storage))

    assert state.restricted_customers(world.storage) == {10001}


class Wrapped(Tables):
    """Tables that behave as others do, but for what a test changes."""

    def __init__(self, inner: Tables) -> None:
        self.inner = inner
        for name in ("get", "range", "everything", "insert", "replace", "transact"):
            if getattr(type(self), name) is getattr(Tables, name):
                setattr(self, name, getattr(inner, name))


def test_a_sync_is_complete_though_every_first_answer_to_a_transaction_is_lost(world: World) -> None:
    class Unanswered(Wrapped):
        def __init__(self, inner: Tables) -> None:
            super().__init__(inner)
            self.sent: set[str] = set()

        def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
            sent_before, now = set(self.sent), {repr(each) for each in operations}
            self.sent |= now
            etags = self.inner.transact(table, operations)
            if now <= sent_before:
                return etags
            raise tables.TablesUnavailable("no answer") from ServiceResponseError("reset")

    ola = "ola@fjord.example"
    world.entra.users = {KARI: guid(70), ola: guid(71)}
    world.supply = [SupplyPeriod(10001, point(each), date(2024, 5, 1), None) for each in range(3)]
    people = (Person(7), Person(8, emails=(ola,)))
    for number in range(runs.RUNS_KEPT):
        run = {"PartitionKey": runs.SYNC, "RowKey": f"{runs.RUN}2020-{number:02d}"}
        world.storage.insert(tables.SERVICE_STATE, run)

    world.has(Client(10001, apps=guid(1), points=point(1), persons=people))
    first = world.sync(storage=Unanswered(world.storage))
    bound, restricted = state.bound_users(world.storage), state.restricted_customers(world.storage)
    world.has(Client(10001, apps=guid(1), persons=people[:1]))
    second = world.sync(lift=[10001], storage=Unanswered(world.storage))

    assert (first.outcome, second.outcome) == (Outcome.COMPLETE, Outcome.COMPLETE)
    assert (set(bound.values()), set(restricted)) == ({guid(70), guid(71)}, {10001})
    assert set(state.bound_users(world.storage).values()) == {guid(70)}
    assert state.restricted_customers(world.storage) == frozenset()
    assert disagreements(world.storage) == []
    kept = world.storage.range(
        tables.SERVICE_STATE, partition=runs.SYNC, rows_from=runs.RUN, rows_before="run."
    )
    assert len(list(kept)) == runs.RUNS_KEPT


# Runs.


def test_a_run_is_kept_with_its_counts_and_report(world: World) -> None:
    world.has(*vendor_customers(2))

    report = world.sync()

    latest = runs.latest(world.storage)
    assert latest is not None
    assert latest.run_id == report.run_id
    assert latest.outcome == "complete"
    assert latest.counts == report.counts
    assert latest.report == report.text()
    assert runs.completed_at(world.storage) == latest.started_at == NOW + timedelta(hours=1)


def test_access_is_as_old_as_the_beginning_of_its_reading(world: World) -> None:
    def slow() -> SeveraRegister:
        world.clock.pass_time(timedelta(minutes=1))
        return register([Client(10001, apps=guid(1), points=point(1))])

    world.severa = slow
    report = world.sync()

    assert report.finished_at == report.started_at + timedelta(minutes=1)
    assert runs.completed_at(world.storage) == report.started_at


@pytest.mark.parametrize(("dry_run", "outcome"), [(False, Outcome.REFUSED), (True, Outcome.DRY_RUN)])
def test_a_run_that_changes_nothing_ends_after_its_reading(
    world: World, dry_run: bool, outcome: Outcome
) -> None:
    world.has(*vendor_customers(1))
    world.sync()

    def slow() -> SeveraRegister:
        world.clock.pass_time(timedelta(minutes=1))
        return register([])

    world.severa = slow
    report = world.sync(dry_run=dry_run)

    assert report.outcome is outcome
    assert report.finished_at == report.started_at + timedelta(minutes=1)


def test_a_failed_run_ends_when_it_fails(world: World) -> None:
    def slow() -> SeveraRegister:
        world.clock.pass_time(timedelta(minutes=1))
        raise ConnectionError("Severa is away")

    world.severa = slow
    with pytest.raises(ConnectionError):
        world.sync()

    latest = runs.latest(world.storage)
    assert latest is not None
    assert latest.finished_at == latest.started_at + timedelta(minutes=1)


def test_a_fetch_that_fails_changes_nothing_and_is_kept(world: World) -> None:
    world.has(*vendor_customers(2))
    world.sync()
    before = world.grants()
    completed_at = runs.completed_at(world.storage)

    def unavailable() -> SeveraRegister:
        raise ConnectionError("Severa is away")

    world.severa = unavailable
    with pytest.raises(ConnectionError):
        world.sync()

    latest = runs.latest(world.storage)
    assert latest is not None
    assert world.grants() == before
    assert latest.outcome == "failed"
    assert latest.completed_at == completed_at
    assert "! ConnectionError: Severa is away" in latest.report


@pytest.mark.parametrize(
    "damage",
    [
        {"runId": None, "outcome": 7, "report": None},
        {"startedAt": "yesterday", "finishedAt": None},
        {"count_granted": "many"},
    ],
)
def test_a_damaged_history_of_the_latest_run_stops_no_sync_and_is_replaced(
    world: World, damage: dict[str, object]
) -> None:
    world.has(*vendor_customers(2))
    world.sync()
    damage_latest(world.storage, damage)
    with pytest.raises(tables.UnreadableValue):
        runs.latest(world.storage)

    world.has(*vendor_customers(3))
    report = world.sync()

    assert (report.outcome, len(world.grants())) == (Outcome.COMPLETE, 3)
    latest = runs.latest(world.storage)
    assert latest is not None
    assert latest.run_id == report.run_id


def test_an_unreadable_time_of_the_last_complete_sync_opens_nothing_until_a_person_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.has(*vendor_customers(2))
    world.sync()
    damage_latest(world.storage, {"completedAt": "yesterday"})
    before = world.grants()

    world.has(*vendor_customers(3))
    sources = Sources(world.severa, world.entra.find)
    report = stages.run(sources, storage=world.storage, rules=Rules(), clock=world.clock)

    assert (report.outcome, world.grants()) == (Outcome.REFUSED, before)
    assert (
        "! The time of the last complete sync is missing or unreadable, so other rows of the table "
        "ServiceState may be damaged or lost, too. What would open has to be checked first: "
        "docs/operations.md, A lost ServiceState. Grants: 2; new or extended: 1."
    ) in report.text().splitlines()
    assert (
        "is unreadable: The stored 'completedAt' is not a time. Requests get 503 until a sync has been "
        "allowed: docs/operations.md, A lost ServiceState."
    ) in caplog.text
    assert world.sync(allowed=[Allowance.GRANTS]).outcome is Outcome.COMPLETE
    assert len(world.grants()) == 3


def test_an_unreadable_time_alone_tells_that_a_run_was_complete(world: World) -> None:
    row = {"PartitionKey": "sync", "RowKey": "latest", "restrictionDefined": False}
    world.storage.insert(tables.SERVICE_STATE, {**row, "completedAt": "yesterday"})

    left = runs.last_complete(world.storage)

    assert left == runs.LastComplete(completed_at=None, restriction_defined=False, mode=None)


def test_an_unreadable_time_does_not_hide_that_the_restriction_is_gone(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(each), date(2024, 5, 1), None) for each in range(3)]
    world.has(Client(10001, apps=guid(1), points=point(1)))
    world.sync()
    damage_latest(world.storage, {"completedAt": "yesterday"})
    world.has(Client(10001, apps=guid(1), points=point(1)), property_names=[CLIENT_IDS])

    for _ in range(2):
        sources = Sources(world.severa, world.entra.find, lambda: world.supply or [])
        rules_of_grants = Rules(allowed=frozenset([Allowance.GRANTS]))
        report = stages.run(sources, storage=world.storage, rules=rules_of_grants, clock=world.clock)

        assert report.outcome is Outcome.REFUSED
        assert [each.allowance for each in report.held_back] == [Allowance.REVOCATIONS]


@pytest.mark.parametrize("damaged", [None, "perhaps"])
def test_a_renamed_restriction_opens_nothing_if_it_is_unreadable_whether_there_was_one(
    world: World, damaged: object
) -> None:
    world.supply = [SupplyPeriod(10001, point(each), date(2024, 5, 1), None) for each in range(3)]
    world.has(Client(10001, apps=guid(1), points=point(1)))
    world.sync()
    damage_latest(world.storage, {"restrictionDefined": damaged})

    world.has(Client(10001, apps=guid(1), points=point(1)), property_names=[CLIENT_IDS])

    assert world.sync().outcome is Outcome.REFUSED
    assert len(world.grants()) == 1


@pytest.mark.parametrize(
    "damage", [{"contactGuid": None}, {"email": None}, {"objectId": None}, {"objectId": 7}]
)
def test_a_damaged_binding_stops_the_sync_since_its_address_would_be_looked_up_again(
    world: World, damage: dict[str, object]
) -> None:
    world.entra.users = {KARI: guid(70)}
    world.has(Client(10001, apps=guid(1), points=point(1), persons=(Person(7),)))
    world.sync()
    before = world.grants()
    [bound] = world.storage.range(tables.SERVICE_STATE, partition=state.USERS)
    damage_row(world.storage, bound, damage)
    world.entra.users = {KARI: guid(71)}

    with pytest.raises(tables.UnreadableValue, match=f"Bound user {bound['RowKey']}: The stored "):
        world.sync()

    assert world.grants() == before
    latest = runs.latest(world.storage)
    assert latest is not None
    assert f"! UnreadableValue: Bound user {bound['RowKey']}" in latest.report


def test_a_damaged_restriction_stops_the_sync(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(1), date(2024, 5, 1), None)]
    world.storage.insert(tables.SERVICE_STATE, {"PartitionKey": state.RESTRICTED, "RowKey": "ten"})

    with pytest.raises(tables.UnreadableValue, match="A stored restriction is not as the app writes it"):
        world.sync()


def test_a_run_that_cannot_forget_a_lifted_restriction_is_not_complete(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(each), date(2024, 5, 1), None) for each in (1, 2)]
    world.has(Client(10001, apps=guid(1), points=point(1)))
    complete = world.sync()
    world.has(Client(10001, apps=guid(1)))

    class NothingForgotten(Wrapped):
        def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
            if any(kind == "delete" and row["PartitionKey"] == state.RESTRICTED for kind, row in operations):
                raise tables.TablesUnavailable("gone")
            return self.inner.transact(table, operations)

    with pytest.raises(tables.TablesUnavailable):
        world.sync(lift=[10001], storage=NothingForgotten(world.storage))

    assert len(world.grants()) == 2
    assert runs.completed_at(world.storage) == complete.started_at


@pytest.mark.parametrize("failure", [tables.TablesUnavailable("gone"), tables.ChangedMeanwhile("changed")])
def test_the_failure_of_a_run_is_raised_though_it_cannot_be_stored(
    world: World, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    class NothingStored(Wrapped):
        def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
            raise failure

    def unavailable() -> SeveraRegister:
        raise ConnectionError("Severa is away")

    world.severa = unavailable

    with pytest.raises(ConnectionError):
        world.sync(storage=NothingStored(world.storage))

    assert ("ERROR", f"The failed run could not be stored: {failure}") in logged(caplog)


def damage_latest(storage: Tables, damage: dict[str, object]) -> None:
    """Replace columns of the latest run; None removes one."""
    latest = storage.get(tables.SERVICE_STATE, partition=runs.SYNC, row=runs.LATEST)
    assert latest is not None
    damage_row(storage, latest, damage)


def damage_row(storage: Tables, row: tables.Entity, damage: dict[str, object]) -> None:
    """Replace columns of a row of `ServiceState`; None removes one."""
    changed = {**row, **damage, "etag": None}
    storage.upsert(
        tables.SERVICE_STATE, {name: value for name, value in changed.items() if value is not None}
    )


def kept_runs(world: World) -> list[str]:
    """The keys of the runs that are kept."""
    rows = world.storage.range(tables.SERVICE_STATE, partition="sync", rows_from="run-")
    return [row["RowKey"] for row in rows]


def keep_runs(world: World, count: int) -> None:
    """Let so many runs be kept that were years ago."""
    for number in range(count):
        row = {"PartitionKey": "sync", "RowKey": f"run-2020-{number:03d}"}
        world.storage.insert(tables.SERVICE_STATE, row)


def test_thirty_runs_are_kept(world: World) -> None:
    reports = [world.sync() for _ in range(33)]

    assert kept_runs(world) == [f"run-{report.run_id}" for report in reports[-30:]]


def test_thirty_runs_are_kept_though_a_run_that_invites_is_stored_twice(world: World) -> None:
    keep_runs(world, 30)

    world.sync_and_invite(world.entra.find)

    assert len(kept_runs(world)) == 30


def test_more_runs_than_a_transaction_can_delete_are_deleted_by_several_runs(world: World) -> None:
    keep_runs(world, 130)

    world.sync()
    after_one = len(kept_runs(world))
    world.sync()

    assert (after_one, len(kept_runs(world))) == (41, 30)


def test_two_runs_are_never_under_way_at_once(world: World) -> None:
    world.has(*vendor_customers(2))
    inner: list[SyncReport] = []

    def meanwhile() -> SeveraRegister:
        world.severa = lambda: register(vendor_customers(2))
        world.clock.set_by(timedelta(hours=-1))
        inner.append(world.sync())
        return register(vendor_customers(1))

    world.severa = meanwhile
    outer = world.sync()

    assert outer.outcome is Outcome.COMPLETE
    assert [report.outcome for report in inner] == [Outcome.BUSY]
    assert f"run {outer.run_id} is under way" in inner[0].text()
    assert len(world.grants()) == 1


def test_a_killed_run_gives_way_in_minutes(world: World) -> None:
    leases.take(world.storage, stages.LEASED, holder="killed", now=world.clock())
    world.clock.set_by(timedelta(hours=-1))

    assert world.sync().outcome is Outcome.BUSY
    world.clock.set_by(timedelta(hours=-1, minutes=2))
    assert world.sync().outcome is Outcome.COMPLETE


def test_a_lease_that_ends_later_than_any_can_holds_up_nobody(world: World) -> None:
    world.clock.set_by(timedelta(days=365))
    leases.take(world.storage, stages.LEASED, holder="a wrong clock", now=world.clock())
    world.clock.set_by(timedelta(days=-365))

    assert world.sync().outcome is Outcome.COMPLETE


@pytest.mark.parametrize("until", [None, "", "2026-11-01T06:00:00", 7])
def test_a_lease_that_cannot_be_read_holds_up_nobody(
    world: World, caplog: pytest.LogCaptureFixture, until: object
) -> None:
    row = {"PartitionKey": runs.SYNC, "RowKey": leases.ROW, "until": until}
    world.storage.upsert(tables.SERVICE_STATE, row)

    assert world.sync().outcome is Outcome.COMPLETE
    assert "A stored lease is unreadable and is replaced" in caplog.text


def test_a_run_whose_lease_was_taken_stops_before_it_writes(world: World) -> None:
    slow = leases.take(world.storage, stages.LEASED, holder="slow", now=world.clock())
    world.clock.pass_time(timedelta(minutes=3))
    leases.take(world.storage, stages.LEASED, holder="quick", now=world.clock())

    slow.renew(world.clock())

    with pytest.raises(leases.HeldByAnother):
        slow.confirm()


class Stalling(Wrapped):
    """Tables that take as long as a lease lasts for a transaction with a row that a test names."""

    def __init__(self, world: World, named: Callable[[str, Mapping[str, object]], bool]) -> None:
        super().__init__(world.storage)
        self._clock, self._named = world.clock, named

    def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
        versions = self.inner.transact(table, operations)
        if any(self._named(table, row) for _, row in operations):
            self._clock.pass_time(leases.LASTS)
        return versions


def test_a_run_that_stalls_until_its_lease_has_ended_writes_nothing_that_decides_access(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.supply = [SupplyPeriod(10001, point(1), date(2024, 5, 1), None)]

    def stalled() -> SeveraRegister:
        world.clock.pass_time(leases.LASTS)
        return register([Client(10001, apps=guid(1), points=point(1), persons=(Person(7),))])

    world.severa = stalled
    with pytest.raises(leases.HeldByAnother):
        world.sync()

    assert world.grants() == set()
    assert state.bound_users(world.storage) == {}
    assert state.restricted_customers(world.storage) == frozenset()
    assert runs.latest(world.storage) is None  # What is stored of the latest run is the other run's.


def test_a_run_that_stalls_when_it_binds_a_user_writes_no_grant(world: World) -> None:
    world.has(Client(10001, apps=guid(1), points=point(1)))
    world.sync()
    world.entra.users = {KARI: guid(70)}
    world.has(Client(10001, points=point(1), persons=(Person(7),)))

    with pytest.raises(leases.HeldByAnother):
        world.sync(storage=Stalling(world, lambda _, row: row["PartitionKey"] == state.USERS))

    assert list(state.bound_users(world.storage).values()) == [guid(70)]
    assert world.grants() == {(app(1), point(1), 10001, ALWAYS)}


def test_a_run_that_stalls_at_a_grant_writes_none_of_the_next_principal(world: World) -> None:
    world.has(Client(10001, apps=f"{guid(1)} {guid(2)}", points=point(1)))

    with pytest.raises(leases.HeldByAnother):
        world.sync(storage=Stalling(world, lambda table, _: table == tables.ACCESS_GRANTS))

    assert world.grants() == {(app(1), point(1), 10001, ALWAYS)}


def test_a_run_that_stalls_at_its_last_loss_lists_no_reader(world: World) -> None:
    world.has(Client(10001, apps=guid(1), points=point(1)))
    world.sync()
    world.has(Client(10001, apps=guid(2), points=point(1)))

    with pytest.raises(leases.HeldByAnother):
        world.sync(storage=Stalling(world, lambda table, _: table == tables.ACCESS_GRANTS))

    assert world.grants() == set()
    assert set(readers.stored(world.storage)) == {("10001", app(1))}


def test_a_run_that_stalls_after_its_last_grant_forgets_no_restriction_and_no_user(world: World) -> None:
    world.entra.users = {KARI: guid(70)}
    world.supply = [SupplyPeriod(10001, point(each), date(2024, 5, 1), None) for each in (1, 2)]
    world.has(Client(10001, apps=guid(1), points=point(1), persons=(Person(7),)))
    world.sync()
    world.has(Client(10001, apps=guid(1), persons=(Person(7, role=None),)))

    def is_last(_: str, row: Mapping[str, object]) -> bool:
        return str(row["RowKey"]).startswith(point(2))

    with pytest.raises(leases.HeldByAnother):
        world.sync(storage=Stalling(world, is_last), lift=[10001])

    assert state.restricted_customers(world.storage) == {10001}
    assert list(state.bound_users(world.storage).values()) == [guid(70)]


def test_a_run_that_stalls_after_it_was_applied_invites_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.has(Client(10001, points=point(1), persons=(Person(7),)))

    def invite(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        raise AssertionError("somebody was invited")

    report = stages.run(
        Sources(world.severa, world.entra.find, invite_users=invite),
        storage=Stalling(world, lambda _, row: row["RowKey"] == runs.LATEST),
        rules=rules(world.storage),
        clock=world.clock,
    )

    assert report.outcome is Outcome.COMPLETE
    assert "Access was applied; inviting failed: the lease ended at" in report.text()
    assert ("ERROR", report.text()) in logged(caplog)
    latest = runs.latest(world.storage)
    assert latest is not None
    assert "inviting failed" not in latest.report


def test_changes_are_reported_by_principal_and_customer(world: World) -> None:
    world.sync()
    world.has(Client(10001, apps=guid(1), points=f"{point(1)} {point(2)}"),
              Client(10002, apps=guid(1), points=f"{point(3)} 2024-05-01.."))  # fmt: skip

    report = world.sync()

    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: complete; granted 3, changed 0, revoked 0; "
        "now 3 grants of 1 principal by 2 customers.",
        "Changes:",
        f"- granted: {app(1)} for customer 10001, 2 metering points (API client id; API metering points)",
        f"- granted: {app(1)} for customer 10002, metering point {point(3)} in 2024-05-01.. "
        "(API client id; API metering points)",
    ]


@pytest.mark.parametrize("moved_to", ["2024-06-01..2026-01-01", "2025-06-01..2026-01-01"])
def test_a_period_that_moves_is_reported_as_one_change_with_its_days(world: World, moved_to: str) -> None:
    world.has(Client(10001, apps=guid(1), points=f"{point(1)} 2024-01-01..2025-01-01"))
    world.sync()
    world.has(Client(10001, apps=guid(1), points=f"{point(1)} {moved_to}"))

    report = world.sync(dry_run=True)

    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: dry-run; would grant 0, change 1, revoke 0, "
        "and leave 1 grant of 1 principal by 1 customer.",
        "Changes that would be made:",
        f"- changed: {app(1)} for customer 10001, metering point {point(1)} in 2024-01-01..2025-01-01 "
        f"to {moved_to} (API client id; API metering points)",
    ]


def test_a_change_of_the_reason_or_of_the_name_shows_what_changed(world: World) -> None:
    world.supply = [SupplyPeriod(10001, point(1), date(2021, 5, 1), None)]
    world.has(Client(10001, apps=guid(1), name="Fjordbakeriet"))
    world.sync(allowed=[Allowance.SOURCE])
    world.has(Client(10001, apps=guid(1), points=point(1), name="Fjordbakeriet"))
    of_reason = world.sync()
    world.has(Client(10001, apps=guid(1), points=point(1), name="Bakeriet"))
    of_name = world.sync()

    change = f"- changed: {app(1)} for customer 10001, metering point {point(1)} in 2021-05-01.. "
    restricted = "API client id; supply period and API metering points"
    assert of_reason.text().splitlines()[1:] == [
        "Changes:",
        f"{change}(before: API client id; supply period, now: {restricted})",
    ]
    assert of_name.text().splitlines()[1:] == [
        "Changes:",
        f"{change}({restricted}; the customer has another name)",
    ]


def long_report(world: World, *, customers: int) -> SyncReport:
    """A sync with a change and three faults of each customer, and letters that take two code units."""
    world.has(
        *[
            Client(
                10_000 + each,
                apps=" ".join((guid(1), *(f"{'🙂' * 20}{guid(9)}" for _ in range(3)))),
                points=point(each),
            )
            for each in range(customers)
        ]
    )
    return world.sync(allowed=[Allowance.GRANTS])


def test_a_long_report_is_kept_and_logged_whole_in_parts_that_azure_does_not_cut(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    report = long_report(world, customers=300)

    text = report.text()
    latest = runs.latest(world.storage)
    assert latest is not None
    assert latest.report == text
    lines = [record.getMessage() for record in caplog.records if record.name == stages.__name__]
    logged = [line for line in lines if line.startswith("Access sync ")]
    assert len(text) > 60_000
    assert all(len(line.encode("utf-16-le")) // 2 < 32_768 for line in logged)
    assert logged[1].startswith(f"Access sync {report.run_id}, part 2 of {len(logged)}:\n")
    assert "\n".join([logged[0], *(line.partition("\n")[2] for line in logged[1:])]) == text


def test_changes_stand_before_the_records_without_access(world: World) -> None:
    lines = long_report(world, customers=2).text().splitlines()

    titles = [line for line in lines if line.endswith(":")]
    assert titles == ["Changes:", "2 records that give no access:"]


def test_a_report_longer_than_a_row_can_hold_is_cut_where_it_is_kept(world: World) -> None:
    report = long_report(world, customers=900)

    latest = runs.latest(world.storage)
    assert latest is not None
    kept = latest.report.removesuffix("\n(The rest is in the log.)")
    assert len(kept) < len(latest.report) < len(report.text())
    assert report.text().startswith(kept)


# The log.


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The level and the text of each line of the sync."""
    return [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name == stages.__name__
    ]


def numbers_line(run_id: str, outcome: str, *, customers: int = 0) -> str:
    """The line for queries about a run that would give one application one metering point of each."""
    return (
        f'{{"sync": "{run_id}", "outcome": "{outcome}", "customers": {customers}, "grants": {customers}, '
        f'"principals": {min(customers, 1)}, "granted": {customers}, "changed": 0, "revoked": 0, '
        '"faults": 0, "invited": 0}'
    )


@pytest.mark.parametrize(("dry_run", "outcome"), [(False, "complete"), (True, "dry-run")])
def test_a_run_without_trouble_is_logged_as_its_numbers_and_its_report(
    world: World, caplog: pytest.LogCaptureFixture, dry_run: bool, outcome: str
) -> None:
    caplog.set_level(logging.INFO)
    world.has(*vendor_customers(2))

    report = world.sync(dry_run=dry_run)

    assert logged(caplog) == [
        ("INFO", numbers_line(report.run_id, outcome, customers=2)),
        ("INFO", report.text()),
    ]


def test_a_run_that_finds_another_one_is_logged_as_a_warning(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    leases.take(world.storage, stages.LEASED, holder="another", now=world.clock() + timedelta(hours=1))

    report = world.sync()

    assert logged(caplog) == [
        ("INFO", numbers_line(report.run_id, "busy")),
        ("WARNING", report.text()),
    ]


def test_a_failed_run_is_logged_as_an_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def unavailable() -> SeveraRegister:
        raise ConnectionError("Severa is away")

    caplog.set_level(logging.INFO)
    world.severa = unavailable
    with pytest.raises(ConnectionError):
        world.sync()

    latest = runs.latest(world.storage)
    assert latest is not None
    assert logged(caplog) == [
        ("INFO", numbers_line(latest.run_id, "failed")),
        ("ERROR", latest.report),
    ]


# What each outcome says.


def test_a_dry_run_that_would_be_held_back_says_so_and_how_to_let_it_through(world: World) -> None:
    world.has(*vendor_customers(40))
    world.sync()
    world.has(*vendor_customers(20))

    report = world.sync(dry_run=True)

    assert report.text().splitlines()[:4] == [
        f"Access sync {report.run_id}: dry-run; would grant 0, change 0, revoke 20, "
        "and leave 20 grants of 1 principal by 20 customers.",
        "! 20 of 40 grants would be revoked or shortened, more than the 10% that a run may end by itself "
        "(SYNC_MAX_REVOKED_SHARE).",
        "A sync would be held back. If this is what you want: python3 dev.py sync --allow-revocations "
        "(or SYNC_ALLOW_REVOCATIONS=true for a while)",
        "Changes that would be made:",
    ]
    assert len(report.text().splitlines()) == 24


def test_a_refused_run_says_that_nothing_was_changed_and_how_to_let_it_through(world: World) -> None:
    world.has(*vendor_customers(1))
    world.sync()
    world.has()

    report = world.sync()

    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: refused; would grant 0, change 0, revoke 1, "
        "and leave 0 grants of 0 principals by 0 customers.",
        "! Severa answered without a single active customer.",
        "Nothing was changed. If this is what you want: python3 dev.py sync --allow-revocations "
        "(or SYNC_ALLOW_REVOCATIONS=true for a while)",
        "Changes that would be made:",
        f"- revoked: {app(1)} for customer 10000, metering point {point(10_000)} in .. "
        "(API client id; API metering points)",
    ]


def test_a_refused_run_repeats_which_restrictions_an_operator_wants_to_lift(world: World) -> None:
    world.has(*vendor_customers(1))
    world.sync()
    world.has()

    report = world.sync(lift=[10009, 10001])

    assert report.text().splitlines()[2:5] == [
        "Nothing was changed. If this is what you want: python3 dev.py sync --allow-revocations "
        "--lift-restriction 10001 10009",
        "--lift-restriction 10001: nothing of this customer is held back, so nothing was lifted.",
        "--lift-restriction 10009: nothing of this customer is held back, so nothing was lifted.",
    ]


def test_a_refused_run_names_all_that_has_to_be_allowed_and_fails_with_what_was_not(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.has(*vendor_customers(1))
    world.sync()
    damage_latest(world.storage, {"completedAt": None})
    world.has()

    report = world.sync(allowed=[Allowance.GRANTS])

    how = (
        "Nothing was changed. If this is what you want: "
        "python3 dev.py sync --allow-revocations --allow-grants"
    )
    lines = report.text().splitlines()
    assert (lines[1], lines[3]) == ("! Severa answered without a single active customer.", how)
    assert lines[2].startswith("! The time of the last complete sync is missing or unreadable, ")
    assert (
        "ERROR",
        f"Access sync held back: Severa answered without a single active customer. {REVOCATIONS}",
    ) in logged(caplog)
    with pytest.raises(SyncRefused) as raised:
        report.raise_for_failure()
    assert str(raised.value) == f"Severa answered without a single active customer. {REVOCATIONS} {how}"


def test_a_run_fails_only_if_somebody_has_to_act(world: World) -> None:
    world.has(*vendor_customers(1))
    good = [world.sync(), world.sync(dry_run=True)]
    leases.take(world.storage, stages.LEASED, holder="another", now=world.clock() + timedelta(hours=1))
    busy = world.sync()

    for report in (*good, busy):
        report.raise_for_failure()

    assert [each.outcome for each in (*good, busy)] == [Outcome.COMPLETE, Outcome.DRY_RUN, Outcome.BUSY]


def test_a_run_that_an_operator_let_through_says_what_was_allowed_and_what_was_changed(world: World) -> None:
    world.has(*vendor_customers(1))
    world.sync()
    world.has()

    report = world.sync(allowed=[Allowance.REVOCATIONS])

    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: complete; granted 0, changed 0, revoked 1; "
        "now 0 grants of 0 principals by 0 customers.",
        "! Severa answered without a single active customer.",
        "Allowed by an operator: --allow-revocations",
        "Changes:",
        f"- revoked: {app(1)} for customer 10000, metering point {point(10_000)} in .. "
        "(API client id; API metering points)",
    ]


def test_a_run_that_finds_another_one_says_so_and_no_more(world: World) -> None:
    leases.take(world.storage, stages.LEASED, holder="another", now=world.clock() + timedelta(hours=1))

    report = world.sync()

    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: not begun.",
        "! run another is under way, or was killed and expires at 2026-11-22T06:02:00+00:00",
    ]


def test_a_failed_run_says_why_in_one_line(world: World) -> None:
    def unavailable() -> SeveraRegister:
        raise ConnectionError("Severa is\naway")

    world.severa = unavailable
    with pytest.raises(ConnectionError):
        world.sync()

    latest = runs.latest(world.storage)
    assert latest is not None
    assert latest.report.splitlines() == [
        f"Access sync {latest.run_id}: failed; the next run does what this one did not.",
        "! ConnectionError: Severa is away",
    ]
