"""Severa's JSON as records, whatever it lacks or adds."""

import pytest

from shared.access import severa_records
from shared.access.register import ContactPerson, CustomValue


@pytest.mark.parametrize(
    ("number", "expected"),
    [(10001, 10001), ("10001", 10001), (None, None), ("A-17", None), ("", None), (True, None), (1.5, None)],
)
def test_a_customer_number_is_digits_or_absent(number: object, expected: int | None) -> None:
    assert severa_records.customer({"guid": "c1", "number": number}).number == expected


@pytest.mark.parametrize(
    ("is_active", "expected"), [(True, True), (False, False), (None, False), ("true", False)]
)
def test_whoever_is_not_clearly_active_is_inactive(is_active: object, expected: bool) -> None:
    assert severa_records.customer({"guid": "c1", "isActive": is_active}).is_active is expected
    assert severa_records.contact_person({"guid": "p1", "isActive": is_active}).is_active is expected


@pytest.mark.parametrize(
    ("is_deleted", "expected"), [(False, False), (None, False), (True, True), ("yes", True)]
)
def test_whoever_is_not_clearly_undeleted_is_deleted(is_deleted: object, expected: bool) -> None:
    assert severa_records.contact_person({"guid": "p1", "isDeleted": is_deleted}).is_deleted is expected


def test_a_contact_person_of_nothing_but_a_guid_belongs_to_nobody() -> None:
    assert severa_records.contact_person({"guid": "P1", "customer": None, "role": None, "emails": None}) == (
        ContactPerson("p1", "", "", (), None, True, False)
    )


def test_guids_are_compared_in_lower_case() -> None:
    names = severa_records.property_names([{"guid": "AB", "name": "API client id"}])
    row = {"customerGuid": "C1", "customProperty": {"guid": "aB"}, "value": "x"}

    value = severa_records.custom_value(row, customer_guid="c1", names=names)

    assert value == CustomValue("c1", "API client id", "x")
    assert severa_records.customer({"guid": "C1"}).guid == "c1"


def test_a_property_without_a_name_does_not_exist() -> None:
    assert severa_records.property_names([{"guid": "a", "name": " "}, {"guid": "b"}]) == {}
