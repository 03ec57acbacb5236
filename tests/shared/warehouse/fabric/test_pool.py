"""The pool: bounded in number, age and idleness."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import WarehouseUnavailable
from shared.warehouse.fabric.pool import MAX_IDLE, Opened, Pool


@dataclass(eq=False)
class Connection:
    number: int
    is_closed: bool = False

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Server:
    """Opens connections that live an hour; its clock moves only when the test moves it."""

    now: float = 0.0
    opened: list[Connection] = field(default_factory=list)

    def connect(self, by: Deadline) -> Opened[Connection]:
        self.opened.append(Connection(len(self.opened)))
        return Opened(self.opened[-1], self.now + 3600)

    def clock(self) -> float:
        return self.now


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def pool(server: Server) -> Iterator[Pool[Connection]]:
    made = Pool(server.connect, size=2, clock=server.clock)
    yield made
    made.close()


def lend(pool: Pool[Connection]) -> AbstractContextManager[Connection]:
    return pool.lend(by=Deadline.after(timedelta(seconds=0.05)))


def borrow(pool: Pool[Connection]) -> int:
    with lend(pool) as connection:
        return connection.number


def test_a_connection_is_lent_again(pool: Pool[Connection]) -> None:
    assert [borrow(pool), borrow(pool)] == [0, 0]


def test_several_at_the_same_time_get_their_own(pool: Pool[Connection]) -> None:
    with lend(pool) as first, lend(pool) as second:
        assert first is not second


def test_the_one_used_last_is_lent_first(pool: Pool[Connection]) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(lend(pool))
        with lend(pool):
            pass

    assert borrow(pool) == first.number


def test_who_finds_all_in_use_should_come_back(pool: Pool[Connection]) -> None:
    with lend(pool), lend(pool), pytest.raises(WarehouseUnavailable, match="in use"), lend(pool):
        pass

    assert borrow(pool) in {0, 1}


def test_a_connection_is_not_lent_again_after_an_exception(pool: Pool[Connection], server: Server) -> None:
    with pytest.raises(LookupError), lend(pool):
        raise LookupError

    assert server.opened[0].is_closed
    assert borrow(pool) == 1


@pytest.mark.parametrize("seconds", [MAX_IDLE, 3600])
def test_a_connection_that_is_idle_or_lives_too_long_is_closed(
    pool: Pool[Connection], server: Server, seconds: float
) -> None:
    borrow(pool)
    server.now += seconds

    assert borrow(pool) == 1
    assert server.opened[0].is_closed


def test_a_connection_in_steady_use_is_closed_when_its_token_ends(
    pool: Pool[Connection], server: Server
) -> None:
    while server.now < 3600:
        assert borrow(pool) == 0
        server.now += MAX_IDLE / 2

    assert borrow(pool) == 1


def test_a_failed_connect_gives_its_place_back(server: Server) -> None:
    def refuse(by: Deadline) -> Opened[Connection]:
        raise ConnectionError

    pool = Pool(refuse, size=1, clock=server.clock)

    for _ in range(3):
        with pytest.raises(ConnectionError), lend(pool):
            pass


def test_closing_closes_what_nobody_uses(pool: Pool[Connection], server: Server) -> None:
    borrow(pool)

    pool.close()

    assert server.opened[0].is_closed
