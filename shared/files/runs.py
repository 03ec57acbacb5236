"""Runs of feeds being made: planned, built batch by batch, finished.

Whatever is done twice gives the same bytes: a run shows one moment, names no clock, and its files are written
whole before the row that names them. A process that dies leaves a message that comes again, or a row that
`feeding.Feeder.sweep` finds silent. Grants are read again for each batch, and for all of them at the end.
"""

import hashlib
import json
import logging
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from shared import leases, limits, periods, queues, tables
from shared.access.grants import NoGrants
from shared.files import building, ledger, planning, reading, run_contents
from shared.files.building import Grants, Sender
from shared.files.feeds import Content, Feed, Feeds, Split
from shared.files.forms import table
from shared.files.forms.about import About, Gaps
from shared.files.forms.form import Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.files.forms.xlsx import TooLargeForXlsx
from shared.files.ledger import Batch, FileOfRun, Ledger, Run, RunStatus
from shared.files.outbox import Outbox
from shared.files.planning import Days
from shared.files.receivers import Receiver
from shared.leases import HeldByAnother
from shared.metering import MeteringPointId
from shared.periods import ONE_DAY, Period
from shared.publishing.ranges import Ranges
from shared.queues import UnknownMessage
from shared.readable import Readable
from shared.series.assembly import Series
from shared.tables import Tables
from shared.warehouse.engine import Warehouse
from shared.warehouse.published import Kind
from shared.warehouse.queries import SizeRow

PREFIX = "feed/"
"""How messages on runs begin, beside those on exports."""
NOT_BUILT = ("not-built", "It could not be made, and we have been alerted. The next run holds its days too.")
NOT_SENT = "not-sent"
FILES_AT_ONCE = 400
"""Files that one message builds with a file for each metering point: their names and sums fit into a row."""
MANIFEST_TYPE = "application/json"

