"""What the stand-ins hold: records in the JSON of the real services, from the demo world or from a file."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import demo

Record = dict[str, Any]

CLIENT_IDS = "API client id"
METERING_POINTS = "API metering points"
CONTACT_ROLE = "API"

GUEST_DOMAIN = "metering-demo.onmicrosoft.example"
ROLE_ID = "5a5e0000-0000-4000-8000-0000000000f2"
SERVICE_PRINCIPAL_ID = "5a5e0000-0000-4000-8000-0000000000f3"

_PROPERTIES = {
    CLIENT_IDS: "5a5e0000-0000-4000-8000-000000000101",
    METERING_POINTS: "5a5e0000-0000-4000-8000-000000000102",
}
_ROLES = {
    CONTACT_ROLE: "5a5e0000-0000-4000-8000-000000000111",
    "Invoicing": "5a5e0000-0000-4000-8000-000000000112",
}

EMPTY_SEVERA: Record = {
    "customers": [],
    "contactPersons": [],
    "customProperties": [],
    "customValues": [],
    "credentials": {demo.SEVERA_CLIENT_ID: demo.SEVERA_CLIENT_SECRET},
    "scopes": ["customers:read", "settings:read"],
    "tokenLifetime": 3600,
    "customFields": True,
    "maximumRows": 100,
}
"""The lists, and how the service behaves: `customFields` is the add-on, `maximumRows` the longest page."""

EMPTY_GRAPH: Record = {"users": [], "servicePrincipals": [], "appRoleAssignments": [], "pageSize": 100}


_IDENTITIES = {
    "customers": ("guid",),
    "contactPersons": ("guid",),
    "customProperties": ("guid", "name"),
    "customValues": ("guid", "customerGuid"),
    "users": ("id",),
    "servicePrincipals": ("id", "appId"),
    "appRoleAssignments": ("principalId", "resourceId", "appRoleId"),
}
"""What a record of each list has to have for the stand-in to serve it; the rest is up to the file."""


class InvalidData(Exception):
    """A file or a body does not hold what a stand-in can serve; the message says what is wrong."""


def complete(given: object, *, empty: Mapping[str, Any]) -> Record:
    """Return `given`, with what is missing taken from `empty`.

    Raises:
        InvalidData: for anything other than an object with known fields of the right type.
    """
    if not isinstance(given, dict):
        raise InvalidData(f"It must be an object with some of the fields {', '.join(empty)}.")
    if unknown := sorted(set(given) - set(empty)):
        raise InvalidData(f"Unknown: {', '.join(unknown)}. Known fields are {', '.join(empty)}.")
    for name, value in given.items():
        if not isinstance(value, type(empty[name])):
            raise InvalidData(f"'{name}' must be a {type(empty[name]).__name__}.")
        for record in value if name in _IDENTITIES else ():
            if not isinstance(record, dict) or not all(record.get(key) for key in _IDENTITIES[name]):
                raise InvalidData(f"A record of '{name}' lacks {' or '.join(_IDENTITIES[name])}: {record}")
    return copy.deepcopy({**empty, **given})


def read_severa(path: Path) -> Record:
    """Read Severa's data from a JSON file.

    Raises:
        InvalidData: when the file cannot be read or does not fit; the message names the file.
    """
    try:
        return complete(json.loads(path.read_text(encoding="utf-8")), empty=EMPTY_SEVERA)
    except (OSError, ValueError, InvalidData) as error:
        raise InvalidData(f"{path}: {error}") from error


def customer(
    *, guid: str, number: int | None, name: str = "Kunde AS", is_active: bool = True, **other: object
) -> Record:
    """Return a CustomerModel with the fields that matter and a few that do not."""
    return {
        "guid": guid,
        "number": number,
        "name": name,
        "isActive": is_active,
        "isInternal": False,
        "vatNumber": None,
        "notes": None,
        **other,
    }


def contact_person(
    *,
    guid: str,
    customer_guid: str,
    emails: list[str],
    role: str | None = CONTACT_ROLE,
    first_name: str = "Kari",
    last_name: str = "Nordmann",
    is_active: bool = True,
    is_deleted: bool = False,
) -> Record:
    """Return a ContactModel."""
    return {
        "guid": guid,
        "firstName": first_name,
        "lastName": last_name,
        "name": f"{first_name} {last_name}",
        "jobTitle": None,
        "isActive": is_active,
        "isDeleted": is_deleted,
        "customer": {"guid": customer_guid},
        "emails": emails,
        "phoneNumbers": [],
        "isEmailAllowed": False,
        "role": {"guid": _ROLES.get(role, role), "name": role} if role else None,
    }


def custom_property(*, name: str, is_active: bool = True) -> Record:
    """Return a CustomPropertyModel of type String."""
    return {
        "guid": property_guid(name),
        "name": name,
        "type": "String",
        "parameters": "",
        "isActive": is_active,
    }


def custom_value(*, guid: str, customer_guid: str, name: str, value: str | None) -> Record:
    """Return a CustomerCustomValueModel of a property of type String."""
    return {
        "guid": guid,
        "customerGuid": customer_guid,
        "customProperty": {"guid": property_guid(name), "name": name, "type": "String", "parameters": ""},
        "value": value,
    }


def property_guid(name: str) -> str:
    """Return the guid that the property of this name has in the stand-in."""
    return _PROPERTIES.get(name, f"property-{name}")


def user(*, object_id: str, mail: str | None, display_name: str = "", **other: object) -> Record:
    """Return a Graph user of the tenant; other properties of Graph by their own names."""
    return {
        "id": object_id,
        "accountEnabled": True,
        "displayName": display_name,
        "mail": mail,
        "otherMails": [],
        "userPrincipalName": f"{object_id}@{GUEST_DOMAIN}",
        "userType": "Member",
        **other,
    }


def guest(*, object_id: str, email: str, display_name: str = "") -> Record:
    """Return a Graph user as an invitation leaves it: the address in three places."""
    return user(
        object_id=object_id,
        mail=email,
        display_name=display_name,
        otherMails=[email],
        userPrincipalName=f"{email.replace('@', '_')}#EXT#@{GUEST_DOMAIN}",
        userType="Guest",
        externalUserState="PendingAcceptance",
    )


def demo_severa() -> Record:
    """Return the demo's customers, among records that grant nothing: inactive, deleted, other roles."""
    former = "5a5e0000-0000-4000-8000-0000000000ef"
    customers = [customer(guid=each.guid, number=each.number, name=each.name) for each in demo.CUSTOMERS]
    values = [
        custom_value(
            guid=each.guid.replace("-4000-", "-4001-"),
            customer_guid=each.guid,
            name=CLIENT_IDS,
            value="\n".join(each.client_ids),
        )
        for each in demo.CUSTOMERS
        if each.client_ids
    ]
    return complete(
        {
            "customers": [
                *customers,
                customer(guid=former, number=10009, name="Tidligere Kunde AS", is_active=False),
            ],
            "customProperties": [
                custom_property(name=CLIENT_IDS),
                custom_property(name=METERING_POINTS),
                custom_property(name="Segment"),
            ],
            "customValues": [
                *values,
                custom_value(
                    guid="5a5e0000-0000-4001-8000-0000000000ef",
                    customer_guid=former,
                    name=CLIENT_IDS,
                    value=demo.VENDOR.client_id,
                ),
            ],
            "contactPersons": _demo_contact_persons(),
        },
        empty=EMPTY_SEVERA,
    )


