"""Supply periods whose customer number no active customer in Severa has."""

from datetime import date

from shared.access.entra.users import Directory
from shared.access.sync import mapping, unknown_customers
from shared.access.sync.faults import FaultKind
from shared.access.sync.mapping import Fields
from shared.access.sync.supply_by_customer import SupplyPeriod
from tests.builders.access import Client, point, register

MAY = date(2024, 5, 1)
YESTERDAY, TODAY, TOMORROW = date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)
REMEDY = "make the customer, or make it active, in Severa, or correct the supply periods"


def supplied(number: int, point_number: int, until: date | None = None) -> SupplyPeriod:
    return SupplyPeriod(number, point(point_number), MAY, until)


def lines(*periods: SupplyPeriod, clients: tuple[Client, ...] = ()) -> list[str]:
    return [str(each) for each in unknown_customers.faults(register(clients), periods)]


def test_a_number_that_severa_does_not_know_is_named_with_its_metering_points() -> None:
    found = lines(supplied(77777, 2), supplied(77777, 1), supplied(77777, 1, TOMORROW), supplied(66666, 3))

    assert found == [
        "customer 66666, not in Severa: no active customer 66666 in Severa, so its supply periods give "
        f"nobody access (metering point {point(3)}); {REMEDY}",
        "customer 77777, not in Severa: no active customer 77777 in Severa, so its supply periods give "
        f"nobody access (2 metering points, {point(1)}, {point(2)}); {REMEDY}",
    ]


def test_an_inactive_customer_is_named_as_severa_calls_it() -> None:
    [found] = lines(supplied(10009, 1), clients=(Client(10009, name="Tidligere  Kunde", is_active=False),))

    assert found.startswith("customer 10009, Tidligere Kunde: no active customer 10009 in Severa, ")


def test_a_customer_in_severa_without_access_is_no_fault() -> None:
    assert lines(supplied(10001, 1), clients=(Client(10001),)) == []


def test_an_active_customer_beside_an_inactive_one_with_its_number_is_known() -> None:
    clients = (Client(10001), Client(10001, is_active=False, record=1))

    assert lines(supplied(10001, 1), clients=clients) == []


def test_supply_that_has_ended_is_history_and_no_fault() -> None:
    assert lines(supplied(77777, 1, YESTERDAY), supplied(77777, 2, TODAY)) == []
    assert len(lines(supplied(77777, 3, TOMORROW))) == 1


def test_of_many_metering_points_the_first_are_named() -> None:
    [found] = lines(*(supplied(77777, each) for each in range(300)))

    named = ", ".join(point(each) for each in range(5))
    assert f"(300 metering points, {named}, …)" in found


def test_five_metering_points_are_all_named() -> None:
    [found] = lines(*(supplied(77777, each) for each in range(5)))

    named = ", ".join(point(each) for each in range(5))
    assert f"(5 metering points, {named});" in found


def test_a_metering_point_with_a_line_break_does_not_break_the_line() -> None:
    [found] = lines(SupplyPeriod(77777, "7070\n5750", MAY, None))

    assert "(metering point 7070 5750);" in found


def test_twenty_numbers_have_a_line_each_and_more_have_one_together() -> None:
    assert len(lines(*(supplied(20_000 + each, each) for each in range(20)))) == 20

    found = lines(*(supplied(20_000 + each, each // 2) for each in reversed(range(3000))))

    first = ", ".join(str(20_000 + each) for each in range(20))
    assert found == [
        f"customer numbers {first} and 2980 more: no active customers in Severa, so the supply periods of "
        f"these 3000 numbers (1500 metering points) give nobody access; {REMEDY}"
    ]


def test_only_supply_periods_in_the_warehouse_are_asked_about() -> None:
    severa = register([Client(10001)])

    def kinds(supply: list[SupplyPeriod] | None) -> list[FaultKind]:
        found = mapping.wanted(severa, directory=Directory(), fields=Fields(), supply_periods=supply)
        return [fault.kind for fault in found.faults]

    assert kinds(None) == []
    assert kinds([supplied(77777, 1)]) == [FaultKind.UNKNOWN_CUSTOMER]
