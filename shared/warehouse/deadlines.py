"""Time limits of statements: one thread interrupts whichever has run for too long.

A timer for each statement would cost a thread for each, and could go off just after its
statement ended, when the connection is busy with the next.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

LOOK_EVERY = 0.05
"""Seconds between two looks at what is running: so much later may an interruption come."""


@dataclass(frozen=True)
class Deadline:
    """A moment by which something has ended, in seconds of `time.monotonic`."""

    moment: float

    @classmethod
    def after(cls, limit: timedelta) -> Self:
        """The moment that lies so far ahead."""
        return cls(time.monotonic() + limit.total_seconds())

    def seconds_left(self) -> float:
        """How long it is until then; never less than nothing."""
        return max(0.0, self.moment - time.monotonic())


class Deadlines:
    """The statements that are running, each with the moment at which it is interrupted."""

    def __init__(self, name: str) -> None:
        self._running: dict[object, tuple[float, Callable[[], None]]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"{name}-deadlines", daemon=True)
        self._watcher.start()

    @contextmanager
    def within(self, limit: timedelta, *, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call `interrupt`, from another thread, if the block is not left within the limit."""
        statement = object()
        with self._lock:
            self._running[statement] = (time.monotonic() + limit.total_seconds(), interrupt)
        try:
            yield
        finally:
            # Once this lock is had, nothing interrupts on account of this statement any more.
            with self._lock:
                self._running.pop(statement, None)

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            now = time.monotonic()
            with self._lock:
                for statement, (deadline, interrupt) in list(self._running.items()):
                    if now >= deadline:
                        del self._running[statement]
                        interrupt()
