"""Access that would open by itself beyond measure: nothing of it is given without an operator's word."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared import tables
from shared.access import runs
from shared.access.sync import stages, state
from shared.access.sync.guard import GAINS_AT_LEAST, Allowance, Limits
from shared.access.sync.reports import Outcome, SyncRefused, SyncReport
from shared.access.sync.stages import Rules, Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.tables import Tables
from tests.builders.access import Client, Clock, Entra, app, guid, point, register, stored_grants

MAY = date(2024, 5, 1)


class World:
    """A Severa, a warehouse that says who is supplied with what, tables, and syncs between them."""

    def __init__(self, storage: Tables) -> None:
        self.storage = storage
        self.clock = Clock()
        self.clients: Sequence[Client] = ()
        self.supplied: dict[int, range] = {}
        self.limits = Limits()

    def sync(self, *allowed: Allowance, dry_run: bool = False) -> SyncReport:
        """One run, an hour after the last."""
        self.clock.pass_time(timedelta(hours=1))
        severa = register(self.clients)
        supply = [
            SupplyPeriod(number, point(each), MAY, None)
            for number, points in self.supplied.items()
            for each in points
        ]
        return stages.run(
            Sources(lambda: severa, Entra().find, lambda: supply),
            storage=self.storage,
            rules=Rules(allowed=frozenset(allowed), limits=self.limits),
            clock=self.clock,
            dry_run=dry_run,
        )


@pytest.fixture
def world(storage: Tables) -> World:
    return World(storage)


def customers(count: int, *, apps: str = guid(1)) -> list[Client]:
    return [Client(10_000 + each, apps=apps) for each in range(count)]


def test_the_first_sync_of_all_needs_an_operators_word(world: World) -> None:
    world.clients, world.supplied = customers(1), {10_000: range(2)}

    report = world.sync()

    assert stored_grants(world.storage) == []
    assert runs.completed_at(world.storage) is None
    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: refused; would grant 2, change 0, revoke 0, "
        "and leave 2 grants of 1 principal by 1 customer.",
        "! No sync has been completed before, so nothing says that these grants are meant: 2.",
        "Nothing was changed. If this is what you want: python3 dev.py sync --allow-grants",
        "Changes that would be made:",
        f"- granted: {app(1)} for customer 10000, 2 metering points (API client id; supply period)",
    ]
    assert world.sync(Allowance.GRANTS).outcome is Outcome.COMPLETE
    assert len(stored_grants(world.storage)) == 2
    assert world.sync().outcome is Outcome.COMPLETE


def test_a_wrong_supply_file_gives_one_customers_application_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.clients = [Client(10_000, apps=guid(1)), Client(10_001, apps=guid(2))]
    world.supplied = {10_000: range(5), 10_001: range(1_000, 1_900)}
    world.sync(Allowance.GRANTS)
    before = set(stored_grants(world.storage))

    world.supplied = {10_000: range(900), 10_001: range(1_000, 1_900)}
    report = world.sync(Allowance.REVOCATIONS, Allowance.SOURCE)

    assert report.outcome is Outcome.REFUSED
    assert set(stored_grants(world.storage)) == before
    assert [objection.text for objection in report.held_back] == [
        "895 grants would be new or extended, beside 905 that there are: more than the 10% that a run may "
        "open by itself (SYNC_MAX_GRANTED_SHARE).",
        "More than 500 new or extended grants, which a run may give to one principal by itself "
        f"(SYNC_MAX_GRANTED_PER_PRINCIPAL), would go to {app(1)} (895).",
    ]
    assert any(line.startswith("Access sync held back: 895 grants") for line in caplog.messages)
    with pytest.raises(SyncRefused, match=r"sync --allow-grants$"):
        report.raise_for_failure()


def test_one_application_pasted_on_every_customer_gets_nothing_until_an_operator_says_so(
    world: World,
) -> None:
    world.clients = customers(300, apps=guid(2))
    world.supplied = {each.number or 0: range(3 * at, 3 * at + 3) for at, each in enumerate(world.clients)}
    world.sync(Allowance.GRANTS)

    world.clients = customers(300, apps=f"{guid(2)} {guid(3)}")

    assert world.sync().outcome is Outcome.REFUSED
    assert app(3) not in {each.principal for each in stored_grants(world.storage)}
    assert world.sync(Allowance.GRANTS).outcome is Outcome.COMPLETE
    assert app(3) in {each.principal for each in stored_grants(world.storage)}


def test_a_sync_whose_state_was_lost_says_what_was_lost_with_it(world: World) -> None:
    world.clients, world.supplied = customers(2), {10_000: range(2), 10_001: range(100, 103)}
    world.sync(Allowance.GRANTS)
    for partition in (runs.SYNC, state.USERS, state.RESTRICTED):
        world.storage.delete_range(tables.SERVICE_STATE, partition=partition)

    report = world.sync()

    assert report.outcome is Outcome.REFUSED
    assert [(each.text, each.allowance) for each in report.held_back] == [
        (
            "No completed sync is stored, but 5 grants: either the first sync was interrupted, or the table "
            "ServiceState was lost, and with it which customers are restricted and which user each address "
            "is bound to. What would open has to be checked first: docs/operations.md, A lost ServiceState. "
            "New or extended grants: 0.",
            Allowance.GRANTS,
        )
    ]


def test_a_new_customer_of_ordinary_size_comes_in_by_itself(world: World) -> None:
    world.clients, world.supplied = customers(1), {10_000: range(2)}
    world.sync(Allowance.GRANTS)

    world.clients, world.supplied = customers(2), {10_000: range(2), 10_001: range(100, 299)}

    assert world.sync().outcome is Outcome.COMPLETE
    assert len(stored_grants(world.storage)) == 201


def test_no_principal_gains_more_than_its_number_however_small_the_share(world: World) -> None:
    world.limits = Limits(max_granted_per_principal=50)
    world.clients, world.supplied = customers(1), {10_000: range(600)}
    world.sync(Allowance.GRANTS)
    world.supplied = {10_000: range(600), 10_001: range(3_000, 3_050), 10_002: range(4_000, 4_051)}

    world.clients = [*customers(1), Client(10_001, apps=guid(5))]
    assert world.sync().outcome is Outcome.COMPLETE
    world.clients = [*customers(1), Client(10_002, apps=guid(6))]
    assert [each.allowance for each in world.sync().held_back] == [Allowance.GRANTS]


def test_longer_periods_count_as_gains_and_a_new_name_does_not(world: World) -> None:
    shorter = " ".join(f"{point(each)} ..2025-01-01" for each in range(250))
    world.clients = [Client(10_000, apps=guid(1), points=shorter)]
    world.supplied = {10_000: range(250)}
    world.sync(Allowance.GRANTS)

    world.clients = [Client(10_000, apps=guid(1), points=shorter, name="New name")]
    assert world.sync().outcome is Outcome.COMPLETE
    longer = " ".join(f"{point(each)} ..2026-01-01" for each in range(250))
    world.clients = [Client(10_000, apps=guid(1), points=longer, name="New name")]
    assert world.sync().outcome is Outcome.REFUSED


def test_losses_wait_with_the_gains_that_are_held_back_and_nothing_is_applied(world: World) -> None:
    world.clients = [Client(10_000, apps=guid(1)), Client(10_001, apps=guid(2))]
    world.supplied = {10_000: range(5), 10_001: range(10, 12)}
    world.sync(Allowance.GRANTS)
    before = set(stored_grants(world.storage))

    world.supplied = {10_000: range(800)}
    report = world.sync()

    assert report.outcome is Outcome.REFUSED
    assert set(stored_grants(world.storage)) == before
    assert report.counts["revoked"] == 2


CUSTOMER = st.tuples(st.integers(1, 3), st.sets(st.integers(1, 3), max_size=3), st.integers(0, 140))
"""A customer's number, the apps that may read for it, and how many metering points it has."""
STEP = st.tuples(st.lists(CUSTOMER, max_size=3), st.sets(st.sampled_from(Allowance)))


