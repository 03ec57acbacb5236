"""What every warehouse engine offers, and how it fails.

Statements are T-SQL that Microsoft Fabric takes, with `?` for each bound value. An
engine translates where it speaks another dialect; nobody above it knows which it is.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

Row = TypeVar("Row")
WORK_LIMIT = timedelta(minutes=15)
"""How long one statement of loading or publishing may take; answers to callers have the settings' limit."""
LONGEST_PUBLICATION = 6 * WORK_LIMIT
"""How much later than its `published_at` a publication can become visible: the five statements that follow
the reading of the clock, and the commit, each take at most WORK_LIMIT."""
RETRY_LATER = timedelta(seconds=60)
"""When to ask again where somebody has to act, or capacity is used up."""


@dataclass(frozen=True)
class Rows:
    """Any number of rows as one value, for `OPENJSON(?) WITH (…)`; a statement has one of them at most.

    Attributes:
        batch: with columns named as WITH names them.
    """

    batch: pa.RecordBatch

    def as_json(self) -> str:
        """Return the rows for engines that read JSON: ASCII, every value but null as text."""
        names = ",".join(f'"{name}":%s' for name in self.batch.schema.names)
        columns = [_quoted(column) for column in self.batch.columns]
        objects = ",".join([f"{{{names}}}" % row for row in zip(*columns, strict=True)])
        return f"[{objects}]"


_PLAIN = r"^[ !#-\[\]-~]*$"
"""Text in which JSON escapes nothing."""


def _quoted(column: pa.Array) -> list[str]:
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
    """Something that is expected to go wrong with a warehouse now and then."""


class WarehouseUnavailable(WarehouseError):
    """The warehouse is away, throttled or busy; worth another try after `retry_after`."""

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WarehouseMisconfigured(WarehouseUnavailable):
    """The warehouse cannot be reached until somebody changes a setting or a permission."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=RETRY_LATER)


class WarehouseTimeout(WarehouseError):
    """A statement took longer than it may and was cancelled."""


class TooManyRows(WarehouseError):
    """A query has more rows than one answer may hold; it was not read to the end."""


class WarehouseConflict(WarehouseError):
    """Somebody else changed the same rows first; the transaction was undone and may be tried again."""


@dataclass(frozen=True)
class Query(Generic[Row]):
    """One question.

    Attributes:
        sql: T-SQL with a `?` for each of `parameters`.
        parameters: aware datetimes are bound as text in UTC, so each stands in a CAST to datetime2.
        row: makes a result row from its columns, in order; times arrive as UTC without zone,
            the only kind that `datetime2` knows. `aware` gives them their zone back.
        name: for logs and messages.
        within: how long it may take; None for the limit of the warehouse.
    """

    sql: str
    parameters: tuple[Value, ...]
    row: Callable[..., Row]
    name: str
    within: timedelta | None = None


@dataclass(frozen=True)
class Statement:
    """One change, with a `?` in `sql` for each of `parameters`."""

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


class Session(Protocol):
    """A transaction under way: all of it becomes visible at its end, or none of it."""

    def fetch(self, query: Query[Row]) -> list[Row]:
        """The rows of a query, as this transaction sees them."""
        ...

    def run(self, statement: Statement) -> None:
        """Do a change."""
        ...


class Warehouse(Protocol):
    """A warehouse. Safe to use from several threads.

    Every method may raise WarehouseUnavailable or WarehouseTimeout.
    """

    def fetch(self, query: Query[Row]) -> list[Row]:
        """The rows of a query.

        Raises:
            TooManyRows: there are more than the warehouse was opened for.
        """
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction, committed at the end of the block and undone by an exception.

        Raises:
            WarehouseConflict: from within the block or at its end.
        """
        ...

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        ...

    def close(self) -> None:
        """Give all connections back. The warehouse is not used afterwards."""
        ...


@lru_cache(maxsize=4_096)  # Days of one publication have one time between them.
def aware(moment: datetime) -> datetime:
    """A time of the warehouse with its zone, UTC."""
    return moment.replace(tzinfo=UTC)


def bindable(value: Value) -> Any:
    """Return a parameter as the drivers take it; a time as ISO 8601 text in UTC, with its microseconds.

    `datetime2` has no zone, and a driver may cut the fraction of a time without a word.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return value.as_json() if isinstance(value, Rows) else value
