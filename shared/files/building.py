"""Exports being built: planned once, then part by part, each by a message of its own.

Whatever is done twice gives the same: a part is a file of an `asOf`, written whole under one name, and its
row is written after the file. A process that dies leaves a message that comes again, or a row that `sweep`
finds silent. Grants are read again for each part.
"""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import IO, Protocol

import orjson

from shared import queues, tables
from shared.access.grants import NoGrants
from shared.files import exports, planning, reading, sweeping
from shared.files.exports import Entry, Export, ExportPart, Exports, ExportStatus, NoFile, NoLonger
from shared.files.forms import table
from shared.files.forms.about import About
from shared.files.forms.form import Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.files.forms.xlsx import TooLargeForXlsx
from shared.files.outbox import Outbox
from shared.files.reading import Question
from shared.metering import Resolution
from shared.periods import Period
from shared.queues import UnknownMessage
from shared.readable import Readable
from shared.series import coarser
from shared.series.coarser import Coarser
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import StoredInHoursRow

ACCESS_CHANGED = ("access-changed", "Access to some of it ended while it was made; request it again.")
UNFIT = "form-does-not-fit"
NOT_BUILT = ("not-built", "It could not be made, and we have been alerted. Request it again.")
SILENT = timedelta(minutes=20)
"""After so long without a sign a message may be lost: it is sent again."""

log = logging.getLogger("metering.files")


class Grants(Protocol):
    """The part of `shared.access.grants.Grants` that is used here."""

    def read_uncached(self, principal: str) -> Readable:
        """Return everything that a principal may read, as the table has it now."""
        ...


class Sender(Protocol):
    """The part of `shared.queues.Queues` that is used here."""

    def send(self, queue: str, text: str, *, delay: timedelta = ...) -> None:
        """Send a message."""
        ...


