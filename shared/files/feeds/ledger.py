"""The ledger: the runs of feeds, and the status of their files.

A run is a row in its feed's partition. Its key is the last publication in it, inverted, so that the newest
run comes first. Its batches are rows of the same partition. A batch has some of the metering points, and one
message builds its files.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared import leases, tables
from shared.files import sweeping
from shared.files.feeds.messages import RunMessage
from shared.files.feeds.store import Feed, Feeds, Span, Spec
from shared.tables import Tables
from shared.warehouse.queries.published import Kind

KEPT = timedelta(days=35)
"""How long the files of a run are kept."""
LISTED = timedelta(days=400)
"""How long a run stays in the ledger."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Written as the last touch of a run that the next sweep is to announce or send."""

_LAST = 10**12 - 1
_BATCHES = "b"
_MOST_BATCHES = 99_999


class RunStatus(StrEnum):
    """The status of a run."""

    BUILDING = "building"
    READY = "ready"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    EMPTY = "empty"

    @property
    def has_files(self) -> bool:
        """Return whether its files can be fetched while they are kept."""
        return self in (RunStatus.READY, RunStatus.SENT, RunStatus.ACKNOWLEDGED)


class NotReady(Exception):
    """The run has no files, or is being made."""


@dataclass(frozen=True)
class FileOfRun:
    """A file of a run.

    Attributes:
        rows: lines, rows or time series, as the form has them, without headings.
        values: intervals, the missing ones too.
        watt_hours: the sum of all quantities.
    """

    name: str
    bytes: int
    rows: int
    values: int
    missing: int
    estimated: int
    watt_hours: int
    sha256: str


@dataclass(frozen=True)
class Batch:
    """Some metering points of a run, whose files are built together.

    Attributes:
        label: the customer, with a file for each customer; else empty.
        number: from 1, in the order of the files.
        place, of: its position among the batches with this label and kind, from 1, and their number.
        permitted: packed; see `planning`.
        files: None until they are built.
    """

    number: int
    label: str
    kind: Kind
    place: int
    of: int
    permitted: bytes
    files: tuple[FileOfRun, ...] | None = None
    etag: str = field(default="", compare=False)


@dataclass(frozen=True)
class Run:
    """A run of a feed.

    Attributes:
        spec: of the feed when the run was decided.
        round: counts how often the run was planned; files of an earlier round are deleted.
        plan: names the batches; if two plans are made at the same time, one of them is stored here.
        batches: how many there are; None before they are planned.
        manifest: its name and SHA-256 once all files are built; None where there is no file.
        attempts: how many tries to send the files have been made.
        sent_files: how many files the receiver has, in their order.
        sent_to: the place of that receiver.
        handings: counts how often the files were handed out.
        taken_at: when a file was first fetched, or the run acknowledged.
        is_reported: whether we were alerted that nobody took it.
    """

    principal: str
    feed_id: str
    span: Span
    spec: Spec
    status: RunStatus
    touched_at: datetime
    round: int = 1
    plan: str = ""
    batches: int | None = None
    problem: tuple[str, str] | None = None
    manifest: FileOfRun | None = None
    attempts: int = 0
    sent_files: int = 0
    sent_to: str = ""
    handings: int = 1
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    taken_at: datetime | None = None
    is_reported: bool = False
    etag: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """Return the run's name in paths and file names; the names sort in the order of the runs."""
        return self.span.name

    @property
    def folder(self) -> str:
        """Return the folder of the files of this round."""
        return self._folder_of(self.round)

    @property
    def folders_before(self) -> list[str]:
        """Return the folders of the files of earlier rounds."""
        return [self._folder_of(number) for number in range(1, self.round)]

    def _folder_of(self, number: int) -> str:
        return f"{folder_of(self.principal, self.feed_id)}{self.id}.{number}/"

    @property
    def message(self) -> str:
        """Return the message that has the run planned."""
        return RunMessage(self.principal, self.feed_id, self.span.through).text

    def message_of(self, batch: int) -> str:
        """Return the message that has a batch of this round built."""
        return RunMessage(self.principal, self.feed_id, self.span.through, self.round, batch).text

    def next_round(self, *, now: datetime) -> "Run":
        """Return the next round of the run, before it is planned."""
        made = Run(self.principal, self.feed_id, self.span, self.spec, RunStatus.BUILDING, touched_at=now)
        return replace(made, round=self.round + 1)

    def reopened(self, *, now: datetime) -> "Run":
        """Return the run as before its files were handed out or, if they are gone, before they were made."""
        if self.manifest is None or self.finished_at is None or now >= self.finished_at + KEPT:
            return self.next_round(now=now)
        return replace(
            self,
            status=RunStatus.READY,
            handings=self.handings + 1,
            problem=None,
            attempts=0,
            sent_files=0,
            is_reported=False,
            next_attempt_at=None,
            taken_at=None,
            touched_at=now,
        )

    def is_same_round(self, other: "Run") -> bool:
        """Return whether the run is still in the round and status of `other`."""
        return (self.round, self.status) == (other.round, other.status)

    def is_same_handing(self, other: "Run") -> bool:
        """Return whether the run is still handed out as `other` is."""
        return self.is_same_round(other) and self.handings == other.handings

    @property
    def file_count(self) -> int:
        """Return how many files it has, without the manifest, which lists them."""
        return self.manifest.rows if self.manifest else 0

    def is_kept(self, now: datetime) -> bool:
        """Return whether its files are still kept."""
        return self.status.has_files and self.finished_at is not None and now < self.finished_at + KEPT


