"""The lease of the access sync, in `ServiceState`: one run at a time."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from shared import periods, tables
from shared.access import runs
from shared.telemetry import recording

ROW = "lease"
LASTS = timedelta(minutes=2)
RENEW_SECONDS = 30

logger = logging.getLogger(__name__)


class SyncRunning(Exception):
    """Another run of the access sync holds the lease."""


class Lease:
    """Allows one run at a time, whether the timer's or an operator's.

    It avoids wasted work and confusing reports; the grants do not depend on it (see `store.Writer`). It is
    short and renewed by a thread, so that a killed run does not block others for long.
    """

    def __init__(self, storage: tables.Tables, entity: tables.Entity) -> None:
        self._storage = storage
        self._entity = entity
        self._over = threading.Event()
        self._lost: Exception | None = None

    @contextmanager
    def held(self, clock: Callable[[], datetime]) -> Iterator[None]:
        """Renew the lease until the block ends, and then release it."""
        renewing = threading.Thread(
            target=recording.carry(self._renew_until_over), args=(clock,), daemon=True, name="sync-lease"
        )
        renewing.start()
        try:
            yield
        finally:
            self._over.set()
            renewing.join()
            self._release(clock())

    def confirm(self) -> None:
        """Check that this run still holds the lease.

        Raises:
            SyncRunning: another run took it meanwhile.
        """
        if self._lost is not None:
            raise SyncRunning("another run of the access sync took over") from self._lost

    def renew(self, now: datetime) -> None:
        """Extend the lease; if it was lost, `confirm` raises."""
        try:
            self._write(until=now + LASTS)
        except tables.ChangedMeanwhile as error:
            self._lost = error
        except tables.TablesUnavailable as error:
            logger.warning("The sync's lease could not be renewed; it is tried again: %s", error)

    def _renew_until_over(self, clock: Callable[[], datetime]) -> None:
        while self._lost is None and not self._over.wait(RENEW_SECONDS):
            self.renew(clock())

    def _release(self, now: datetime) -> None:
        try:
            self._write(until=now)
        except (tables.ChangedMeanwhile, tables.TablesUnavailable) as error:
            logger.warning("The sync's lease was not released; it ends by itself: %s", error)

    def _write(self, *, until: datetime) -> None:
        entity = {**self._entity, "until": until.isoformat()}
        etag = self._storage.replace(tables.SERVICE_STATE, entity, etag=self._entity["etag"])
        self._entity = {**entity, "etag": etag}


def take(storage: tables.Tables, *, holder: str, now: datetime) -> Lease:
    """Take the lease.

    Raises:
        SyncRunning: another run is under way, or was killed and its lease has not yet ended.
    """
    found = storage.get(tables.SERVICE_STATE, partition=runs.SYNC, row=ROW)
    wanted = {"PartitionKey": runs.SYNC, "RowKey": ROW, "holder": holder, "until": (now + LASTS).isoformat()}
    if found is not None and _is_held(found, now=now):
        raise SyncRunning(
            f"run {found.get('holder')} is under way, or was killed and gives way at {found['until']}"
        )
    try:
        if found is None:
            etag = storage.insert(tables.SERVICE_STATE, wanted)
        else:
            etag = storage.replace(tables.SERVICE_STATE, wanted, etag=found["etag"])
    except (tables.AlreadyExists, tables.ChangedMeanwhile) as error:
        raise SyncRunning("another run of the access sync began at the same moment") from error
    return Lease(storage, {**wanted, "etag": etag})


def _is_held(found: tables.Entity, *, now: datetime) -> bool:
    """Return whether a lease is held; one that ends later than a lease can was written by a wrong clock."""
    try:
        until = tables.stored_moment(found, "until")
    except tables.UnreadableValue as error:
        # An error would stop every sync for good.
        logger.warning("The sync's stored lease holds up nobody and is replaced: %s", error)
        return False
    return now < until and not periods.is_ahead(until - LASTS, now=now)