@dataclass(frozen=True)
class Workshop:
    """Plans, builds and looks after exports.

    Attributes:
        max_values: of a part; None leaves it to the form.
        ended: is called with each export that is finished or has failed, maybe twice; it raises nothing.
    """

    exports: Exports
    outbox: Outbox
    queue: Sender
    grants: Grants
    warehouse: Warehouse
    clock: Callable[[], datetime]
    max_values: int | None = None
    ended: Callable[[Export], None] = lambda export: None

    def start(self, export: Export) -> None:
        """Have a new export planned and built."""
        self.queue.send(queues.FILES, export.id)

    def handle(self, message: str) -> None:
        """Plan the export, or build the part, that a message of the queue `files` names.

        Raises:
            UnknownMessage: it names neither.
        """
        export_id, _, number = message.partition("/")
        if number and not number.isdecimal():
            raise UnknownMessage
        principal = self.exports.owner(export_id)
        if principal is None:
            return
        export = self.exports.get(principal, export_id)
        if export is None or not export.status_at(self.clock()).is_unfinished:
            if export is None or export.status is not ExportStatus.FINISHED:
                # Deleted or failed meanwhile; a process that died may have left a file after that.
                self.outbox.delete(exports.folder(principal, export_id))
            else:
                self.ended(export)  # A process may have died after it had noted the end.
            return
        readable = self._readable(principal)
        try:
            if number:
                self._build(export, int(number), readable)
            else:
                self._plan(export, readable)
        except (TooLargeForXlsx, UnfitForGs2) as error:
            self._end(principal, export_id, (UNFIT, str(error)))

    def fail(self, message: str) -> None:
        """Note that the work of a message failed for good: it came from the poison queue."""
        export_id, _, _ = message.partition("/")
        principal = self.exports.owner(export_id)
        export = self.exports.get(principal, export_id) if principal else None
        if export is not None and export.status.is_unfinished:
            self._end(export.principal, export_id, NOT_BUILT)

    def delete(self, export: Export) -> None:
        """Delete an export: what still works on it stops, and its files are deleted."""
        self.exports.delete(export)
        self._delete_rest(Entry(export.id, export.principal))

    def revoke(self, principal: str) -> None:
        """Delete the exports that hold anything which the principal may no longer read."""
        now = self.clock()
        kept = [each for each in self.exports.of(principal) if not _is_over(each, now)]
        if not kept:
            return
        readable = self._readable(principal)
        for export in kept:
            held = planning.within(readable, export.wanted.period)
            works = list(self.exports.parts(export))
            if any(not planning.covers(held, planning.unpack(work.permitted)) for work in works):
                self._end(principal, export.id, ACCESS_CHANGED)

    def revoke_changed(self, *, version: Callable[[str], str | None]) -> None:
        """Revoke for each principal with exports whose grants have changed since that was last done."""
        principals = self._principals(self.exports.register())
        self.exports.compared.for_each_changed(principals, self.revoke, version=version)

    def may_read(self, export: Export, work: ExportPart) -> bool:
        """Return whether the caller may still read everything in a part, by the table of grants."""
        held = planning.within(self._readable(export.principal), export.wanted.period)
        return planning.covers(held, planning.unpack(work.permitted))

    def link(self, export: Export, name: str) -> str:
        """Return a link to a file of an export, which lives for 15 minutes.

        Raises:
            NoFile: the export has no such file.
            NoLonger: its files are deleted, or hold what its caller may no longer read.
        """
        if _is_over(export, self.clock()):
            raise NoLonger
        work = next((each for each in self.exports.parts(export) if each.name == name), None)
        if work is None or export.status is not ExportStatus.FINISHED:
            raise NoFile
        if not self.may_read(export, work):
            self._end(export.principal, export.id, ACCESS_CHANGED)
            raise NoLonger
        path = exports.folder(export.principal, export.id) + name
        return self.outbox.link(path, now=self.clock())

    def sweep(self) -> None:
        """Send again what is silent, delete what has expired, and finish deletions that a kill has cut."""
        now = self.clock()
        entries = list(self.exports.register())
        found = set()
        for principal in self._principals(entries):
            for export in list(self.exports.of(principal)):
                found.add(export.id)
                with sweeping.alone(export.id):
                    self._tend(export, now)
        for entry in entries:
            if entry.export_id not in found:
                with sweeping.alone(entry.export_id):
                    self._tend_rest(entry, now)

    def _tend(self, export: Export, now: datetime) -> None:
        if now >= export.created_at + exports.FORGOTTEN:
            self.delete(export)
        elif _is_over(export, now):
            if not export.is_emptied:
                self._empty(export.principal, export.id)
        elif export.status.is_unfinished and now - export.touched_at >= SILENT:
            self._send_again(export)

    def _tend_rest(self, entry: Entry, now: datetime) -> None:
        """Delete what a kill left of a deleted export, and what belongs to an unreadable row that is old."""
        is_old = now >= entry.made_at + exports.FORGOTTEN
        if now - entry.made_at < SILENT:
            return  # An export that is just being made has its line before its row.
        if not entry.is_deleted and (is_old or not self.exports.has_row(entry)):
            self._delete_rest(entry)
        if is_old:
            self.exports.forget(entry)

    @staticmethod
    def _principals(entries: Iterable[Entry]) -> list[str]:
        return sorted({each.principal for each in entries if not each.is_deleted})

    def _delete_rest(self, entry: Entry) -> None:
        """Delete files and parts of an export that is deleted."""
        self.outbox.delete(exports.folder(entry.principal, entry.export_id))
        self.exports.delete_parts(entry.export_id)
        self.exports.note(replace(entry, is_deleted=True))

    def _empty(self, principal: str, export_id: str) -> None:
        """Delete the files of an export that is over, and note that they are gone."""
        self.outbox.delete(exports.folder(principal, export_id))
        self.exports.change(principal, export_id, lambda stored: replace(stored, is_emptied=True))

    def _send_again(self, export: Export) -> None:
        waiting = [work for work in self.exports.parts(export) if not work.name]
        log.warning("Export %s is silent; its work is sent again.", export.id)
        if export.status is ExportStatus.WAITING or not waiting:
            self.queue.send(queues.FILES, export.id)
        for work in waiting:
            self.queue.send(queues.FILES, f"{export.id}/{work.number}")
        now = self.clock()
        self.exports.change(export.principal, export.id, lambda stored: replace(stored, touched_at=now))

    def _readable(self, principal: str) -> Readable:
        """Return what a principal may read by the table of grants, not by what is in memory."""
        try:
            return self.grants.read_uncached(principal)
        except NoGrants:
            return Readable(principal, (), "")

    def _plan(self, export: Export, readable: Readable) -> None:
        """Write the parts of an export and send a message for each; planned again, only what is missing."""
        if export.status is ExportStatus.WAITING:
            planned = self._planned(export, planning.select(readable, export.wanted))
            if planned is None:
                return
            export = planned
        for work in self.exports.parts(export):
            if not work.name:
                self.queue.send(queues.FILES, f"{export.id}/{work.number}")
        self._finish(export)

    def _planned(self, export: Export, selected: Readable) -> Export | None:
        """Return the export with its parts; None when it was deleted meanwhile."""
        permitted = planning.within(selected, export.wanted.period)
        readable = planning.narrow(selected, permitted)
        question = question_of(export)
        plan = exports.new_plan()
        form = form_of(export)
        works = [
            ExportPart(export.id, export.principal, plan, number, planning.pack(part.permitted), part.days)
            for number, part in enumerate(
                planning.parts(
                    reading.sizes(self.warehouse, readable, question),
                    resolution=export.wanted.resolution,
                    permitted=permitted,
                    max_values=self.max_values or planning.most_values(form),
                    max_points=planning.most_points(form, export.wanted.period, export.wanted.resolution),
                ),
                start=1,
            )
        ]
        self.exports.plan(works)
        planned = replace(
            export,
            status=ExportStatus.RUNNING,
            of_days=sum(work.days for work in works),
            parts=len(works),
            plan=plan,
            not_found=tuple(
                each for each in export.wanted.metering_point_ids if each not in selected.periods
            ),
            stored_coarser=left_out(self.warehouse, readable, question),
            touched_at=self.clock(),
        )
        with suppress(tables.ChangedMeanwhile):
            return self.exports.write(planned)
        return self.exports.get(export.principal, export.id)

    def _build(self, export: Export, number: int, readable: Readable) -> None:
        """Write one part, and finish the export with the last one."""
        work = self.exports.part(export, number)
        if work is None:
            return
        permitted = planning.unpack(work.permitted)
        if not planning.covers(planning.within(readable, export.wanted.period), permitted):
            self._end(export.principal, export.id, ACCESS_CHANGED)
            return
        if not work.name:
            built = self._file(export, work, planning.narrow(readable, permitted))
            with suppress(tables.ChangedMeanwhile):  # Another built the same bytes, or it was deleted.
                self.exports.note_built(built)
        self._finish(export)

    def _file(self, export: Export, work: ExportPart, readable: Readable) -> ExportPart:
        """Write the file of a part to the outbox, and return the part with what it is."""
        form = form_of(export)
        name = name_of(export, work.number, form)
        about = About(
            name=export.id if export.parts == 1 else f"{export.id}-{work.number}",
            as_of=export.wanted.as_of,
            resolution=export.wanted.resolution,
        )
        with tempfile.TemporaryFile() as content:
            written = table.write(
                reading.series(self.warehouse, readable=readable, question=question_of(export)),
                form=form,
                about=about,
            )
            size, digest = copy(written.pieces, content)
            content.seek(0)
            self.outbox.put(
                exports.folder(export.principal, export.id) + name, content, media_type=table.media_type(form)
            )
        return replace(work, name=name, bytes=size, rows=written.counts.rows, sha256=digest)

    def _finish(self, export: Export) -> None:
        """Count what is built, and finish the export when everything is."""
        works = list(self.exports.parts(export))
        is_finished = len(works) == export.parts and all(work.name for work in works)
        now = self.clock()

        def change(stored: Export) -> Export:
            if not stored.status.is_unfinished:
                return stored
            days = max(stored.days, sum(work.days for work in works if work.name))
            status = ExportStatus.FINISHED if is_finished else stored.status
            return replace(stored, days=days, status=status, touched_at=now)

        stored = self.exports.change(export.principal, export.id, change)
        if stored is None or _is_over(stored, now):
            # It was deleted, expired, or access to it ended, while this part was built.
            self.outbox.delete(exports.folder(export.principal, export.id))
        elif is_finished:
            log.info("Export %s is finished: %d files.", export.id, len(works))
            self.ended(stored)

    def _end(self, principal: str, export_id: str, problem: tuple[str, str]) -> None:
        """Fail an export, and delete its files."""

        def change(stored: Export) -> Export:
            return replace(stored, status=ExportStatus.FAILED, problem=problem, touched_at=self.clock())

        ended = self.exports.change(principal, export_id, change)
        self._empty(principal, export_id)
        if problem is NOT_BUILT:
            # The alert `files-failed` reads this line.
            log.error("Files failed: export %s.", export_id)
        else:
            log.warning("Export %s ended: %s.", export_id, problem[0])
        if ended is not None:
            self.ended(ended)


