"""Reads the customer portal's list of who has access, and compares it with the stored grants."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from operations.access_lists import questions
from shared import metering
from shared.access import grant
from shared.access.entra.users import ContactEmail
from shared.access.grant import Grant, Spans
from shared.metering import InvalidMeteringPointId, parse_metering_point_id

COLUMNS = ("principal", "customer_number", "metering_point_id")

Access = tuple[str, int, str]
"""Principal (or an address that no user is bound to), customer number, metering point."""


class UnreadablePortalList(Exception):
    """The file cannot be compared; the message says why."""


@dataclass(frozen=True)
class PortalList:
    """The accesses in the portal's list, and its lines that cannot be compared."""

    accesses: frozenset[Access]
    unreadable: tuple[str, ...]


@dataclass(frozen=True)
class Differences:
    """Accesses that only one side has, in order, each with the spans of its grant if there is one."""

    only_in_portal: Mapping[Access, Spans]
    only_in_api: Mapping[Access, Spans]
    in_both: int


def read(file: Path, *, users: Mapping[ContactEmail, str]) -> PortalList:
    """Read a CSV file in UTF-8 with the columns `COLUMNS`, separated by comma or semicolon.

    `principal` is `app:<id>`, `user:<id>`, an id alone or an e-mail address. An id alone is a user's if
    a user with this id is bound, else an application's. An address means the users that are bound to it; if
    there are none, it stays an address, and so is only in the portal.

    Raises:
        UnreadablePortalList: a column is missing, or the text is not CSV in UTF-8.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            separator = ";" if ";" in header else ","
            names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator))]
            if missing := [column for column in COLUMNS if column not in names]:
                raise UnreadablePortalList(f"{file} lacks the column {', '.join(missing)} in its first line.")
            return _accesses(csv.DictReader(lines, names, delimiter=separator), users=users)
    except FileNotFoundError as error:
        raise UnreadablePortalList(f"There is no file {file}.") from error
    except OSError as error:
        raise UnreadablePortalList(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UnreadablePortalList(f"{file} is not text in UTF-8; save it as CSV UTF-8.") from error
    except csv.Error as error:
        raise UnreadablePortalList(f"{file} is not CSV, or a quote is not closed: {error}.") from error


def _accesses(rows: Iterable[Mapping[str, str | None]], *, users: Mapping[ContactEmail, str]) -> PortalList:
    accesses: set[Access] = set()
    unreadable = []
    for number, row in enumerate(rows, start=2):
        try:
            accesses |= _of_row(row, users=users)
        except ValueError as error:
            unreadable.append(f"line {number}: {error}")
    return PortalList(frozenset(accesses), tuple(unreadable))


def _of_row(row: Mapping[str, str | None], *, users: Mapping[ContactEmail, str]) -> set[Access]:
    who, customer, point = ((row[column] or "").strip() for column in COLUMNS)
    if not customer.isdecimal():
        raise ValueError(f"'{customer}' is not a customer number")
    try:
        metering_point_id = parse_metering_point_id(point)
    except InvalidMeteringPointId as error:
        raise ValueError(f"'{point}': {error}") from error
    return {(each, int(customer), metering_point_id) for each in _principals(who, users=users)}


def _principals(who: str, *, users: Mapping[ContactEmail, str]) -> set[str]:
    lowered = who.lower()
    if "@" in lowered:
        return set(questions.principals_of_email(lowered, users=users)) or {lowered}
    if metering.is_guid(lowered):
        return {grant.user(lowered) if lowered in users.values() else grant.app(lowered)}
    kind, _, named = lowered.partition(":")
    if kind not in ("app", "user") or not metering.is_guid(named):
        raise ValueError(f"'{who}' is neither app:<id>, user:<id>, an id nor an e-mail address")
    return {lowered}


def differences(portal: frozenset[Access], grants: Iterable[Grant], *, today: date) -> Differences:
    """Return the accesses that only one side has; a grant without a day from `today` on is no access."""
    spans = {
        (each.principal, each.customer_number, str(each.metering_point_id)): each.spans for each in grants
    }
    api = {access for access, days in spans.items() if any(span.end > today for span in days)}
    return Differences(
        {access: spans.get(access, ()) for access in sorted(portal - api)},
        {access: spans[access] for access in sorted(api - portal)},
        len(portal & api),
    )
