"""From records to wanted grants: who gets what, and what never grants."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from shared.access.entra.users import Directory, DirectoryFault, contact_email
from shared.access.grant import ALWAYS, Grant, Span
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import mapping
from shared.access.sync.faults import FaultKind
from shared.access.sync.mapping import Fields, Wanted
from shared.access.sync.supply_by_customer import SupplyPeriod
from tests.builders.access import (
    CLIENT_IDS,
    METERING_POINTS,
    Client,
    Entra,
    Person,
    app,
    guid,
    point,
    register,
    user,
)

A, B = point(1), point(2)
KARI = "kari@fjord.example"
MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)
NEW_YEAR = date(2025, 1, 1)


def wanted(
    *clients: Client,
    users: dict[str, str] | None = None,
    supply: Sequence[SupplyPeriod] | None = None,
    severa: SeveraRegister | None = None,
) -> Wanted:
    """What these customers give; Severa knows those whom the warehouse supplies too."""
    numbers = {each.customer_number for each in supply or ()} - {each.number for each in clients}
    neighbours = [Client(number) for number in sorted(numbers)]
    read = severa or register([*clients, *neighbours])
    directory = Entra(users or {}).find(mapping.users_to_find(read, fields=Fields()), {})
    return mapping.wanted(read, directory=directory, fields=Fields(), supply_periods=supply)


def shown(result: Wanted) -> set[tuple[str, str, int, tuple[Span, ...]]]:
    return {
        (each.principal, each.metering_point_id, each.customer_number, each.spans)
        for each in result.grants.values()
    }


def kinds(result: Wanted) -> list[FaultKind]:
    return [fault.kind for fault in result.faults]


def test_a_customer_without_fields_gives_nobody_anything_and_is_no_fault() -> None:
    result = wanted(Client(10001), Client(None, points=A))

    assert result == Wanted({}, ())


def test_an_application_reads_the_metering_points_of_the_customer_that_names_it() -> None:
    result = wanted(Client(10001, apps=guid(1), points=f"{A} 2024-05-01..", name="Fjordbakeriet  AS"))

    assert list(result.grants.values()) == [
        Grant(app(1), A, 10001, "Fjordbakeriet AS", (Span(MAY, None),), "API client id; API metering points")
    ]


def test_a_vendor_reads_for_every_customer_that_names_it_and_for_no_other() -> None:
    result = wanted(
        Client(10001, apps=f"{guid(1)} {guid(2)}", points=A),
        Client(10002, apps=guid(1), points=B),
        Client(10003, points=point(3)),
    )

    assert shown(result) == {
        (app(1), A, 10001, ALWAYS),
        (app(2), A, 10001, ALWAYS),
        (app(1), B, 10002, ALWAYS),
    }


def test_a_contact_person_with_the_role_reads_as_the_user_that_entra_knows() -> None:
    result = wanted(
        Client(10001, points=A, persons=(Person(7, emails=(" Kari@Fjord.example ",), role="api "),)),
        users={KARI: guid(70)},
    )

    assert shown(result) == {(user(70), A, 10001, ALWAYS)}


@pytest.mark.parametrize(
    "person",
    [Person(7, role="Billing"), Person(7, role=None), Person(7, is_active=False), Person(7, is_deleted=True)],
)
def test_persons_without_the_role_or_no_longer_there_are_not_even_looked_up(person: Person) -> None:
    severa = register([Client(10001, points=A, persons=(person,))])

    result = wanted(severa=severa, users={KARI: guid(70)})

    assert mapping.users_to_find(severa, fields=Fields()) == ()
    assert result == Wanted({}, ())


@pytest.mark.parametrize("setting", ["Metering Data", " metering data "])
@pytest.mark.parametrize("typed", ["Metering data", "METERING DATA\n"])
def test_the_role_is_the_same_in_any_case_and_with_spaces_around_it(setting: str, typed: str) -> None:
    severa = register([Client(10001, persons=(Person(7, role=typed), Person(8, role="Metering")))])

    found = mapping.users_to_find(severa, fields=Fields(contact_role=setting))

    assert [each.contact_guid for each in found] == [guid(7)]


def test_an_inactive_customer_gives_nobody_anything_and_has_nobody_looked_up() -> None:
    severa = register([Client(10001, apps=guid(1), points=A, persons=(Person(7),), is_active=False)])

    result = wanted(severa=severa, users={KARI: guid(70)})

    assert mapping.users_to_find(severa, fields=Fields()) == ()
    assert result == Wanted({}, ())


def test_the_same_user_by_two_addresses_has_one_grant() -> None:
    person = Person(7, emails=(KARI, "kari@home.example"))

    result = wanted(
        Client(10001, points=A, persons=(person,)), users={KARI: guid(70), "kari@home.example": guid(70)}
    )

    assert shown(result) == {(user(70), A, 10001, ALWAYS)}


def test_each_address_of_a_contact_person_is_looked_up_and_may_be_of_another_user() -> None:
    person = Person(7, emails=("left@fjord.example", KARI, "kari@home.example"))

    result = wanted(
        Client(10001, points=A, persons=(person,)), users={KARI: guid(70), "kari@home.example": guid(71)}
    )

    assert shown(result) == {(user(70), A, 10001, ALWAYS), (user(71), A, 10001, ALWAYS)}
    assert [fault.text for fault in result.faults] == [f"left@fjord.example: {DirectoryFault.NOT_FOUND}"]


def test_one_is_a_customer_number() -> None:
    result = wanted(Client(1, apps=guid(1), points=A))

    assert (shown(result), result.faults) == ({(app(1), A, 1, ALWAYS)}, ())


FAULTY = {
    "no number": (Client(None, apps=guid(1), points=A), FaultKind.NO_NUMBER),
    "number zero": (Client(0, apps=guid(1), points=A), FaultKind.NO_NUMBER),
    "malformed application id": (Client(10001, apps="5a5e", points=A), FaultKind.CLIENT_ID),
    "bad metering point": (Client(10001, apps=guid(1), points=A[:-1]), FaultKind.METERING_POINT),
    "bad period": (Client(10001, apps=guid(1), points=f"{A} 2024-5-1.."), FaultKind.METERING_POINT),
    "no metering points": (Client(10001, apps=guid(1)), FaultKind.NO_METERING_POINTS),
    "unknown user": (Client(10001, points=A, persons=(Person(7),)), FaultKind.USER),
    "no address": (Client(10001, points=A, persons=(Person(7, emails=(" ",)),)), FaultKind.NO_EMAIL),
}  # fmt: skip


@pytest.mark.parametrize(("client", "kind"), FAULTY.values(), ids=FAULTY.keys())
def test_a_fault_grants_nothing_is_named_and_leaves_the_others_alone(client: Client, kind: FaultKind) -> None:
    result = wanted(client, Client(10009, apps=guid(9), points=B))

    assert shown(result) == {(app(9), B, 10009, ALWAYS)}
    assert kind in kinds(result)
    assert all(fault.whose.startswith("customer") for fault in result.faults)


def test_a_fault_names_the_customer_and_what_to_do() -> None:
    result = wanted(
        Client(10001, apps="5a5e", points=A, persons=(Person(7),), name="Fjordbakeriet AS"),
        Client(None, apps=guid(1), points=B, name="Ny kunde"),
    )

    assert [str(fault) for fault in result.faults] == [
        "customer 10001, Fjordbakeriet AS: 'API client id': '5a5e' is not an application id, such as "
        "0b6f1a52-8f5e-4c7e-9f7a-3f3c1d1e2a4b, and may limit any in the field, so none of them gives access; "
        "correct it in Severa",
        f"customer 10001, Fjordbakeriet AS: kari@fjord.example: {DirectoryFault.NOT_FOUND}",
        f"customer without number, Ny kunde ({guid(10**9)}): "
        "gives API access but has no customer number of 1 to 18 digits; give it one in Severa",
    ]


def test_of_a_long_name_a_grant_keeps_two_hundred_characters() -> None:
    result = wanted(Client(10001, apps=guid(1), points=A, name="Fjord  " + "å" * 300))

    assert [each.customer_name for each in result.grants.values()] == ["Fjord " + "å" * 194]


def test_what_people_typed_begins_no_line_of_its_own() -> None:
    person = Person(7, emails=("kari@fjord.example\nAccess sync: complete",))

    result = wanted(Client(10001, points=A, persons=(person,), name="Fjord\r\nbakeriet"))

    assert [str(fault).splitlines() for fault in result.faults] == [
        [
            "customer 10001, Fjord bakeriet: kari@fjord.example access sync: complete: "
            f"{DirectoryFault.NOT_FOUND}"
        ]
    ]


def test_two_active_customers_with_one_number_give_nobody_anything() -> None:
    result = wanted(
        Client(10001, apps=guid(1), points=A, record=1), Client(10001, apps=guid(2), points=B, record=2)
    )

    assert shown(result) == set()
    assert kinds(result) == [FaultKind.DUPLICATE_NUMBER]


def test_the_number_of_an_inactive_customer_may_be_used_again() -> None:
    result = wanted(
        Client(10001, apps=guid(1), points=A, record=1, is_active=False),
        Client(10001, apps=guid(2), points=B, record=2),
    )

    assert shown(result) == {(app(2), B, 10001, ALWAYS)}
    assert result.faults == ()


def test_two_customers_may_have_a_metering_point_one_after_the_other() -> None:
    result = wanted(
        Client(10001, apps=guid(1), points=f"{A} ..2025-01-01"),
        Client(10002, apps=f"{guid(1)} {guid(2)}", points=f"{A} 2025-01-01.."),
    )

    assert shown(result) == {
        (app(1), A, 10001, (Span(None, NEW_YEAR),)),
        (app(1), A, 10002, (Span(NEW_YEAR, None),)),
        (app(2), A, 10002, (Span(NEW_YEAR, None),)),
    }
    assert result.faults == ()


def test_days_that_two_customers_claim_are_nobodys_and_both_are_named() -> None:
    result = wanted(
        Client(10001, apps=guid(1), points=f"{A} ..2025-01-01"),
        Client(10002, apps=guid(2), points=f"{A} 2024-05-01.."),
    )

    assert shown(result) == {
        (app(1), A, 10001, (Span(None, MAY),)),
        (app(2), A, 10002, (Span(NEW_YEAR, None),)),
    }
    assert kinds(result) == [FaultKind.OVERLAP, FaultKind.OVERLAP]
    assert [str(fault).partition(" too,")[0] for fault in result.faults] == [
        f"customer 10001, Kunde 10001: customer 10002 has {A} in 2024-05-01..2025-01-01",
        f"customer 10002, Kunde 10002: customer 10001 has {A} in 2024-05-01..2025-01-01",
    ]


def test_a_customer_who_lets_nobody_in_still_has_its_metering_points() -> None:
    result = wanted(
        Client(10001, apps=guid(1), points=A),
        Client(10002, points=A),
        Client(None, points=f"{A} 2025-01-01.."),
    )

    assert shown(result) == set()
    assert [str(fault).partition(" too,")[0] for fault in result.faults] == [
        f"customer 10001, Kunde 10001: customers 10002, without number ({Client(None).guid}) have {A} in .."
    ]


def test_a_metering_point_with_an_unreadable_period_is_not_open_to_another_customer() -> None:
    result = wanted(
        Client(10001, apps=guid(1), points=f"{A} 2024-5-1.."), Client(10002, apps=guid(2), points=f"{A} {B}")
    )

    assert shown(result) == {(app(2), B, 10002, ALWAYS)}
    assert kinds(result) == [FaultKind.METERING_POINT, FaultKind.OVERLAP]


# Metering points from the warehouse.

SUPPLY = (
    SupplyPeriod(10001, A, MAY, NEW_YEAR),
    SupplyPeriod(10001, B, MAY, None),
    SupplyPeriod(10002, A, NEW_YEAR, None),
)


def test_supply_periods_are_the_grants_periods() -> None:
    result = wanted(Client(10001, apps=guid(1)), Client(10002, apps=guid(1)), supply=SUPPLY)

    assert shown(result) == {
        (app(1), A, 10001, (Span(MAY, NEW_YEAR),)),
        (app(1), B, 10001, (Span(MAY, None),)),
        (app(1), A, 10002, (Span(NEW_YEAR, None),)),
    }
    assert result.faults == ()


def test_the_field_in_severa_only_restricts_what_the_warehouse_says() -> None:
    result = wanted(Client(10001, apps=guid(1), points=f"{A} 2024-06-01..2030-01-01"), supply=SUPPLY)

    assert shown(result) == {(app(1), A, 10001, (Span(JUNE, NEW_YEAR),))}
    assert [each.why for each in result.grants.values()] == [
        "API client id; supply period and API metering points"
    ]


@pytest.mark.parametrize("points", [point(3), f"{A} 2025-01-01..", f"{A} ..2024-05-01"])
def test_what_was_not_supplied_is_not_granted_by_writing_it_in_severa(points: str) -> None:
    result = wanted(Client(10001, apps=guid(1), points=points), supply=SUPPLY)

    assert shown(result) == set()
    assert kinds(result) == [FaultKind.NOT_SUPPLIED]


def test_a_restriction_that_cannot_be_read_restricts_to_nothing() -> None:
    result = wanted(Client(10001, apps=guid(1), points="all of them"), supply=SUPPLY)

    assert shown(result) == set()
    assert set(kinds(result)) == {FaultKind.METERING_POINT}


def test_a_restriction_with_an_unreadable_period_does_not_open_its_metering_point() -> None:
    result = wanted(Client(10001, apps=guid(1), points=f"{A} 2024-6-1..; {B}"), supply=SUPPLY)

    assert shown(result) == {(app(1), B, 10001, (Span(MAY, None),))}
    assert kinds(result) == [FaultKind.METERING_POINT]


def test_a_warehouse_without_supply_periods_gives_nobody_what_severa_says() -> None:
    result = wanted(Client(10001, apps=guid(1), points=A), Client(10002, apps=guid(2)), supply=())

    assert shown(result) == set()
    assert kinds(result) == [
        FaultKind.NO_METERING_POINTS, FaultKind.NOT_SUPPLIED, FaultKind.NO_METERING_POINTS
    ]  # fmt: skip
    assert "the warehouse has no supply period for this customer number" in result.faults[0].text
    assert result.restricted == {10001}


def test_a_customer_without_a_number_is_not_among_the_restricted() -> None:
    result = wanted(Client(None, apps=guid(1), points=A), Client(10002, points=B), supply=SUPPLY)

    assert result.restricted == {10002}


@pytest.mark.parametrize(("unreadable", "restricted"), [(METERING_POINTS, {10001}), ("", set())])
def test_a_value_that_may_restrict_and_cannot_be_read_opens_nothing(
    unreadable: str, restricted: set[int]
) -> None:
    result = wanted(Client(10001, apps=guid(1), unreadable=(unreadable,)), supply=SUPPLY)

    assert shown(result) == set()
    assert FaultKind.METERING_POINT in kinds(result)
    assert all("correct it in Severa" in each.text for each in result.faults)
    assert result.restricted == restricted


@pytest.mark.parametrize("unreadable", [METERING_POINTS, ""])
def test_an_unreadable_value_beside_a_readable_one_adds_nothing_to_it(unreadable: str) -> None:
    result = wanted(Client(10001, apps=guid(1), points=A, unreadable=(unreadable,)), supply=SUPPLY)

    assert shown(result) == {(app(1), A, 10001, (Span(MAY, NEW_YEAR),))}
    assert FaultKind.METERING_POINT in kinds(result)


def test_an_unreadable_value_of_another_field_changes_nothing() -> None:
    result = wanted(Client(10001, apps=guid(1), points=A, unreadable=("Region",)), supply=SUPPLY)

    assert shown(result) == {(app(1), A, 10001, (Span(MAY, NEW_YEAR),))}
    assert result.faults == ()


@pytest.mark.parametrize("unreadable", [CLIENT_IDS, ""])
def test_a_client_id_that_cannot_be_read_lets_nobody_in_and_is_named(unreadable: str) -> None:
    result = wanted(Client(10001, points=A, unreadable=(unreadable,)))

    assert shown(result) == set()
    assert FaultKind.CLIENT_ID in kinds(result)


@pytest.mark.parametrize("points", ["", " \n"])
def test_an_empty_field_restricts_nothing(points: str) -> None:
    result = wanted(Client(10001, apps=guid(1), points=points), supply=SUPPLY)

    assert len(result.grants) == 2
    assert (result.restricted, result.faults) == (frozenset(), ())


def test_a_field_of_nothing_but_separators_restricts_to_nothing_and_is_named() -> None:
    result = wanted(Client(10001, apps=guid(1), points=" ;, "), supply=SUPPLY)

    assert shown(result) == set()
    assert [fault.text for fault in result.faults] == [
        "'API metering points': there is no metering point in it; correct it in Severa"
    ]


def test_a_customer_who_came_back_has_both_periods_in_one_grant() -> None:
    supply = (SupplyPeriod(10001, A, date(2020, 1, 1), date(2021, 1, 1)), SupplyPeriod(10001, A, MAY, None))

    result = wanted(Client(10001, apps=guid(1)), supply=supply)

    both = (Span(date(2020, 1, 1), date(2021, 1, 1)), Span(MAY, None))
    assert shown(result) == {(app(1), A, 10001, both)}


def test_supply_periods_that_overlap_are_nobodys_days() -> None:
    supply = (SupplyPeriod(10001, A, MAY, None), SupplyPeriod(10999, A, NEW_YEAR, None))

    result = wanted(Client(10001, apps=guid(1)), supply=supply)

    assert shown(result) == {(app(1), A, 10001, (Span(MAY, NEW_YEAR),))}
    assert kinds(result) == [FaultKind.OVERLAP]
    assert result.faults[0].text.startswith(f"customer 10999 has {A} in 2025-01-01.. too, so nobody")


@pytest.mark.parametrize(("count", "more"), [(5, ""), (7, " and 2 more")])
def test_an_overlap_names_five_of_many_customers_and_none_who_has_other_days(count: int, more: str) -> None:
    others = [SupplyPeriod(10_900 + each, A, NEW_YEAR, None) for each in reversed(range(count))]
    supply = (SupplyPeriod(10001, A, MAY, None), SupplyPeriod(10_890, A, MAY, JUNE), *others)

    result = wanted(Client(10001, apps=guid(1), points=f"{A} 2024-06-01.."), supply=supply)

    [fault] = result.faults
    assert fault.text.startswith(
        f"customers 10900, 10901, 10902, 10903, 10904{more} have {A} in 2025-01-01.. too, so nobody"
    )


def test_a_metering_point_of_thousands_of_customers_is_shown_to_none_of_them() -> None:
    supply = [SupplyPeriod(10_000 + each, A, MAY, None) for each in range(3_000)]

    result = wanted(Client(10001, apps=guid(1)), supply=supply)

    assert shown(result) == set()
    assert kinds(result) == [FaultKind.OVERLAP]


@pytest.mark.parametrize("supply", [SUPPLY, (*SUPPLY, SupplyPeriod(10003, point(3), MAY, MAY))])
def test_a_customer_number_without_supplied_days_is_a_fault(supply: Sequence[SupplyPeriod]) -> None:
    result = wanted(Client(10003, apps=guid(1)), supply=supply)

    assert shown(result) == set()
    assert kinds(result) == [FaultKind.NO_METERING_POINTS]


def test_a_bad_metering_point_in_the_warehouse_is_a_fault_of_its_customer_alone() -> None:
    supply = (*SUPPLY, SupplyPeriod(10001, "123", MAY, None), SupplyPeriod(10002, B, MAY, MAY))

    result = wanted(Client(10001, apps=guid(1)), Client(10002, apps=guid(2)), supply=supply)

    assert len(result.grants) == 3
    assert kinds(result) == [FaultKind.METERING_POINT]


@pytest.mark.parametrize(
    ("missing", "supply", "effect"),
    [
        (CLIENT_IDS, None, "no application gets access"),
        (METERING_POINTS, None, "nobody gets access"),
        (METERING_POINTS, (), "no customer can be restricted"),
    ],
)
def test_a_field_that_is_not_defined_is_a_fault_of_the_whole_reading(
    missing: str, supply: Sequence[SupplyPeriod] | None, effect: str
) -> None:
    names = {CLIENT_IDS, METERING_POINTS} - {missing}

    result = wanted(severa=register([Client(10001)], property_names=names), supply=supply)

    assert [(fault.whose, fault.kind) for fault in result.faults] == [
        (f"custom property '{missing}'", FaultKind.NO_FIELD)
    ]
    assert f", so {effect}; define it" in result.faults[0].text


def test_an_object_id_that_is_no_guid_grants_nothing() -> None:
    severa = register([Client(10001, points=A, persons=(Person(7),))])
    contact = contact_email(contact_guid=guid(7), email=KARI)

    result = mapping.wanted(
        severa, directory=Directory({contact: "kari"}), fields=Fields(), supply_periods=None
    )

    assert result.grants == {}
    assert kinds(result) == [FaultKind.USER]


def periods_of_a_day(count: int) -> list[tuple[date, date]]:
    starts = [date(2010, 1, 1) + timedelta(days=3 * each) for each in range(count)]
    return [(start, start + timedelta(days=1)) for start in starts]


@pytest.mark.parametrize("by_supply", [True, False])
@pytest.mark.parametrize(("count", "is_kept"), [(100, True), (101, False), (1450, False)])
def test_a_metering_point_with_more_periods_than_can_be_kept_is_a_fault_of_its_customer_alone(
    count: int, is_kept: bool, by_supply: bool
) -> None:
    days = periods_of_a_day(count)
    typed = " ".join(f"{first}..{end}" for first, end in days)
    supply = [SupplyPeriod(10001, A, first, end) for first, end in days]

    result = wanted(
        Client(10001, apps=guid(1), points="" if by_supply else f"{A} {typed}"),
        Client(10002, apps=guid(1), points="" if by_supply else B),
        supply=[*supply, SupplyPeriod(10002, B, MAY, None)] if by_supply else None,
    )

    assert {(key[1], key[2]) for key in result.grants} == (
        {(A, 10001), (B, 10002)} if is_kept else {(B, 10002)}
    )
    assert [str(fault) for fault in result.faults] == (
        []
        if is_kept
        else [
            f"customer 10001, Kunde 10001: {A} has {count} periods, more than the 100 that can be kept, so "
            "nobody may read it; correct them in Severa or the warehouse"
        ]
    )