@settings(max_examples=8)
@given(steps=st.lists(STEP, min_size=2, max_size=4))
@example(steps=[([(1, {1}, 10)], {Allowance.GRANTS}), ([(1, {1, 2}, 140)], {Allowance.REVOCATIONS})])
def test_no_gain_beyond_the_guard_is_applied_without_an_operators_word(
    new_storage: Callable[[], Tables], steps: list[tuple[list[tuple[int, set[int], int]], set[Allowance]]]
) -> None:
    world = World(new_storage())
    world.limits = Limits(max_granted_share=0.5, max_granted_per_principal=100)

    for gives, allowed in steps:
        before = {grant.key for grant in stored_grants(world.storage)}
        is_first = runs.completed_at(world.storage) is None
        last = {number: (apps, count) for number, apps, count in gives}
        world.clients = [
            Client(number, apps=" ".join(guid(each) for each in sorted(apps)))
            for number, (apps, _) in last.items()
        ]
        world.supplied = {
            number: range(1_000 * number, 1_000 * number + count) for number, (_, count) in last.items()
        }
        world.sync(*allowed)
        gained = {grant.key for grant in stored_grants(world.storage)} - before
        if Allowance.GRANTS not in allowed:
            assert not (is_first and gained)
            assert len(gained) < GAINS_AT_LEAST or len(gained) <= 0.5 * len(before)
            for principal in {key[0] for key in gained}:
                assert len([key for key in gained if key[0] == principal]) <= 100
