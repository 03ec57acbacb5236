"""The readers of each customer, as a sync stores them beside the grants."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from shared import tables
from shared.access import readers
from shared.access.grant import ALWAYS, Grant
from shared.access.readers import By, Kind, Reader
from shared.access.sync import readers as sync_readers
from shared.access.sync import stages
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.stages import Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.readable import PermittedDays
from shared.tables import Tables
from tests.builders.access import (
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

KARI = "Kari.Nordmann@Fjord.example"
HOUR = timedelta(hours=1)


class Office:
    """Syncs an hour after one another, of what Severa has then."""

    def __init__(self, storage: Tables) -> None:
        self.storage = storage
        self.clock = Clock()

    def sync(self, *clients: Client, supply: Sequence[SupplyPeriod] | None = None) -> SyncReport:
        self.clock.pass_time(HOUR)
        entra = Entra({KARI.lower(): guid(70), "k@home.example": guid(70)})
        sources = Sources(lambda: register(clients), entra.find, None if supply is None else lambda: supply)
        return stages.run(sources, storage=self.storage, rules=rules(self.storage), clock=self.clock)

    def readers(self, customer_number: int) -> list[Reader]:
        return readers.of_customer(self.storage, customer_number)

    def rows(self) -> list[tables.Entity]:
        return [dict(row) for row in self.storage.everything(tables.ACCESS_BY_CUSTOMER)]


@pytest.fixture
def office(storage: Tables) -> Office:
    return Office(storage)


def test_an_application_and_a_person_are_listed_with_their_period_and_a_masked_address(
    office: Office,
) -> None:
    office.sync(
        Client(
            10001,
            apps=guid(1),
            points=f"{point(1)} 2024-05-01..2025-01-01 {point(2)} 2024-11-01..2026-03-01",
            persons=(Person(7, emails=(KARI,)),),
        )
    )

    days = PermittedDays(date(2024, 5, 1), date(2026, 3, 1))
    assert office.readers(10001) == [
        Reader(app(1), None, days, since=NOW + HOUR),
        Reader(user(70), "k***@fjord.example", days, since=NOW + HOUR),
    ]
    assert [(each.kind, each.id, each.by) for each in office.readers(10001)] == [
        (Kind.APP, guid(1), By.APPLICATION),
        (Kind.USER, guid(70), By.CONTACT_PERSON),
    ]


@pytest.mark.parametrize(
    ("points", "days"),
    [
        (f"{point(1)} 2024-05-01.. {point(2)} ..2025-01-01", PermittedDays(None, None)),
        (f"{point(1)} 2024-05-01..", PermittedDays(date(2024, 5, 1), None)),
        (f"{point(1)} ..2025-01-01", PermittedDays(None, date(2025, 1, 1))),
    ],
)
def test_a_period_is_open_where_one_of_the_metering_points_has_no_bound(
    office: Office, points: str, days: PermittedDays
) -> None:
    office.sync(Client(10001, apps=guid(1), points=points))

    assert office.readers(10001)[0].days == days


def test_each_customer_has_its_own_readers_and_the_address_that_it_registered(office: Office) -> None:
    office.sync(
        Client(10001, apps=guid(1), points=point(1), persons=(Person(7, emails=(KARI,)),)),
        Client(10002, apps=guid(2), points=point(2), persons=(Person(8, emails=("k@home.example",)),)),
    )

    assert [(each.principal, each.name) for each in office.readers(10001)] == [
        (app(1), None),
        (user(70), "k***@fjord.example"),
    ]
    assert [(each.principal, each.name) for each in office.readers(10002)] == [
        (app(2), None),
        (user(70), "k***@home.example"),
    ]


def test_a_person_with_two_contacts_at_a_customer_has_the_address_of_the_first(office: Office) -> None:
    persons = (Person(7, emails=(KARI,)), Person(8, emails=("k@home.example",)))
    office.sync(Client(10001, points=point(1), persons=persons))

    assert [(each.principal, each.name) for each in office.readers(10001)] == [
        (user(70), "k***@fjord.example")
    ]


def test_a_contact_of_a_customer_that_is_not_active_or_without_the_role_names_nobody(office: Office) -> None:
    office.sync(
        Client(10001, points=point(1), persons=(Person(7, emails=(KARI,)),)),
        Client(10001, points=point(2), persons=(Person(8, emails=("k@home.example",)),), is_active=False,
               record=1),
        Client(10002, apps=guid(2), points=point(3), persons=(Person(9, emails=(KARI,), role="Sales"),)),
    )  # fmt: skip

    assert [each.name for each in office.readers(10001)] == ["k***@fjord.example"]
    assert [each.principal for each in office.readers(10002)] == [app(2)]


def test_a_reader_keeps_the_time_from_which_it_had_access_while_its_period_changes(office: Office) -> None:
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} 2024-05-01.."))
    office.sync(Client(10001, apps=f"{guid(1)} {guid(2)}", points=f"{point(1)} 2025-01-01.."))

    assert [(each.principal, each.days.first, each.since) for each in office.readers(10001)] == [
        (app(1), date(2025, 1, 1), NOW + HOUR),
        (app(2), date(2025, 1, 1), NOW + 2 * HOUR),
    ]


def test_a_reader_that_loses_its_access_is_listed_no_more(office: Office) -> None:
    office.sync(Client(10001, apps=f"{guid(1)} {guid(2)}", points=point(1)))
    office.sync(Client(10001, apps=guid(2), points=point(1)))

    assert [each.principal for each in office.readers(10001)] == [app(2)]


def test_a_run_without_changes_writes_no_reader(office: Office) -> None:
    client = Client(10001, apps=guid(1), points=point(1), persons=(Person(7, emails=(KARI,)),))
    office.sync(client)
    before = office.rows()

    office.sync(client)

    assert office.rows() == before


def test_a_customer_with_more_readers_than_a_transaction_holds_is_listed_whole(office: Office) -> None:
    apps = [guid(each) for each in range(1, 131)]

    assert office.sync(Client(10001, apps=" ".join(apps), points=point(1))).outcome is Outcome.COMPLETE

    assert [each.id for each in office.readers(10001)] == apps


def test_a_run_confirms_that_it_may_go_on_before_each_transaction(storage: Tables) -> None:
    grants = [Grant(app(each), point(1), 10001, "Kunde 10001", ALWAYS, "") for each in range(1, 131)]
    listed: list[int] = []

    sync_readers.bring_up_to_date(
        storage,
        grants,
        names={},
        run_id="run",
        now=NOW,
        confirm=lambda: listed.append(len(readers.stored(storage))),
    )

    assert (listed, len(readers.stored(storage))) == ([0, 100], 130)


def test_nothing_is_listed_that_a_held_back_run_would_have_given(office: Office) -> None:
    office.sync(Client(10001, apps=guid(1), points=point(1)))
    before = office.rows()

    report = office.sync(
        *(Client(20_000 + each, apps=guid(9), points=point(100 + each)) for each in range(300))
    )

    assert report.outcome is Outcome.REFUSED
    assert office.rows() == before


def test_readers_that_somebody_edited_are_mended_by_the_next_run(office: Office, storage: Tables) -> None:
    client = Client(10001, apps=f"{guid(1)} {guid(2)}", points=point(1))
    office.sync(client)
    rows = office.rows()
    storage.upsert(tables.ACCESS_BY_CUSTOMER, {**rows[0], "since": "yesterday"})
    storage.delete(tables.ACCESS_BY_CUSTOMER, partition="10001", row=app(2))
    storage.insert(tables.ACCESS_BY_CUSTOMER, {**rows[0], "RowKey": app(3)})

    office.sync(client)

    assert [(each.principal, each.since) for each in office.readers(10001)] == [
        (app(1), NOW + 2 * HOUR),
        (app(2), NOW + 2 * HOUR),
    ]
    assert disagreements(storage) == []


@pytest.mark.parametrize(
    "changed", [{"validFrom": "soon"}, {"validTo": 7}, {"since": "2026-01-01"}, {"name": 7}, {"RowKey": "x"}]
)
def test_a_row_that_is_no_reader_is_never_taken_for_one(
    office: Office, storage: Tables, changed: tables.Entity
) -> None:
    office.sync(Client(10001, apps=guid(1), points=f"{point(1)} 2024-05-01..2025-01-01"))
    (row,) = office.rows()
    storage.upsert(tables.ACCESS_BY_CUSTOMER, {**row, **changed})

    with pytest.raises(tables.UnreadableValue):
        office.readers(10001)