_EVER = Period(periods.start_of(periods.FIRST_DAY), periods.start_of(periods.END_DAY))
_MESSAGE = re.compile(rf"{PREFIX}([^/]+)/([^/]+)/([0-9]+)(?:/([0-9]+)/([0-9]+))?")

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class RunWorkshop:
    """What making runs needs.

    Attributes:
        cursor: returns the cursor of /changes that begins with a publication.
        ready: is called at least once with each run whose files can be fetched.
        max_values: of a file; None leaves it to the form.
    """

    storage: Tables
    feeds: Feeds
    ledger: Ledger
    outbox: Outbox
    queue: Sender
    grants: Grants
    warehouse: Warehouse
    ranges: Ranges
    cursor: Callable[[int], str]
    clock: Callable[[], datetime]
    ready: Callable[[Run], object] = lambda run: None
    max_values: int | None = None

    def handle(self, message: str) -> None:
        """Plan the run, or build the batch, that a message of the queue `files` names.

        Raises:
            UnknownMessage: it names neither.
        """
        run, round_, number = self._named(message)
        if run is None:
            self._clear_after(message)
            return
        if run.status is RunStatus.READY:
            self.announce(run)  # A process may have died between both.
        if run.status is not RunStatus.BUILDING or (round_ and round_ != run.round):
            return
        try:
            if number:
                self._build(run, number)
            else:
                self._plan(run)
        except (TooLargeForXlsx, UnfitForGs2) as error:
            self._fail(run, (building.UNFIT, str(error)))

    def fail(self, message: str) -> None:
        """Note that the work of a message failed for good: it came from the poison queue."""
        run, round_, _ = self._named(message)
        if run is not None and run.status is RunStatus.BUILDING and round_ in (0, run.round):
            self._fail(run, NOT_BUILT)

    def _named(self, message: str) -> tuple[Run | None, int, int]:
        """Return the run, the round and the batch that a message names."""
        found = _MESSAGE.fullmatch(message)
        if found is None:
            raise UnknownMessage
        principal, feed_id, through, round_, number = found.groups()
        if self.feeds.get(principal, feed_id) is None:
            return None, 0, 0
        run = self.ledger.get(principal, feed_id, int(through))
        return run, int(round_ or 0), int(number or 0)

    def _clear_after(self, message: str) -> None:
        """Delete what is left of a message's feed if that is deleted; work may have gone on since."""
        _, principal, feed_id, *_ = message.split("/")
        self.clear(principal, feed_id)

    def clear(self, principal: str, feed_id: str, *, most_files: int | None = None) -> bool:
        """Delete what a deleted feed has left, and its row at last; return whether nothing is left.

        While another process sends or deletes its files, this is left to a later message of the sweep.

        Args:
            most_files: with more files than these, nothing is done.
        """
        work = ledger.work_of(principal, feed_id)
        folder = ledger.folder_of(principal, feed_id)
        try:
            lease = leases.take(self.storage, work, holder="deletion", now=self.clock())
        except HeldByAnother:
            return False
        with lease.held(self.clock):
            if self.feeds.get(principal, feed_id) is not None:
                return False  # It was made again since.
            if (
                most_files is not None
                and len(list(islice(self.outbox.paths(folder), most_files + 1))) > most_files
            ):
                return False
            self.outbox.delete(folder)
            lease.confirm()
            self.ledger.delete(principal, feed_id)
            lease.confirm()
            self.feeds.forget(principal, feed_id)
        lease.forget()
        return True

    def _plan(self, run: Run) -> None:
        """Write the batches of a run and send a message for each; planned again, only what is missing."""
        if run.batches is None:
            planned = self._planned(run)
            if planned is None or planned.round != run.round:
                return
            run = planned
        waiting = self.ledger.unbuilt(run)
        if waiting is None:
            self.repeat(run)
            return
        for number in waiting[1:]:
            self.queue.send(queues.FILES, f"{run.message}/{run.round}/{number}")
        if waiting:
            self._build(run, waiting[0])
        else:
            self._finish(run)

    def _planned(self, run: Run) -> Run | None:
        """Return the run with its batches: those of the plan that was noted first."""
        plan = secrets.token_hex(8)
        count = self.ledger.plan(replace(run, plan=plan), self._batches(run, self.readable(run.principal)))

        def change(stored: Run) -> Run:
            if stored.round != run.round or stored.batches is not None:
                return stored
            return replace(stored, plan=plan, batches=count, touched_at=self.clock())

        noted = self.ledger.change(run, change)
        if noted is None or noted.plan != plan:
            self.ledger.delete_plan(replace(run, plan=plan))
        return noted

    def _batches(self, run: Run, readable: Readable) -> Iterator[Batch]:
        period, form = self._period(run), run_contents.form_of(run)
        one_each = run.spec.split is Split.PER_METERING_POINT
        selected = run_contents.selected(readable, run)
        sizes = {kind: self._sizes(run, selected, period, kind) for kind in run_contents.kinds(run)}
        number = 0
        for label, group in run_contents.groups(selected, run.spec.split):
            permitted = planning.within(group, period)
            for kind, size_of in sizes.items():
                parts = list(
                    planning.parts(
                        (row for each in sorted(permitted) for row in size_of.get(each, ())),
                        resolution=run.spec.resolution,
                        permitted=permitted,
                        max_values=self.max_values or planning.most_values(form),
                        max_points=FILES_AT_ONCE
                        if one_each
                        else planning.most_points(form, period, run.spec.resolution),
                    )
                )
                for place, part in enumerate(parts, start=1):
                    number += 1
                    packed = planning.packed(part.permitted)
                    yield Batch(number, label, kind, place=place, of=len(parts), permitted=packed)

    def _sizes(
        self, run: Run, selected: Readable, period: Period, kind: Kind
    ) -> Mapping[str, Sequence[SizeRow]]:
        """Return how many days each metering point has: for all customers at once."""
        narrowed = planning.narrowed(selected, planning.within(selected, period))
        question = run_contents.question_of(run, period=period, kind=kind)
        found: dict[str, list[SizeRow]] = {}
        for row in reading.sizes(self.warehouse, narrowed, question):
            found.setdefault(row.metering_point_id, []).append(row)
        return found

    def _period(self, run: Run) -> Period:
        """Return the market days that a run can hold."""
        if run.spec.content is Content.LAST_DAYS:
            first = periods.day_of(run.span.until) - run.spec.days * ONE_DAY
            return Period(periods.start_of(first), run.span.until)
        published = self.ranges.of(first=run.span.first, last=run.span.through)
        return Period(
            periods.start_of(published.first_day),
            periods.start_of(min(published.last_day + ONE_DAY, periods.END_DAY)),
        )

    def _build(self, run: Run, number: int) -> None:
        """Write the files of one batch, and finish the run with the last one."""
        batch = self.ledger.batch(run, number)
        if batch is None:
            return
        readable = self.readable(run.principal)
        if not _are_readable(run, [batch], readable):
            self.repeat(run)
            return
        if batch.files is None:
            built = replace(batch, files=tuple(self._files(run, batch, readable)))
            with suppress(tables.ChangedMeanwhile):  # Another built the same bytes, or it was deleted.
                self.ledger.built(run, built)
        self._finish(run)

    def _files(self, run: Run, batch: Batch, readable: Readable) -> Iterator[FileOfRun]:
        form = run_contents.form_of(run)
        found = reading.series(
            self.warehouse,
            readable=planning.narrowed(readable, planning.unpacked(batch.permitted)),
            question=run_contents.question_of(run, period=self._period(run), kind=batch.kind),
        )
        if run.spec.gaps is Gaps.HOLD:
            found = run_contents.complete_days(found)
        named = run_contents.named_files(found, run=run, batch=batch, form=form)
        for place, (name, series) in enumerate(named, start=1):
            about = About(
                name=run_contents.file_id(run, batch, place=place),
                as_of=run.span.as_of,
                resolution=run.spec.resolution,
                gaps=run.spec.gaps,
            )
            file = self._file(run, series, form=form, name=name, about=about)
            if file.values:
                yield file

    def _file(self, run: Run, series: Iterable[Series], *, form: Form, name: str, about: About) -> FileOfRun:
        with tempfile.TemporaryFile() as content:
            written = table.write(series, form=form, about=about)
            size, digest = building.copy(written.pieces, content)
            counts = written.counts
            if counts.values:
                content.seek(0)
                self.outbox.put(run.folder + name, content, media_type=table.media_type(form))
        return FileOfRun(
            name,
            size,
            counts.rows,
            counts.values,
            counts.missing,
            counts.estimated,
            counts.watt_hours,
            digest,
        )

    def _finish(self, run: Run) -> None:
        """Finish a run when all of it is built, and when the run before it is finished."""
        stored = self.ledger.get(run.principal, run.feed_id, run.span.through)
        feed = self.feeds.get(run.principal, run.feed_id)
        if feed is None or stored is None or stored.round != run.round:
            # It was deleted or begun again while this part was built.
            self.outbox.delete(run.folder)
            return
        before = self._before(stored)
        if (
            stored.status is not RunStatus.BUILDING
            or self.ledger.unbuilt(stored) != []
            or (before is not None and before.status is RunStatus.BUILDING)
        ):
            self.ledger.change(stored, lambda now: replace(now, touched_at=self.clock()))
        elif not self.may_read(stored):
            self.repeat(stored)  # Access ended after its batch was built.
        else:
            self._note_finished(stored, self.ledger.files(stored), previous=before)

    def _note_finished(self, run: Run, files: Sequence[FileOfRun], *, previous: Run | None) -> None:
        manifest = self._manifest(run, files, previous=previous) if files else None
        status = RunStatus.READY if files else RunStatus.EMPTY

        def change(now: Run) -> Run:
            if now.status is not RunStatus.BUILDING or now.round != run.round:
                return now
            moment = self.clock()
            return replace(
                now, status=status, manifest=manifest, problem=None, touched_at=moment, finished_at=moment
            )

        finished = self.ledger.change(run, change)
        if finished is not None and finished.status is RunStatus.READY:
            log.info("Feed %s, run %s: %d files.", run.feed_id, run.id, len(files))
            self.ready(finished)
        self._continue_after(run)

    def _before(self, run: Run) -> Run | None:
        """Return the run before one: the one that is being made, else the newest with a manifest."""
        for each in self.ledger.of(run.principal, run.feed_id, before=run.span.through):
            if each.status is RunStatus.BUILDING or each.manifest is not None:
                return each
        return None

    def _continue_after(self, run: Run) -> None:
        """Have the runs finished and sent that waited for this one."""
        for each in self.ledger.of(run.principal, run.feed_id, after=run.span.through):
            if each.status is RunStatus.BUILDING:
                self.queue.send(queues.FILES, each.message)
        self.have_sent(self.feeds.get(run.principal, run.feed_id))

    def announce(self, run: Run) -> None:
        """Notify of a run whose files can be fetched, and have it sent to its feed's server."""
        self.ready(run)
        self.have_sent(self.feeds.get(run.principal, run.feed_id))

    def have_sent(self, feed: Feed | None) -> None:
        """Have what is ready of a feed sent, if it has a server."""
        if feed is not None and feed.receiver is not None:
            self.queue.send(queues.SENDS, f"{feed.principal}/{feed.id}")

    def _manifest(self, run: Run, files: Sequence[FileOfRun], *, previous: Run | None) -> FileOfRun:
        content = run_contents.manifest(
            run,
            files,
            previous=previous.manifest.sha256 if previous and previous.manifest else None,
            changes_cursor=self.cursor(run.span.through + 1),
        )
        text = json.dumps(content, indent=1).encode()
        name = f"{run.feed_id}_{run.id}_manifest.json"
        with tempfile.TemporaryFile() as file:
            file.write(text)
            file.seek(0)
            self.outbox.put(run.folder + name, file, media_type=MANIFEST_TYPE)
        return FileOfRun(name, len(text), len(files), 0, 0, 0, 0, hashlib.sha256(text).hexdigest())

    def readable(self, principal: str) -> Readable:
        """Return what a principal may read by the table of grants, not by what is in memory."""
        try:
            return self.grants.read_uncached(principal)
        except NoGrants:
            return Readable(principal, (), "")

    def may_read(self, run: Run, readable: Readable | None = None) -> bool:
        """Return whether the owner may still read everything in a run, by the table of grants."""
        return _are_readable(run, self.ledger.batches(run), readable or self.readable(run.principal))

    def may_read_file(self, run: Run, batch: Batch) -> bool:
        """Return whether the owner may still read what the files of a batch hold."""
        return _are_readable(run, [batch], self.readable(run.principal))

    def repeat(self, run: Run) -> Run:
        """Make a run again, with what may be read now; the files that it had are deleted."""
        changed = self._begin_again(run)
        self.queue.send(queues.FILES, changed.message)
        return changed

    def _begin_again(self, run: Run) -> Run:
        """Begin the next round of a run."""

        def change(stored: Run) -> Run:
            return stored.next_round(now=self.clock()) if stored.is_same_round(run) else stored

        self.outbox.delete(run.folder)
        return ledger.reopen(self.feeds, self.ledger, run, change) or run

    def withdraw(self, run: Run) -> None:
        """Delete the files of a run that the owner may no longer read; what nobody took is made again."""
        if run.status is RunStatus.READY and run.taken_at is None:
            log.warning("Feed %s, run %s: access changed, it is made again.", run.feed_id, run.id)
            self.repeat(run)
            return
        log.warning("Feed %s, run %s: access changed, its files are deleted.", run.feed_id, run.id)
        self.outbox.delete(run.folder)

        def change(stored: Run) -> Run:
            if not stored.is_same_round(run):
                return stored
            return replace(stored, manifest=None, batches=0, plan="")

        self.ledger.change(run, change)
        self.ledger.delete_plan(run)

    def _fail(self, run: Run, problem: tuple[str, str]) -> None:
        self.give_up(run, RunStatus.BUILDING, problem)
        self._continue_after(run)

    def give_up(self, run: Run, status: RunStatus, problem: tuple[str, str]) -> None:
        """Fail a run that has this status: the next run holds its days too, and its files are deleted."""

        def is_meant(stored: Run | None) -> bool:
            return stored is not None and stored.round == run.round and stored.status is status

        def owe(feed: Feed) -> Feed:
            return replace(feed, owed=min(run.span.first, feed.owed or run.span.first))

        def change(stored: Run) -> Run:
            if not is_meant(stored):
                return stored
            return replace(
                stored,
                status=RunStatus.FAILED,
                problem=problem,
                manifest=None,
                next_attempt_at=None,
                touched_at=self.clock(),
            )

        if not is_meant(self.ledger.get(run.principal, run.feed_id, run.span.through)):
            return
        # In this order: a process that dies in between fails the run once more; no day and no alert is lost.
        self.feeds.change(run.principal, run.feed_id, owe)
        # The alert `files-failed` reads this line.
        log.error(
            "Files failed: feed %s of %s, run %s: %s: %s",
            *(run.feed_id, run.principal, run.id, *problem),
        )
        failed = self.ledger.change(run, change)
        if failed is not None and failed.status is RunStatus.FAILED:
            self.outbox.delete(run.folder)

    def note_not_sent(self, run: Run, reason: str) -> bool:
        """Note a try to send a run that failed, and when the next one is; return whether it is given up."""
        attempts = run.attempts + 1
        wait = limits.sftp_wait(attempts)
        now = self.clock()

        def change(stored: Run) -> Run:
            if not stored.is_same_handing(run):
                return stored
            next_attempt_at = now + wait if wait else None
            return replace(stored, attempts=attempts, next_attempt_at=next_attempt_at, touched_at=now)

        self.ledger.change(run, change)
        if wait is None:
            problem = f"Your server did not take it for a day: {reason}. The next run holds its days too."
            self.give_up(run, RunStatus.READY, (NOT_SENT, problem))
            return True
        self.queue.send(queues.SENDS, f"{run.principal}/{run.feed_id}", delay=wait)
        log.warning("Feed %s, run %s: try %d failed: %s.", run.feed_id, run.id, attempts, reason)
        return False

    def oldest_to_send(self, feed: Feed, receiver: Receiver, *, after: int = 0) -> Run | None:
        """Return the oldest run after a publication that is ready for a server, or being made.

        No older value may follow a newer one, so a run that is being made holds up later ones.
        """
        found = None
        for run in self.ledger.of(feed.principal, feed.id, after=max(after, feed.settled, receiver.after)):
            if run.status in (RunStatus.READY, RunStatus.BUILDING):
                found = run
        return found


def _are_readable(run: Run, batches: Iterable[Batch], readable: Readable) -> bool:
    """Return whether everything in some batches may be read as what the run is about: that customer's."""
    held: dict[str, Mapping[MeteringPointId, Days]] = {}
    for batch in batches:
        if batch.label not in held:
            held[batch.label] = planning.within(run_contents.selected(readable, run, batch.label), _EVER)
        if not planning.covers(held[batch.label], planning.unpacked(batch.permitted)):
            return False
    return True
