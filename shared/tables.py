"""Azure Table Storage: the only importer of `azure.data.tables`.

Entities are plain dictionaries with `PartitionKey` and `RowKey`. Every error of the
client library is translated here, once.
"""

import json
import logging
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Literal, TypeVar

import tenacity
from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableErrorCode, TableServiceClient, TableTransactionError, UpdateMode

from shared import limits
from shared.limits import Limit
from shared.outside import transports
from shared.outside.transports import BoundedTransport

ACCESS_GRANTS = "AccessGrants"
ACCESS_AUDIT = "AccessAudit"
ACCESS_BY_CUSTOMER = "AccessByCustomer"
SERVICE_STATE = "ServiceState"
WEBHOOKS = "Webhooks"
NOTICES = "Notices"
FILE_WORK = "FileWork"
"""Exports, feeds, their runs and parts."""
ALL = (ACCESS_GRANTS, ACCESS_AUDIT, ACCESS_BY_CUSTOMER, SERVICE_STATE, WEBHOOKS, NOTICES, FILE_WORK)

MAX_TRANSACTION = 100
"""Operations in one entity group transaction, all of one partition (a limit of the service)."""

Entity = dict[str, Any]
Operation = tuple[Literal["insert", "upsert", "replace", "delete"], Mapping[str, Any]]
"""`insert` requires an absent entity, `replace` the version in its `etag`, `delete` an existing entity."""

Observe = Callable[[str, str], AbstractContextManager[object]]
"""Surrounds a request to Table Storage; takes its operation and its table, never its keys."""

Read = TypeVar("Read")
"""What a row is read as."""

log = logging.getLogger("metering.tables")

_TABLE = re.compile(rf"/({'|'.join(ALL)})(\(\))?")
_BATCH = "$batch"

_CHANGED = (
    TableErrorCode.UPDATE_CONDITION_NOT_SATISFIED,
    TableErrorCode.CONDITION_NOT_MET,
    TableErrorCode.RESOURCE_NOT_FOUND,
    TableErrorCode.ENTITY_NOT_FOUND,
)


class TablesUnavailable(Exception):
    """Table Storage did not answer, refused us, or a table is missing."""


class UnreadableValue(TablesUnavailable):
    """A stored value is missing, or is not what the app writes there."""


class AlreadyExists(Exception):
    """An entity to be inserted is there already."""


class ChangedMeanwhile(Exception):
    """An entity to be replaced is not the version that was read."""


retry_when_changed = tenacity.retry(
    retry=tenacity.retry_if_exception_type((AlreadyExists, ChangedMeanwhile)),
    stop=tenacity.stop_after_attempt(10),
    wait=tenacity.wait_random(max=0.2),
    reraise=True,
)
"""Calls a function again if it found an entity changed since reading it."""


def _is_unanswered(error: BaseException) -> bool:
    unanswered = isinstance(error.__cause__, (ServiceRequestError, ServiceResponseError))
    return unanswered and isinstance(error, TablesUnavailable)


retry_unanswered = tenacity.retry(
    retry=tenacity.retry_if_exception(_is_unanswered),
    stop=tenacity.stop_after_attempt(limits.TABLES.tries),
    reraise=True,
)
"""Calls a function again if no answer came; only for transactions that may be done twice.

The client itself sends transactions and insertions once: it repeats only what is always safe to repeat.
"""


