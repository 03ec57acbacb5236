"""A server that misbehaves, through Microsoft's driver: answered in time, never with half of the rows.

The limit of the adapter is two seconds here; the driver counts in whole ones, and waits two more for a server
that ignores the cancellation.
"""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from shared import limits
from shared.warehouse import conflicts, opening
from shared.warehouse.engine import (
    Query,
    Statement,
    TooManyRows,
    Warehouse,
    WarehouseError,
    WarehouseMisconfigured,
    WarehouseTimeout,
    WarehouseUnavailable,
)
from shared.warehouse.fabric import odbc
from shared.warehouse.fabric.odbc import WarehouseLost
from tests.builders import warehouse as building
from tests.doubles.tds.faults import Denial, Fault, What
from tests.doubles.tds.server import Server

pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)

from shared.warehouse.fabric import warehouse as adapter

LIMIT = timedelta(seconds=2)
PATIENCE = 6.0
"""Seconds: the limit, the driver's wait if the server ignores the cancellation, and a reserve."""
POOL = 4
MINUTE = timedelta(minutes=1)

DAYS = Query(
    "SELECT delivery_date FROM metering.market_day ORDER BY delivery_date", (), lambda day: day, "days"
)
ALL_DAYS = 14_975
ONE = Query("SELECT 1", (), int, "one")
LOCK = Statement("UPDATE metering.write_lock SET taken = taken + 1", (), "lock_writes")


@pytest.fixture
def fabric(server: Server) -> Iterator[Warehouse]:
    opened = opening.open_warehouse(building.settings(server.url, timeout=LIMIT))
    yield opened
    opened.close()


@contextmanager
def in_time(patience: float = PATIENCE) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < patience


def rest() -> None:
    """Let the time pass in which a warehouse that hung gets no query."""
    time.sleep(limits.SESSIONS.rest)


def attempts(server: Server) -> int:
    """Return how often the days were queried."""
    return server.faults.statements.count(DAYS.sql)


def locks(warehouse: Warehouse) -> int:
    (taken,) = warehouse.fetch(Query("SELECT taken FROM metering.write_lock", (), int, "locks"))
    return taken


# --- away


def test_a_server_that_is_away_is_reported_in_time_and_asked_again_when_it_is_back(
    server: Server, fabric: Warehouse
) -> None:
    assert fabric.fetch(ONE) == [1]

    server.vanish()
    with in_time(), pytest.raises(WarehouseUnavailable) as caught:
        fabric.fetch(ONE)
    server.appear()

    assert caught.value.retry_after == odbc.SOON
    assert "password" not in str(caught.value)
    rest()
    assert fabric.fetch(ONE) == [1]
    assert server.settles_at(1)


def test_a_server_that_accepts_and_says_nothing_is_reported_in_time(
    server: Server, fabric: Warehouse
) -> None:
    server.faults.is_silent = True

    with in_time(), pytest.raises(WarehouseLost):
        fabric.fetch(ONE)

    server.faults.is_silent = False
    with in_time(1.8), pytest.raises(WarehouseUnavailable, match="did not answer another query"):
        fabric.fetch(ONE)
    rest()
    assert fabric.fetch(ONE) == [1]


def garbage(accepted: socket.socket) -> None:
    accepted.recv(100)
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    accepted.close()


def hang_up(accepted: socket.socket) -> None:
    accepted.close()


@pytest.mark.parametrize("answer", [garbage, hang_up])
def test_a_server_that_speaks_no_tds_is_unavailable(
    server: Server, answer: Callable[[socket.socket], None]
) -> None:
    with listening(answer) as port:
        fabric = opening.open_warehouse(
            building.settings(f"mssql://sa:secret@127.0.0.1:{port}/metering", timeout=LIMIT)
        )

        with in_time(), pytest.raises(WarehouseLost) as caught:
            fabric.fetch(ONE)

    assert "secret" not in str(caught.value)


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where each connection is treated as the test says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                answer(accepted)

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


