"""A small pool of connections, limited in number, age and idle time.

The ODBC driver manager's own pooling is not used: it matches connections by connection string and not by
access token, and keeps them longer than their token is valid
(https://github.com/microsoft/msphpsql/pull/1592).
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shared import limits
from shared.limits import SessionLimit
from shared.warehouse.deadlines import Deadline
from shared.warehouse.engine import WarehouseTimeout, WarehouseUnavailable
from shared.warehouse.fabric.places import Places

MAX_IDLE = 200.0
"""Seconds after which an unused connection is closed: Azure's NAT drops idle ones after 240."""


class Closable(Protocol):
    """A connection."""

    def close(self) -> None:
        """Close the connection."""
        ...


Connection = TypeVar("Connection", bound=Closable)


@dataclass(frozen=True)
class Opened(Generic[Connection]):
    """A new connection, and the time from which it must not be used, in seconds of the pool's clock."""

    connection: Connection
    expires_at: float


@dataclass(frozen=True)
class _Idle(Generic[Connection]):
    opened: Opened[Connection]
    since: float


class Pool(Generic[Connection]):
    """Lends connections, the last used one first, so that an app with little traffic keeps few of them.

    Args:
        connect: opens a connection before a deadline.
        size: how many connections may be open at the same time.
        clock: seconds, as `time.monotonic`: the wall clock can be set back.
        limit: of waiting for a place.
    """

    def __init__(
        self,
        connect: Callable[[Deadline], Opened[Connection]],
        *,
        size: int,
        clock: Callable[[], float],
        limit: SessionLimit = limits.SESSIONS,
    ) -> None:
        self._connect = connect
        self._places = Places(size, limit=limit)
        self._clock = clock
        self._idle: list[_Idle[Connection]] = []
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, *, by: Deadline) -> Iterator[Connection]:
        """Lend a connection for the block; after an exception the connection is closed and not lent again.

        Raises:
            WarehouseUnavailable: no place became free in time, or the warehouse hangs.
        """
        self._places.take(by=by)
        began = time.monotonic()
        try:
            opened = self._usable() or self._connect(by)
            try:
                yield opened.connection
            except BaseException:
                opened.connection.close()
                raise
            self._keep(opened)
            self._places.answered()
        except (WarehouseUnavailable, WarehouseTimeout):
            self._places.failed(since=began)
            raise
        finally:
            self._places.give_back()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.opened.connection.close()

    def _usable(self) -> Opened[Connection] | None:
        """Return the last used connection that is not too old, and close those that are."""
        now = self._clock()
        with self._lock:
            old = [each for each in self._idle if self._is_old(each, now=now)]
            self._idle = [each for each in self._idle if not self._is_old(each, now=now)]
            idle = self._idle.pop().opened if self._idle else None
        for each in old:
            each.opened.connection.close()
        return idle

    def _keep(self, opened: Opened[Connection]) -> None:
        with self._lock:
            self._idle.append(_Idle(opened, since=self._clock()))

    @staticmethod
    def _is_old(idle: _Idle[Connection], *, now: float) -> bool:
        return now >= idle.opened.expires_at or now - idle.since >= MAX_IDLE
