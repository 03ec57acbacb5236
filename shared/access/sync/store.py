"""Grants and their audit in Table Storage, and the writes that keep both consistent.

`AccessGrants` holds a row for each grant and, last in each partition, the manifest of its principal.
Every transaction on grants also writes the manifest, so a manifest always describes exactly the
rows beside it, and its version changes whenever they do.

`AccessAudit` is another table, and no transaction spans two tables. So the manifest holds the audit rows of
its transaction (`pendingAudit`) until they are in the audit. If a run is killed before that, the next run
writes them. Their keys are decided with the change, so writing a row twice leaves one row.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from shared import periods, tables
from shared.access.grant import MANIFEST, Grant, GrantKey, UnreadableGrant, as_row, of_row, row_key
from shared.access.sync import audit
from shared.access.sync.changes import Change

CHANGES_IN_TRANSACTION = tables.MAX_TRANSACTION - 1
"""The manifest takes one operation."""

PENDING_BYTES = 60_000
"""How much of the audit a manifest holds: a property of Table Storage holds 64 KiB."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredGrant:
    """A grant, when it was granted, and the run that wrote it last."""

    grant: Grant
    granted_at: str
    run_id: str


@dataclass
class Partition:
    """Everything stored for one principal."""

    principal: str
    grants: dict[GrantKey, StoredGrant] = field(default_factory=dict)
    version: str | None = None
    """The version in the manifest; None if there is no manifest, or if it is unreadable."""
    count: int = 0
    """The count in the manifest; -1 if it is unreadable, so that the next sync replaces it."""
    has_pending_audit: bool = False
    unreadable: list[str] = field(default_factory=list)
    """Keys of rows that are not grants: they give nobody access, and the next sync removes them."""

    @property
    def is_settled(self) -> bool:
        """Whether rows, manifest and audit agree, as they do unless a run was killed or a row was edited."""
        return self.count == len(self.grants) and not self.has_pending_audit and not self.unreadable


def read(storage: tables.Tables) -> dict[str, Partition]:
    """Return all partitions, by principal."""
    partitions = {}
    rows = storage.everything(tables.ACCESS_GRANTS)
    for principal, entities in groupby(rows, key=lambda entity: str(entity["PartitionKey"])):
        partitions[principal] = _partition(principal, entities)
    return partitions


def read_partition(storage: tables.Tables, principal: str) -> Partition:
    """Return the partition of one principal, empty if nothing is stored for it."""
    return _partition(principal, storage.range(tables.ACCESS_GRANTS, partition=principal))


def _partition(principal: str, entities: Iterable[tables.Entity]) -> Partition:
    partition = Partition(principal)
    for entity in entities:
        if entity["RowKey"] == MANIFEST:
            partition.version, partition.count = _version_and_count(entity)
            partition.has_pending_audit = "pendingAudit" in entity
            continue
        try:
            grant = of_row(entity)
        except UnreadableGrant as error:
            logger.error("A stored row of %s is unreadable and will be removed: %s", principal, error)
            partition.unreadable.append(str(entity["RowKey"]))
            continue
        partition.grants[grant.key] = StoredGrant(
            grant, str(entity.get("grantedAt", "")), str(entity.get("runId", ""))
        )
    return partition


def _version_and_count(manifest: tables.Entity) -> tuple[str | None, int]:
    """Return the version and count in a manifest; None and -1 if one of them is unreadable."""
    try:
        return tables.stored_text(manifest, "version"), tables.stored_number(manifest, "count")
    except tables.UnreadableValue as error:
        logger.error("The manifest of %s is unreadable: %s", manifest["PartitionKey"], error)
        return None, -1


