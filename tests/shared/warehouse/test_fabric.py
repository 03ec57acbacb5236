"""The adapter over ODBC, on real drivers: SQLite's for statements, FreeTDS for a server that misbehaves."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.settings import WarehouseSettings
from shared.warehouse.engine import (
    Query,
    Statement,
    TooManyRows,
    WarehouseTimeout,
    WarehouseUnavailable,
)
from shared.warehouse.odbc import WarehouseLost, WarehouseMisconfigured
from shared.warehouse.pool import Opened

pyodbc = pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)

from shared.warehouse import fabric, opening  # noqa: E402 - it needs pyodbc
from tests.builders import warehouse as building  # noqa: E402

needs_sqlite = pytest.mark.skipif("SQLite3" not in pyodbc.drivers(), reason="SQLite's ODBC driver is missing")
needs_freetds = pytest.mark.skipif("FreeTDS" not in pyodbc.drivers(), reason="FreeTDS is missing")

ANSWER = Query("SELECT 42", (), int, "answer")


def fabric_on(path: Path, *, max_rows: int = 1000, clock_ahead: float = 3600) -> fabric.Fabric:
    """The adapter on a SQLite file."""

    def connect() -> Opened[Any]:
        connection = pyodbc.connect(f"Driver=SQLite3;Database={path}", autocommit=True)
        return Opened(connection, datetime.now(UTC).timestamp() + clock_ahead)

    return fabric.Fabric(
        connect, pool_size=2, timeout=timedelta(seconds=5), max_rows=max_rows, clusters=False
    )


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[fabric.Fabric]:
    opened = fabric_on(tmp_path / "test.db")
    opened.define("CREATE TABLE numbers (n bigint)")
    yield opened
    opened.close()


@needs_sqlite
def test_parameters_arrive_as_what_they_are(sqlite: fabric.Fabric) -> None:
    at = datetime(2026, 3, 29, 1, 2, 3, tzinfo=UTC)
    query = Query(
        "SELECT ?, CAST(? AS varchar), ?, ?, typeof(?), length(?)",
        ("707057500000010017", 2**40, date(2026, 3, 29), at, None, "x" * 20_000),
        lambda *row: row,
        "parameters",
    )

    (row,) = sqlite.fetch(query)

    assert row == ("707057500000010017", str(2**40), "2026-03-29", "2026-03-29 01:02:03.000", "null", 20_000)


@needs_sqlite
def test_a_query_with_more_rows_than_an_answer_may_hold_is_refused(tmp_path: Path) -> None:
    opened = fabric_on(tmp_path / "test.db", max_rows=2)

    with pytest.raises(TooManyRows, match="three has more than 2 rows"):
        opened.fetch(Query("SELECT 1 UNION SELECT 2 UNION SELECT 3", (), int, "three"))

    assert opened.fetch(ANSWER) == [42]


@needs_sqlite
def test_a_transaction_is_committed_at_its_end_and_undone_by_an_exception(sqlite: fabric.Fabric) -> None:
    add = Statement("INSERT INTO numbers (n) VALUES (?)", (7,), "add")
    numbers = Query("SELECT n FROM numbers", (), int, "numbers")

    with sqlite.transaction() as session:
        session.run(add)
        inside = session.fetch(numbers)

    def fail_after_a_change() -> None:
        with sqlite.transaction() as failing:
            failing.run(add)
            raise LookupError

    with pytest.raises(LookupError):
        fail_after_a_change()
    assert (inside, sqlite.fetch(numbers)) == ([7], [7])


@needs_sqlite
def test_a_fault_of_ours_is_not_taken_for_one_of_the_warehouse(sqlite: fabric.Fabric) -> None:
    with pytest.raises(pyodbc.Error, match="no such table"):
        sqlite.fetch(Query("SELECT 1 FROM nowhere", (), int, "nowhere"))


# --- errors that SQLite's driver never gives, from a connection that fails as it is told


@dataclass
class Cursor:
    failure: Exception | None

    def setinputsizes(self, sizes: list[tuple[int, int, int]]) -> None:
        pass

    def execute(self, sql: str, parameters: list[object]) -> None:
        if self.failure:
            raise self.failure

    def fetchmany(self, size: int) -> list[tuple[int]]:
        answered, self.rows = self.rows, []
        return answered

    rows: list[tuple[int]] = field(default_factory=lambda: [(42,)])

    def close(self) -> None:
        pass


@dataclass
class Connection:
    failure: Exception | None
    timeout: int = 0
    is_closed: bool = False

    def cursor(self) -> Cursor:
        return Cursor(self.failure)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FailingServer:
    """Each new connection fails with the next of these; afterwards all is well."""

    failures: list[Exception]
    connections: list[Connection] = field(default_factory=list)

    def connect(self) -> Opened[Any]:
        self.connections.append(Connection(self.failures.pop(0) if self.failures else None))
        return Opened(self.connections[-1], datetime.now(UTC).timestamp() + 3600)


def failing(*failures: Exception) -> tuple[FailingServer, fabric.Fabric]:
    server = FailingServer(list(failures))
    return server, fabric.Fabric(
        server.connect, pool_size=2, timeout=timedelta(seconds=9), max_rows=10, clusters=True
    )


LOST = pyodbc.OperationalError("08S01", "[08S01] TCP Provider: Error code 0x68 (104) (SQLExecDirectW)")
THROTTLED = pyodbc.ProgrammingError("42000", "[42000] [SQL Server]capacity (24801) (SQLExecDirectW)")
EXPIRED = pyodbc.OperationalError("HYT00", "[HYT00] Query timeout expired (0) (SQLExecDirectW)")


def test_a_read_on_a_lost_connection_is_tried_again_on_a_new_one() -> None:
    server, opened = failing(LOST, LOST)

    assert opened.fetch(ANSWER) == [42]
    assert [connection.is_closed for connection in server.connections] == [True, True, False]


def test_a_read_is_not_tried_for_ever() -> None:
    server, opened = failing(*[LOST] * 10)

    with pytest.raises(WarehouseLost):
        opened.fetch(ANSWER)

    assert len(server.connections) == fabric.ATTEMPTS


def test_a_throttled_warehouse_is_not_hammered() -> None:
    server, opened = failing(THROTTLED)

    with pytest.raises(WarehouseUnavailable) as caught:
        opened.fetch(ANSWER)

    assert caught.value.retry_after == timedelta(seconds=60)
    assert len(server.connections) == 1


def test_a_statement_that_ran_out_of_time_is_not_tried_again() -> None:
    server, opened = failing(EXPIRED)

    with pytest.raises(WarehouseTimeout, match="answer took longer than 9 s"):
        opened.fetch(ANSWER)

    assert server.connections[0].is_closed
    assert len(server.connections) == 1


def test_a_statement_is_given_its_time_limit() -> None:
    server, opened = failing()

    opened.fetch(ANSWER)

    assert server.connections[0].timeout == 9


# --- signing in


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that treats each connection as told; its port and the connections that it had."""
    kept: list[socket.socket] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    accepted, _ = server.accept()
                except TimeoutError:
                    continue
                kept.append(accepted)
                answer(accepted)
            for each in kept:
                each.close()

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield server.getsockname()[1], kept
        finally:
            ended.set()
            serving.join()


