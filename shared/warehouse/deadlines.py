"""Deadlines: of one query, and of all queries of an answer together."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from shared import limits


@dataclass(frozen=True)
class Deadline:
    """The latest moment at which something must have ended, in seconds of `time.monotonic`."""

    moment: float

    @classmethod
    def after(cls, limit: timedelta) -> Self:
        """Return the deadline this long from now."""
        return cls(time.monotonic() + limit.total_seconds())

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; 0 when it has passed."""
        return max(0.0, self.moment - time.monotonic())


LEAST = limits.ANSWER / 4
"""No query starts with less time left than this, or than its own limit if that is shorter. Cut short, it
would look as if the warehouse hung."""


class _OfThread(threading.local):
    deadline: Deadline | None = None


# Not a context variable: the threads that a request starts, for warming up and probing, would inherit it.
_of_thread = _OfThread()


@contextmanager
def within(limit: timedelta) -> Iterator[None]:
    """Give all queries of this thread in the block one common deadline."""
    before = _of_thread.deadline
    _of_thread.deadline = Deadline.after(limit)
    try:
        yield
    finally:
        _of_thread.deadline = before


def of_this_thread() -> Deadline | None:
    """Return the deadline of this thread's queries; None outside a block."""
    return _of_thread.deadline
