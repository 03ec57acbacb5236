"""Who may read a customer's metering points: one row for each principal, in the customer's partition.

The sync writes `AccessByCustomer` beside the grants, which are stored by principal and do not answer this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared import tables
from shared.readable import PermittedDays

Key = tuple[str, str]
"""Customer number and principal."""


class Kind(StrEnum):
    """The kind of a principal, which its text begins with."""

    APP = "app"
    USER = "user"


class By(StrEnum):
    """What in Severa gives the access."""

    APPLICATION = "application"
    CONTACT_PERSON = "contact-person"


@dataclass(frozen=True)
class Reader:
    """A principal that may read metering points of a customer.

    Attributes:
        principal: `app:<application id>` or `user:<object id>`.
        name: a person's masked e-mail address; None for an application, since Severa only has its id.
        days: from the first market day that it may read at any of the metering points to the last.
        since: when the sync first gave it access to a metering point of the customer.
    """

    principal: str
    name: str | None
    days: PermittedDays
    since: datetime

    @property
    def kind(self) -> Kind:
        """Whether it is an application or a user."""
        return Kind(self.principal.partition(":")[0])

    @property
    def id(self) -> str:
        """The id in Entra, of the application or of the person's user."""
        return self.principal.partition(":")[2]

    @property
    def by(self) -> By:
        """What in Severa gives the access."""
        return By.APPLICATION if self.kind is Kind.APP else By.CONTACT_PERSON


def of_customer(storage: tables.Tables, customer_number: int) -> list[Reader]:
    """Return the readers of a customer, applications first.

    Raises:
        TablesUnavailable: Table Storage did not answer, or a row is not as the sync writes it.
    """
    rows = storage.range(tables.ACCESS_BY_CUSTOMER, partition=str(customer_number))
    return [_reader(row) for row in rows]


def as_row(key: Key, reader: Reader, *, run_id: str) -> tables.Entity:
    """Return the entity of a customer's reader that a run writes."""
    customer_number, principal = key
    columns = {
        "name": reader.name,
        "validFrom": reader.days.first and reader.days.first.isoformat(),
        "validTo": reader.days.end and reader.days.end.isoformat(),
    }
    return {
        "PartitionKey": customer_number,
        "RowKey": principal,
        **{name: value for name, value in columns.items() if value is not None},
        "since": reader.since.isoformat(),
        "runId": run_id,
    }


def masked(email: str) -> str:
    """Return an address of which only the first character and the domain are legible."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}"


def stored(storage: tables.Tables) -> dict[Key, tables.Entity]:
    """Return the rows of all customers."""
    return {_key(row): row for row in storage.everything(tables.ACCESS_BY_CUSTOMER)}


def write(storage: tables.Tables, operations: Sequence[tables.Operation]) -> None:
    """Write or delete at most 100 rows of one customer, all or none."""
    storage.write(tables.ACCESS_BY_CUSTOMER, operations)


def _key(row: Mapping[str, object]) -> Key:
    return str(row["PartitionKey"]), str(row["RowKey"])


def _reader(row: tables.Entity) -> Reader:
    principal = str(row["RowKey"])
    if principal.partition(":")[0] not in set(Kind):
        raise tables.UnreadableValue("A stored reader is not a principal.")
    return Reader(
        principal=principal,
        name=tables.stored_text(row, "name") if "name" in row else None,
        days=PermittedDays(_day(row, "validFrom"), _day(row, "validTo")),
        since=tables.stored_moment(row, "since"),
    )


def _day(row: tables.Entity, name: str) -> date | None:
    if name not in row:
        return None
    try:
        return date.fromisoformat(tables.stored_text(row, name))
    except ValueError as error:
        raise tables.UnreadableValue(f"The stored {name!r} is not a day.") from error