class Tables:
    """The tables of one storage account. Safe to use from several threads."""

    def __init__(self, service: TableServiceClient) -> None:
        self._clients = {name: service.get_table_client(name) for name in ALL}
        self._service = service

    def create_missing(self) -> None:
        """Create the tables that are not there yet."""
        with _translate_errors():
            for name in ALL:
                self._service.create_table_if_not_exists(name)

    def get(self, table: str, *, partition: str, row: str) -> Entity | None:
        """Return one entity, with its version as `etag`; None if it does not exist."""
        with _translate_errors(), _understood():
            try:
                entity = self._clients[table].get_entity(partition, row)
            except ResourceNotFoundError as error:
                if _is_missing_table(error):
                    raise
                return None
            return {**entity, "etag": entity.metadata["etag"]}

    def range(
        self,
        table: str,
        *,
        partition: str,
        rows_from: str = "",
        rows_before: str | None = None,
        select: Sequence[str] | None = None,
    ) -> Iterator[Entity]:
        """Yield entities of one partition with `rows_from <= RowKey < rows_before`, in order of RowKey."""
        condition = "PartitionKey eq @partition and RowKey ge @from"
        parameters = {"partition": partition, "from": rows_from}
        if rows_before is not None:
            condition += " and RowKey lt @before"
            parameters["before"] = rows_before
        with _translate_errors(), _understood():
            yield from self._clients[table].query_entities(
                condition, parameters=parameters, select=_list(select)
            )

    def everything(self, table: str, *, select: Sequence[str] | None = None) -> Iterator[Entity]:
        """Yield all entities of a table, in order of PartitionKey and RowKey."""
        with _translate_errors(), _understood():
            yield from self._clients[table].list_entities(select=_list(select))

    def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Add an entity, and return its version.

        Raises:
            AlreadyExists: there is one with its keys.
        """
        with _translate_errors():
            return str(self._clients[table].create_entity(dict(entity))["etag"])

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(ChangedMeanwhile),
        stop=tenacity.stop_after_attempt(20),
        wait=tenacity.wait_random(max=0.2),
        reraise=True,
    )
    def insert_in_turn(
        self, table: str, entity: Mapping[str, Any], *, turn: str, check: Callable[[], object]
    ) -> str:
        """Add an entity that `check` allows, one at a time, and return its version.

        If another one is added after `check` has counted what is there, `check` counts again: requests at the
        same moment cannot pass a limit together.

        Args:
            turn: the key of a row in the entity's partition, which each addition writes.
            check: raises if the entity must not be added.

        Raises:
            AlreadyExists: there is one with its keys.
            ChangedMeanwhile: others were added during every attempt.
        """
        partition = entity["PartitionKey"]
        last = self.get(table, partition=partition, row=turn)
        check()
        taken = {"PartitionKey": partition, "RowKey": turn}
        taking: Operation = ("replace", {**taken, "etag": last["etag"]}) if last else ("insert", taken)
        try:
            return str(self.transact(table, [("insert", entity), taking])[0])
        except AlreadyExists as error:
            if self._is_stored(table, entity):
                raise
            raise ChangedMeanwhile("another entity was added first") from error

    def upsert(self, table: str, entity: Mapping[str, Any]) -> None:
        """Write a whole entity, whether or not there is one with its keys."""
        with _translate_errors():
            self._clients[table].upsert_entity(dict(entity), mode=UpdateMode.REPLACE)

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> str:
        """Write a whole entity if it is still the version that was read, and return its new version.

        Another version with the same values counts as written: it may be this write, whose answer was lost.

        Raises:
            ChangedMeanwhile: somebody else wrote or deleted it.
        """
        with _translate_errors():
            try:
                written = self._clients[table].update_entity(
                    {name: value for name, value in entity.items() if name != "etag"},
                    mode=UpdateMode.REPLACE,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                )
                return str(written["etag"])
            except ResourceNotFoundError as error:
                if _is_missing_table(error):
                    raise
                raise ChangedMeanwhile("the entity was deleted") from error
            except ResourceModifiedError:
                own = self._etag_if_written(table, entity)
                if own is None:
                    raise
                return own

    def _etag_if_written(self, table: str, entity: Mapping[str, Any]) -> str | None:
        """Return the version of an entity if it is stored with these values, else None.

        The client repeats a write whose answer was lost, and the repeat then finds the version that the first
        try wrote.
        """
        stored = self.get(table, partition=entity["PartitionKey"], row=entity["RowKey"])
        if stored is None:
            return None
        given = {name: value for name, value in entity.items() if value is not None}
        return stored["etag"] if stored == {**given, "etag": stored["etag"]} else None

    def delete(self, table: str, *, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity, if it exists.

        Raises:
            ChangedMeanwhile: it is not the version that was read; without `etag`, any version is deleted.
        """
        condition = MatchConditions.IfNotModified if etag else None
        with _translate_errors():
            self._clients[table].delete_entity(partition, row, etag=etag, match_condition=condition)

    @retry_when_changed
    def delete_range(
        self,
        table: str,
        *,
        partition: str,
        rows_from: str = "",
        rows_before: str | None = None,
        but: str | None = None,
    ) -> None:
        """Delete entities of one partition, in transactions; see `range`.

        Args:
            but: the RowKey of one that stays.

        Raises:
            ChangedMeanwhile: others deleted some of them during every attempt.
        """
        rows = self.range(
            table, partition=partition, rows_from=rows_from, rows_before=rows_before, select=["RowKey"]
        )
        deletions: list[Operation] = [
            ("delete", {"PartitionKey": partition, "RowKey": row["RowKey"]})
            for row in rows
            if row["RowKey"] != but
        ]
        for batch in batches(deletions):
            self.transact(table, batch)

    def transact(self, table: str, operations: Sequence[Operation]) -> list[str | None]:
        """Do up to 100 operations on one partition, all or none; return new versions, None for deletions.

        It is sent once: see `retry_unanswered`, and `write`.

        Raises:
            AlreadyExists: an entity to be inserted is there already.
            ChangedMeanwhile: an entity to be replaced is not the version that was read, or one to
                be deleted is not there.
            ValueError: more than 100 operations; nothing is done.
        """
        if len(operations) > MAX_TRANSACTION:
            raise ValueError(f"a transaction takes at most {MAX_TRANSACTION} operations")
        with _translate_errors():
            results = self._clients[table].submit_transaction([_in_transaction(*each) for each in operations])
            return [result.get("etag") for result in results]

    @retry_unanswered
    def write(self, table: str, operations: Sequence[Operation]) -> None:
        """Upsert and delete up to 100 entities of one partition, all or none; again if no answer came.

        An entity to be deleted may be absent: a try whose answer was lost may have deleted it.
        """
        try:
            self.transact(table, operations)
        except ChangedMeanwhile:
            left = [each for each in operations if each[0] != "delete" or self._is_stored(table, each[1])]
            if left:
                self.transact(table, left)

    def _is_stored(self, table: str, keys: Mapping[str, Any]) -> bool:
        return self.get(table, partition=keys["PartitionKey"], row=keys["RowKey"]) is not None


