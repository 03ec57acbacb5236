"""The embedded engine: DuckDB, for a laptop, tests and demonstrations. The only importer of `duckdb`."""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from shared.settings import WarehouseSettings
from shared.warehouse import engine
from shared.warehouse.duckdb import clustering, tsql
from shared.warehouse.duckdb.file_lock import FileLocked, LockedFile
from shared.warehouse.engine import (
    RETRY_LATER,
    WORK_LIMIT,
    FileUnreadable,
    Query,
    Row,
    Rows,
    Session,
    Statement,
    TooManyRows,
    WarehouseConflict,
    WarehouseError,
    WarehouseMisconfigured,
    WarehouseTimeout,
    WarehouseUnavailable,
    bindable,
)

log = logging.getLogger("metering.warehouse")

# No extension is fetched from the network. The memory limit leaves memory for other programs on a laptop,
# since DuckDB spills to disk; it suffices to load and publish 48 million values in one file.
_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": False, "memory_limit": "1GB"}

_LOOK_EVERY = 0.05
"""Seconds between two looks for statements to interrupt: an interruption may come this much later."""


def open_embedded(settings: WarehouseSettings) -> "Embedded":
    """Open the DuckDB file of `duckdb:<path>`, and create it if it does not exist."""
    path = Path(settings.url.removeprefix("duckdb:"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return Embedded(path, timeout=settings.timeout, max_rows=settings.max_rows)


class Embedded:
    """A warehouse in one DuckDB file, shared with other processes through `LockedFile`."""

    def __init__(self, path: Path, *, timeout: timedelta, max_rows: int) -> None:
        self._file = LockedFile(path, open_file=partial(_connect, path), patience=timeout)
        self._deadlines = Deadlines(path.name)
        self._timeout = timeout
        self._max_rows = max_rows
        atexit.register(self.close)  # A process that ends early still closes the file properly.

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query; see `Warehouse.fetch`."""
        with self._file.use() as connection, connection.cursor() as cursor:
            limit = self._timeout if query.within is None else query.within
            return self._session(cursor, limit=limit).fetch(query)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Begin a transaction; see `Warehouse.transaction`."""
        with self._file.use() as connection, connection.cursor() as cursor:
            session = self._session(cursor, limit=WORK_LIMIT)
            with _transaction(cursor):
                yield session
            if session.stored_days:
                self._keep_order(cursor)

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        statement = tsql.translate_definition(batch)
        if statement is not None:
            with self._file.use() as connection, connection.cursor() as cursor:
                cursor.execute(statement)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._deadlines.close()
        atexit.unregister(self.close)

    def _session(self, cursor: duckdb.DuckDBPyConnection, *, limit: timedelta) -> "_Session":
        return _Session(cursor, self._deadlines, limit=limit, max_rows=self._max_rows)

    def _keep_order(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Sort the published days again if enough of them are out of order.

        The publication is already committed, so a failure here must not make it fail: unsorted days are only
        read more slowly, and the next publication tries again.
        """
        try:
            with self._deadlines.within(WORK_LIMIT, interrupt=cursor.interrupt):
                if _is_sort_due(cursor):
                    with _transaction(cursor):
                        _sort(cursor)
        except (WarehouseConflict, duckdb.TransactionException):
            pass  # Another publication came first, and sorts afterwards.
        except (WarehouseError, duckdb.Error):
            log.warning("The published days could not be sorted.", exc_info=True)


class Deadlines:
    """Interrupts statements that run for too long, all from one thread.

    A timer for each statement would need a thread for each, and could fire just after its statement, when the
    connection is busy with the next one.
    """

    def __init__(self, name: str) -> None:
        self._running: dict[object, tuple[float, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"{name}-deadlines", daemon=True)
        self._watcher.start()

    @contextmanager
    def within(self, limit: timedelta, *, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call `interrupt`, from another thread, if the block takes longer than the limit."""
        statement = object()
        with self._lock:
            self._running[statement] = (time.monotonic() + limit.total_seconds(), interrupt)
        try:
            yield
        finally:
            # While this lock is held, this statement is not being interrupted.
            with self._lock:
                self._running.pop(statement, None)

    def close(self) -> None:
        """Stop the thread."""
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            now = time.monotonic()
            with self._lock:
                for statement, (deadline, interrupt) in list(self._running.items()):
                    if now >= deadline:
                        del self._running[statement]
                        interrupt()


class _Session:
    """Runs statements on one cursor, each with a time limit and a row limit."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, deadlines: Deadlines, *, limit: timedelta, max_rows: int
    ) -> None:
        self._cursor = cursor
        self._deadlines = deadlines
        self._limit = limit
        self._max_rows = max_rows
        self.stored_days = False

    def fetch(self, query: Query[Row]) -> list[Row]:
        with self._bounded(query.name):
            self._cursor.execute(_parsed(query.sql), _bound(query.parameters))
            rows = self._cursor.fetchmany(self._max_rows + 1)
        if len(rows) > self._max_rows:
            raise TooManyRows(f"{query.name} has more than {self._max_rows} rows.")
        return [query.row(*row) for row in rows]

    def run(self, statement: Statement) -> None:
        with self._bounded(statement.name):
            rows = [value.batch for value in statement.parameters if isinstance(value, Rows)]
            # DuckDB finds the rows by the name of this variable, which is tsql.ROWS. Registered under a name,
            # the rows of every statement would stay in memory until the transaction ends.
            delivered_rows = pa.Table.from_batches(rows) if rows else None  # noqa: F841
            try:
                self._cursor.execute(
                    _parsed(statement.sql, from_rows=bool(rows)), _bound(statement.parameters)
                )
            except (duckdb.InvalidInputException, duckdb.IOException) as error:
                if tsql.reads_file(statement.sql) and _is_of_file(error):
                    raise FileUnreadable(_reason(str(error))) from error
                raise
        self.stored_days |= clustering.stores_days(statement.sql)

    @contextmanager
    def _bounded(self, name: str) -> Iterator[None]:
        try:
            with self._deadlines.within(self._limit, interrupt=self._cursor.interrupt):
                yield
        except duckdb.InterruptException as error:
            raise WarehouseTimeout(f"{name} took longer than {self._limit.total_seconds():g} s.") from error
        except duckdb.TransactionException as error:
            raise WarehouseConflict(f"{name} conflicted with another change.") from error
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise WarehouseUnavailable(
                f"{name} found too little memory or disk in the embedded warehouse.", retry_after=RETRY_LATER
            ) from error


@lru_cache(maxsize=512)
def _parsed(sql: str, *, from_rows: bool = False) -> duckdb.Statement:
    """Return a T-SQL statement as DuckDB parsed it; parsing takes a sixth of the time of a short query."""
    (statement,) = duckdb.extract_statements(tsql.translate(sql, from_rows=from_rows))
    return statement


def _is_of_file(error: duckdb.Error) -> bool:
    """Return whether the file being read caused the error, and not the disk or the memory."""
    return isinstance(error, duckdb.InvalidInputException) or "GZIP" in str(error)


def _reason(message: str) -> str:
    """Return what DuckDB says about a file that it cannot read, without the line and the file's path."""
    lines = [line for line in message.splitlines()[:4] if line and "Original Line" not in line]
    return " ".join(lines).partition(": /")[0]


def _bound(parameters: Sequence[Any]) -> list[Any]:
    return [bindable(value) for value in parameters if not isinstance(value, Rows)]


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=_CONFIG)
    except duckdb.IOException as error:
        if "lock" in str(error) or "used by another process" in str(error):
            raise FileLocked(str(path)) from error
        raise WarehouseMisconfigured(
            f"{path} cannot be opened as a DuckDB database. Name another file in WAREHOUSE or remove it."
        ) from error


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
        _commit(cursor)
    except BaseException:
        _roll_back(cursor)
        raise


def _is_sort_due(cursor: duckdb.DuckDBPyConnection) -> bool:
    cursor.execute(clustering.STATE)
    (is_due,) = cursor.execute(clustering.IS_DUE).fetchone() or (False,)
    return bool(is_due)


def _sort(cursor: duckdb.DuckDBPyConnection) -> None:
    # DuckDB lets one transaction delete a row that another updates at the same time, and loses the update.
    # The lock keeps out the publications, which supersede days.
    for statement in (tsql.translate(engine.lock_writes().sql), *clustering.SORT):
        cursor.execute(statement)


def _commit(cursor: duckdb.DuckDBPyConnection) -> None:
    """Commit, and distinguish a conflict from a full disk, which must not be retried at once."""
    try:
        cursor.commit()
    except duckdb.TransactionException as error:
        if "conflict" in str(error).lower():
            raise WarehouseConflict("The commit conflicted with another change.") from error
        raise WarehouseUnavailable(
            "The embedded warehouse cannot be written to.", retry_after=RETRY_LATER
        ) from error


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.TransactionException):  # A conflict has already rolled the transaction back.
        cursor.rollback()
