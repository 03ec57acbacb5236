"""What one sync keeps for the next in `ServiceState`: bound users, and customers with a restriction.

The Entra user of each contact person's address is stored when the address is first found. From then on the
user's object id is trusted, and the address is not.

A customer is restricted while it shows only some of its metering points. A missing value in Severa looks the
same whether somebody emptied the field or Severa failed to return it, and the stored grants do not show a
customer that was restricted to nothing: only a stored restriction shows that a value is missing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from shared import tables
from shared.access.entra.users import ContactEmail

USERS = "sync-users"
RESTRICTED = "sync-restricted"


def bound_users(storage: tables.Tables) -> dict[ContactEmail, str]:
    """Return the object id that each contact person's address is bound to.

    Raises:
        TablesUnavailable: Table Storage did not answer, or a row is not as `bind_users` writes it. Without
            the row, the address would be looked up again, and a new holder of it would get the access.
    """
    return dict(_bound(entity) for entity in storage.range(tables.SERVICE_STATE, partition=USERS))


def _bound(entity: tables.Entity) -> tuple[ContactEmail, str]:
    try:
        contact = ContactEmail(tables.stored_text(entity, "contactGuid"), tables.stored_text(entity, "email"))
        return contact, tables.stored_text(entity, "objectId")
    except tables.UnreadableValue as error:
        raise tables.UnreadableValue(f"Bound user {entity['RowKey']}: {error}") from error


def bind_users(
    storage: tables.Tables, users: Mapping[ContactEmail, str], *, now: datetime, run_id: str
) -> None:
    """Store newly found object ids."""
    operations: list[tables.Operation] = [
        (
            "upsert",
            {
                "PartitionKey": USERS,
                "RowKey": _user_row(contact),
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


def unbind_users(storage: tables.Tables, contacts: Iterable[ContactEmail]) -> None:
    """Delete the object ids of addresses that no longer have access in Severa."""
    _in_transactions(
        storage,
        [("delete", {"PartitionKey": USERS, "RowKey": _user_row(contact)}) for contact in sorted(contacts)],
    )


@tables.as_written("restriction")
def restricted_customers(storage: tables.Tables) -> frozenset[int]:
    """Return the numbers of the customers who were restricted, and whose restriction nobody has lifted."""
    rows = storage.range(tables.SERVICE_STATE, partition=RESTRICTED, select=("RowKey",))
    return frozenset(int(entity["RowKey"]) for entity in rows)


def restrict(storage: tables.Tables, numbers: Iterable[int], *, run_id: str) -> None:
    """Store restricted customers; call it before their grants are written, as a run can be killed."""
    _in_transactions(
        storage,
        [
            ("upsert", {"PartitionKey": RESTRICTED, "RowKey": str(number), "runId": run_id})
            for number in sorted(numbers)
        ],
    )


def lift_restrictions(storage: tables.Tables, numbers: Iterable[int]) -> None:
    """Delete the restrictions of customers, once an operator has lifted them."""
    _in_transactions(
        storage,
        [("delete", {"PartitionKey": RESTRICTED, "RowKey": str(number)}) for number in sorted(numbers)],
    )


def _user_row(contact: ContactEmail) -> str:
    """Return a key without characters that addresses may have and keys may not."""
    return hashlib.sha256(f"{contact.contact_guid}\n{contact.email}".encode()).hexdigest()


def _in_transactions(storage: tables.Tables, operations: list[tables.Operation]) -> None:
    for batch in tables.batches(operations):
        storage.write(tables.SERVICE_STATE, batch)
