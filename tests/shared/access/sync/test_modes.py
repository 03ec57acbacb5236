"""A run that decides by other settings than the last complete one is held back before it reads anything."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, timedelta

import pytest

from shared import tables
from shared.access import runs
from shared.access.mode import Mode
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import stages
from shared.access.sync.guard import Allowance
from shared.access.sync.mapping import Fields
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.stages import Rules, Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.tables import Tables
from tests.builders.access import Client, Clock, Entra, app, guid, point, register, stored_grants

MAY = date(2024, 5, 1)
KEPT_CLOSED = [Client(10_001, apps=guid(1)), Client(10_002, apps=guid(1), points=point(9))]
"""Two customers where Severa alone decides; the first has emptied its field on purpose."""


class World:
    """Two customers, five metering points of the first in the warehouse, and the app's mode `severa`."""

    def __init__(self, storage: Tables) -> None:
        self.storage = storage
        self.clock = Clock()
        self.readings = 0

    def sync(
        self,
        *allowed: Allowance,
        source: str = "severa",
        fields: Fields | None = None,
        provisioning: str = "report",
        dry_run: bool = False,
    ) -> SyncReport:
        """One run, an hour after the last."""
        self.clock.pass_time(timedelta(hours=1))
        rules = Rules(fields=fields or Fields(), provisioning=provisioning, allowed=frozenset(allowed))
        supply = [SupplyPeriod(10_001, point(each), MAY, None) for each in range(5)]
        sources = Sources(self._read, Entra().find, None if source == "severa" else lambda: supply)
        return stages.run(sources, storage=self.storage, rules=rules, clock=self.clock, dry_run=dry_run)

    def _read(self) -> SeveraRegister:
        self.readings += 1
        return register(KEPT_CLOSED)

    def shown(self) -> set[tuple[str, int]]:
        """Who sees which customers."""
        return {(grant.principal, grant.customer_number) for grant in stored_grants(self.storage)}


@pytest.fixture
def world(storage: Tables) -> World:
    made = World(storage)
    made.sync(Allowance.GRANTS)
    assert made.shown() == {(app(1), 10_002)}
    made.readings = 0
    return made


def test_an_operators_shell_in_another_mode_opens_nothing(world: World) -> None:
    report = world.sync(Allowance.GRANTS, Allowance.REVOCATIONS, source="warehouse")

    assert world.shown() == {(app(1), 10_002)}
    assert world.readings == 0
    assert report.text().splitlines() == [
        f"Access sync {report.run_id}: refused; Severa was not read.",
        "! METERING_POINT_SOURCE is 'warehouse' and was 'severa' at the last complete sync.",
        "Nothing was changed. If this is what you want: python3 dev.py sync --change-source "
        "(with --dry-run it shows what would change)",
    ]
    assert world.sync().outcome is Outcome.COMPLETE


@pytest.mark.parametrize(
    ("run", "setting"),
    [
        (lambda world: world.sync(provisioning="invite"), "ENTRA_PROVISIONING is 'invite' and was 'report'"),
        (
            lambda world: world.sync(fields=replace(Fields(), client_ids="Client")),
            "SEVERA_CLIENT_IDS_PROPERTY is 'Client' and was 'API client id'",
        ),
        (
            lambda world: world.sync(fields=replace(Fields(), metering_points="Points")),
            "SEVERA_METERING_POINTS_PROPERTY is 'Points' and was 'API metering points'",
        ),
        (
            lambda world: world.sync(fields=replace(Fields(), contact_role="Reader")),
            "SEVERA_CONTACT_ROLE is 'Reader' and was 'API'",
        ),
    ],
)
def test_every_setting_that_decides_access_is_part_of_the_mode(
    world: World, run: Callable[[World], SyncReport], setting: str
) -> None:
    report = run(world)

    assert report.outcome is Outcome.REFUSED
    assert [each.text for each in report.held_back] == [f"{setting} at the last complete sync."]
    assert (world.readings, world.shown()) == (0, {(app(1), 10_002)})


