"""What is kept between runs of the access sync, in `ServiceState`: results, the lease, bound users."""

import hashlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import tables
from shared.access.register import ContactEmail

SYNC = "sync"
LATEST = "latest"
LEASE_ROW = "lease"
RUN = "run-"
USERS = "sync-users"
RUNS_KEPT = 30
REPORT_BYTES = 60_000
"""A text property of Table Storage holds 64 KiB in UTF-16."""

LEASE = timedelta(minutes=2)
RENEW_SECONDS = 30

logger = logging.getLogger(__name__)


class SyncRunning(Exception):
    """Another run of the access sync holds the lease."""


@dataclass(frozen=True)
class Run:
    """The result of one run.

    `completed_at` is when the grants were last completely up to date with Severa: this run's time
    when it was complete, else that of the last complete one, None when there was none.
    `narrowing_defined` says whether the last complete run found the property with metering points.
    """

    run_id: str
    outcome: str
    started_at: datetime
    finished_at: datetime
    completed_at: datetime | None
    counts: Mapping[str, int]
    report: str
    narrowing_defined: bool


def new_run_id(now: datetime) -> str:
    """Unique, and in order of time."""
    return f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def completed_at(storage: tables.Tables) -> datetime | None:
    """When the grants were last completely up to date with Severa; None when never."""
    latest = storage.get(tables.SERVICE_STATE, partition=SYNC, row=LATEST)
    return _moment(latest.get("completedAt")) if latest else None


def latest(storage: tables.Tables) -> Run | None:
    """The result of the last run; None before the first."""
    entity = storage.get(tables.SERVICE_STATE, partition=SYNC, row=LATEST)
    return _run(entity) if entity else None


def record(storage: tables.Tables, run: Run) -> None:
    """Keep a run's result as the latest and under its own id, and let go of the oldest."""
    columns = _columns(run)
    kept = [
        str(entity["RowKey"])
        for entity in storage.range(
            tables.SERVICE_STATE, partition=SYNC, rows_from=RUN, rows_before="run.", select=("RowKey",)
        )
    ]
    surplus = kept[: max(0, len(kept) + 1 - RUNS_KEPT)][:90]
    storage.transact(
        tables.SERVICE_STATE,
        [
            ("upsert", {"PartitionKey": SYNC, "RowKey": LATEST, **columns}),
            ("upsert", {"PartitionKey": SYNC, "RowKey": f"{RUN}{run.run_id}", **columns}),
            *[("delete", {"PartitionKey": SYNC, "RowKey": key}) for key in surplus],
        ],
    )


def _columns(run: Run) -> tables.Entity:
    counts = {f"count_{name}": count for name, count in run.counts.items()}
    return {
        "runId": run.run_id,
        "outcome": run.outcome,
        "startedAt": run.started_at.isoformat(),
        "finishedAt": run.finished_at.isoformat(),
        **({"completedAt": run.completed_at.isoformat()} if run.completed_at else {}),
        **counts,
        "report": _cut(run.report),
        "narrowingDefined": run.narrowing_defined,
    }


def _cut(report: str) -> str:
    encoded = report.encode("utf-16-le")
    if len(encoded) <= REPORT_BYTES:
        return report
    return encoded[:REPORT_BYTES].decode("utf-16-le", "ignore") + "\n(The rest is in the log.)"


