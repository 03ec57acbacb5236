"""Statements of the embedded engine are interrupted when they run for too long."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.warehouse.duckdb.warehouse import Deadlines

SOON, LATE = timedelta(milliseconds=1), timedelta(hours=1)


@pytest.fixture
def deadlines() -> Iterator[Deadlines]:
    """Deadlines that stop looking when the test ends."""
    looking = Deadlines("test")
    yield looking
    looking.close()


def test_a_statement_that_runs_for_too_long_is_interrupted(deadlines: Deadlines) -> None:
    interrupted = threading.Event()

    with deadlines.within(SOON, interrupt=interrupted.set):
        assert interrupted.wait(10)


def test_a_statement_is_interrupted_once_and_no_other_with_it(deadlines: Deadlines) -> None:
    calls: list[str] = []
    later = threading.Event()

    with (
        deadlines.within(LATE, interrupt=lambda: calls.append("late")),
        deadlines.within(SOON, interrupt=lambda: calls.append("soon")),
        deadlines.within(SOON, interrupt=later.set),
    ):
        assert later.wait(10)

    assert calls == ["soon"]


def test_an_ended_statement_is_not_interrupted(deadlines: Deadlines) -> None:
    ended, later = threading.Event(), threading.Event()

    with deadlines.within(SOON, interrupt=ended.set):
        pass
    with deadlines.within(SOON, interrupt=later.set):
        assert later.wait(10)

    # The look that found the later one would have found the ended one as well, unless it came first.
    assert not ended.is_set()