def _demo_contact_persons() -> list[Record]:
    first = demo.CUSTOMERS[0].guid
    with_access = [
        contact_person(
            guid=each.guid.replace("-4000-", "-4002-"),
            customer_guid=each.guid,
            emails=[each.contact.email],
            first_name=each.contact.display_name.split()[0],
            last_name=each.contact.display_name.split()[-1],
        )
        for each in demo.CUSTOMERS
        if each.contact
    ]
    return [
        *with_access,
        contact_person(
            guid="5a5e0000-0000-4002-8000-0000000000f8",
            customer_guid=first,
            emails=["faktura@fjordbakeriet.example"],
            role="Invoicing",
            first_name="Faktura",
        ),
        contact_person(
            guid="5a5e0000-0000-4002-8000-0000000000f9",
            customer_guid=first,
            emails=["sluttet@fjordbakeriet.example"],
            first_name="Sluttet",
            is_deleted=True,
        ),
    ]


def demo_graph() -> Record:
    """Return the demo's users, and the enterprise application of the API with its role."""
    role = {
        "id": ROLE_ID,
        "value": demo.ROLE,
        "isEnabled": True,
        "allowedMemberTypes": ["User", "Application"],
    }
    return complete(
        {
            "users": [
                user(object_id=each.object_id, mail=each.email, display_name=each.display_name)
                for each in demo.USERS
            ],
            "servicePrincipals": [
                {"id": SERVICE_PRINCIPAL_ID, "appId": demo.API_CLIENT_ID, "appRoles": [role]}
            ],
        },
        empty=EMPTY_GRAPH,
    )
