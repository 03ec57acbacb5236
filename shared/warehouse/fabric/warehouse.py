"""Microsoft Fabric's warehouse, or another TDS server, over `pyodbc`."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

import pyodbc  # type: ignore[import-not-found]  # Its types are no package, so mypy cannot see them.
import tenacity
from azure.core.credentials import TokenCredential

from shared.settings import WarehouseSettings
from shared.warehouse import schema
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import (
    WORK_LIMIT,
    Query,
    Row,
    Session,
    Statement,
    TooManyRows,
    Value,
    WarehouseConflict,
    WarehouseTimeout,
)
from shared.warehouse.fabric import binding, odbc, signin
from shared.warehouse.fabric.odbc import WarehouseLost
from shared.warehouse.fabric.pool import Opened, Pool

COMMIT_SECONDS = round(WORK_LIMIT.total_seconds() / 3)
"""A third: if the server ignores the cancellation, the driver waits up to twice as long again."""
ATTEMPTS = 3

Connect = Callable[[Deadline], Opened[pyodbc.Connection]]


def open_fabric(settings: WarehouseSettings, *, credential: TokenCredential | None) -> "Fabric":
    """Open a `fabric://` or `mssql://` warehouse; see `opening.open_warehouse`."""
    wanted = odbc.connection_string(settings.url, driver=settings.odbc_driver)
    is_fabric = settings.url.startswith("fabric:")

    def connect(by: Deadline) -> Opened[pyodbc.Connection]:
        return signin.connect(
            wanted, driver=settings.odbc_driver, credential=credential if is_fabric else None, by=by
        )

    return Fabric(
        connect,
        pool_size=settings.pool_size,
        timeout=settings.timeout,
        max_rows=settings.max_rows,
        clusters=is_fabric,
    )


class Fabric:
    """A warehouse over ODBC, with a pool of connections.

    Args:
        connect: opens a connection.
        pool_size: connections at the same time.
        timeout: of a query, including the wait for a connection, the sign-in and retries; and of beginning a
            transaction.
        max_rows: of one query.
        clusters: whether the server supports CLUSTER BY.
    """

    def __init__(
        self, connect: Connect, *, pool_size: int, timeout: timedelta, max_rows: int, clusters: bool
    ) -> None:
        self._pool = Pool(connect, size=pool_size, clock=time.monotonic)
        self._timeout = timeout
        self._max_rows = max_rows
        self._clusters = clusters
        # A read is safe to retry. Throttling and timeouts are not retried, since that would add to the load
        # that caused them.
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(WarehouseLost),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2),
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(timeout),
            reraise=True,
        )

    def fetch(self, query: Query[Row]) -> list[Row]:
        """Return the rows of a query; see `Warehouse.fetch`."""
        limit = self._timeout if query.within is None else query.within
        return self._retrying(self._fetch_once, query, limit=limit, by=Deadline.after(limit))

    def _fetch_once(self, query: Query[Row], *, limit: timedelta, by: Deadline) -> list[Row]:
        try:
            with self._lent(by) as connection:
                session = _Session(connection, limit=limit, deadline=lambda: by, max_rows=self._max_rows)
                return session.fetch(query)
        except WarehouseConflict as error:
            # The server ended this read in favour of another transaction; a retry may succeed.
            raise WarehouseLost(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Begin a transaction; see `Warehouse.transaction`. Only the beginning is retried here."""
        # An exception closes the connection, and the server rolls the transaction back.
        with suppress(_ClosedAfterCommit), ExitStack() as lent:
            connection = self._retrying(self._begin, lent, by=Deadline.after(self._timeout))
            yield _Session(
                connection,
                limit=WORK_LIMIT,
                deadline=lambda: Deadline.after(WORK_LIMIT),
                max_rows=self._max_rows,
            )
            with _translate_errors("commit", limit=WORK_LIMIT):
                connection.timeout = COMMIT_SECONDS
                connection.commit()
            try:
                connection.autocommit = True
            except pyodbc.Error as error:
                raise _ClosedAfterCommit from error

    def _begin(self, lent: ExitStack, *, by: Deadline) -> pyodbc.Connection:
        """Return a connection with a begun transaction, lent until the stack is closed."""
        with ExitStack() as attempt:
            connection = attempt.enter_context(self._lent(by))
            with _translate_errors("begin", limit=self._timeout):
                connection.timeout = signin.whole_seconds(by)
                connection.autocommit = False
            lent.push(attempt.pop_all())
        return connection

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        statement = batch if self._clusters else schema.without_clustering(batch)
        with (
            self._lent(Deadline.after(self._timeout)) as connection,
            _translate_errors("define", limit=WORK_LIMIT),
        ):
            connection.timeout = round(WORK_LIMIT.total_seconds())
            connection.execute(statement).close()

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()

    @contextmanager
    def _lent(self, by: Deadline) -> Iterator[pyodbc.Connection]:
        try:
            with self._pool.lend(by=by) as connection:
                yield connection
        except WarehouseLost:
            # The idle connections are probably broken, too, and each would cost an attempt.
            self._pool.close()
            raise


class _ClosedAfterCommit(Exception):
    """The connection broke after the commit: the pool closes it, and the transaction succeeded."""


class _Session:
    """Runs statements on one connection, each with a time limit and a row limit.

    Args:
        connection: not used by others meanwhile.
        limit: how long a statement may take, for messages.
        deadline: returns when a statement that begins now must end.
        max_rows: of one query.
    """

    def __init__(
        self,
        connection: pyodbc.Connection,
        *,
        limit: timedelta,
        deadline: Callable[[], Deadline],
        max_rows: int,
    ) -> None:
        self._connection = connection
        self._limit = limit
        self._deadline = deadline
        self._max_rows = max_rows

    def fetch(self, query: Query[Row]) -> list[Row]:
        by = self._deadline()
        rows: list[Row] = []
        with self._executed(query.sql, query.parameters, name=query.name, by=by) as cursor:
            for row in cursor:
                rows.append(query.row(*row))
                if len(rows) > self._max_rows:
                    raise TooManyRows(f"{query.name} has more than {self._max_rows} rows.")
                # The driver limits each of its waits, but not their sum, which is long if rows trickle in.
                # Cancelling from another thread is unsafe: the driver may then end the rows as if complete.
                if time.monotonic() > by.moment:
                    raise WarehouseTimeout(
                        f"{query.name} took longer than {self._limit.total_seconds():g} s."
                    )
        return rows

    def run(self, statement: Statement) -> None:
        # Rows go as JSON text, which must not grow without bound.
        for parameters in binding.split_rows(statement.parameters):
            with self._executed(statement.sql, parameters, name=statement.name, by=self._deadline()):
                pass

    @contextmanager
    def _executed(
        self, sql: str, parameters: tuple[Value, ...], *, name: str, by: Deadline
    ) -> Iterator[pyodbc.Cursor]:
        with _translate_errors(name, limit=self._limit):
            signin.limit_statements(self._connection, signin.whole_seconds(by))
            cursor = self._connection.cursor()
            binding.execute(cursor, sql, parameters)
            yield cursor
            # After an exception the pool closes the connection, and its cursors with it.
            cursor.close()


@contextmanager
def _translate_errors(name: str, *, limit: timedelta) -> Iterator[None]:
    try:
        yield
    except pyodbc.Error as error:
        meant = odbc.meaning(error.args, name=name, limit=limit)
        if meant is None:
            raise
        raise meant from error
