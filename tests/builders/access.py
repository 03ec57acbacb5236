"""Registers, users and grants for tests of access: short to write, whole in what they hold."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from shared import metering, tables
from shared.access import readers, runs
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault
from shared.access.grant import Grant, row_key, spans_text
from shared.access.severa.severa_register import (
    ContactPerson,
    Customer,
    CustomValue,
    SeveraRegister,
    UnreadableCustomValue,
)
from shared.access.sync import store
from shared.access.sync.guard import Allowance
from shared.access.sync.stages import Rules
from shared.metering import MeteringPointId
from shared.tables import Tables

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
CLIENT_IDS = "API client id"
METERING_POINTS = "API metering points"
ROLE = "API"


def guid(number: int) -> str:
    """Return a GUID with this number as its last digits."""
    return f"5a5e0000-0000-4000-8000-{number:012d}"


def point(number: int) -> MeteringPointId:
    """Return a metering point id with a right check digit."""
    payload = f"70705750000{number:06d}"
    return metering.parse_metering_point_id(payload + metering.check_digit(payload))


def app(number: int) -> str:
    """Return the principal of application `guid(number)`."""
    return f"app:{guid(number)}"


def user(number: int) -> str:
    """Return the principal of user `guid(number)`."""
    return f"user:{guid(number)}"


@dataclass(frozen=True)
class Person:
    """A contact person, with the role unless the arguments say otherwise."""

    number: int
    emails: tuple[str, ...] = ("kari@fjord.example",)
    role: str | None = ROLE
    is_active: bool = True
    is_deleted: bool = False


@dataclass(frozen=True)
class Client:
    """A customer as an account manager sees it: its fields as typed, and its persons."""

    number: int | None
    apps: str = ""
    points: str = ""
    persons: tuple[Person, ...] = ()
    is_active: bool = True
    name: str = ""
    unreadable: tuple[str, ...] = ()
    """The fields with a value that cannot be read; an empty text is a value of an unknown field."""
    record: int = 0
    """Distinguishes the guids of customers with one number."""

    @property
    def guid(self) -> str:
        """The customer's guid in Severa."""
        return guid(10**9 * (1 + self.record) + (self.number or 0))


def register(
    clients: Iterable[Client],
    *,
    property_names: Iterable[str] = (CLIENT_IDS, METERING_POINTS),
) -> SeveraRegister:
    """Return what Severa answers about these customers."""
    every = list(clients)
    values = [
        CustomValue(client.guid, name, value)
        for client in every
        for name, value in ((CLIENT_IDS, client.apps), (METERING_POINTS, client.points))
        if value and name in set(property_names) and client.is_active
    ]
    persons = [
        ContactPerson(
            guid=guid(person.number),
            customer_guid=client.guid,
            name=f"Person {person.number}",
            emails=person.emails,
            role_name=person.role,
            is_active=person.is_active,
            is_deleted=person.is_deleted,
        )
        for client in every
        for person in client.persons
    ]
    customers = [
        Customer(client.guid, client.number, client.name or f"Kunde {client.number}", client.is_active)
        for client in every
    ]
    return SeveraRegister(
        customers=tuple(sorted(customers, key=lambda each: each.guid)),
        property_names=frozenset(property_names),
        custom_values=tuple(sorted(values)),
        contact_persons=tuple(sorted(persons, key=lambda each: each.guid)),
        read_at=NOW,
        unreadable_values=tuple(
            sorted(UnreadableCustomValue(client.guid, name) for client in every for name in client.unreadable)
        ),
    )


@dataclass
class Entra:
    """A directory that trusts what was bound before, as the real one does."""

    users: Mapping[str, str] = field(default_factory=dict)
    wanted: list[ContactEmail] = field(default_factory=list)

    def find(self, wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        """Return object ids by e-mail address, unless one is bound."""
        self.wanted = list(wanted)
        found = {each: bound.get(each) or self.users.get(each.email) for each in wanted}
        return Directory(
            users={each: object_id for each, object_id in found.items() if object_id},
            faults={each: DirectoryFault.NOT_FOUND for each, object_id in found.items() if not object_id},
        )


@dataclass
class Clock:
    """A clock on the wall, and the time that really passes: both stand still until they are moved."""

    now: datetime = NOW
    passed: float = 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self.passed

    def pass_time(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time
        self.passed += time.total_seconds()

    def set_by(self, time: timedelta) -> None:
        """Set the clock on the wall; no time passes."""
        self.now += time


def large(customers: int, *, points_each: int, principals: int) -> list[Client]:
    """Return many customers: one vendor that sees all of them, and others that share them out."""
    return [
        Client(
            number=100_000 + number,
            apps=f"{guid(1)} {guid(2 + number % (principals - 1))}",
            points=" ".join(point(number * points_each + each) for each in range(points_each)),
        )
        for number in range(customers)
    ]


Days = frozenset[tuple[str, str, int, date]]
"""What may be read: principal, metering point, customer and day, for the days of `WATCHED`."""

WATCHED = tuple(date(2024, 1, 1) + timedelta(days=30 * each) for each in range(30))


def days(grants: Iterable[Grant]) -> Days:
    """Return what grants allow, on the days that are watched."""
    return frozenset(
        (grant.principal, grant.metering_point_id, grant.customer_number, day)
        for grant in grants
        for span in grant.spans
        for day in WATCHED
        if span.first <= day < span.end
    )


def rules(storage: Tables, *, allowed: Collection[Allowance] = (), lift: Collection[int] = ()) -> Rules:
    """Return the usual rules, with the operator's consent that a first sync needs."""
    first = () if runs.completed_at(storage) else (Allowance.GRANTS,)
    return Rules(allowed=frozenset((*allowed, *first)), lift=frozenset(lift))


def stored_grants(storage: Tables) -> list[Grant]:
    """Return every grant that is stored."""
    return [row.grant for partition in store.read(storage).values() for row in partition.grants.values()]


def disagreements(storage: Tables) -> list[str]:
    """Return contradictions between grants, manifests, audit and readers; none after a complete run."""
    found = []
    for partition in store.read(storage).values():
        if not partition.is_settled:
            found.append(f"{partition.principal}: rows and manifest")
        replayed, breaks = _replayed(storage, partition.principal)
        found += breaks
        held = {row_key(row.grant): spans_text(row.grant.spans) for row in partition.grants.values()}
        if replayed != held:
            found.append(f"{partition.principal}: audit and rows")
    listed, reading = set(readers.stored(storage)), _reading(storage)
    found += [f"{each}: listed, but does not read" for each in sorted(listed - reading)]
    return found + unlisted(storage)


def unlisted(storage: Tables) -> list[str]:
    """Return who may read a customer's metering points and is not listed as its reader: always nobody."""
    return [
        f"{each}: reads, but is not listed"
        for each in sorted(_reading(storage) - set(readers.stored(storage)))
    ]


def _reading(storage: Tables) -> set[readers.Key]:
    return {(str(each.customer_number), each.principal) for each in stored_grants(storage)}


def _replayed(storage: Tables, principal: str) -> tuple[dict[str, str], list[str]]:
    """Return what the audit says is there now, and the events that do not follow from those before."""
    state: dict[str, str] = {}
    breaks = []
    for event in reversed(list(storage.range(tables.ACCESS_AUDIT, partition=principal))):
        key = f"{event['meteringPointId']}:{event['customerNumber']}"
        if state.get(key, "") != event["before"]:
            breaks.append(f"{principal}: {key} was {state.get(key)!r}, not {event['before']!r}")
        state[key] = event["after"]
    return {key: after for key, after in state.items() if after}, breaks
