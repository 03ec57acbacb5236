"""The readers of each customer, which the sync stores beside the grants.

They are written between the losses and the gains of access, so that everybody who may read is listed at every
step. If a run is killed, the next run completes the list.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby

from shared import metering, tables
from shared.access import grant, readers
from shared.access.entra.users import Directory
from shared.access.grant import Grant, Span
from shared.access.readers import Key, Reader
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import mapping
from shared.access.sync.mapping import Fields
from shared.readable import PermittedDays


def names(register: SeveraRegister, *, directory: Directory, fields: Fields) -> dict[Key, str]:
    """Return the masked e-mail address, as in Severa, of each customer's contact persons that have a user."""
    numbers = {each.guid: each.number for each in register.customers if each.is_active}
    found: dict[Key, str] = {}
    for person in register.contact_persons:
        if person.customer_guid not in numbers or not mapping.has_role(person, fields):
            continue
        for contact in mapping.contacts_of(person):
            object_id = directory.users.get(contact)
            if object_id is not None and metering.is_guid(object_id):
                key = (str(numbers[person.customer_guid]), grant.user(object_id))
                found.setdefault(key, readers.masked(contact.email))
    return found


def bring_up_to_date(
    storage: tables.Tables,
    grants: Iterable[Grant],
    *,
    names: Mapping[Key, str],
    run_id: str,
    now: datetime,
    confirm: Callable[[], None],
) -> None:
    """Store the readers of each customer by these grants; write only what is new or different.

    Args:
        confirm: checks before each transaction that the run may go on.
    """
    stored = readers.stored(storage)
    wanted = {
        key: readers.as_row(
            key,
            Reader(key[1], names.get(key), _days(spans), since=_since(stored.get(key), now=now)),
            run_id=run_id,
        )
        for key, spans in _spans(grants).items()
    }
    for _, group in groupby(_operations(stored, wanted), key=lambda each: each[1]["PartitionKey"]):
        for operations in tables.batches(list(group)):
            confirm()
            readers.write(storage, operations)


def _spans(grants: Iterable[Grant]) -> dict[Key, list[Span]]:
    found: dict[Key, list[Span]] = defaultdict(list)
    for each in grants:
        found[str(each.customer_number), each.principal].extend(each.spans)
    return found


def _days(spans: Iterable[Span]) -> PermittedDays:
    every = list(spans)
    first, end = min(each.first for each in every), max(each.end for each in every)
    return PermittedDays(None if first == date.min else first, None if end == date.max else end)


def _since(row: tables.Entity | None, *, now: datetime) -> datetime:
    """Return when a reader was first listed; now if that is not known."""
    try:
        return now if row is None else tables.stored_moment(row, "since")
    except tables.UnreadableValue:
        return now


def _operations(
    stored: Mapping[Key, tables.Entity], wanted: Mapping[Key, tables.Entity]
) -> Iterator[tables.Operation]:
    """Yield operations for the rows that differ, by customer; a new run id alone is no difference."""
    for key in sorted(stored.keys() | wanted.keys()):
        if key not in wanted:
            yield "delete", {"PartitionKey": key[0], "RowKey": key[1]}
        elif key not in stored or _columns(stored[key]) != _columns(wanted[key]):
            yield "upsert", wanted[key]


def _columns(row: tables.Entity) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "runId"}
