"""Runs of feeds being made: decided after a publication, then planned, built and finished.

A run is decided by one write of the feed's row, so that runs neither overlap nor leave a publication out.
What follows can be done twice and gives the same bytes: a run shows one moment, names no clock, and its files
are written whole before the row that names them. A process that dies leaves a message that comes again, or a
row that `sweep` finds silent. Grants are read anew for each batch and for each link.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from shared import periods, queues, tables
from shared.access.grants import NoGrants
from shared.files import building, ledger, planning, reading
from shared.files.building import Grants, Sender
from shared.files.exports import NoFile, NoLonger
from shared.files.feeds import Content, Corrections, Feed, Feeds, Span, Split
from shared.files.forms import table
from shared.files.forms.about import About, Gaps
from shared.files.forms.form import Form
from shared.files.forms.gs2 import UnfitForGs2
from shared.files.forms.xlsx import TooLargeForXlsx
from shared.files.ledger import Batch, FileOfRun, Ledger, NotReady, Run, RunStatus
from shared.files.outbox import Outbox
from shared.files.reading import Question
from shared.metering import Quality
from shared.periods import ONE_DAY, Period
from shared.publishing.watermark import Publication
from shared.readable import Readable
from shared.series.assembly import Run as Values
from shared.series.assembly import Series, kwh
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.published import Kind, Publications

MESSAGE = "feed/"
"""How messages on runs begin, beside those on exports."""
NOT_BUILT = ("not-built", "It could not be made, and we have been alerted. The next run holds its days too.")
FILES_AT_ONCE = 400
"""Files that one message builds with a file for each metering point: their names and sums fit into a row."""
MANIFEST_TYPE = "application/json"

_EVER = Period(periods.start_of(periods.FIRST_DAY), periods.start_of(periods.END_DAY))
_CARRIED = (NOT_BUILT[0], building.UNFIT)
"""Problems of a run that was never made: the next run holds its days."""

log = logging.getLogger("metering.files")

Ready = Callable[[Run], object]
"""Is called when the files of a run can be fetched; at least once."""


@dataclass(frozen=True)
class Feeder:
    """What making runs needs.

    Attributes:
        cursor: returns the cursor of /changes that begins with a publication.
        ready: is called when the files of a run are there.
        max_values: of a file; None leaves it to the form.
    """

    feeds: Feeds
    ledger: Ledger
    outbox: Outbox
    queue: Sender
    grants: Grants
    warehouse: Warehouse
    cursor: Callable[[int], str]
    clock: Callable[[], datetime]
    ready: Ready = lambda run: None
    max_values: int | None = None

    def begin_due(self, latest: Publication | None) -> int:
        """Decide the runs that are due after the latest publication; return how many."""
        if latest is None:
            return 0
        due = [
            each for each in self.feeds.everything() if each.is_due(through=latest.sequence, now=self.clock())
        ]
        return sum(self._begin(feed, latest) for feed in due)

    def _begin(self, feed: Feed, latest: Publication) -> bool:
        span = Span(
            self._first(feed), latest.sequence, latest.published_at, latest.available_until, self.clock()
        )
        try:
            self._start(self.feeds.write(replace(feed, covered=span.through, latest=span)))
        except tables.ChangedMeanwhile:
            return False  # Another decided it, or the next timer run will.
        return True

    def _first(self, feed: Feed) -> int:
        """Return the first publication of the next run: a run that was never made is made with it."""
        if feed.latest is not None:
            run = self.ledger.get(feed.principal, feed.id, feed.latest.through)
            if (
                run is not None
                and run.status is RunStatus.FAILED
                and run.problem
                and run.problem[0] in _CARRIED
            ):
                return run.span.first
        return feed.covered + 1

    def _start(self, feed: Feed) -> None:
        if feed.latest is not None:
            run = self.ledger.add(feed, feed.latest)
            self.queue.send(queues.FILES, run.message)

    def handle(self, message: str) -> None:
        """Plan the run, or build the batch, that a message of the queue `files` names."""
        run, round_, number = self._named(message)
        if run is None:
            return  # Deleted meanwhile.
        if run.status is RunStatus.READY:
            self._announce(run)  # A process may have died between both.
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
        """Note that the work of a message failed for good: it lies in the poison queue."""
        run, round_, _ = self._named(message)
        if run is not None and run.status is RunStatus.BUILDING and round_ in (0, run.round):
            self._fail(run, NOT_BUILT)

    def _named(self, message: str) -> tuple[Run | None, int, int]:
        """Return the run, the round and the batch that a message names."""
        _, principal, feed_id, through, *rest = message.split("/")
        round_, number = map(int, rest) if rest else (0, 0)
        if self.feeds.get(principal, feed_id) is None:
            return None, round_, number
        return self.ledger.get(principal, feed_id, int(through)), round_, number

    def _plan(self, run: Run) -> None:
        """Write the batches of a run and send a message for each; planned again, only what is missing."""
        if run.batches is None:
            if self.ledger.batch(run, 1) is not None:
                # A process died while it planned: what may be read now may part differently.
                run = self._anew(run)
            batches = list(self._batches(run, self._readable(run.principal)))
            self.ledger.plan(run, batches)
            planned = self._note_plan(run, batches=len(batches))
            if planned is None or planned.round != run.round:
                return
            run = planned
        waiting = [each.number for each in self.ledger.batches(run) if each.files is None]
        for number in waiting[1:]:
            self.queue.send(queues.FILES, f"{run.message}/{run.round}/{number}")
        if waiting:
            self._build(run, waiting[0])
        else:
            self._finish(run)

    def _note_plan(self, run: Run, *, batches: int) -> Run | None:
        def change(stored: Run) -> Run:
            if stored.round != run.round or stored.batches is not None:
                return stored
            return replace(stored, batches=batches, touched_at=self.clock())

        return self.ledger.change(run, change)

    def _batches(self, run: Run, readable: Readable) -> Iterator[Batch]:
        spec, period = run.spec, self._period(run)
        selected = planning.of_customer(readable, spec.customer_number) if spec.customer_number else readable
        number = 0
        for label, group in _groups(selected, spec.split):
            permitted = planning.within(group, period)
            narrowed = planning.narrowed(group, permitted)
            for kind in _kinds(run):
                question = _question(run, period=period, kind=kind)
                parts = list(
                    planning.parts(
                        reading.sizes(self.warehouse, narrowed, question),
                        resolution=spec.resolution,
                        permitted=permitted,
                        max_values=self.max_values or planning.most_values(_form(run)),
                        max_points=FILES_AT_ONCE
                        if spec.split is Split.PER_METERING_POINT
                        else planning.MAX_POINTS,
                    )
                )
                for place, part in enumerate(parts, start=1):
                    number += 1
                    packed = planning.packed(part.permitted)
                    yield Batch(number, label, kind, place=place, of=len(parts), permitted=packed)

    def _period(self, run: Run) -> Period:
        """Return the market days that a run can hold."""
        if run.spec.content is Content.LAST_DAYS:
            first = periods.day_of(run.span.until) - run.spec.days * ONE_DAY
            return Period(periods.start_of(first), run.span.until)
        (published,) = self.warehouse.fetch(
            queries.published_days(first=run.span.first, last=run.span.through)
        )
        return Period(
            periods.start_of(published.first_day),
            periods.start_of(min(published.last_day + ONE_DAY, periods.END_DAY)),
        )

    def _build(self, run: Run, number: int) -> None:
        """Write the files of one batch, and finish the run with the last one."""
        batch = self.ledger.batch(run, number)
        if batch is None:
            return
        readable = self._readable(run.principal)
        if not _covers(readable, batch):
            self.repeat(run)
            return
        if batch.files is None:
            built = replace(batch, files=tuple(self._files(run, batch, readable)))
            with suppress(tables.ChangedMeanwhile):  # Another built the same bytes, or it was deleted.
                self.ledger.built(run, built)
        self._finish(run)

    def _files(self, run: Run, batch: Batch, readable: Readable) -> Iterator[FileOfRun]:
        form = _form(run)
        narrowed = planning.narrowed(readable, planning.unpacked(batch.permitted))
        found = reading.series(
            self.warehouse,
            readable=narrowed,
            question=_question(run, period=self._period(run), kind=batch.kind),
        )
        if run.spec.gaps is Gaps.HOLD:
            found = _complete(found)
        for name, series in _named_files(found, run=run, batch=batch, form=form):
            file = self._file(run, series, form=form, name=name, number=batch.number)
            if file.values:
                yield file

    def _file(self, run: Run, series: Iterable[Series], *, form: Form, name: str, number: int) -> FileOfRun:
        about = About(
            name=f"{run.feed_id[:18]}-{run.span.through}-{number}",
            as_of=run.span.as_of,
            resolution=run.spec.resolution,
            gaps=run.spec.gaps,
        )
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
            # It was deleted or begun anew while this part was built.
            self.outbox.delete(run.folder)
            return
        batches = list(self.ledger.batches(stored))
        before = self._before(stored)
        if (
            stored.status is not RunStatus.BUILDING
            or len(batches) != stored.batches
            or any(each.files is None for each in batches)
            or (before is not None and before.status is RunStatus.BUILDING)
        ):
            self.ledger.change(stored, lambda now: replace(now, touched_at=self.clock()))
            return
        files = [file for batch in batches for file in batch.files or ()]
        previous = before.manifest.sha256 if before and before.manifest else None
        manifest = self._manifest(stored, files, previous=previous) if files else None
        status = RunStatus.READY if files else RunStatus.EMPTY

        def change(now: Run) -> Run:
            if now.status is not RunStatus.BUILDING or now.round != stored.round:
                return now
            moment = self.clock()
            return replace(
                now, status=status, manifest=manifest, problem=None, touched_at=moment, finished_at=moment
            )

        finished = self.ledger.change(stored, change)
        if finished is not None and finished.status is RunStatus.READY:
            log.info("Feed %s, run %s: %d files.", run.feed_id, run.id, len(files))
            self._announce(finished)
        self._continue_after(stored)

    def _before(self, run: Run) -> Run | None:
        """Return the run before one: the one that is being made, else the newest with a manifest."""
        for each in self.ledger.of(run.principal, run.feed_id, before=run.span.through):
            if each.status is RunStatus.BUILDING or each.manifest is not None:
                return each
        return None

    def _continue_after(self, run: Run) -> None:
        """Have the runs finished that waited for this one."""
        for each in self.ledger.of(run.principal, run.feed_id, after=run.span.through):
            if each.status is RunStatus.BUILDING:
                self.queue.send(queues.FILES, each.message)

    def _announce(self, run: Run) -> None:
        self.ready(run)
        feed = self.feeds.get(run.principal, run.feed_id)
        if feed is not None and feed.receiver is not None:
            self.queue.send(queues.SENDS, f"{feed.principal}/{feed.id}")

    def _manifest(self, run: Run, files: Iterable[FileOfRun], *, previous: str | None) -> FileOfRun:
        listed = list(files)
        content = {
            "feed": run.feed_id,
            "run": run.id,
            "sequences": [run.span.first, run.span.through],
            "asOf": periods.utc_text(run.span.as_of),
            "files": [_of_manifest(each) for each in listed],
            "previousManifestSha256": previous,
            "changesCursor": self.cursor(run.span.through + 1),
        }
        text = json.dumps(content, indent=1).encode()
        name = f"{run.feed_id}_{run.id}_manifest.json"
        with tempfile.TemporaryFile() as file:
            file.write(text)
            file.seek(0)
            self.outbox.put(run.folder + name, file, media_type=MANIFEST_TYPE)
        return FileOfRun(name, len(text), len(listed), 0, 0, 0, 0, hashlib.sha256(text).hexdigest())

    def link(self, run: Run, name: str) -> str:
        """Return a link to a file of a run, which lives for 15 minutes.

        Raises:
            NoFile: the run has no such file.
            NoLonger: its files are deleted, or hold what the owner may no longer read.
        """
        now = self.clock()
        if run.status.has_files and not run.is_kept(now):
            raise NoLonger
        is_manifest = run.manifest is not None and run.manifest.name == name
        if not run.status.has_files or not (is_manifest or self._batch_of(run, name)):
            raise NoFile
        if not self.may_read(run):
            self.withdraw(run)
            raise NoLonger
        if not is_manifest and run.taken_at is None:
            self.ledger.change(run, lambda stored: replace(stored, taken_at=stored.taken_at or now))
        return self.outbox.link(run.folder + name, now=now)

    def _batch_of(self, run: Run, name: str) -> Batch | None:
        return next(
            (
                batch
                for batch in self.ledger.batches(run)
                if any(file.name == name for file in batch.files or ())
            ),
            None,
        )

    def may_read(self, run: Run) -> bool:
        """Return whether the owner may still read everything in a run, by the table of grants."""
        readable = self._readable(run.principal)
        return all(_covers(readable, batch) for batch in self.ledger.batches(run))

    def acknowledge(self, run: Run) -> None:
        """Note that the receiver has the files of a run.

        Raises:
            NotReady: it has none.
        """
        if not run.status.has_files:
            raise NotReady

        def change(stored: Run) -> Run:
            if not stored.status.has_files:
                return stored
            taken_at = stored.taken_at or self.clock()
            return replace(stored, status=RunStatus.ACKNOWLEDGED, taken_at=taken_at)

        self.ledger.change(run, change)

    def resend(self, run: Run) -> Run:
        """Hand the files of a run out again; those that are gone are made anew, as far as they may be read.

        Raises:
            NotReady: it is being made, or holds nothing.
        """
        if run.status in (RunStatus.BUILDING, RunStatus.EMPTY):
            raise NotReady
        is_whole = run.manifest and run.finished_at and self.clock() < run.finished_at + ledger.KEPT
        if not is_whole or not self.may_read(run):
            return self.repeat(run)

        def change(stored: Run) -> Run:
            return replace(
                stored,
                status=RunStatus.READY,
                problem=None,
                attempts=0,
                sent_files=0,
                next_attempt_at=None,
                taken_at=None,
            )

        changed = self.ledger.change(run, change) or run
        self._reopen(changed)
        self._announce(changed)
        return changed

    def repeat(self, run: Run) -> Run:
        """Make a run anew, with what may be read now; the files that it had are deleted."""
        changed = self._anew(run)
        self.queue.send(queues.FILES, changed.message)
        return changed

    def _anew(self, run: Run) -> Run:
        """Begin the next round of a run."""

        def change(stored: Run) -> Run:
            if stored.round != run.round:
                return stored
            return replace(
                Run(
                    stored.principal,
                    stored.feed_id,
                    stored.span,
                    stored.spec,
                    RunStatus.BUILDING,
                    self.clock(),
                ),
                round=stored.round + 1,
            )

        changed = self.ledger.change(run, change) or run
        self.outbox.delete(run.folder)
        self._reopen(changed)
        return changed

    def _reopen(self, run: Run) -> None:
        """Have the sweep look at a run again."""

        def change(feed: Feed) -> Feed:
            return replace(feed, settled=min(feed.settled, run.span.through - 1))

        self.feeds.change(run.principal, run.feed_id, change)

    def withdraw(self, run: Run) -> None:
        """Delete the files of a run that the owner may no longer read; what was not taken is made anew."""
        if run.status is RunStatus.READY:
            log.warning("Feed %s, run %s: access changed, it is made anew.", run.feed_id, run.id)
            self.repeat(run)
            return
        log.warning("Feed %s, run %s: access changed, its files are deleted.", run.feed_id, run.id)
        self.ledger.change(run, lambda stored: replace(stored, manifest=None, batches=0))
        self.ledger.delete_batches(run)
        self.outbox.delete(run.folder)

    def revoke(self, principal: str) -> int:
        """Withdraw the runs that hold anything which the principal may no longer read; return how many."""
        found = [feed for feed in self.feeds.of(principal) if feed.latest is not None]
        readable = self._readable(principal) if found else None
        withdrawn = 0
        for feed in found:
            for run in list(self._kept(feed)):
                if readable is not None and not all(
                    _covers(readable, each) for each in self.ledger.batches(run)
                ):
                    self.withdraw(run)
                    withdrawn += 1
        return withdrawn

    def revoke_changed(self, *, version: Callable[[str], str | None]) -> None:
        """Revoke for each principal with feeds whose grants have another version than when last looked at.

        A kill in between only delays: the version is noted after the files are deleted.
        """
        for principal in sorted({feed.principal for feed in self.feeds.everything()}):
            now = version(principal) or ""
            if self.feeds.handled_version(principal) != now:
                self.revoke(principal)
                self.feeds.note_version(principal, now)

    def _kept(self, feed: Feed) -> Iterator[Run]:
        """Yield the runs whose files are kept; those before them are older."""
        now = self.clock()
        for run in self.ledger.of(feed.principal, feed.id):
            if now >= run.span.planned_at + 2 * ledger.KEPT:
                return
            if run.is_kept(now):
                yield run

    def delete(self, feed: Feed) -> None:
        """Delete a feed with all that it has made."""
        self.feeds.delete(feed)
        self.ledger.delete(feed.principal, feed.id)
        self.outbox.delete(ledger.folder_of(feed.principal, feed.id))

    def sweep(self, *, not_taken_after: timedelta) -> None:
        """Take silent work up again, and report runs that nobody has taken."""
        for feed in list(self.feeds.everything()):
            if feed.latest is None or feed.settled >= feed.latest.through:
                continue
            if self.ledger.get(feed.principal, feed.id, feed.latest.through) is None:
                self._start(feed)
            open_runs = [
                run
                for run in self.ledger.of(feed.principal, feed.id, after=feed.settled)
                if not self._is_settled(run, feed, not_taken_after=not_taken_after)
            ]
            oldest = min((run.span.through for run in open_runs), default=feed.latest.through + 1)
            self._settle(feed, before=oldest)

    def _settle(self, feed: Feed, *, before: int) -> None:
        if before - 1 > feed.settled:
            self.feeds.change(feed.principal, feed.id, lambda stored: replace(stored, settled=before - 1))

    def _is_settled(self, run: Run, feed: Feed, *, not_taken_after: timedelta) -> bool:
        """Return whether a run needs nothing more; what it needs now is done."""
        now = self.clock()
        silent = now - max(run.touched_at, run.next_attempt_at or run.touched_at)
        if run.status is RunStatus.BUILDING:
            if silent >= building.SILENT:
                log.warning("Feed %s, run %s is silent; its work is sent again.", feed.id, run.id)
                self.queue.send(queues.FILES, run.message)
            return False
        if run.status is not RunStatus.READY:
            return True
        if feed.receiver is not None:
            if silent >= building.SILENT and not feed.is_paused:
                self.queue.send(queues.SENDS, f"{feed.principal}/{feed.id}")
            return False
        if run.taken_at is not None:
            return True
        if run.finished_at is None or now < run.finished_at + not_taken_after:
            return False
        # The alert `feed-not-taken` reads this line.
        log.error("Feed not taken: %s of %s, run %s.", feed.id, feed.principal, run.id)
        return True

    def _readable(self, principal: str) -> Readable:
        """Return what a principal may read by the table of grants, not by what is in memory."""
        try:
            return self.grants.read_anew(principal)
        except NoGrants:
            return Readable(principal, (), "")

    def _fail(self, run: Run, problem: tuple[str, str]) -> None:
        """Fail a run that could not be made."""

        def change(stored: Run) -> Run:
            if stored.round != run.round or stored.status is not RunStatus.BUILDING:
                return stored
            return replace(stored, status=RunStatus.FAILED, problem=problem, touched_at=self.clock())

        self.ledger.change(run, change)
        self.outbox.delete(run.folder)
        # The alert `files-failed` reads this line.
        log.error("Files failed: feed %s of %s, run %s: %s.", run.feed_id, run.principal, run.id, problem[0])
        self._continue_after(run)


def _form(run: Run) -> Form:
    return Form.model_validate(dict(run.spec.form), strict=False)


def _covers(readable: Readable, batch: Batch) -> bool:
    return planning.covers(planning.within(readable, _EVER), planning.unpacked(batch.permitted))


def _question(run: Run, *, period: Period, kind: Kind) -> Question:
    by_publication = run.spec.content is Content.NEW_AND_CORRECTED
    return Question(
        tuple(sorted(run.spec.directions)),
        period,
        run.spec.resolution,
        run.span.as_of,
        Publications(run.span.first, run.span.through, kind) if by_publication else None,
    )


def _kinds(run: Run) -> tuple[Kind, ...]:
    if run.spec.content is Content.NEW_AND_CORRECTED and run.spec.corrections is Corrections.OWN_FILE:
        return (Kind.NEW, Kind.CORRECTED)
    return (Kind.ALL,)


def _groups(readable: Readable, split: Split) -> Iterator[tuple[str, Readable]]:
    """Yield what belongs together, each with its label."""
    if split is not Split.PER_CUSTOMER:
        yield "", readable
        return
    for number in sorted({each.customer_number for each in readable.permissions}):
        yield str(number), planning.of_customer(readable, number)


def _named_files(
    series: Iterator[Series], *, run: Run, batch: Batch, form: Form
) -> Iterator[tuple[str, Iterable[Series]]]:
    """Yield the name of each file of a batch, and what it holds."""
    begin = "_".join(part for part in (run.feed_id, run.id, batch.label) if part)
    ending = f"{'_corrections' if batch.kind is Kind.CORRECTED else ''}"
    if run.spec.split is not Split.PER_METERING_POINT:
        yield f"{begin}{ending}_{batch.place}-of-{batch.of}.{table.ending(form)}", series
        return
    for metering_point_id, of_one in groupby(series, key=lambda each: each.scope.metering_point_id):
        yield f"{begin}_{metering_point_id}{ending}.{table.ending(form)}", of_one


def _complete(series: Iterable[Series]) -> Iterator[Series]:
    """Yield series without days that have missing values."""
    for each in series:
        parts = [
            part
            for part in each.parts
            if not isinstance(part, Values) or Quality.MISSING.letter not in part.qualities
        ]
        if parts:
            yield replace(each, parts=parts)


def _of_manifest(file: FileOfRun) -> dict[str, str | int]:
    return {
        "name": file.name,
        "bytes": file.bytes,
        "rows": file.rows,
        "values": file.values,
        "missing": file.missing,
        "estimated": file.estimated,
        "sumKWh": kwh(file.watt_hours),
        "sha256": file.sha256,
    }
