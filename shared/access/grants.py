"""What a caller may read, from the stored grants: the read side, used by every request.

Nobody may read anything by default. One metering point is one range read; a portfolio is one
partition, read once and then kept in memory while the version in its manifest is unchanged. If a caller's
portfolio is in memory, single metering points are answered from it too. In both cases an answer is at most
`CHECK_SECONDS` behind the sync, by a monotonic clock: the wall clock can be set back.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import NamedTuple

from shared import periods, tables
from shared.access import grant, readers, runs
from shared.access.grant import Grant
from shared.access.readers import Reader
from shared.metering import MeteringPointId
from shared.readable import Permission, Readable
from shared.telemetry import recording

CHECK_SECONDS = 30.0
"""How long a manifest, or the time of the last sync, is trusted before it is read again."""
SETTLED_AFTER = timedelta(seconds=CHECK_SECONDS + 5)
"""After this long every instance knows of a sync, with 5 s for reading."""

MAX_PERMISSIONS_KEPT = 300_000
"""Permissions kept in memory over all principals, about 100 MB; the least recently used go first."""

ROWS_FOR_ONE = 150
"""Rows of a portfolio that take about as long to read as one metering point by itself (bench/access.py)."""

_READERS = 8
"""Metering points that are read at once, over all requests: the client keeps ten connections."""

_READ_ATTEMPTS = 3
_RUNBOOK = "see sync-too-old in docs/operations.md"
_COLUMNS = (
    "PartitionKey",
    "RowKey",
    "customerName",
    "validFrom",
    "validTo",
    "laterPeriods",
    "version",
    "count",
)

logger = logging.getLogger(__name__)


class NoGrants(Exception):
    """The gateway knows the caller, but no customer gave it access to a metering point."""


class AccessTooOld(Exception):
    """The last complete sync of the access mapping is older than allowed, unknown, or there was none."""


@dataclass(frozen=True)
class _Kept:
    """A portfolio in memory, and when its manifest was last seen unchanged, in seconds of `monotonic`."""

    readable: Readable
    checked_at: float


class _Manifest(NamedTuple):
    """The version of a principal's grants, and the number of their rows."""

    version: str
    rows: int