def test_all_idle_connections_may_have_broken_and_the_first_question_is_answered(
    server: Server, fabric: Warehouse
) -> None:
    together = threading.Barrier(POOL)

    def hold(_: int) -> None:
        with fabric.transaction() as session:
            session.fetch(ONE)
            together.wait()

    with ThreadPoolExecutor(POOL) as threads:
        list(threads.map(hold, range(POOL)))
    assert server.settles_at(POOL)
    server.vanish()
    server.appear()

    assert len(fabric.fetch(DAYS)) == ALL_DAYS
    assert server.settles_at(1)


# --- not let in


@pytest.mark.parametrize(
    ("denial", "kind", "retry_after"),
    [
        (
            Denial(24001, "The user session limit for the workspace is 724 and has been reached."),
            WarehouseUnavailable,
            MINUTE,
        ),
        (Denial(24801, "Unable to complete the action."), WarehouseUnavailable, MINUTE),
        (Denial(24800, "Unable to complete the action."), WarehouseUnavailable, MINUTE),
        (Denial(18456, "Login failed for user 'sa'.", times=9), odbc.SignInRefused, MINUTE),
        (Denial(4060, 'Cannot open database "metering".', times=9), WarehouseLost, odbc.SOON),
    ],
)
def test_a_sign_in_that_is_refused_says_when_to_come_back(
    server: Server,
    fabric: Warehouse,
    denial: Denial,
    kind: type[WarehouseUnavailable],
    retry_after: timedelta,
) -> None:
    server.faults.deny(denial)

    with in_time(), pytest.raises(WarehouseUnavailable) as caught:
        fabric.fetch(ONE)

    denial.times = 0
    assert type(caught.value) is kind
    assert caught.value.retry_after == retry_after
    assert fabric.fetch(ONE) == [1]


def test_a_wrong_password_and_a_wrong_database_are_reported(server: Server) -> None:
    password = opening.open_warehouse(
        building.settings(server.url.replace("password", "wrong"), timeout=LIMIT)
    )
    database = opening.open_warehouse(
        building.settings(server.url.replace("metering", "wrong"), timeout=LIMIT)
    )

    with pytest.raises(WarehouseMisconfigured, match="refused the sign-in"):
        password.fetch(ONE)
    with pytest.raises(WarehouseLost, match="database of WAREHOUSE does not exist, or may not be opened"):
        database.fetch(ONE)


def test_a_sign_in_that_is_refused_while_the_warehouse_wakes_is_tried_again(server: Server) -> None:
    server.faults.deny(
        Denial(18456, "Authentication was successful, but the database was not found.", times=2)
    )
    fabric = opening.open_warehouse(building.settings(server.url, timeout=timedelta(seconds=8)))

    with in_time(8):
        assert fabric.fetch(ONE) == [1]
    fabric.close()


# --- silent


@pytest.mark.parametrize("seconds", [1, 3])
def test_a_query_with_a_limit_of_its_own_is_given_up_then(
    server: Server, fabric: Warehouse, seconds: int
) -> None:
    server.faults.order(Fault("hang", matching="market_day"))

    with pytest.raises(WarehouseTimeout, match=f"days took longer than {seconds} s"):
        fabric.fetch(replace(DAYS, within=timedelta(seconds=seconds)))


@pytest.mark.parametrize("what", ["hang", "freeze", "trickle"])
@pytest.mark.parametrize("after_rows", [0, 5_000])
def test_an_answer_that_does_not_come_is_given_up_in_time_and_not_asked_for_again(
    server: Server, fabric: Warehouse, what: What, after_rows: int
) -> None:
    server.faults.order(Fault(what, matching="market_day", after_rows=after_rows, seconds=0.2))

    with in_time(), pytest.raises(WarehouseTimeout, match="days took longer than 2 s"):
        fabric.fetch(DAYS)

    assert attempts(server) == 1
    assert server.settles_at(0)
    rest()
    assert len(fabric.fetch(DAYS)) == ALL_DAYS


