"""Microsoft Fabric's warehouse, or another server that speaks TDS. The only importer of `pyodbc`."""

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyodbc  # type: ignore[import-not-found]  # Its types are no package, so mypy cannot see them.
import tenacity
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential

from shared.settings import WarehouseSettings
from shared.warehouse import odbc, schema
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import (
    WORK_LIMIT,
    Query,
    Row,
    Rows,
    Session,
    Statement,
    TooManyRows,
    Value,
    WarehouseTimeout,
    WarehouseUnavailable,
    bindable,
)
from shared.warehouse.odbc import WarehouseLost
from shared.warehouse.pool import Opened, Pool

# The driver manager would hand a connection of one token to another.
pyodbc.pooling = False

SCOPE = "https://database.windows.net/.default"
ACCESS_TOKEN_ATTRIBUTE = 1256
"""SQL_COPT_SS_ACCESS_TOKEN of msodbcsql.h."""
CONNECTION_TIMEOUT_ATTRIBUTE = 113
"""SQL_ATTR_CONNECTION_TIMEOUT of sqlext.h."""
SIGN_IN_SECONDS = 15
BEGIN_SECONDS = 3
COMMIT_SECONDS = round(WORK_LIMIT.total_seconds() / 3)
"""The driver waits twice so long again for a server that does not heed that it gives up."""
CANCEL_SECONDS = 1
"""For a statement, and half of what the driver waits then for a server that does not heed it."""
MAX_AGE = 1800.0
"""Seconds that a connection lives at most."""
TOKEN_MARGIN = 300.0
"""Seconds before its token expires in which a connection is not lent any more."""
LOCK_TIMEOUT = "SET LOCK_TIMEOUT 30000"
"""Milliseconds that a statement waits for a lock, such as that of a table being altered."""
ATTEMPTS = 3

Connect = Callable[[Deadline], Opened[pyodbc.Connection]]


def open_fabric(settings: WarehouseSettings, *, identity_client_id: str | None) -> "Fabric":
    """The warehouse of `fabric://<server>/<database>` or `mssql://<user>:<password>@<host>:<port>/<database>`."""
    wanted = odbc.connection_string(settings.url, driver=settings.odbc_driver)
    is_fabric = settings.url.startswith("fabric:")
    credential = DefaultAzureCredential(managed_identity_client_id=identity_client_id) if is_fabric else None

    def connect(by: Deadline) -> Opened[pyodbc.Connection]:
        return _connect(wanted, driver=settings.odbc_driver, credential=credential, by=by)

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
        timeout: of a question, with waiting for a connection, signing in and trying again; and of getting
            as far as the first statement of a transaction.
        max_rows: of one answer.
        clusters: whether the server knows CLUSTER BY.
    """

    def __init__(
        self, connect: Connect, *, pool_size: int, timeout: timedelta, max_rows: int, clusters: bool
    ) -> None:
        self._pool = Pool(connect, size=pool_size, clock=time.time)
        self._timeout = timeout
        self._max_rows = max_rows
        self._clusters = clusters
        # A read may be tried again: it changes nothing. Throttling and timeouts are not retried,
        # since that would add to the load that caused them.
        self._retried = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(WarehouseLost),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2),
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(timeout),
            reraise=True,
        )

    def fetch(self, query: Query[Row]) -> list[Row]:
        """The rows of a query; see `Warehouse.fetch`."""
        return self._retried(self._fetch_once, query, by=Deadline.after(self._timeout))

    def _fetch_once(self, query: Query[Row], *, by: Deadline) -> list[Row]:
        with self._lent(by) as connection:
            session = _Session(connection, limit=self._timeout, deadline=lambda: by, max_rows=self._max_rows)
            return session.fetch(query)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction; see `Warehouse.transaction`. Only its beginning is tried again here."""
        # An exception closes the connection, and the server undoes what it was doing.
        with ExitStack() as lent:
            connection = self._retried(self._begin, lent, by=Deadline.after(self._timeout))
            yield _Session(
                connection,
                limit=WORK_LIMIT,
                deadline=lambda: Deadline.after(WORK_LIMIT),
                max_rows=self._max_rows,
            )
            with _translated("commit", limit=WORK_LIMIT):
                connection.timeout = COMMIT_SECONDS
                connection.commit()
                connection.autocommit = True

    def _begin(self, lent: ExitStack, *, by: Deadline) -> pyodbc.Connection:
        """A connection with a transaction begun, lent until the stack is left."""
        with ExitStack() as attempt:
            connection = attempt.enter_context(self._lent(by))
            with _translated("begin", limit=self._timeout):
                connection.timeout = min(BEGIN_SECONDS, _whole_seconds(by))
                connection.autocommit = False
            lent.push(attempt.pop_all())
        return connection

    def define(self, batch: str) -> None:
        """Run one batch of the scripts in infra/warehouse."""
        statement = batch if self._clusters else schema.without_clustering(batch)
        with self._lent(Deadline.after(self._timeout)) as connection, _translated("define", limit=WORK_LIMIT):
            connection.timeout = round(WORK_LIMIT.total_seconds())
            connection.execute(statement).close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.close()

    @contextmanager
    def _lent(self, by: Deadline) -> Iterator[pyodbc.Connection]:
        try:
            with self._pool.lend(by=by) as connection:
                yield connection
        except WarehouseLost:
            # What broke one connection has broken those that lie idle too: each would cost an attempt.
            self._pool.close()
            raise


