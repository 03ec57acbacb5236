"""How runs of feeds are made: planned, built batch by batch, finished.

A repeated step gives the same bytes: a run shows one moment, reads no clock, and its files are written whole
before the row that names them. If a process dies, the queue delivers its message again, or
`feeding.Feeder.sweep` finds a row that has not changed for long. Grants are read again for each batch, and
for the whole run at the end.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared import periods, queues, tables
from shared.files import making, planning, reading
from shared.files.feeds import contents, messages, runs
from shared.files.feeds.ledger import Batch, FileOfRun, Ledger, Run, RunStatus
from shared.files.feeds.messages import RunMessage
from shared.files.feeds.runs import Runs
from shared.files.feeds.store import Content, Feeds, Split
from shared.files.forms import table
from shared.files.forms.about import About, Gaps
from shared.files.forms.form import Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.files.forms.xlsx import TooLargeForXlsx
from shared.periods import ONE_DAY, Period
from shared.publishing.remembered import Ranges
from shared.readable import Readable
from shared.series.assembly import Series
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries.published import Kind
from shared.warehouse.queries.series_days import SizeRow

_NOT_BUILT = ("not-built", "It could not be made, and we have been alerted. The next run includes its days.")
_FILES_AT_ONCE = 400
"""Files that one message builds when each metering point has its own: their names and sums fit into a row."""
_MANIFEST_TYPE = "application/json"

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class RunWorkshop:
    """Plans and builds the runs of feeds.

    Attributes:
        ranges: looks up the range of market days that publications changed.
        cursor: returns the cursor of /changes that begins with a publication.
        max_values: the most values of a file; None means the form's own limit.
    """

    runs: Runs
    warehouse: Warehouse
    ranges: Ranges
    cursor: Callable[[int], str]
    max_values: int | None = None

    @property
    def _feeds(self) -> Feeds:
        return self.runs.feeds

    @property
    def _ledger(self) -> Ledger:
        return self.runs.ledger

    def handle(self, message: str) -> None:
        """Plan the run, or build the batch, that a message of the queue `files` names.

        Raises:
            UnknownMessage: it names neither.
        """
        wanted = messages.parse_run(message)
        run = self._run_of(wanted)
        if run is None:
            # Files may have been written after the feed was deleted.
            self.runs.clear(wanted.principal, wanted.feed_id)
            return
        if run.status.has_files and not wanted.batch and not self.runs.may_read(run):
            self.runs.withdraw(run)
        elif run.status is RunStatus.READY:
            self.runs.announce(run)  # A process may have died before it did so.
        if run.status is not RunStatus.BUILDING or wanted.round not in (0, run.round):
            return
        try:
            if wanted.batch:
                self._build(run, wanted.batch)
            else:
                self._plan(run)
        except (TooLargeForXlsx, UnfitForGs2) as error:
            self._fail(run, (making.UNFIT, str(error)))

    def fail(self, message: str) -> None:
        """Fail the run of a message from the poison queue."""
        wanted = messages.parse_run(message)
        run = self._run_of(wanted)
        if run is not None and run.status is RunStatus.BUILDING and wanted.round in (0, run.round):
            self._fail(run, _NOT_BUILT)

    def _run_of(self, wanted: RunMessage) -> Run | None:
        """Return the run that a message names; None if its feed is deleted."""
        if self._feeds.get(wanted.principal, wanted.feed_id) is None:
            return None
        return self._ledger.get(wanted.principal, wanted.feed_id, wanted.through)

    def _plan(self, run: Run) -> None:
        """Write the batches of a run, build the first one, and send a message for each of the others.

        A repeated call skips the batches that are built. Files of earlier rounds are deleted here, because
        nobody waits for this step.
        """
        for folder in run.folders_before:
            self.runs.outbox.delete(folder)
        if run.batches is None:
            planned = self._planned(run)
            if planned is None or planned.round != run.round:
                return
            run = planned
        waiting = self._ledger.unbuilt(run)
        if waiting is None:
            self.runs.repeat(run)
            return
        for number in waiting[1:]:
            self.runs.queue.send(queues.FILES, run.message_of(number))
        if waiting:
            self._build(run, waiting[0])
        else:
            self._finish(run)

    def _planned(self, run: Run) -> Run | None:
        """Plan the batches of a run and return the run; if another plan was stored first, it is used."""
        plan = making.new_plan()
        count = self._ledger.plan(
            replace(run, plan=plan), self._batches(run, self.runs.readable(run.principal))
        )

        def change(stored: Run) -> Run:
            if stored.round != run.round or stored.batches is not None:
                return stored
            return replace(stored, plan=plan, batches=count, touched_at=self.runs.clock())

        noted = self._ledger.change(run, change)
        if noted is None or noted.plan != plan:
            self._ledger.delete_plan(replace(run, plan=plan))
        return noted

    def _batches(self, run: Run, readable: Readable) -> Iterator[Batch]:
        period, form = self._period(run), Form.of_stored(run.spec.form)
        one_each = run.spec.split is Split.PER_METERING_POINT
        selected = contents.selected(readable, run)
        sizes = {kind: self._sizes(run, selected, period, kind) for kind in contents.kinds(run)}
        number = 0
        for label, group in contents.groups(selected, run.spec.split):
            permitted = planning.within(group, period)
            for kind, size_of in sizes.items():
                parts = list(
                    planning.parts(
                        (row for each in sorted(permitted) for row in size_of.get(each, ())),
                        resolution=run.spec.resolution,
                        permitted=permitted,
                        max_values=self.max_values or planning.most_values(form),
                        max_points=_FILES_AT_ONCE
                        if one_each
                        else planning.most_points(form, period, run.spec.resolution),
                    )
                )
                for place, part in enumerate(parts, start=1):
                    number += 1
                    packed = planning.pack(part.permitted)
                    yield Batch(number, label, kind, place=place, of=len(parts), permitted=packed)

    def _sizes(
        self, run: Run, selected: Readable, period: Period, kind: Kind
    ) -> Mapping[str, Sequence[SizeRow]]:
        """Return how many days each metering point has, read for all customers at once."""
        narrowed = planning.narrow(selected, planning.within(selected, period))
        question = contents.question_of(run, period=period, kind=kind)
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
        batch = self._ledger.batch(run, number)
        if batch is None:
            return
        readable = self.runs.readable(run.principal)
        if not runs.are_readable(run, [batch], readable):
            self.runs.repeat(run)
            return
        if batch.files is None:
            built = replace(batch, files=tuple(self._files(run, batch, readable)))
            with suppress(tables.ChangedMeanwhile):  # Already built with the same bytes, or deleted.
                self._ledger.note_built(run, built)
        self._finish(run)

    def _files(self, run: Run, batch: Batch, readable: Readable) -> Iterator[FileOfRun]:
        form = Form.of_stored(run.spec.form)
        found = reading.series(
            self.warehouse,
            readable=planning.narrow(readable, planning.unpack(batch.permitted)),
            question=contents.question_of(run, period=self._period(run), kind=batch.kind),
        )
        if run.spec.gaps is Gaps.HOLD:
            found = contents.complete_days(found)
        named = contents.named_files(found, run=run, batch=batch, form=form)
        for place, (name, series) in enumerate(named, start=1):
            about = About(
                name=contents.file_id(run, batch, place=place),
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
            size, digest = making.copy(written.pieces, content)
            counts = written.counts
            if counts.values:
                content.seek(0)
                self.runs.outbox.put(run.folder + name, content, media_type=table.media_type(form))
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
        """Finish a run once all its batches are built and the run before it is finished."""
        stored = self._ledger.get(run.principal, run.feed_id, run.span.through)
        feed = self._feeds.get(run.principal, run.feed_id)
        if feed is None or stored is None or stored.round != run.round:
            # The run was deleted or begun again while this batch was built.
            self.runs.outbox.delete(run.folder)
            return
        before = self.runs.before(stored)
        if (
            stored.status is not RunStatus.BUILDING
            or self._ledger.unbuilt(stored) != []
            or (before is not None and before.status is RunStatus.BUILDING)
        ):
            self._ledger.change(stored, lambda now: replace(now, touched_at=self.runs.clock()))
        elif not self.runs.may_read(stored):
            self.runs.repeat(stored)  # Access ended after its batch was built.
        else:
            self._note_finished(stored, list(self._ledger.files(stored)), previous=before)

    def _note_finished(self, run: Run, files: Sequence[FileOfRun], *, previous: Run | None) -> None:
        manifest = self._manifest(run, files, previous=previous) if files else None
        status = RunStatus.READY if files else RunStatus.EMPTY

        def change(now: Run) -> Run:
            if now.status is not RunStatus.BUILDING or now.round != run.round:
                return now
            moment = self.runs.clock()
            return replace(
                now, status=status, manifest=manifest, problem=None, touched_at=moment, finished_at=moment
            )

        finished = self._ledger.change(run, change)
        if finished is None or finished.round != run.round:
            self.runs.outbox.delete(run.folder)  # It was deleted or begun again meanwhile.
        elif finished.status is RunStatus.READY:
            log.info("Feed %s, run %s: %d files.", run.feed_id, run.id, len(files))
            self.runs.ready(finished)
        self.runs.continue_after(run)

    def _manifest(self, run: Run, files: Sequence[FileOfRun], *, previous: Run | None) -> FileOfRun:
        content = contents.manifest(
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
            self.runs.outbox.put(run.folder + name, file, media_type=_MANIFEST_TYPE)
        return FileOfRun(name, len(text), len(files), 0, 0, 0, 0, hashlib.sha256(text).hexdigest())

    def _fail(self, run: Run, problem: tuple[str, str]) -> None:
        self.runs.give_up(run, RunStatus.BUILDING, problem)
        self.runs.continue_after(run)