def open_tables(
    table_storage: str,
    *,
    credential: TokenCredential | None,
    observe: Observe | None = None,
    limit: Limit = limits.TABLES,
) -> Tables:
    """Open tables at an endpoint (with the app's identity) or by a connection string (the emulator)."""
    transport = _Observed(limit, observe) if observe else BoundedTransport(limit)
    options = transports.azure_options(limit, transport)
    if table_storage.startswith("https://"):
        if credential is None:
            raise TablesUnavailable("TABLE_STORAGE is an endpoint and needs an identity.")
        return Tables(TableServiceClient(endpoint=table_storage, credential=credential, **options))
    return Tables(TableServiceClient.from_connection_string(table_storage, **options))


def batches(operations: Sequence[Operation]) -> Iterator[Sequence[Operation]]:
    """Yield operations on one partition in as few transactions as they need."""
    for start in range(0, len(operations), MAX_TRANSACTION):
        yield operations[start : start + MAX_TRANSACTION]


def etag_of(entity: Entity) -> str:
    """Return the version of an entity that was read, whether by `get` or in a range."""
    return str(entity.get("etag") or entity.metadata["etag"])  # type: ignore[attr-defined]  # Of the library.


def stored_moment(entity: Mapping[str, Any], name: str) -> datetime:
    """Return a stored ISO 8601 time, which has an offset.

    Raises:
        UnreadableValue: it is missing, or something else.
    """
    try:
        moment = datetime.fromisoformat(entity[name])
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableValue(f"The stored {name!r} is not a time.") from error
    if moment.tzinfo is None:
        raise UnreadableValue(f"The stored {name!r} is a time without an offset.")
    return moment


def stored_number(entity: Mapping[str, Any], name: str) -> int:
    """Return a stored whole number.

    Raises:
        UnreadableValue: it is missing, or something else.
    """
    value = entity.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableValue(f"The stored {name!r} is not a whole number.")
    return value


