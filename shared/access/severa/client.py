"""Reads customers, contact persons and custom values from Visma Severa, completely or not at all.

Only this module and `session` send requests to Severa. Sources of the rules: Severa's OpenAPI description
(https://api.severa.visma.com/psapublicrest/openapidocs/v1.0/doc.json), its REST guide
(https://api.severa.visma.com/rest-api-doc) and the experience of open-source clients.

Severa has no list of deleted records, so everything is read each time, active or not: a record that is not in
a complete reading was deleted.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from shared import limits
from shared.access.severa import paging, records
from shared.access.severa.records import Row
from shared.access.severa.session import (
    REQUESTS_PER_SECOND,
    Session,
    SeveraFailed,
    SeveraIncomplete,
    SeveraRefused,
    SeveraTooLarge,
    SeveraUnavailable,
)
from shared.access.severa.severa_register import Customer, CustomValue, SeveraRegister, UnreadableCustomValue
from shared.limits import Limit
from shared.outside import httpx_client
from shared.settings import SeveraSettings
from shared.telemetry import recording

__all__ = [
    "SeveraFailed",
    "SeveraIncomplete",
    "SeveraRefused",
    "SeveraTooLarge",
    "SeveraUnavailable",
    "fetch",
]

logger = logging.getLogger(__name__)

IN_FLIGHT = 6
"""Requests at the same time: with one at a time, slow answers would keep us below the allowed rate."""

BY_NAME = {
    "sortings[0].key": "FirstName",
    "sortings[0].value": "Asc",
    "sortings[1].key": "LastName",
    "sortings[1].value": "Asc",
}
BY_PROPERTY_NAME = {"sortings[0].key": "Name", "sortings[0].value": "Asc"}
"""The descriptions of these two lists name these fields as sortable; others could be refused."""


def fetch(
    settings: SeveraSettings,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    limit: Limit = limits.SEVERA,
) -> SeveraRegister:
    """Read everything that decides access.

    Takes one request for each active customer (custom values have no common list and no
    `changedSince`), and a second one if the customer has any value, at `REQUESTS_PER_SECOND`: two to
    four minutes for a thousand customers.

    Raises:
        SeveraUnavailable: several tries were cut off, timed out, throttled or answered with 5xx.
        SeveraTooLarge: there was not enough time to read everything.
        SeveraRefused: credentials, a scope or an add-on are missing; the message says which.
        SeveraIncomplete: a list could not be read to its end.
    """
    read_at = clock()
    with httpx_client.open_client(limit, headers={"Client_Id": settings.client_id}) as http:
        session = Session(http, settings, limit=limit, clock=clock, sleep=sleep, monotonic=monotonic)
        with _incomplete("customers"):
            customers = [records.customer(row) for row in session.by_token("/v1/customers")]
        with _incomplete("contact persons"):
            contacts = session.by_row("/v1/contactpersons", BY_NAME)
            contact_persons = [records.contact_person(row) for row in contacts]
        rows = _custom_value_rows(session, customers)
        # Read after the values, so that a property created in the meantime is known.
        with _incomplete("custom properties"):
            properties = session.by_row("/v1/customers/customproperties", BY_PROPERTY_NAME)
            names = records.property_names(properties)
    values = _custom_values(rows, names=names)
    custom_values = [value for value in values if isinstance(value, CustomValue)]
    logger.info(
        "Severa was read: %d customers, %d contact persons, %d custom values.",
        len(customers),
        len(contact_persons),
        len(custom_values),
    )
    return SeveraRegister(
        customers=tuple(sorted(customers, key=lambda each: each.guid)),
        property_names=frozenset(name for name in names.values() if name),
        custom_values=tuple(sorted(custom_values)),
        contact_persons=tuple(sorted(contact_persons, key=lambda each: each.guid)),
        read_at=read_at,
        unreadable_values=tuple(
            sorted({value for value in values if isinstance(value, UnreadableCustomValue)})
        ),
    )


def _custom_value_rows(session: Session, customers: list[Customer]) -> list[tuple[Customer, list[Row]]]:
    """Read the values of each active customer, a few customers at a time; the first failure ends it."""

    def of(customer: Customer) -> list[Row]:
        with _incomplete(f"custom values of customer {customer.number}"):
            return session.by_row(f"/v1/customers/{customer.guid}/customvalues", {})

    executor = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="severa")
    try:
        active = [customer for customer in customers if customer.is_active]
        rows: list[tuple[Customer, list[Row]]] = []
        for customer, of_customer in zip(active, executor.map(recording.carry(of), active), strict=True):
            rows.append((customer, of_customer))
        return rows
    except SeveraTooLarge as error:
        raise SeveraTooLarge(f"{_too_many(read=len(rows), active=len(active))} {error}") from error
    finally:
        executor.shutdown(cancel_futures=True)


def _too_many(*, read: int, active: int) -> str:
    """Return why there was not enough time for the custom values, and what to do."""
    minutes = limits.SEVERA_READING.total_seconds() / 60
    return (
        f"Severa was read for {minutes:g} minutes, and the custom values of only {read} of {active} active "
        "customers were read. Each customer takes one request, or two if it has a value, at "
        f"{REQUESTS_PER_SECOND} requests a second. If Severa was slow, the next sync may succeed. If there "
        "are too many customers, make those inactive in Severa that have left; see docs/access.md, "
        "How many customers a sync can read."
    )


def _custom_values(
    rows: list[tuple[Customer, list[Row]]], *, names: Mapping[str, str | None]
) -> list[CustomValue | UnreadableCustomValue]:
    values = []
    for customer, of_customer in rows:
        with _incomplete(f"custom values of customer {customer.number}"):
            for row in of_customer:
                values.append(records.custom_value(row, customer_guid=customer.guid, names=names))
    return [value for value in values if value is not None]


@contextmanager
def _incomplete(what: str) -> Iterator[None]:
    """Raise SeveraIncomplete with the name of the list that could not be read to its end."""
    try:
        yield
    except (paging.ListUnreadable, records.MalformedRecord, SeveraIncomplete) as error:
        raise SeveraIncomplete(f"The {what} could not be read completely. {error}") from error