def _run(entity: tables.Entity) -> Run:
    return Run(
        run_id=entity["runId"],
        outcome=entity["outcome"],
        started_at=datetime.fromisoformat(entity["startedAt"]),
        finished_at=datetime.fromisoformat(entity["finishedAt"]),
        completed_at=_moment(entity.get("completedAt")),
        counts={
            name.removeprefix("count_"): int(value)
            for name, value in entity.items()
            if name.startswith("count_")
        },
        report=entity["report"],
        narrowing_defined=entity["narrowingDefined"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class Lease:
    """Lets one run at a time be under way, whether the timer's or an operator's.

    It saves work and confusing reports; the grants do not depend on it (see `store.Writer`). It is
    short and renewed by a thread, so that a run that was killed does not keep others waiting.
    """

    def __init__(self, storage: tables.Tables, entity: tables.Entity) -> None:
        self._storage = storage
        self._entity = entity
        self._over = threading.Event()
        self._lost: Exception | None = None

    @contextmanager
    def held(self, clock: Callable[[], datetime]) -> Iterator[None]:
        """Renew the lease until the block ends, and then give it up."""
        renewing = threading.Thread(
            target=self._renew_until_over, args=(clock,), daemon=True, name="sync-lease"
        )
        renewing.start()
        try:
            yield
        finally:
            self._over.set()
            renewing.join()
            self._release(clock())

    def confirm(self) -> None:
        """Check that it is still ours.

        Raises:
            SyncRunning: another run took it meanwhile.
        """
        if self._lost is not None:
            raise SyncRunning("another run of the access sync took over") from self._lost

    def renew(self, now: datetime) -> None:
        """Hold it for another while; when it was lost, `confirm` tells."""
        try:
            self._write(until=now + LEASE)
        except tables.ChangedMeanwhile as error:
            self._lost = error
        except tables.TablesUnavailable as error:
            logger.warning("The sync's lease could not be renewed, and is tried again: %s", error)

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


def take_lease(storage: tables.Tables, *, holder: str, now: datetime) -> Lease:
    """Begin to be the one run.

    Raises:
        SyncRunning: another run is under way, or was killed and its lease is not yet over.
    """
    found = storage.get(tables.SERVICE_STATE, partition=SYNC, row=LEASE_ROW)
    wanted = {"PartitionKey": SYNC, "RowKey": LEASE_ROW, "holder": holder, "until": (now + LEASE).isoformat()}
    if found is not None and datetime.fromisoformat(found["until"]) > now:
        raise SyncRunning(
            f"run {found['holder']} is under way, or was killed and gives way at {found['until']}"
        )
    try:
        if found is None:
            etag = storage.insert(tables.SERVICE_STATE, wanted)
        else:
            etag = storage.replace(tables.SERVICE_STATE, wanted, etag=found["etag"])
    except (tables.AlreadyExists, tables.ChangedMeanwhile) as error:
        raise SyncRunning("another run of the access sync began at the same moment") from error
    return Lease(storage, {**wanted, "etag": etag})


def bound_users(storage: tables.Tables) -> dict[ContactEmail, str]:
    """The object id that each contact person's address was bound to when it was first found in Entra."""
    return {
        ContactEmail(entity["contactGuid"], entity["email"]): str(entity["objectId"])
        for entity in storage.range(tables.SERVICE_STATE, partition=USERS)
    }


def bind_users(
    storage: tables.Tables, users: Mapping[ContactEmail, str], *, now: datetime, run_id: str
) -> None:
    """Keep newly found object ids: from then on they are trusted, and the address is not."""
    operations: list[tables.Operation] = [
        (
            "upsert",
            {
                "PartitionKey": USERS,
                "RowKey": _user_row(contact),
                "contactGuid": contact.contact_guid,
                "email": contact.email,
                "objectId": object_id,
                "boundAt": now.isoformat(),
                "runId": run_id,
            },
        )
        for contact, object_id in sorted(users.items())
    ]
    _in_transactions(storage, operations)


def release_users(storage: tables.Tables, contacts: Iterable[ContactEmail]) -> None:
    """Forget the object ids of addresses that have no access in Severa any more."""
    operations: list[tables.Operation] = [
        ("delete", {"PartitionKey": USERS, "RowKey": _user_row(contact)}) for contact in sorted(contacts)
    ]
    _in_transactions(storage, operations)


def _user_row(contact: ContactEmail) -> str:
    """A key without the characters that keys may not have, and that addresses may."""
    return hashlib.sha256(f"{contact.contact_guid}\n{contact.email}".encode()).hexdigest()


def _in_transactions(storage: tables.Tables, operations: list[tables.Operation]) -> None:
    for start in range(0, len(operations), tables.MAX_TRANSACTION):
        storage.transact(tables.SERVICE_STATE, operations[start : start + tables.MAX_TRANSACTION])