class Writer:
    """Writes the changes of one principal in one run.

    Each transaction requires the manifest that the one before wrote. So if two runs write the same partition,
    one of them fails (`tables.ChangedMeanwhile`), and their writes do not mix.
    """

    def __init__(self, storage: tables.Tables, partition: Partition, *, run_id: str) -> None:
        self._storage = storage
        self._principal = partition.principal
        self._run_id = run_id
        self._granted_at = {key: stored.granted_at for key, stored in partition.grants.items()}
        self._manifest = storage.get(tables.ACCESS_GRANTS, partition=self._principal, row=MANIFEST)
        found = None if self._manifest is None else _version_and_count(self._manifest)[0]
        if found != partition.version:
            raise tables.ChangedMeanwhile("the grants of a principal changed while they were compared")
        self._written = 0

    def write(self, batch: Sequence[Change], *, now: datetime) -> None:
        """Write at most 99 changes in one transaction, and then their audit.

        Changes whose audit does not fit into the manifest take several transactions.
        """
        at = self._after_the_last(now)
        events = [audit.entity(change, at=at, run_id=self._run_id) for change in batch]
        if len(batch) > 1 and len(tables.pack_json(events)) > PENDING_BYTES:
            middle = len(batch) // 2
            self.write(batch[:middle], now=now)
            self.write(batch[middle:], now=now)
            return
        for change in batch:
            self._granted_at.setdefault(change.subject.key, at.isoformat())
            if change.after is None:
                del self._granted_at[change.subject.key]
        operations = [self._operation(change) for change in batch]
        self._transact(operations, at=at, pending=events)
        audit.write(self._storage, events)

    def finish(self) -> None:
        """Store that all of the audit is written."""
        if self._manifest is not None and "pendingAudit" in self._manifest:
            manifest = {name: value for name, value in self._manifest.items() if name != "pendingAudit"}
            etag = self._storage.replace(tables.ACCESS_GRANTS, manifest, etag=manifest["etag"])
            self._manifest = {**manifest, "etag": etag}

    def settle(self, partition: Partition, *, now: datetime) -> None:
        """Make rows, manifest and audit agree again, without changing any grant."""
        if self._manifest is not None and "pendingAudit" in self._manifest:
            audit.write(self._storage, self._pending_audit(self._manifest))
            self.finish()
        keys = partition.unreadable
        for start in range(0, max(len(keys), 1), CHANGES_IN_TRANSACTION):
            batch = keys[start : start + CHANGES_IN_TRANSACTION]
            if batch or partition.count != len(partition.grants):
                operations: list[tables.Operation] = [
                    ("delete", {"PartitionKey": self._principal, "RowKey": key}) for key in batch
                ]
                self._transact(operations, at=self._after_the_last(now), pending=[])

    def _pending_audit(self, manifest: tables.Entity) -> list[tables.Entity]:
        """Return the audit rows in a manifest; none if they are unreadable: they are lost."""
        try:
            with tables.as_written("manifest"):
                return list(tables.unpack_json(manifest["pendingAudit"]))
        except tables.UnreadableValue as error:
            logger.error("The audit in the manifest of %s is lost: %s", self._principal, error)
            return []

    def _after_the_last(self, now: datetime) -> datetime:
        """Return `now`, or just after the last change: a clock set back a little must not reorder the audit.

        A last change far ahead of now was written by a wrong clock, and is ignored.
        """
        if self._manifest is None:
            return now
        try:
            last = tables.stored_moment(self._manifest, "changedAt")
        except tables.UnreadableValue as error:
            logger.error("The time of the last change of %s is unreadable: %s", self._principal, error)
            return now
        if periods.is_ahead(last, now=now):
            logger.error(
                "The last change of %s is noted at %s, ahead of now: a clock was wrong. "
                "The audit continues from %s.",
                self._principal,
                last.isoformat(),
                now.isoformat(),
            )
            return now
        return max(now, last + timedelta(microseconds=1))

    def _operation(self, change: Change) -> tables.Operation:
        grant = change.subject
        if change.after is None:
            return "delete", {"PartitionKey": grant.principal, "RowKey": row_key(grant)}
        return "upsert", as_row(grant, granted_at=self._granted_at[grant.key], run_id=self._run_id)

    def _transact(
        self, operations: Sequence[tables.Operation], *, at: datetime, pending: Sequence[tables.Entity]
    ) -> None:
        self._written += 1
        manifest = {
            "PartitionKey": self._principal,
            "RowKey": MANIFEST,
            "version": f"{self._run_id}.{self._written}",
            "count": len(self._granted_at),
            "changedAt": at.isoformat(),
            **({"pendingAudit": tables.pack_json(pending)} if pending else {}),
        }
        last: tables.Operation = ("insert", manifest)
        if self._manifest is not None:
            last = ("replace", {**manifest, "etag": self._manifest["etag"]})
        try:
            etag = self._send([*operations, last])[-1]
        except (tables.AlreadyExists, tables.ChangedMeanwhile):
            etag = self._etag_if_written(manifest["version"])
            if etag is None:
                raise
        self._manifest = {**manifest, "etag": etag}

    @tables.retry_unanswered
    def _send(self, operations: Sequence[tables.Operation]) -> list[str | None]:
        return self._storage.transact(tables.ACCESS_GRANTS, operations)

    def _etag_if_written(self, version: object) -> str | None:
        """Return the etag if this writer wrote it: `_send` repeats a transaction whose answer was lost."""
        manifest = self._storage.get(tables.ACCESS_GRANTS, partition=self._principal, row=MANIFEST)
        return str(manifest["etag"]) if manifest is not None and manifest.get("version") == version else None
