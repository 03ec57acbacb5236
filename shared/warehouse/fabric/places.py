"""Limits the sessions in use at one time: queries wait for a place, but not while the warehouse hangs."""

import threading
import time
from collections import deque

from shared.limits import SessionLimit
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import WarehouseUnavailable
from shared.warehouse.fabric.odbc import SOON


class _Waiter:
    """A query that waits; `has_place` says, once it is decided, whether it got a place."""

    def __init__(self) -> None:
        self.decided = threading.Event()
        self.has_place = False


class Places:
    """A number of places, given to queries in the order in which they arrive.

    Queries of an ordinary burst wait. Queries to a warehouse that hangs fail at once: waiting, they would
    occupy the threads of requests that need no session.
    """

    def __init__(self, size: int, *, limit: SessionLimit) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._free = size
        self._waiters: deque[_Waiter] = deque()
        self._moved_at = self._answered_at = time.monotonic()
        self._rests_until = 0.0

    def take(self, *, by: Deadline) -> None:
        """Take a place, now or as soon as one is free.

        Raises:
            WarehouseUnavailable: no place became free in time, or the warehouse hangs.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._rests_until:
                raise _unavailable("The warehouse did not answer another query a moment ago.")
            if self._free:
                self._free -= 1
                self._moved_at = now
                return
            if len(self._waiters) >= self._limit.waiting or now >= self._moved_at + self._limit.wait:
                raise _unavailable("All connections to the warehouse are in use.")
            waiter = _Waiter()
            self._waiters.append(waiter)
        self._wait(waiter, until=min(by.moment, now + self._limit.wait))

    def _wait(self, waiter: _Waiter, *, until: float) -> None:
        while not waiter.decided.wait(max(0.0, min(until, self._hangs_at) - time.monotonic())):
            with self._lock:
                if waiter.decided.is_set():
                    break
                if time.monotonic() >= min(until, self._hangs_at):
                    self._waiters.remove(waiter)
                    raise _unavailable("All connections to the warehouse are in use.")
        if not waiter.has_place:
            raise _unavailable("The warehouse did not answer another query a moment ago.")

    @property
    def _hangs_at(self) -> float:
        """When the warehouse counts as hanging, unless a place becomes free before."""
        return self._moved_at + self._limit.wait

    def answered(self) -> None:
        """Record that a query was answered."""
        self._answered_at = time.monotonic()

    def failed(self, *, since: float) -> None:
        """Record that a query got no answer since it began; if it hung, queries fail at once for a while."""
        with self._lock:
            now = time.monotonic()
            if now - since < self._limit.wait or self._answered_at >= since:
                return
            self._rests_until = now + self._limit.rest
            while self._waiters:
                self._waiters.popleft().decided.set()

    def give_back(self) -> None:
        """Free a place, and give it to the query that has waited longest."""
        with self._lock:
            self._moved_at = time.monotonic()
            if not self._waiters:
                self._free += 1
                return
            waiter = self._waiters.popleft()
            waiter.has_place = True
            waiter.decided.set()


def _unavailable(message: str) -> WarehouseUnavailable:
    return WarehouseUnavailable(message, retry_after=SOON)
