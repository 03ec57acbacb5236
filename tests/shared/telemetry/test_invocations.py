"""Threads of our own belong to the invocation that started them, in both ways in which workers look."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field

from shared.telemetry import recording

of_the_worker: ContextVar[str | None] = ContextVar("of_the_worker", default=None)
"""Where Python's worker keeps the id from 3.13 on."""


@dataclass(frozen=True)
class Invocation:
    """As the worker gives it: its storage keeps an attribute for each thread."""

    invocation_id: str
    thread_local_storage: threading.local = field(default_factory=threading.local)


def test_a_call_of_another_thread_is_found_in_both_places() -> None:
    invocation = Invocation("a")

    def found() -> tuple[str | None, str | None]:
        return of_the_worker.get(), getattr(invocation.thread_local_storage, "invocation_id", None)

    with ThreadPoolExecutor(1) as pool:
        token = of_the_worker.set("a")
        with recording.within(invocation):
            carried = recording.carry(found)
        of_the_worker.reset(token)

        assert pool.submit(carried).result() == ("a", "a")
        assert pool.submit(found).result() == (None, None)


def test_calls_that_run_at_once_do_not_share_a_context() -> None:
    together = threading.Barrier(2)

    def meet(name: str) -> str | None:
        of_the_worker.set(name)
        together.wait(5)
        return of_the_worker.get()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(recording.carry(meet), ["a", "b"])) == ["a", "b"]


def test_without_an_invocation_the_call_is_made_all_the_same() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(recording.carry(lambda number: number + 1), 1).result() == 2
