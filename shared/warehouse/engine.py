"""The interface of a warehouse engine, its errors, and measurements of its statements.

Statements are T-SQL that Microsoft Fabric accepts, with `?` for each bound value. An engine with another
dialect translates them; the modules above do not know which engine is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from shared import limits
from shared.telemetry.recording import Operation, Telemetry
from shared.warehouse import deadlines

if TYPE_CHECKING:
    import pyarrow as pa

Row = TypeVar("Row")
WORK_LIMIT = timedelta(minutes=15)
"""How long one statement of loading, publishing or checking may take; answers to callers have the settings'
limit."""
LONGEST_PUBLICATION = 6 * WORK_LIMIT
"""How much later than its `published_at` a publication can become visible: after the clock is read, five
statements and the commit follow, and each takes at most WORK_LIMIT. Packing in parts counts as one."""
RETRY_LATER = timedelta(seconds=60)
"""When to retry if somebody must act first, or the capacity is used up."""


@dataclass(frozen=True)
class Rows:
    """Any number of rows as one value, for `OPENJSON(?) WITH (…)`; a statement has one of them at most.

    Attributes:
        batch: the rows, with the column names of the WITH clause.
    """

    batch: pa.RecordBatch

    def as_json(self) -> str:
        """Return the rows as JSON for engines that read JSON: ASCII, with every value but null as text."""
        names = ",".join(f'"{name}":%s' for name in self.batch.schema.names)
        columns = [_quoted(column) for column in self.batch.columns]
        objects = ",".join([f"{{{names}}}" % row for row in zip(*columns, strict=True)])
        return f"[{objects}]"


_PLAIN = r"^[ !#-\[\]-~]*$"
"""Text without a character that JSON escapes."""


def _quoted(column: pa.Array) -> list[str]:
    import pyarrow as pa  # Only loading needs it: importing it would delay an instance's first request.
    import pyarrow.compute as pc

    is_time = pa.types.is_timestamp(column.type)
    texts = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S") if is_time else column.cast(pa.string())
    if pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py():
        quoted = pc.binary_join_element_wise('"', texts, '"', "")
        return cast(list[str], pc.fill_null(quoted, "null").to_pylist())
    return [json.dumps(text) for text in texts.to_pylist()]


class Json(str):
    """A JSON text for `OPENJSON(?) WITH (…)`, ASCII and of any length."""

    __slots__ = ()


Value = str | int | Decimal | date | datetime | Rows | None


class WarehouseError(Exception):
    """An expected error of a warehouse."""


class WarehouseUnavailable(WarehouseError):
    """The warehouse is unreachable, throttled or busy; worth another try after `retry_after`."""

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WarehouseMisconfigured(WarehouseUnavailable):
    """The warehouse cannot be used until somebody changes a setting or a permission."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=RETRY_LATER)


class WarehouseTimeout(WarehouseError):
    """A statement took longer than its limit and was cancelled, or several took longer than one may."""


class TooManyRows(WarehouseError):
    """A query has more rows than the warehouse was opened for; it was not read to the end."""


class FileUnreadable(WarehouseError):
    """The warehouse could not read a file as lines of text; the message has the engine's reason."""


class WarehouseConflict(WarehouseError):
    """Another transaction changed the same rows first; this one was rolled back and may be retried."""


@dataclass(frozen=True)
class Query(Generic[Row]):
    """A statement that reads.

    Attributes:
        sql: T-SQL with a `?` for each of `parameters`.
        parameters: the values. An aware datetime is bound as text in UTC, so its `?` must be in a CAST to
            datetime2.
        row: makes a result row from its columns, in order. Times arrive in UTC without a zone, since
            `datetime2` has none; `aware` adds it.
        name: for logs and messages.
        within: how long the query may take, which may be longer or shorter than the limit of the warehouse;
            None for that limit.
    """

    sql: str
    parameters: tuple[Value, ...]
    row: Callable[..., Row]
    name: str
    within: timedelta | None = None


@dataclass(frozen=True)
class Statement:
    """A statement that changes rows, with a `?` in `sql` for each of `parameters`."""

    sql: str
    parameters: tuple[Value, ...]
    name: str


def lock_writes() -> Statement:
    """Return the statement that begins each transaction that loads or publishes: one at a time is committed.

    The embedded engine refuses a second one at this statement. Fabric refuses it at its commit, after all its
    work (https://blog.fabric.microsoft.com/en-us/blog/
    concurrency-control-and-conflict-resolution-in-microsoft-fabric-data-warehouse). Either way, what the
    transaction reads after this statement still holds when it is committed.
    """
    return Statement("UPDATE metering.write_lock SET taken = taken + 1", (), "lock_writes")