def test_a_dry_run_shows_what_another_mode_would_change_and_how_to_change_it(world: World) -> None:
    report = world.sync(source="warehouse", dry_run=True)

    assert report.text().splitlines()[:7] == [
        f"Access sync {report.run_id}: dry-run; would grant 5, change 0, revoke 1, "
        "and leave 5 grants of 1 principal by 1 customer.",
        "! METERING_POINT_SOURCE is 'warehouse' and was 'severa' at the last complete sync.",
        "A sync would be held back. If this is what you want: python3 dev.py sync --change-source",
        "Changes that would be made:",
        f"- granted: {app(1)} for customer 10001, 5 metering points (API client id; supply period)",
        f"- revoked: {app(1)} for customer 10002, metering point {point(9)} in .. "
        "(API client id; API metering points)",
        "2 records that give no access:",
    ]
    assert world.shown() == {(app(1), 10_002)}


def test_an_operator_changes_the_mode_by_name_and_then_the_old_one_is_held_back(world: World) -> None:
    report = world.sync(Allowance.SOURCE, source="warehouse")

    assert report.outcome is Outcome.COMPLETE
    assert "Allowed by an operator: --change-source" in report.text().splitlines()
    assert world.shown() == {(app(1), 10_001)}
    assert world.sync(source="severa").outcome is Outcome.REFUSED


def test_a_run_that_was_not_complete_leaves_the_mode_as_it_was(world: World) -> None:
    world.sync(source="warehouse")

    latest = runs.latest(world.storage)
    assert latest is not None
    assert latest.outcome == "refused"
    assert latest.mode == Mode("severa", "report", "API client id", "API metering points", "API")


def test_a_change_of_mode_lets_nothing_else_through(world: World, storage: Tables) -> None:
    for number in range(2):
        world.sync(Allowance.SOURCE, source=("warehouse", "severa")[number])

    report = world.sync(Allowance.SOURCE, fields=replace(Fields(), client_ids="Renamed"))

    assert report.outcome is Outcome.REFUSED
    assert [each.allowance for each in report.objections] == [Allowance.SOURCE, Allowance.REVOCATIONS]
    assert [each.allowance for each in report.held_back] == [Allowance.REVOCATIONS]


@pytest.mark.parametrize("lost", [f"mode_{field.name}" for field in fields(Mode)])
def test_a_complete_run_whose_settings_are_not_all_stored_holds_the_next_one_back(
    world: World, lost: str
) -> None:
    stored = world.storage.get(tables.SERVICE_STATE, partition=runs.SYNC, row=runs.LATEST)
    assert stored is not None
    without = {name: value for name, value in stored.items() if name not in (lost, "etag")}
    world.storage.transact(tables.SERVICE_STATE, [("upsert", without)])

    report = world.sync(Allowance.GRANTS, Allowance.REVOCATIONS, source="warehouse")

    assert report.outcome is Outcome.REFUSED
    assert [each.allowance for each in report.held_back] == [Allowance.SOURCE]
    assert (world.readings, world.shown()) == (0, {(app(1), 10_002)})
    assert world.sync().outcome is Outcome.REFUSED
    assert world.sync(Allowance.SOURCE).outcome is Outcome.COMPLETE
    assert world.sync().outcome is Outcome.COMPLETE


@pytest.mark.parametrize("time", [{"completedAt": "yesterday"}, {}])
def test_a_lost_time_of_the_last_complete_run_does_not_lose_its_settings(
    world: World, time: dict[str, str]
) -> None:
    stored = world.storage.get(tables.SERVICE_STATE, partition=runs.SYNC, row=runs.LATEST)
    assert stored is not None
    without = {name: value for name, value in stored.items() if name not in ("completedAt", "etag")}
    world.storage.transact(tables.SERVICE_STATE, [("upsert", {**without, **time})])

    for _ in range(2):  # What the first one stores must hold the second one back as well.
        report = world.sync(Allowance.GRANTS, Allowance.REVOCATIONS, source="warehouse")

        assert [each.text for each in report.held_back] == [
            "METERING_POINT_SOURCE is 'warehouse' and was 'severa' at the last complete sync."
        ]
        assert (world.readings, world.shown()) == (0, {(app(1), 10_002)})
    assert [each.allowance for each in world.sync().held_back] == [Allowance.GRANTS]
    assert world.sync(Allowance.GRANTS).outcome is Outcome.COMPLETE
    assert world.sync().outcome is Outcome.COMPLETE