def folder_of(principal: str, feed_id: str) -> str:
    """Return the folder of a feed's files."""
    return f"feeds/{principal.replace(':', '-')}/{feed_id}/"


Change = Callable[[Run], Run]


class Ledger:
    """The runs of all feeds. Every method may raise `tables.TablesUnavailable`."""

    def __init__(self, storage: Tables) -> None:
        self._tables = storage

    def add(self, feed: Feed, span: Span) -> Run:
        """Return the run of a span; add it if it is missing."""
        made = Run(feed.principal, feed.id, span, feed.spec, RunStatus.BUILDING, touched_at=span.planned_at)
        try:
            return replace(made, etag=self._tables.insert(tables.FILE_WORK, _entity(made)))
        except tables.AlreadyExists:
            return self.get(feed.principal, feed.id, span.through) or made

    def get(self, principal: str, feed_id: str, through: int) -> Run | None:
        """Return the run that ends with a publication."""
        entity = self._tables.get(
            tables.FILE_WORK, partition=partition_of(principal, feed_id), row=_row(through)
        )
        return None if entity is None else _run(entity)

    def of(
        self, principal: str, feed_id: str, *, before: int | None = None, after: int = -1
    ) -> Iterator[Run]:
        """Yield the runs of a feed, the newest first; one that cannot be read is logged and left out.

        Args:
            before: only runs that end before this publication.
            after: only runs that end after this publication.
        """
        rows = self._rows(principal, feed_id, before=before, after=after)
        return tables.readable(rows, _run, what=f"run of feed {feed_id} of {principal}")

    def listed(self, principal: str, feed_id: str) -> Iterator[tuple[int, Run | None]]:
        """Yield the last publication of each run, the newest first, and the run; None if it is unreadable."""
        for row in self._rows(principal, feed_id, before=None, after=-1):
            try:
                run = _run(row)
            except tables.UnreadableValue:
                run = None
            yield _LAST - int(row["RowKey"]), run

    def unbroken(
        self, principal: str, feed_id: str, *, before: int | None = None, after: int = -1
    ) -> Iterator[Run]:
        """Yield the runs as `of` does, but raise where one cannot be read.

        Raises:
            tables.UnreadableValue: one of them cannot be read.
        """
        return map(_run, self._rows(principal, feed_id, before=before, after=after))

    def for_each(self, principal: str, feed_id: str, work: Callable[[Run], object]) -> None:
        """Call `work` for each run of a feed; one that cannot be read does not hold up the others.

        Raises:
            tables.UnreadableValue: one of them cannot be read; raised when the others are done.
        """
        rows = list(self._rows(principal, feed_id, before=None, after=-1))
        sweeping.for_each(rows, lambda row: work(_run(row)))

    def _rows(
        self, principal: str, feed_id: str, *, before: int | None, after: int
    ) -> Iterator[tables.Entity]:
        return self._tables.range(
            tables.FILE_WORK,
            partition=partition_of(principal, feed_id),
            rows_from="0" if before is None else _row(before - 1),
            rows_before=_BATCHES if after < 0 else _row(after),
        )

    @tables.retry_when_changed
    def change(self, run: Run, change: Change) -> Run | None:
        """Change a run, even if others change it at the same time; return None if it no longer exists."""
        stored = self.get(run.principal, run.feed_id, run.span.through)
        if stored is None:
            return None
        changed = change(stored)
        if changed == stored:
            return stored
        etag = self._tables.replace(tables.FILE_WORK, _entity(changed), etag=stored.etag)
        return replace(changed, etag=etag)

    def plan(self, run: Run, batches: Iterable[Batch]) -> int:
        """Write the batches of the plan that `run` names; return how many.

        They are used once the stored run names the plan.
        """
        count = 0
        for batch in batches:
            self._tables.insert(tables.FILE_WORK, _batch_entity(run, batch))
            count += 1
        return count

    def batches(self, run: Run) -> Iterator[Batch]:
        """Yield the batches of a run, in the order of its files."""
        return map(_batch, self._batch_rows(run))

    def batch_with(self, run: Run, name: str) -> Batch | None:
        """Return the batch of a run that has a file of this name."""
        for row in self._batch_rows(run, select=["RowKey", "firstFile", "lastFile"]):
            if row.get("firstFile", "") <= name <= row.get("lastFile", "~"):
                batch = self.batch(run, _number(row))
                if batch is not None and any(file.name == name for file in batch.files or ()):
                    return batch
        return None

    def _batch_rows(self, run: Run, *, select: Sequence[str] | None = None) -> Iterator[tables.Entity]:
        return self._tables.range(
            tables.FILE_WORK,
            partition=partition_of(run.principal, run.feed_id),
            rows_from=_batch_row(run, 0),
            rows_before=_batch_row(run, _MOST_BATCHES),
            select=select,
        )

    def unbuilt(self, run: Run) -> list[int] | None:
        """Return the numbers of the batches that are not built; None if rows of the plan are missing."""
        rows = list(self._batch_rows(run, select=["RowKey", "isBuilt"]))
        if len(rows) != run.batches:
            return None
        return [_number(row) for row in rows if not row["isBuilt"]]

    def files(self, run: Run) -> Iterator[FileOfRun]:
        """Yield the files of a run, in their order, without the manifest."""
        for batch in self.batches(run):
            yield from batch.files or ()

    def batch(self, run: Run, number: int) -> Batch | None:
        """Return a batch of a run."""
        entity = self._tables.get(
            tables.FILE_WORK,
            partition=partition_of(run.principal, run.feed_id),
            row=_batch_row(run, number),
        )
        return None if entity is None else _batch(entity)

    def note_built(self, run: Run, batch: Batch) -> None:
        """Write a batch that is built.

        Raises:
            tables.ChangedMeanwhile: another process built or deleted it meanwhile.
        """
        self._tables.replace(tables.FILE_WORK, _batch_entity(run, batch), etag=batch.etag)

    def delete_plan(self, run: Run) -> None:
        """Delete the batches of the plan that `run` names."""
        self._delete_batches(run, start=_batch_row(run, 0).removesuffix(f"{0:05d}"))

    def delete_batches(self, run: Run) -> None:
        """Delete the batches of all rounds of a run."""
        self._delete_batches(run, start=f"{_BATCHES}{run.span.through:012d}-")

    def _delete_batches(self, run: Run, *, start: str) -> None:
        self._tables.delete_range(
            tables.FILE_WORK,
            partition=partition_of(run.principal, run.feed_id),
            rows_from=start,
            rows_before=f"{start}~",
        )

    def prune(self, principal: str, feed_id: str, *, planned_before: datetime) -> None:
        """Delete old runs of a feed."""
        old = [each for each in self.of(principal, feed_id) if each.span.planned_at < planned_before]
        for run in old:
            self.delete_batches(run)
            self._tables.delete(
                tables.FILE_WORK, partition=partition_of(principal, feed_id), row=_row(run.span.through)
            )

    def delete(self, principal: str, feed_id: str) -> None:
        """Delete all runs and batches of a feed."""
        self._tables.delete_range(
            tables.FILE_WORK, partition=partition_of(principal, feed_id), but=leases.ROW
        )


