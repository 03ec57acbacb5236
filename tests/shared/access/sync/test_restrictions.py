"""A customer who is no longer restricted gains nothing until a person confirms it, and delays nobody else."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared import tables
from shared.access.grant import Span, Spans
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import stages, state, store
from shared.access.sync.faults import FaultKind
from shared.access.sync.guard import Allowance
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.stages import Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.tables import Tables
from tests.builders.access import (
    CLIENT_IDS,
    METERING_POINTS,
    Client,
    Clock,
    Entra,
    app,
    guid,
    point,
    register,
    rules,
    stored_grants,
)

MAY = date(2024, 5, 1)
RESTRICTED = Client(10001, apps=guid(1), points=point(1))
EMPTIED = replace(RESTRICTED, points="")
OTHER = Client(10002, apps=guid(2))


class World:
    """A Severa, a warehouse with five metering points of one customer and one of another, and syncs."""

    def __init__(self, storage: Tables) -> None:
        self.storage = storage
        self.clock = Clock()
        self.supply: list[SupplyPeriod] | None = [
            *(SupplyPeriod(10001, point(each), MAY, None) for each in range(5)),
            SupplyPeriod(10002, point(9), MAY, None),
        ]

    def sync(
        self,
        *clients: Client,
        lift: int | None = None,
        allow: bool = False,
        severa: SeveraRegister | None = None,
    ) -> SyncReport:
        """One run, an hour after the last."""
        self.clock.pass_time(timedelta(hours=1))
        neighbours = [] if any(each.number == 10002 for each in clients) else [Client(10002)]
        read, supply = severa or register([*clients, *neighbours]), self.supply
        return stages.run(
            Sources(lambda: read, Entra().find, None if supply is None else lambda: supply),
            storage=self.storage,
            rules=rules(
                self.storage,
                allowed=[Allowance.REVOCATIONS] if allow else [],
                lift=() if lift is None else (lift,),
            ),
            clock=self.clock,
        )

    def shown(self) -> set[tuple[str, str]]:
        """Who sees which metering points."""
        return {
            (row.grant.principal, row.grant.metering_point_id)
            for partition in store.read(self.storage).values()
            for row in partition.grants.values()
        }

    def days_shown(self) -> dict[str, Spans]:
        """Which days of which metering points are seen."""
        return {each.metering_point_id: each.spans for each in stored_grants(self.storage)}


@pytest.fixture
def world(storage: Tables) -> World:
    return World(storage)


EVERY_POINT = {(app(1), point(each)) for each in range(5)}


def test_a_restriction_that_is_gone_opens_nothing_and_says_how_to_go_on(world: World) -> None:
    world.sync(RESTRICTED)

    report = world.sync(EMPTIED)

    assert world.shown() == {(app(1), point(1))}
    assert report.outcome is Outcome.COMPLETE
    assert [str(fault) for fault in report.faults] == [
        "customer 10001, Kunde 10001: 'API metering points' is empty and was not before, which would open "
        "everything that the customer is supplied with; nothing more is opened until somebody fills it in "
        "again in Severa, or confirms that it is meant: python3 dev.py sync --lift-restriction 10001"
    ]


def test_a_restriction_is_stored_by_the_run_that_finds_it_and_not_again(
    world: World, storage: Tables
) -> None:
    first = world.sync(RESTRICTED)

    world.sync(RESTRICTED)

    [row] = storage.range(tables.SERVICE_STATE, partition=state.RESTRICTED)
    assert (row["RowKey"], row["runId"]) == ("10001", first.run_id)


def test_it_stays_closed_in_every_later_run(world: World) -> None:
    world.sync(RESTRICTED)

    reports = [world.sync(EMPTIED) for _ in range(3)]

    assert world.shown() == {(app(1), point(1))}
    assert [[fault.kind for fault in each.faults] for each in reports] == [[FaultKind.EMPTIED]] * 3


def test_others_gain_and_lose_meanwhile(world: World) -> None:
    world.sync(RESTRICTED, OTHER)

    world.sync(EMPTIED, replace(OTHER, apps=guid(3)))

    assert world.shown() == {(app(1), point(1)), (app(3), point(9))}


def test_what_ends_at_the_customer_ends_meanwhile_and_nobody_new_comes_in(world: World) -> None:
    world.sync(replace(RESTRICTED, apps=f"{guid(1)} {guid(2)}"))

    world.sync(replace(EMPTIED, apps=f"{guid(2)} {guid(3)}"))

    assert world.shown() == {(app(2), point(1))}


def test_days_that_were_not_shown_stay_closed_and_days_that_end_are_closed(world: World) -> None:
    world.sync(replace(RESTRICTED, points=f"{point(1)} 2024-06-01.."))

    world.sync(EMPTIED)
    assert world.days_shown() == {point(1): (Span(date(2024, 6, 1), None),)}
    world.supply = [SupplyPeriod(10001, point(1), MAY, date(2025, 1, 1))]
    world.sync(EMPTIED)

    assert world.days_shown() == {point(1): (Span(date(2024, 6, 1), date(2025, 1, 1)),)}


def test_a_person_confirms_it_for_the_customer_by_number(world: World) -> None:
    world.sync(RESTRICTED)

    assert [fault.kind for fault in world.sync(EMPTIED, lift=10002).faults] == [FaultKind.EMPTIED]
    report = world.sync(EMPTIED, lift=10001)

    assert report.faults == ()
    assert world.shown() == EVERY_POINT
    assert world.sync(EMPTIED).faults == ()
    assert world.shown() == EVERY_POINT


def test_allowing_revocations_opens_nothing(world: World) -> None:
    world.sync(RESTRICTED)

    world.sync(EMPTIED, allow=True)

    assert world.shown() == {(app(1), point(1))}


def test_a_field_that_is_filled_in_again_counts_at_once(world: World) -> None:
    world.sync(RESTRICTED)
    world.sync(EMPTIED)

    report = world.sync(replace(RESTRICTED, points=f"{point(1)} {point(2)}"))

    assert report.faults == ()
    assert world.shown() == {(app(1), point(1)), (app(1), point(2))}


@pytest.mark.parametrize("unreadable", [METERING_POINTS, ""])
def test_a_value_that_cannot_be_read_and_then_is_gone_opens_nothing(world: World, unreadable: str) -> None:
    world.sync(RESTRICTED)
    world.sync(replace(EMPTIED, unreadable=(unreadable,)))
    assert world.shown() == set()

    world.sync(EMPTIED)

    assert world.shown() == set()


def test_a_value_of_an_unknown_property_closes_one_run_and_restricts_no_later_one(world: World) -> None:
    world.sync(EMPTIED)

    world.sync(replace(EMPTIED, unreadable=("",)))
    closed = world.shown()
    report = world.sync(EMPTIED)

    assert (closed, report.faults) == (set(), ())
    assert world.shown() == EVERY_POINT


def test_a_customer_who_was_restricted_to_nothing_is_remembered(world: World) -> None:
    world.sync(replace(RESTRICTED, points=point(500)))

    report = world.sync(EMPTIED)

    assert world.shown() == set()
    assert [fault.kind for fault in report.faults] == [FaultKind.EMPTIED]


def test_a_customer_that_lets_nobody_in_is_held_back_when_it_does(world: World) -> None:
    world.sync(replace(RESTRICTED, apps=""))
    assert world.sync(replace(EMPTIED, apps="")).faults == ()

    world.sync(EMPTIED)

    assert world.shown() == set()


def test_the_restriction_of_a_customer_that_lets_nobody_in_cannot_be_lifted_ahead(world: World) -> None:
    world.sync(RESTRICTED)

    report = world.sync(replace(EMPTIED, apps=""), lift=10001)
    world.sync(EMPTIED)

    assert report.not_lifted == (10001,)
    assert world.shown() == set()


def test_a_new_record_with_the_same_number_is_the_same_customer(world: World) -> None:
    world.sync(RESTRICTED, OTHER)
    world.sync(OTHER)
    assert world.shown() == {(app(2), point(9))}

    world.sync(replace(EMPTIED, record=1), OTHER)

    assert world.shown() == {(app(2), point(9))}


def test_a_property_that_is_gone_opens_nothing_even_when_it_is_allowed(world: World) -> None:
    world.sync(RESTRICTED)

    world.sync(severa=register([RESTRICTED], property_names=[CLIENT_IDS]), allow=True)

    assert world.shown() == {(app(1), point(1))}


def test_a_customer_who_never_was_restricted_shows_everything(world: World) -> None:
    report = world.sync(EMPTIED)

    assert report.faults == ()
    assert world.shown() == EVERY_POINT
    assert state.restricted_customers(world.storage) == frozenset()


def test_where_severa_alone_decides_an_empty_field_closes(world: World) -> None:
    world.supply = None
    world.sync(RESTRICTED)

    report = world.sync(EMPTIED)

    assert world.shown() == set()
    assert [fault.kind for fault in report.faults] == [FaultKind.NO_METERING_POINTS]


def test_where_severa_alone_decides_an_earlier_restriction_holds_nothing_back(world: World) -> None:
    state.restrict(world.storage, [10001], run_id="earlier")
    world.supply = None

    report = world.sync(RESTRICTED)

    assert (world.shown(), report.faults) == ({(app(1), point(1))}, ())


def test_a_dry_run_remembers_nothing(world: World, storage: Tables) -> None:
    supply = world.supply
    stages.run(
        Sources(lambda: register([RESTRICTED]), Entra().find, lambda: supply or []),
        storage=storage,
        rules=rules(storage),
        clock=world.clock,
        dry_run=True,
    )

    assert state.restricted_customers(storage) == frozenset()


def test_many_customers_are_remembered_and_forgotten(storage: Tables) -> None:
    state.restrict(storage, range(1, 251), run_id="run")
    state.lift_restrictions(storage, range(1, 250))

    assert state.restricted_customers(storage) == {250}


def test_a_confirmation_that_nothing_waited_for_is_said_to_be_none(world: World) -> None:
    world.sync(RESTRICTED)

    unneeded = world.sync(RESTRICTED, lift=10001)
    needed = world.sync(EMPTIED, lift=10001)

    line = "--lift-restriction 10001: nothing of this customer is held back, so nothing was lifted."
    assert line in unneeded.text().splitlines()
    assert "--lift-restriction" not in needed.text()