class _Session:
    """Statements on one connection, each with a time limit and a row cap.

    Args:
        connection: which nobody else uses meanwhile.
        limit: how long a statement may take, for messages.
        deadline: when a statement that begins now has to end.
        max_rows: of one answer.
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
                # The driver limits each of its waits and not their sum, which rows that trickle draw out.
                if time.monotonic() > by.moment:
                    raise WarehouseTimeout(
                        f"{query.name} took longer than {self._limit.total_seconds():g} s."
                    )
        return rows

    def run(self, statement: Statement) -> None:
        with self._executed(statement.sql, statement.parameters, name=statement.name, by=self._deadline()):
            pass

    @contextmanager
    def _executed(
        self, sql: str, parameters: Sequence[Value], *, name: str, by: Deadline
    ) -> Iterator[pyodbc.Cursor]:
        with _translated(name, limit=self._limit):
            # The first line sets both limits, that of a statement and that of the wait after it.
            self._connection.timeout = _whole_seconds(by)
            self._connection.set_attr(CONNECTION_TIMEOUT_ATTRIBUTE, CANCEL_SECONDS)
            cursor = self._connection.cursor()
            if parameters:
                cursor.setinputsizes([binding(value) for value in parameters])
            cursor.execute(sql, [bindable(value) for value in parameters])
            yield cursor
            # After an exception the pool closes the connection, and its cursors with it.
            cursor.close()


def _whole_seconds(by: Deadline) -> int:
    """What is left until then, as drivers take it: at least a second, for none would be no limit."""
    return max(1, round(by.seconds_left()))


def binding(value: Value) -> tuple[int, int, int]:
    """How a parameter is bound: type, size, decimals.

    Text goes as varchar and not as nvarchar, which pyodbc would choose: the server would otherwise
    convert the clustered column to compare it, and read the whole table. Every text that is bound
    is ASCII, so that it does not depend on the machine's character set.
    """
    if isinstance(value, str):
        return (pyodbc.SQL_VARCHAR, len(value) if 0 < len(value) <= 8000 else 0, 0)
    if isinstance(value, Rows):
        return (pyodbc.SQL_VARCHAR, 0, 0)
    if isinstance(value, datetime):
        return (pyodbc.SQL_TYPE_TIMESTAMP, 26, 6)
    if isinstance(value, date):
        return (pyodbc.SQL_TYPE_DATE, 10, 0)
    if isinstance(value, int):
        return (pyodbc.SQL_BIGINT, 0, 0)
    if isinstance(value, Decimal):
        return (pyodbc.SQL_DECIMAL, 18, 3)
    return (pyodbc.SQL_VARCHAR, 1, 0)


@contextmanager
def _translated(name: str, *, limit: timedelta) -> Iterator[None]:
    try:
        yield
    except pyodbc.Error as error:
        meant = odbc.meaning(error.args, name=name, limit=limit)
        if meant is None:
            raise
        raise meant from error


def _connect(
    connection_string: str, *, driver: str, credential: TokenCredential | None, by: Deadline
) -> Opened[pyodbc.Connection]:
    """A new connection, which lives no longer than its token.

    Raises:
        WarehouseMisconfigured: with what to change.
        WarehouseUnavailable: worth another try.
    """
    attributes: dict[int, bytes] = {}
    expires_at = time.time() + MAX_AGE
    if credential is not None:
        token, token_expires_at = access_token(credential)
        attributes[ACCESS_TOKEN_ATTRIBUTE] = token
        expires_at = min(expires_at, token_expires_at - TOKEN_MARGIN)
    # Where nobody listens, the driver goes on trying until this has passed.
    seconds = min(SIGN_IN_SECONDS, _whole_seconds(by))
    with ExitStack() as failing:
        try:
            connection = pyodbc.connect(
                connection_string, autocommit=True, timeout=seconds, attrs_before=attributes
            )
            failing.callback(connection.close)
            connection.timeout = seconds
            connection.set_attr(CONNECTION_TIMEOUT_ATTRIBUTE, CANCEL_SECONDS)
            connection.execute(LOCK_TIMEOUT).close()
        except pyodbc.Error as error:
            raise odbc.meaning_at_sign_in(error.args, driver=driver, drivers=pyodbc.drivers()) from error
        failing.pop_all()
    # Names of places are not ASCII; as UTF-16 they come whole whatever the machine's character set.
    connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-16le", ctype=pyodbc.SQL_WCHAR)
    return Opened(connection, expires_at)


def access_token(credential: TokenCredential) -> tuple[bytes, float]:
    """An access token as the driver wants it (length, then UTF-16), and when it expires."""
    try:
        token = credential.get_token(SCOPE)
    except AzureError as error:
        raise WarehouseUnavailable(
            "No access token for the warehouse: the app's identity did not answer.", retry_after=odbc.SOON
        ) from error
    encoded = token.token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded), float(token.expires_on)