def alive() -> Query[int]:
    """Return the cheapest query, which shows whether the warehouse answers in time."""
    return Query("SELECT 1", (), lambda one: int(one), "alive", within=limits.PROBE)


class Session(Protocol):
    """A transaction in progress: all its changes become visible at its end, or none."""

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query, as this transaction sees them."""
        ...

    def run(self, statement: Statement) -> None:
        """Run a statement."""
        ...


class Warehouse(Protocol):
    """A warehouse. Safe to use from several threads.

    Every method may raise WarehouseUnavailable or WarehouseTimeout.
    """

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query.

        Raises:
            TooManyRows: the query has more rows than the warehouse was opened for.
        """
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """Begin a transaction, committed at the end of the block and rolled back by an exception.

        Raises:
            WarehouseConflict: another transaction was first; raised within the block or at its end.
        """
        ...

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        ...

    def close(self) -> None:
        """Close all connections. The warehouse is not used afterwards."""
        ...


class _Statements:
    """Measures statements by name, without their parameters, which may identify customers."""

    def __init__(self, telemetry: Telemetry, url: str) -> None:
        address = urlsplit(url)
        self._telemetry = telemetry
        self._system = "duckdb" if address.scheme == "duckdb" else "microsoft.sql_server"
        self._place = (
            {"server.address": address.hostname, "db.namespace": address.path.strip("/")}
            if address.hostname
            else {}
        )

    def measure(self, name: str) -> AbstractContextManager[Operation]:
        attributes = {"db.system.name": self._system, "db.query.summary": name}
        return self._telemetry.operation(name, attributes=attributes, span_attributes=self._place)


class _InstrumentedSession:
    def __init__(self, session: Session, statements: _Statements) -> None:
        self._session = session
        self._statements = statements

    def fetch(self, query: Query[Row]) -> list[Row]:
        with self._statements.measure(query.name) as operation:
            rows = self._session.fetch(query)
            operation.rows = len(rows)
            return rows

    def run(self, statement: Statement) -> None:
        with self._statements.measure(statement.name):
            self._session.run(statement)


class InstrumentedWarehouse:
    """Passes statements on to another warehouse, and records their durations and numbers of rows.

    The queries of a request end by its deadline; see `deadlines.within`.

    Args:
        limit: the other warehouse's limit for queries that have none of their own.
    """

    def __init__(self, warehouse: Warehouse, *, limit: timedelta, telemetry: Telemetry, url: str) -> None:
        self._warehouse = warehouse
        self._limit = limit
        self._statements = _Statements(telemetry, url)

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query, which must end by the deadline of this thread."""
        with self._statements.measure(query.name) as operation:
            rows = self._warehouse.fetch(_bounded(query, limit=self._limit))
            operation.rows = len(rows)
            return rows

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Return a transaction that measures each of its statements."""
        with self._warehouse.transaction() as session:
            yield _InstrumentedSession(session, self._statements)

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        with self._statements.measure("define"):
            self._warehouse.define(batch)

    def close(self) -> None:
        """Close all connections."""
        self._warehouse.close()


def _bounded(query: Query[Row], *, limit: timedelta) -> Query[Row]:
    """Return the query with its limit, or with the time that the deadline of this thread leaves, if less.

    Raises:
        WarehouseTimeout: the deadline leaves too little.
    """
    deadline = deadlines.of_this_thread()
    if deadline is None:
        return query
    limit = query.within or limit
    left = timedelta(seconds=deadline.seconds_left())
    if left < min(limit, deadlines.LEAST):
        raise WarehouseTimeout(f"{query.name} was not begun: the queries before it took too long together.")
    return replace(query, within=min(left, limit))


@lru_cache(maxsize=4_096)  # All days of a publication have the same time.
def aware(moment: datetime) -> datetime:
    """Return a time of the warehouse with its zone, UTC."""
    return moment.replace(tzinfo=UTC)


def bindable(value: Value) -> Any:
    """Return a parameter as the drivers accept it; a time as ISO 8601 text in UTC, with its microseconds.

    `datetime2` has no zone, and a driver may silently truncate the fraction of a time.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return value.as_json() if isinstance(value, Rows) else value