def reopen(feeds: Feeds, ledger: Ledger, run: Run, change: Change) -> Run | None:
    """Change a run that the sweep may have settled, so that the sweep looks at it again.

    The feed is written before and after. If a process dies in between, the sweep still looks at the run, and
    a sweep that read the run before it changed cannot settle it.
    """

    def unsettle(feed: Feed) -> Feed:
        return replace(feed, settled=min(feed.settled, run.span.through - 1), reopenings=feed.reopenings + 1)

    feeds.change(run.principal, run.feed_id, unsettle)
    changed = ledger.change(run, change)
    feeds.change(run.principal, run.feed_id, unsettle)
    return changed


def work_of(principal: str, feed_id: str) -> leases.Work:
    """Return the work on a feed's files that one process at a time may do: send them, or delete them all."""
    return leases.Work(tables.FILE_WORK, partition_of(principal, feed_id))


def partition_of(principal: str, feed_id: str) -> str:
    """Return the partition of a feed's runs and batches."""
    return f"feed~{principal}~{feed_id}"


def _row(through: int) -> str:
    return f"{_LAST - through:012d}"


def _batch_row(run: Run, number: int) -> str:
    return f"{_BATCHES}{run.span.through:012d}-{run.round:03d}-{run.plan}-{number:05d}"


