"""Which Entra user each contact person's address was bound to when it was first found, in `ServiceState`."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from shared import tables
from shared.access.severa.register import ContactEmail

PARTITION = "sync-users"


def read(storage: tables.Tables) -> dict[ContactEmail, str]:
    """The object id that each contact person's address was bound to when it was first found in Entra."""
    return {
        ContactEmail(entity["contactGuid"], entity["email"]): str(entity["objectId"])
        for entity in storage.range(tables.SERVICE_STATE, partition=PARTITION)
    }


def add(storage: tables.Tables, users: Mapping[ContactEmail, str], *, now: datetime, run_id: str) -> None:
    """Keep newly found object ids: from then on they are trusted, and the address is not."""
    operations: list[tables.Operation] = [
        (
            "upsert",
            {
                "PartitionKey": PARTITION,
                "RowKey": _row(contact),
                "contactGuid": contact.contact_guid,
                "email": contact.email,
                "objectId": object_id,
                "boundAt": now.isoformat(),
                "runId": run_id,
            },
        )
        for contact, object_id in sorted(users.items())
    ]
    _in_transactions(storage, operations)


def remove(storage: tables.Tables, contacts: Iterable[ContactEmail]) -> None:
    """Forget the object ids of addresses that have no access in Severa any more."""
    operations: list[tables.Operation] = [
        ("delete", {"PartitionKey": PARTITION, "RowKey": _row(contact)}) for contact in sorted(contacts)
    ]
    _in_transactions(storage, operations)


def _row(contact: ContactEmail) -> str:
    """A key without the characters that keys may not have, and that addresses may."""
    return hashlib.sha256(f"{contact.contact_guid}\n{contact.email}".encode()).hexdigest()


def _in_transactions(storage: tables.Tables, operations: list[tables.Operation]) -> None:
    for start in range(0, len(operations), tables.MAX_TRANSACTION):
        storage.transact(tables.SERVICE_STATE, operations[start : start + tables.MAX_TRANSACTION])
