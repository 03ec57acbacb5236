"""Keeps receivers that stall from holding up the notices of all others.

The host handles a few messages at the same time, and an attempt may take ten seconds. So all owners with a
slow receiver share one lane, with one attempt at a time in each process.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

SLOW_FROM = 2_000
"""Milliseconds of an attempt from which its owner counts as slow."""

SLOW_FOR = timedelta(minutes=5)
"""How long an owner counts as slow after such an attempt."""


class SlowLane:
    """Remembers slow owners, and lets one of them send at a time. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._slow_until: dict[str, datetime] = {}
        self._sending = threading.Lock()

    @contextmanager
    def lock(self, owner: str) -> Iterator[bool]:
        """Yield whether an attempt may be made now; other slow owners wait until the block ends."""
        until = self._slow_until.get(owner)
        if until is None or until <= self._clock():
            yield True
            return
        is_free = self._sending.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._sending.release()

    def note(self, owner: str, *, milliseconds: int) -> None:
        """Record how long an attempt took."""
        if milliseconds >= SLOW_FROM:
            self._slow_until[owner] = self._clock() + SLOW_FOR