def garbage(accepted: socket.socket) -> None:
    accepted.recv(100)
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    accepted.close()


def hang_up(accepted: socket.socket) -> None:
    accepted.close()


@needs_freetds
@pytest.mark.parametrize("answer", [garbage, hang_up])
def test_a_server_that_does_not_speak_tds_is_unavailable(answer: Callable[[socket.socket], None]) -> None:
    with listening(answer) as (port, connections):
        settings = building.settings(
            f"mssql://sa:secret@127.0.0.1:{port}/metering", timeout=timedelta(seconds=2)
        )
        opened = opening.open_warehouse(_with_driver(settings, "FreeTDS"))

        with pytest.raises(WarehouseUnavailable) as caught:
            opened.fetch(ANSWER)

    assert connections
    assert "secret" not in str(caught.value)


@needs_freetds
def test_a_port_that_nobody_listens_on_is_unavailable(free_port: int) -> None:
    settings = building.settings(
        f"mssql://sa:secret@127.0.0.1:{free_port}/metering", timeout=timedelta(seconds=2)
    )
    opened = opening.open_warehouse(_with_driver(settings, "FreeTDS"))

    with pytest.raises(WarehouseUnavailable):
        opened.fetch(ANSWER)


def test_a_driver_that_is_not_installed_is_named(free_port: int) -> None:
    settings = building.settings(f"mssql://sa:secret@127.0.0.1:{free_port}/metering")
    opened = opening.open_warehouse(_with_driver(settings, "No Such Driver"))

    with pytest.raises(WarehouseMisconfigured, match="The ODBC driver 'No Such Driver' is not installed"):
        opened.fetch(ANSWER)


def _with_driver(settings: WarehouseSettings, driver: str) -> WarehouseSettings:
    return replace(settings, odbc_driver=driver)


class Identity:
    """A managed identity that gives one token, or refuses."""

    def __init__(self, token: AccessToken | None) -> None:
        self._token = token
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        if self._token is None:
            raise ClientAuthenticationError("no identity")
        return self._token


def test_a_token_is_passed_as_its_length_and_its_utf_16_text() -> None:
    identity = Identity(AccessToken("ab", 1_790_000_000))

    packed, expires_at = fabric.access_token(identity)

    assert packed == b"\x04\x00\x00\x00a\x00b\x00"
    assert expires_at == 1_790_000_000
    assert identity.scopes == ["https://database.windows.net/.default"]


def test_an_identity_that_does_not_answer_makes_the_warehouse_unavailable() -> None:
    with pytest.raises(WarehouseUnavailable, match="identity did not answer"):
        fabric.access_token(Identity(None))


def test_text_is_bound_as_varchar_and_decimals_keep_three_places() -> None:
    assert fabric.binding("707057500000010017") == (pyodbc.SQL_VARCHAR, 18, 0)
    assert fabric.binding("x" * 8001) == (pyodbc.SQL_VARCHAR, 0, 0)
    assert fabric.binding(Decimal("1.250")) == (pyodbc.SQL_DECIMAL, 18, 3)
    assert fabric.binding(datetime(2026, 3, 29, tzinfo=UTC)) == (pyodbc.SQL_TYPE_TIMESTAMP, 26, 6)


def test_the_driver_manager_does_not_pool() -> None:
    assert pyodbc.pooling is False