def stored_text(entity: Mapping[str, Any], name: str) -> str:
    """Return a stored text.

    Raises:
        UnreadableValue: it is missing, or something else.
    """
    value = entity.get(name)
    if not isinstance(value, str):
        raise UnreadableValue(f"The stored {name!r} is not a text.")
    return value


def stored_object(entity: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object that is stored as JSON text.

    Raises:
        UnreadableValue: it is missing, or something else.
    """
    try:
        value = json.loads(stored_text(entity, name))
    except ValueError as error:
        raise UnreadableValue(f"The stored {name!r} is not JSON.") from error
    if not isinstance(value, dict):
        raise UnreadableValue(f"The stored {name!r} is not a JSON object.")
    return value


def pack_json(value: Any) -> bytes:
    """Return a value compressed, since a property of Table Storage holds 64 KiB."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)


def unpack_json(content: bytes) -> Any:
    """Return the value that `pack_json` compressed."""
    return json.loads(zlib.decompress(content))


@contextmanager
def as_written(what: str) -> Iterator[None]:
    """Report a row that the block cannot read: it is not as the app writes it.

    Raises:
        UnreadableValue: a value is missing, or is something else.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, zlib.error) as error:
        raise UnreadableValue(f"A stored {what} is not as the app writes it.") from error


def readable(rows: Iterable[Entity], read: Callable[[Entity], Read], *, what: str) -> Iterator[Read]:
    """Yield rows as `read` reads them; rows that are not as the app writes them are logged and left out."""
    for row in rows:
        try:
            found = read(row)
        except UnreadableValue:
            log.exception("The stored %s %s is unreadable and left out.", what, row["RowKey"])
            continue
        yield found


class _Observed(BoundedTransport):
    """Observes each request. It is a transport because the client accepts no pipeline policy from us."""

    def __init__(self, limit: Limit, observe: Observe) -> None:
        super().__init__(limit)
        self._observe = observe

    def send(self, request: Any, **options: Any) -> Any:
        """Send a request."""
        with self._observe(*_described(method=request.method, url=request.url)):
            return super().send(request, **options)


def _described(*, method: str, url: str) -> tuple[str, str]:
    """Return a request's operation and table, without the keys that its address may have."""
    if _BATCH in url:
        return "batch", ""
    match = _TABLE.search(url)
    if match is None:
        return method.lower(), ""
    return "query" if method == "GET" and match[2] else method.lower(), match[1]


def _in_transaction(
    kind: Literal["insert", "upsert", "replace", "delete"], entity: Mapping[str, Any]
) -> tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], dict[str, Any]]:
    written = {name: value for name, value in entity.items() if name != "etag"}
    if kind == "insert":
        return "create", written
    if kind == "upsert":
        return "upsert", written, {"mode": UpdateMode.REPLACE}
    if kind == "replace":
        condition = {"etag": entity["etag"], "match_condition": MatchConditions.IfNotModified}
        return "update", written, {"mode": UpdateMode.REPLACE, **condition}
    return "delete", written


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except ResourceExistsError as error:
        raise AlreadyExists("the entity exists already") from error
    except ResourceModifiedError as error:
        raise ChangedMeanwhile("the entity was changed") from error
    except TableTransactionError as error:
        code = transports.code(error)
        if code == TableErrorCode.ENTITY_ALREADY_EXISTS:
            raise AlreadyExists("an entity of the transaction exists already") from error
        if code in _CHANGED:
            raise ChangedMeanwhile("an entity of the transaction was changed") from error
        raise TablesUnavailable(f"Table Storage refused a transaction: {transports.reason(error)}") from error
    except AzureError as error:
        raise TablesUnavailable(
            f"Table Storage did not answer as expected: {transports.reason(error)}"
        ) from error


@contextmanager
def _understood() -> Iterator[None]:
    """Translate errors of parsing: the library accepts any 200 as an answer, even a proxy's page."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TablesUnavailable("Table Storage's answer could not be read.") from error


def _list(select: Sequence[str] | None) -> list[str] | None:
    return None if select is None else list(select)


def _is_missing_table(error: ResourceNotFoundError) -> bool:
    return transports.code(error) == "TableNotFound"