def _is_over(export: Export, now: datetime) -> bool:
    """Return whether an export has no files any more."""
    return export.status_at(now) in (ExportStatus.FAILED, ExportStatus.EXPIRED)


def form_of(export: Export) -> Form:
    """Return the form of an export's files."""
    return Form.model_validate(dict(export.wanted.form), strict=False)


def question_of(export: Export) -> Question:
    """Return what every part of an export holds."""
    wanted = export.wanted
    return Question(wanted.directions, wanted.period, wanted.resolution, wanted.as_of)


def left_out(warehouse: Warehouse, readable: Readable, question: Question) -> list[dict[str, str]]:
    """Return the first metering points with days that are left out, as they are stored coarser than asked."""
    if question.resolution is not Resolution.PT15M:
        return []
    rows: dict[str, StoredInHoursRow] = {}
    for direction in question.directions:
        found = coarser.find(
            warehouse, readable, direction=direction, period=question.period, as_of=question.as_of
        )
        rows = {row.metering_point_id: row for row in found.rows} | rows
    listed = Coarser(sorted(rows.values())[: coarser.LISTED], len(rows))
    written: list[dict[str, str]] = orjson.loads(orjson.dumps(listed.as_json()))
    return written


def name_of(export: Export, number: int, form: Form) -> str:
    """Return the name of a part's file."""
    period: Period = export.wanted.period
    days = f"{period.first_day}_{period.end_day}"
    return f"{export.id}_{days}_{number}-of-{export.parts}.{table.ending(form)}"


def copy(pieces: Iterator[bytes], content: IO[bytes]) -> tuple[int, str]:
    """Write the pieces of a file; return its length and SHA-256."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        content.write(piece)
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