def _number(entity: tables.Entity) -> int:
    return int(entity["RowKey"].rpartition("-")[2])


def _entity(run: Run) -> tables.Entity:
    span = run.span
    moments = {
        "asOf": span.as_of,
        "until": span.until,
        "plannedAt": span.planned_at,
        "touchedAt": run.touched_at,
        "nextAttemptAt": run.next_attempt_at,
        "finishedAt": run.finished_at,
        "takenAt": run.taken_at,
    }
    return {
        "PartitionKey": partition_of(run.principal, run.feed_id),
        "RowKey": _row(span.through),
        "first": span.first,
        "through": span.through,
        "spec": run.spec.as_json(),
        "status": run.status.value,
        "round": run.round,
        "plan": run.plan,
        "handings": run.handings,
        "batches": -1 if run.batches is None else run.batches,
        "problem": json.dumps(run.problem),
        "manifest": json.dumps(run.manifest and asdict(run.manifest)),
        "attempts": run.attempts,
        "sentFiles": run.sent_files,
        "sentTo": run.sent_to,
        "isReported": run.is_reported,
        **{name: moment.isoformat() if moment else "" for name, moment in moments.items()},
    }


@tables.as_written("run")
def _run(entity: tables.Entity) -> Run:
    _, principal, feed_id = entity["PartitionKey"].split("~")
    problem, manifest = json.loads(entity["problem"]), json.loads(entity["manifest"])
    batches = tables.stored_number(entity, "batches")

    def moment(name: str) -> datetime | None:
        return tables.stored_moment(entity, name) if entity[name] else None

    return Run(
        principal=principal,
        feed_id=feed_id,
        span=Span(
            tables.stored_number(entity, "first"),
            tables.stored_number(entity, "through"),
            *(tables.stored_moment(entity, name) for name in ("asOf", "until", "plannedAt")),
        ),
        spec=Spec.of_json(tables.stored_text(entity, "spec")),
        status=RunStatus(entity["status"]),
        touched_at=tables.stored_moment(entity, "touchedAt"),
        round=tables.stored_number(entity, "round"),
        plan=tables.stored_text(entity, "plan"),
        handings=tables.stored_number(entity, "handings"),
        batches=None if batches < 0 else batches,
        problem=(problem[0], problem[1]) if problem else None,
        manifest=FileOfRun(**manifest) if manifest else None,
        attempts=tables.stored_number(entity, "attempts"),
        sent_files=tables.stored_number(entity, "sentFiles"),
        sent_to=tables.stored_text(entity, "sentTo"),
        is_reported=bool(entity["isReported"]),
        next_attempt_at=moment("nextAttemptAt"),
        finished_at=moment("finishedAt"),
        taken_at=moment("takenAt"),
        etag=tables.etag_of(entity),
    )


def _batch_entity(run: Run, batch: Batch) -> tables.Entity:
    files = None if batch.files is None else [list(asdict(each).values()) for each in batch.files]
    names = [each.name for each in batch.files or ()]
    return {
        "PartitionKey": partition_of(run.principal, run.feed_id),
        "RowKey": _batch_row(run, batch.number),
        "label": batch.label,
        "kind": batch.kind.value,
        "place": batch.place,
        "of": batch.of,
        "permitted": batch.permitted,
        "isBuilt": batch.files is not None,
        "firstFile": min(names, default=""),
        "lastFile": max(names, default=""),
        "files": tables.pack_json(files),
    }


@tables.as_written("batch of a run")
def _batch(entity: tables.Entity) -> Batch:
    files = tables.unpack_json(entity["files"])
    return Batch(
        number=_number(entity),
        label=entity["label"],
        kind=Kind(entity["kind"]),
        place=tables.stored_number(entity, "place"),
        of=tables.stored_number(entity, "of"),
        permitted=entity["permitted"],
        files=None if files is None else tuple(FileOfRun(*each) for each in files),
        etag=tables.etag_of(entity),
    )