@pytest.mark.parametrize("what", ["hang", "freeze"])
@pytest.mark.parametrize("where", ["LOCK_TIMEOUT", "BEGIN"])
def test_silence_before_the_first_statement_is_given_up_in_time_too(
    server: Server, fabric: Warehouse, what: What, where: str
) -> None:
    server.faults.order(Fault(what, matching=where, times=9))

    def change() -> None:
        with fabric.transaction() as session:
            session.run(LOCK)

    with in_time(3 * LIMIT.total_seconds() + 1), pytest.raises(WarehouseError):
        change()

    assert server.settles_at(0)


def test_a_statement_that_computes_for_too_long_is_cancelled_on_the_server(
    server: Server, fabric: Warehouse
) -> None:
    endless = """
        SELECT COUNT(*) FROM metering.market_day AS a CROSS JOIN metering.market_day AS b
        CROSS JOIN metering.market_day AS c WHERE a.end_utc < DATEADD(hour, 1, b.start_utc)
    """

    with in_time(), pytest.raises(WarehouseTimeout, match="endless took longer than 2 s"):
        fabric.fetch(Query(endless, (), int, "endless"))

    assert server.settles_at(0)


# --- throttled


@pytest.mark.parametrize("after_rows", [0, 5_000])
def test_a_throttled_warehouse_is_reported_and_not_hammered(
    server: Server, fabric: Warehouse, after_rows: int
) -> None:
    server.faults.order(Fault("error", matching="market_day", after_rows=after_rows, number=24801))

    with in_time(), pytest.raises(WarehouseUnavailable) as caught:
        fabric.fetch(DAYS)

    assert caught.value.retry_after == MINUTE
    assert attempts(server) == 1
    assert len(fabric.fetch(DAYS)) == ALL_DAYS


# --- cut


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault("cut", after_rows=rows) for rows in (0, 1, 999, 1_000, 5_000, ALL_DAYS - 1, ALL_DAYS)),
        *(Fault("end", after_rows=rows) for rows in (0, 1, 999, 1_000, 5_000, ALL_DAYS - 1, ALL_DAYS)),
        *(Fault("error", number=number) for number in (24804, 6005, 10054, 10928, 40613)),
        Fault("error", number=6005, severity=20),
        Fault("error", number=24804, severity=21, after_rows=5_000),
    ],
    ids=lambda fault: f"{fault.what}-{fault.number}-{fault.after_rows}",
)
def test_a_read_that_is_cut_off_is_done_again_from_its_beginning(
    server: Server, fabric: Warehouse, fault: Fault
) -> None:
    fault.matching, fault.nth = "market_day", 1
    server.faults.order(fault)

    with in_time():
        days = fabric.fetch(DAYS)

    assert len(days) == len(set(days)) == ALL_DAYS
    assert attempts(server) == 2
    assert server.settles_at(1)


@pytest.mark.parametrize("number", [1205, 3951, 3961])
def test_a_read_that_the_server_ends_for_anothers_sake_is_done_again(
    server: Server, fabric: Warehouse, number: int
) -> None:
    server.faults.order(Fault("error", matching="market_day", number=number, after_rows=5_000))

    days = fabric.fetch(DAYS)

    assert len(days) == len(set(days)) == ALL_DAYS
    assert attempts(server) == 2


def test_a_read_that_is_ended_each_time_makes_the_warehouse_unavailable(
    server: Server, fabric: Warehouse
) -> None:
    server.faults.order(Fault("error", matching="market_day", number=1205, times=99))

    with pytest.raises(WarehouseUnavailable):
        fabric.fetch(DAYS)

    assert attempts(server) == adapter.ATTEMPTS


@pytest.mark.parametrize("what", ["cut", "end"])
def test_a_read_that_is_always_cut_off_gives_nothing_and_is_not_tried_for_ever(
    server: Server, fabric: Warehouse, what: What
) -> None:
    server.faults.order(Fault(what, matching="market_day", after_rows=5_000, times=99))

    with pytest.raises(WarehouseLost) as caught:
        fabric.fetch(DAYS)

    assert caught.value.retry_after == odbc.SOON
    assert attempts(server) == adapter.ATTEMPTS
    assert server.settles_at(0)


