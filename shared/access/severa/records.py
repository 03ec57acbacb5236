"""Severa's JSON to the records of the register. Pure, and tolerant of whatever it does not need.

Field names are those of Severa's OpenAPI description (CustomerModel, ContactModel,
CustomPropertyModel, CustomerCustomValueModel); unknown fields and enumeration values are ignored.
Only a record without its guid is an error: it could be neither told apart nor counted.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared import foreign
from shared.access.severa.severa_register import ContactPerson, Customer, CustomValue, UnreadableValue

Row = Mapping[str, Any]


class MalformedRecord(Exception):
    """A record lacks what every record of its kind has."""


def guid(row: Row) -> str:
    """The record's own identity, in lower case.

    Raises:
        MalformedRecord: when it has none.
    """
    value = _text(row, "guid").lower()
    if not value:
        raise MalformedRecord(f"A record of Severa has no guid; it has the fields {sorted(row)}.")
    return value


def customer(row: Row) -> Customer:
    """A CustomerModel. `isActive` defaults to true in Severa's description."""
    return Customer(
        guid=guid(row),
        number=_number(row.get("number")),
        name=_text(row, "name"),
        is_active=row.get("isActive", True) is True,
    )


def contact_person(row: Row) -> ContactPerson:
    """A ContactModel. E-mail addresses are a list, and there is no single `email` field."""
    emails = row.get("emails")
    return ContactPerson(
        guid=guid(row),
        customer_guid=_text(_part(row, "customer"), "guid").lower(),
        name=_text(row, "name") or f"{_text(row, 'firstName')} {_text(row, 'lastName')}".strip(),
        emails=_texts(emails) if isinstance(emails, list) else (),
        role_name=_text(_part(row, "role"), "name") or None,
        is_active=row.get("isActive", True) is True,
        is_deleted=row.get("isDeleted") not in (None, False),
    )


def property_names(rows: Iterable[Row]) -> dict[str, str | None]:
    """Names of CustomPropertyModels by guid: None of one that is inactive; a nameless one is left out."""
    names: dict[str, str | None] = {}
    for row in rows:
        name = _text(row, "name")
        if row.get("isActive", True) is not True:
            names[guid(row)] = None
        elif name:
            names[guid(row)] = name
    return names


def custom_value(
    row: Row, *, customer_guid: str, names: Mapping[str, str | None]
) -> CustomValue | UnreadableValue | None:
    """A CustomerCustomValueModel, or None when it is blank or its property is no longer active.

    The property is named as its definition is named (`names` by guid): the copy of the name that a
    value carries is optional. What is there and cannot be read is never nothing: without a value in
    the property that narrows, a customer shows everything.

    Raises:
        MalformedRecord: when it is another customer's value than the one asked for.
    """
    if _text(row, "customerGuid").lower() not in ("", customer_guid):
        raise MalformedRecord("Severa answered with a custom value of another customer.")
    value = row.get("value")
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    property_guid = _text(_part(row, "customProperty"), "guid").lower()
    if property_guid not in names:
        return UnreadableValue(customer_guid, "")
    name = names[property_guid]
    if name is None:
        return None
    if not isinstance(value, str):
        return UnreadableValue(customer_guid, name)
    return CustomValue(customer_guid, name, foreign.storable(value.strip()))


def _text(row: Row, field: str) -> str:
    """A text without surrounding blanks; empty when Severa gives null, nothing or something else."""
    value = row.get(field)
    return foreign.storable(value.strip()) if isinstance(value, str) else ""


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(foreign.storable(each) for each in values if isinstance(each, str))


def _part(row: Row, field: str) -> Row:
    value = row.get(field)
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    """A customer number; a JSON number by the description, but digits in a text are as good.

    None for more digits than a number of ours can have.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= foreign.MAX_DIGITS:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**foreign.MAX_DIGITS:
        return None
    return value
