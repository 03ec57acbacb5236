"""Turns Severa's JSON into the values of the register. Pure.

The models have the names of Severa's OpenAPI description, and only the fields that are used. Other fields are
ignored, and a field of an unexpected type counts as missing. Only a record without its guid is an error: it
could be neither recognised nor counted.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared import foreign
from shared.access.severa.severa_register import ContactPerson, Customer, CustomValue, UnreadableCustomValue

Row = Mapping[str, Any]


class MalformedRecord(Exception):
    """A record lacks what every record of its kind has."""


def _text(value: object) -> str:
    return foreign.storable(value.strip()) if isinstance(value, str) else ""


def _guid(value: object) -> str:
    return _text(value).lower()


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= foreign.MAX_DIGITS:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**foreign.MAX_DIGITS:
        return None
    return value


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else ()
    return tuple(foreign.storable(each) for each in values if isinstance(each, str))


Text = Annotated[str, BeforeValidator(_text)]
"""A text without surrounding blanks; empty when it is null, missing or not a text."""
Guid = Annotated[str, BeforeValidator(_guid)]
Number = Annotated[int | None, BeforeValidator(_number)]
"""A JSON number, or one written as text; None for more than `MAX_DIGITS` digits or anything else."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Active = Annotated[bool, BeforeValidator(lambda value: value is True)]
Deleted = Annotated[bool, BeforeValidator(lambda value: value not in (None, False))]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class CustomerModel(_Model):
    """A customer."""

    number: Number = None
    name: Text = ""
    is_active: Active = True


class ContactModel(_Model):
    """A contact person. E-mail addresses are a list, and there is no single `email` field."""

    customer_guid: Guid = Field("", validation_alias=AliasPath("customer", "guid"))
    name: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    emails: Texts = ()
    role_name: Text = Field("", validation_alias=AliasPath("role", "name"))
    is_active: Active = True
    is_deleted: Deleted = False


class CustomPropertyModel(_Model):
    """The definition of a custom property."""

    name: Text = ""
    is_active: Active = True


class CustomerCustomValueModel(_Model):
    """The value of a customer in one custom property: a text, or anything else that Severa may return."""

    customer_guid: Guid = ""
    property_guid: Guid = Field("", validation_alias=AliasPath("customProperty", "guid"))
    value: Any = None


def guid(row: Row) -> str:
    """Return the record's own identity, in lower case.

    Raises:
        MalformedRecord: the record has none.
    """
    value = _guid(row.get("guid"))
    if not value:
        raise MalformedRecord(f"A record of Severa has no guid; it has the fields {sorted(row)}.")
    return value


def customer(row: Row) -> Customer:
    """Return the customer of a CustomerModel."""
    read = CustomerModel.model_validate(row)
    return Customer(guid(row), read.number, read.name, read.is_active)


def contact_person(row: Row) -> ContactPerson:
    """Return the contact person of a ContactModel."""
    read = ContactModel.model_validate(row)
    return ContactPerson(
        guid=guid(row),
        customer_guid=read.customer_guid,
        name=read.name or f"{read.first_name} {read.last_name}".strip(),
        emails=read.emails,
        role_name=read.role_name or None,
        is_active=read.is_active,
        is_deleted=read.is_deleted,
    )


def property_names(rows: Iterable[Row]) -> dict[str, str | None]:
    """Return names by guid: None for an inactive property; a property without a name is left out."""
    read = {guid(row): CustomPropertyModel.model_validate(row) for row in rows}
    return {
        guid: each.name if each.is_active else None
        for guid, each in read.items()
        if each.name or not each.is_active
    }


def custom_value(
    row: Row, *, customer_guid: str, names: Mapping[str, str | None]
) -> CustomValue | UnreadableCustomValue | None:
    """Return the value of a CustomerCustomValueModel; None if it is blank or its property is not active.

    The property gets its name from its definition (`names` by guid), since the copy in a value is optional. A
    value that cannot be read never counts as absent: without a value in the property that restricts, a
    customer shows everything.

    Raises:
        MalformedRecord: the value belongs to another customer than the requested one.
    """
    read = CustomerCustomValueModel.model_validate(row)
    if read.customer_guid not in ("", customer_guid):
        raise MalformedRecord("Severa answered with a custom value of another customer.")
    if read.value is None or (isinstance(read.value, str) and not read.value.strip()):
        return None
    if read.property_guid not in names:
        return UnreadableCustomValue(customer_guid, "")
    name = names[read.property_guid]
    if name is None:
        return None
    if not isinstance(read.value, str):
        return UnreadableCustomValue(customer_guid, name)
    return CustomValue(customer_guid, name, foreign.storable(read.value.strip()))