# --- transactions


def test_a_transaction_begins_on_another_connection_when_the_idle_one_has_broken(
    server: Server, fabric: Warehouse
) -> None:
    fabric.fetch(ONE)
    server.vanish()
    server.appear()

    with fabric.transaction() as session:
        session.run(LOCK)

    assert locks(fabric) == 1


@pytest.mark.parametrize("where", ["UPDATE", "market_day", "COMMIT"])
@pytest.mark.parametrize("what", ["cut", "end"])
def test_a_transaction_that_is_cut_off_changes_nothing_and_is_not_done_again(
    server: Server, fabric: Warehouse, where: str, what: What
) -> None:
    server.faults.order(Fault(what, matching=where))

    def change() -> None:
        with fabric.transaction() as session:
            session.run(LOCK)
            session.fetch(DAYS)

    with in_time(), pytest.raises(WarehouseLost):
        change()

    assert server.settles_at(0)
    assert locks(fabric) == 0
    assert server.faults.statements.count("BEGIN TRANSACTION") == 1


@pytest.mark.parametrize("number", [24556, 24706, 3960, 3961, 1205])
def test_a_change_that_meets_another_at_the_commit_is_done_again_from_the_start(
    server: Server, fabric: Warehouse, number: int
) -> None:
    server.faults.order(Fault("error", matching="COMMIT", number=number, times=2))

    def change() -> int:
        with fabric.transaction() as session:
            session.run(LOCK)
        return server.faults.statements.count("COMMIT TRANSACTION")

    assert conflicts.retry(change) == 3
    assert locks(fabric) == 1


@pytest.mark.parametrize("what", ["cut", "end"])
def test_a_transaction_is_done_when_its_connection_breaks_after_the_commit(
    server: Server, fabric: Warehouse, what: What
) -> None:
    # The driver begins the next transaction with the commit, and undoes it when it is not wanted.
    server.faults.order(Fault(what, matching="ROLLBACK"))

    with fabric.transaction() as session:
        session.run(LOCK)

    assert server.settles_at(0)
    assert locks(fabric) == 1


# --- all of it at once


def test_nothing_leaks_whatever_happens(server: Server, fabric: Warehouse) -> None:
    chance = random.Random(7)
    kinds: tuple[What, ...] = ("cut", "end", "error")
    numbers = (24801, 6005, 24804, 208)
    server.faults.order(
        *(
            Fault(
                chance.choice(kinds),
                matching="market_day",
                nth=chance.randint(1, 60),
                after_rows=chance.choice((0, 1, 500, 3_000)),
                number=chance.choice(numbers),
            )
            for _ in range(40)
        )
    )

    def fetch(number: int) -> int | str:
        try:
            if number % 5 == 0:
                with fabric.transaction() as session:
                    session.run(LOCK)
                    return len(session.fetch(DAYS))
            return len(fabric.fetch(DAYS))
        except Exception as error:
            return type(error).__name__

    with ThreadPoolExecutor(2 * POOL) as threads:
        answers = list(threads.map(fetch, range(60)))

    assert {each for each in answers if isinstance(each, int)} == {ALL_DAYS}
    assert {each for each in answers if isinstance(each, str)} >= {"WarehouseUnavailable", "ProgrammingError"}
    fabric.close()
    assert server.settles_at(0)
    with ThreadPoolExecutor(POOL) as threads:
        assert list(threads.map(lambda _: len(fabric.fetch(DAYS)), range(POOL))) == [ALL_DAYS] * POOL


def test_a_question_with_too_many_rows_gives_its_place_back(server: Server) -> None:
    fabric = opening.open_warehouse(building.settings(server.url, timeout=LIMIT, max_rows=10))

    for _ in range(2 * POOL):
        with pytest.raises(TooManyRows):
            fabric.fetch(DAYS)

    assert fabric.fetch(ONE) == [1]
    fabric.close()
    assert server.settles_at(0)
