"""Leases in Table Storage: one process at a time does a piece of work.

A lease is a row. It is short and renewed by a thread, so that a killed process does not block others for
long.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import periods, tables
from shared.telemetry import recording

ROW = "lease"
LASTS = timedelta(minutes=2)
RENEW_SECONDS = 30

logger = logging.getLogger(__name__)


class HeldByAnother(Exception):
    """Another process holds the lease, or may hold it."""


@dataclass(frozen=True)
class Work:
    """What one process at a time does: a partition of a table, which has the lease's row."""

    table: str
    partition: str


class Lease:
    """Allows one process at a time to do some work."""

    def __init__(self, storage: tables.Tables, work: Work, entity: tables.Entity) -> None:
        self._storage = storage
        self._work = work
        self._entity = entity
        self._over = threading.Event()
        self._writing = threading.Lock()
        self._lost: Exception | None = None
        self._until = tables.stored_moment(entity, "until")
        self._clock: Callable[[], datetime] | None = None

    @contextmanager
    def held(self, clock: Callable[[], datetime], *, renew_seconds: float = RENEW_SECONDS) -> Iterator[None]:
        """Renew the lease every `renew_seconds` until the block ends, and then release it."""
        self._clock = clock
        renewing = threading.Thread(
            target=recording.carry(self._renew_until_over),
            args=(clock, renew_seconds),
            daemon=True,
            name="lease",
        )
        renewing.start()
        try:
            yield
        finally:
            self._over.set()
            renewing.join()
            self._release(clock())

    def confirm(self) -> None:
        """Check that this process still holds the lease.

        Raises:
            HeldByAnother: another process took the lease, or the lease ended before it was renewed, so that
                another process may have taken it unnoticed.
        """
        if self._lost is not None:
            raise HeldByAnother("another run took over") from self._lost
        if self._clock is not None and self._clock() >= self._until:
            raise HeldByAnother(
                f"the lease ended at {self._until.isoformat()}, so another run may have begun"
            )

    def renew(self, now: datetime) -> None:
        """Extend the lease; if it was lost, `confirm` raises."""
        try:
            self._write(until=now + LASTS)
        except tables.ChangedMeanwhile as error:
            self._lost = error
        except tables.TablesUnavailable as error:
            logger.warning("A lease could not be renewed; it is tried again: %s", error)

    def forget(self) -> None:
        """Delete the row of a lease that was released and that nobody needs any more."""
        work = self._work
        with suppress(tables.ChangedMeanwhile):
            self._storage.delete(work.table, partition=work.partition, row=ROW, etag=self._entity["etag"])

    def _renew_until_over(self, clock: Callable[[], datetime], renew_seconds: float) -> None:
        while self._lost is None and not self._over.wait(renew_seconds):
            self.renew(clock())

    def _release(self, now: datetime) -> None:
        try:
            self._write(until=now)
        except (tables.ChangedMeanwhile, tables.TablesUnavailable) as error:
            logger.warning("A lease was not released; it ends by itself: %s", error)

    def _write(self, *, until: datetime) -> None:
        with self._writing:
            entity = {**self._entity, "until": until.isoformat()}
            try:
                etag = self._storage.replace(self._work.table, entity, etag=self._entity["etag"])
            except tables.ChangedMeanwhile:
                # An earlier renewal may have been stored although its answer was lost.
                stored = self._storage.get(self._work.table, partition=self._work.partition, row=ROW)
                if stored is None or stored.get("taking") != entity["taking"]:
                    raise
                etag = self._storage.replace(self._work.table, entity, etag=stored["etag"])
            self._entity = {**entity, "etag": etag}
            self._until = until


def take(storage: tables.Tables, work: Work, *, holder: str, now: datetime) -> Lease:
    """Take the lease.

    Args:
        holder: names this process to others that want the lease.

    Raises:
        HeldByAnother: another process is at work, or was killed and its lease has not yet ended.
    """
    stored = storage.get(work.table, partition=work.partition, row=ROW)
    wanted = {
        "PartitionKey": work.partition,
        "RowKey": ROW,
        "holder": holder,
        "until": (now + LASTS).isoformat(),
        # Makes each process's row unique, so that a process recognises its own; see `Tables.replace`.
        "taking": uuid.uuid4().hex,
    }
    if stored is not None and _is_held(stored, now=now):
        raise HeldByAnother(
            f"run {stored.get('holder')} is under way, or was killed and expires at {stored['until']}"
        )
    try:
        if stored is None:
            etag = storage.insert(work.table, wanted)
        else:
            etag = storage.replace(work.table, wanted, etag=stored["etag"])
    except (tables.AlreadyExists, tables.ChangedMeanwhile) as error:
        raise HeldByAnother("another run began at the same moment") from error
    return Lease(storage, work, {**wanted, "etag": etag})


def _is_held(stored: tables.Entity, *, now: datetime) -> bool:
    """Return whether a lease is held; one that ends later than a lease can was written by a wrong clock."""
    try:
        until = tables.stored_moment(stored, "until")
    except tables.UnreadableValue as error:
        # An error would stop every later run for good.
        logger.warning("A stored lease is unreadable and is replaced: %s", error)
        return False
    return now < until and not periods.is_ahead(until - LASTS, now=now)