class Grants:
    """The stored grants. Safe to use from several threads.

    Raises:
        TablesUnavailable: Table Storage did not answer. Any method may raise it.
        AccessTooOld: the mapping is too old to be trusted. Any method may raise it.
    """

    def __init__(
        self,
        *,
        tables: tables.Tables,
        max_age: timedelta,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        max_permissions_kept: int = MAX_PERMISSIONS_KEPT,
    ) -> None:
        self._tables = tables
        self._max_age = max_age
        self._clock = clock
        self._monotonic = monotonic
        self._max_kept = max_permissions_kept
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="grants")
        self._reading: dict[str, Future[Readable]] = {}
        self._completed: tuple[float, datetime | None] | None = None

    def of(self, principal: str, *, metering_point_id: MeteringPointId) -> Readable:
        """Return what the principal may read of one metering point; it has no permissions if that is nothing.

        Raises:
            NoGrants: the principal may read no metering point at all.
        """
        self._refuse_when_too_old()
        kept = self._from_memory(principal)
        if kept is not None:
            return _digested(principal, kept.only([metering_point_id]).permissions)
        permissions = self._read_one(principal, metering_point_id)
        if not permissions and self._manifest(principal) is None:
            raise NoGrants
        return _digested(principal, permissions)

    def some(self, principal: str, *, metering_point_ids: Collection[MeteringPointId]) -> Readable:
        """Return what the principal may read of some metering points, which may be nothing.

        Of a large portfolio that is not in memory, only these are read.

        Raises:
            NoGrants: the principal may read no metering point at all.
        """
        self._refuse_when_too_old()
        kept = self._from_memory(principal)
        if kept is None:
            manifest = self._manifest(principal)
            if manifest is None:
                raise NoGrants
            if manifest.rows > ROWS_FOR_ONE * len(metering_point_ids):
                return self._some_from_tables(principal, metering_point_ids, manifest)
            kept = self.portfolio(principal)
        return _digested(principal, kept.only(metering_point_ids).permissions)

    def portfolio(self, principal: str) -> Readable:
        """Return everything that the principal may read.

        Raises:
            NoGrants: the principal may read nothing.
        """
        self._refuse_when_too_old()
        fresh = self._fresh(principal)
        if fresh is not None:
            return fresh
        # Concurrent requests of one principal share one reading of its partition, and its failure: if each
        # read again, the last would wait until all before it had failed.
        ours: Future[Readable] = Future()
        with self._lock:
            reading = self._reading.setdefault(principal, ours)
        if reading is not ours:
            return reading.result()
        try:
            ours.set_result(self._from_memory(principal) or self._from_tables(principal))
        except BaseException as error:
            ours.set_exception(error)
        finally:
            with self._lock:
                del self._reading[principal]
        return ours.result()

    def version(self, principal: str) -> str | None:
        """Return the stored version of everything that the principal may read; None if that is nothing."""
        manifest = self._manifest(principal)
        return manifest.version if manifest else None

    def read_uncached(self, principal: str) -> Readable:
        """Return everything that the principal may read, as the table has it now.

        Raises:
            NoGrants: the principal may read nothing.
        """
        self._refuse_when_too_old()
        return self._from_tables(principal)

    def readers_of(self, customer_number: int) -> list[Reader]:
        """Return who may read metering points of a customer, applications first."""
        self._refuse_when_too_old()
        return readers.of_customer(self._tables, customer_number)

    def synced_at(self) -> datetime | None:
        """Return when the grants were last completely up to date with Severa; None if never, or not known.

        A time ahead of now was written by a wrong clock, so the age of the grants is not known.
        """
        completed_at = self._completed_at()
        if completed_at is None or periods.is_ahead(completed_at, now=self._clock()):
            return None
        return completed_at

    def _completed_at(self) -> datetime | None:
        """Return the time of the last complete sync; a known one is kept for `CHECK_SECONDS`."""
        now = self._monotonic()
        with self._lock:
            known = self._completed
        if known is None or known[1] is None or now - known[0] >= CHECK_SECONDS:
            known = (now, runs.completed_at(self._tables))
            with self._lock:
                self._completed = known
        return known[1]

    def _refuse_when_too_old(self) -> None:
        completed_at, now = self._completed_at(), self._clock()
        if completed_at is None:
            raise AccessTooOld(f"no complete sync of access is stored: run the sync; {_RUNBOOK}")
        if periods.is_ahead(completed_at, now=now):
            raise AccessTooOld(
                f"the last sync is noted at {completed_at.isoformat()}, ahead of this clock: correct the "
                f"clock that is wrong, then run the sync; {_RUNBOOK}"
            )
        if now - completed_at > self._max_age:
            hours, allowed = (age / timedelta(hours=1) for age in (now - completed_at, self._max_age))
            raise AccessTooOld(
                f"access was last synchronised at {completed_at.isoformat()}, {hours:.1f} hours ago, "
                f"and ACCESS_MAX_AGE_HOURS is {allowed:g}; {_RUNBOOK}"
            )

    def _from_memory(self, principal: str) -> Readable | None:
        """Return the portfolio in memory if it is current; an old one is compared with its manifest first."""
        fresh = self._fresh(principal)
        with self._lock:
            kept = self._kept.get(principal)
        if fresh is not None or kept is None:
            return fresh
        now = self._monotonic()
        manifest = self._manifest(principal)
        if manifest is None or manifest.version != kept.readable.version:
            return None
        self._keep(_Kept(kept.readable, now))
        return kept.readable

    def _fresh(self, principal: str) -> Readable | None:
        """Return the portfolio in memory if it was compared recently, else None."""
        now = self._monotonic()
        with self._lock:
            kept = self._kept.get(principal)
            if kept is None or now - kept.checked_at >= CHECK_SECONDS:
                return None
            self._kept.move_to_end(principal)
            return kept.readable

    def _from_tables(self, principal: str) -> Readable:
        """Read the partition as it was at one moment: again if it was rewritten meanwhile."""
        for _ in range(_READ_ATTEMPTS):
            now = self._monotonic()
            manifest = self._manifest(principal)
            if manifest is None:
                self._forget(principal)
                raise NoGrants
            permissions, version_after = self._read(principal)
            if version_after == manifest.version:
                readable = Readable(principal, permissions, manifest.version)
                self._keep(_Kept(readable, now))
                return readable
        raise tables.TablesUnavailable("the grants are being rewritten")

    def _some_from_tables(
        self, principal: str, metering_point_ids: Collection[MeteringPointId], manifest: _Manifest
    ) -> Readable:
        """Read some of a partition as it was at one moment: again if it was rewritten meanwhile."""
        before = manifest
        for _ in range(_READ_ATTEMPTS):
            permissions = self._read_each(principal, metering_point_ids)
            after = self._manifest(principal)
            if after is None:
                raise NoGrants
            if after == before:
                return _digested(principal, permissions)
            before = after
        raise tables.TablesUnavailable("the grants are being rewritten")

    def _read_each(
        self, principal: str, metering_point_ids: Collection[MeteringPointId]
    ) -> tuple[Permission, ...]:
        """Return the sorted permissions of each metering point, read several at once."""
        # Telemetry's spans of these reads belong to the request that needs them.
        read = recording.carry(self._read_one)
        readings = [self._readers.submit(read, principal, each) for each in sorted(set(metering_point_ids))]
        try:
            return tuple(chain.from_iterable(reading.result() for reading in readings))
        finally:
            # After a failure the others would fail as slowly, and keep the readers from other requests.
            for reading in readings:
                reading.cancel()

    def _read_one(self, principal: str, metering_point_id: MeteringPointId) -> tuple[Permission, ...]:
        permissions, _ = self._read(
            principal, rows_from=f"{metering_point_id}:", rows_before=f"{metering_point_id};"
        )
        return permissions

    def _read(
        self, principal: str, *, rows_from: str = "", rows_before: str | None = None
    ) -> tuple[tuple[Permission, ...], str | None]:
        """Return the sorted permissions of a range of rows, and the manifest's version if that was read."""
        permissions: list[Permission] = []
        names: dict[str, str] = {}
        version = None
        rows = self._tables.range(
            tables.ACCESS_GRANTS,
            partition=principal,
            rows_from=rows_from,
            rows_before=rows_before,
            select=_COLUMNS,
        )
        for row in rows:
            if row["RowKey"] == grant.MANIFEST:
                version = tables.stored_text(row, "version")
                continue
            try:
                permissions.extend(_permissions(grant.of_row(row), names))
            except grant.UnreadableGrant:
                logger.error(
                    "A stored row of %s is unreadable and grants nothing. "
                    "The next sync replaces or removes it.",
                    principal,
                )
        permissions.sort(key=_order)
        return tuple(permissions), version

    def _manifest(self, principal: str) -> _Manifest | None:
        """Return the manifest of a principal's grants; None if the principal has none."""
        manifest = self._tables.get(tables.ACCESS_GRANTS, partition=principal, row=grant.MANIFEST)
        if manifest is None:
            return None
        rows = tables.stored_number(manifest, "count")
        return _Manifest(tables.stored_text(manifest, "version"), rows) if rows else None

    def _keep(self, kept: _Kept) -> None:
        with self._lock:
            self._kept[kept.readable.principal] = kept
            self._kept.move_to_end(kept.readable.principal)
            total = sum(len(each.readable.permissions) for each in self._kept.values())
            while total > self._max_kept and len(self._kept) > 1:
                _, evicted = self._kept.popitem(last=False)
                total -= len(evicted.readable.permissions)

    def _forget(self, principal: str) -> None:
        with self._lock:
            self._kept.pop(principal, None)


def _permissions(given: Grant, names: dict[str, str]) -> Iterator[Permission]:
    """Yield a permission for each span; the rows of a customer share one object for its name."""
    name = names.setdefault(given.customer_name, given.customer_name)
    for span in given.spans:
        yield Permission(given.metering_point_id, given.customer_number, name, span.valid_from, span.valid_to)


def _order(permission: Permission) -> tuple[str, int, date]:
    return permission.metering_point_id, permission.customer_number, permission.valid_from or date.min


def _digested(principal: str, permissions: tuple[Permission, ...]) -> Readable:
    """Return a part of a portfolio; the same part has the same version, wherever it was read."""
    return Readable(principal, permissions, _digest(permissions))


def _digest(permissions: Iterable[Permission]) -> str:
    digest = hashlib.sha256()
    for permission in permissions:
        digest.update(repr(permission).encode())
    return digest.hexdigest()[:32]
