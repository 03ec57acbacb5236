"""Severa's JSON as records, whatever it lacks or adds."""

import pytest

from shared.access.severa import records
from shared.access.severa.records import Row
from shared.access.severa.severa_register import ContactPerson, CustomValue, UnreadableCustomValue


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (10001, 10001),
        ("10001", 10001),
        (None, None),
        ("A-17", None),
        ("", None),
        (True, None),
        (1.5, None),
        (10**18 - 1, 10**18 - 1),
        (10**18, None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5000, None),
        (-(10**18), None),
        ("1\u00b2", None),
        ("\u0661\u0662", None),
    ],
)
def test_a_customer_number_is_digits_or_absent(number: object, expected: int | None) -> None:
    assert records.customer({"guid": "c1", "number": number}).number == expected


@pytest.mark.parametrize(
    ("is_active", "expected"), [(True, True), (False, False), (None, False), ("true", False)]
)
def test_a_customer_that_is_not_clearly_active_is_inactive(is_active: object, expected: bool) -> None:
    assert records.customer({"guid": "c1", "isActive": is_active}).is_active is expected
    assert records.contact_person({"guid": "p1", "isActive": is_active}).is_active is expected


@pytest.mark.parametrize(
    ("is_deleted", "expected"), [(False, False), (None, False), (True, True), ("yes", True)]
)
def test_a_person_who_is_not_clearly_undeleted_is_deleted(is_deleted: object, expected: bool) -> None:
    assert records.contact_person({"guid": "p1", "isDeleted": is_deleted}).is_deleted is expected


def test_a_contact_person_of_nothing_but_a_guid_belongs_to_nobody() -> None:
    assert records.contact_person({"guid": "P1", "customer": None, "role": None, "emails": None}) == (
        ContactPerson("p1", "", "", (), None, True, False)
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"name": " Kari Nordmann "}, "Kari Nordmann"),
        ({"firstName": "Kari", "lastName": "Nordmann"}, "Kari Nordmann"),
        ({"name": " ", "lastName": "Nordmann"}, "Nordmann"),
    ],
)
def test_a_person_without_a_name_has_first_and_last_name(names: Row, expected: str) -> None:
    assert records.contact_person({"guid": "p1", **names}).name == expected


@pytest.mark.parametrize(("role", "expected"), [(" API ", "API"), (" ", None), (["API"], None)])
def test_a_contact_role_is_a_text_without_surrounding_blanks(role: object, expected: str | None) -> None:
    assert records.contact_person({"guid": "p1", "role": {"name": role}}).role_name == expected


def test_an_email_address_that_is_no_text_spoils_no_other() -> None:
    emails = [None, 7, ["x@x.example"], "kari@x.example", "\ud800@x.example"]

    assert records.contact_person({"guid": "p1", "emails": emails}).emails == (
        "kari@x.example",
        "\ufffd@x.example",
    )


def test_guids_are_compared_in_lower_case() -> None:
    names = records.property_names([{"guid": "AB", "name": "API client id"}])
    row = {"customerGuid": "C1", "customProperty": {"guid": "aB"}, "value": "x"}

    value = records.custom_value(row, customer_guid="c1", names=names)

    assert value == CustomValue("c1", "API client id", "x")
    assert records.customer({"guid": "C1"}).guid == "c1"
    assert records.contact_person({"guid": "p1", "customer": {"guid": "C1"}}).customer_guid == "c1"


def test_a_property_without_a_name_does_not_exist() -> None:
    assert records.property_names([{"guid": "a", "name": " "}, {"guid": "b"}]) == {}


NAMES = {"p1": "API client id", "p2": "API metering points", "p3": None}
POINT = "707057500000000018"


@pytest.mark.parametrize("value", [[POINT], int(POINT), {"text": POINT}, True, 0, [], {}])
def test_a_value_that_is_no_text_is_unreadable_and_not_nothing(value: object) -> None:
    row = {"guid": "v1", "customProperty": {"guid": "p2"}, "value": value}

    read = records.custom_value(row, customer_guid="c1", names=NAMES)

    assert read == UnreadableCustomValue("c1", "API metering points")


@pytest.mark.parametrize(
    "custom_property",
    [None, {}, "p2", ["p2"], {"name": "API metering points"}, {"guid": None}, {"guid": 2}, {"guid": "p9"}],
)
def test_a_value_whose_property_is_not_known_may_be_of_any(custom_property: object) -> None:
    row = {"guid": "v1", "customProperty": custom_property, "value": POINT}

    read = records.custom_value(row, customer_guid="c1", names=NAMES)

    assert read == UnreadableCustomValue("c1", "")


@pytest.mark.parametrize("value", [None, "", " \n\t"])
@pytest.mark.parametrize("property_guid", ["p2", "p9"])
def test_a_null_or_blank_value_is_none(value: str | None, property_guid: str) -> None:
    row = {"guid": "v1", "customProperty": {"guid": property_guid}, "value": value}

    assert records.custom_value(row, customer_guid="c1", names=NAMES) is None


def test_a_value_is_kept_without_surrounding_blanks_and_what_no_store_accepts() -> None:
    row = {"guid": "v1", "customProperty": {"guid": "p2"}, "value": f" {POINT}\ud800\n"}

    read = records.custom_value(row, customer_guid="c1", names=NAMES)

    assert read == CustomValue("c1", "API metering points", f"{POINT}\ufffd")


@pytest.mark.parametrize("value", [POINT, [POINT]])
def test_a_value_of_an_inactive_property_is_none(value: object) -> None:
    row = {"guid": "v1", "customProperty": {"guid": "p3"}, "value": value}

    assert records.custom_value(row, customer_guid="c1", names=NAMES) is None


def test_an_inactive_property_is_known_without_a_name() -> None:
    rows: list[Row] = [
        {"guid": "A", "name": "Region"},
        {"guid": "b", "name": "Old", "isActive": False},
        {"guid": "c", "isActive": False},
    ]

    assert records.property_names(rows) == {"a": "Region", "b": None, "c": None}
