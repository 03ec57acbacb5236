"""How the runs of feeds are decided after a publication, handed out, withdrawn and swept.

A run is decided by one write of the feed's row, so that runs neither overlap nor leave a publication out. The
days of a failed run are owed: the next run begins with them. `building` makes runs.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import leases, periods, queues, tables
from shared.files import making, sweeping
from shared.files.feeds import ledger, messages
from shared.files.feeds.ledger import Ledger, NotReady, Run, RunStatus
from shared.files.feeds.messages import RunMessage
from shared.files.feeds.runs import Runs
from shared.files.feeds.store import BeingDeleted, Feed, Feeds, Span, Spec
from shared.leases import HeldByAnother
from shared.publishing.watermark import Publication

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class Feeder:
    """Begins the runs of feeds, hands them out, withdraws and sweeps them."""

    runs: Runs

    @property
    def feeds(self) -> Feeds:
        """All feeds."""
        return self.runs.feeds

    @property
    def ledger(self) -> Ledger:
        """The runs of all feeds."""
        return self.runs.ledger

    def put(self, principal: str, feed_id: str, spec: Spec, *, sequence: int) -> tuple[Feed, bool]:
        """Make or change a feed; see `Feeds.put`.

        Raises:
            BeingDeleted: the feed that had this id is not completely deleted yet.
        """
        try:
            return self.feeds.put(principal, feed_id, spec, sequence=sequence, now=self._now())
        except BeingDeleted:
            if not self.runs.clear(principal, feed_id, most_files=making.FEW_FILES):
                self._request_clearing(principal, feed_id)
                raise
            return self.feeds.put(principal, feed_id, spec, sequence=sequence, now=self._now())

    def delete(self, feed: Feed) -> None:
        """Mark a feed as deleted, and have its files deleted by a message; the sweep repeats a lost one."""
        self.feeds.change(feed.principal, feed.id, lambda stored: replace(stored, is_deleted=True))
        self._request_clearing(feed.principal, feed.id)

    def _request_clearing(self, principal: str, feed_id: str) -> None:
        self.runs.queue.send(queues.FILES, RunMessage(principal, feed_id, 0).text)

    def begin_due(self, latest: Publication | None) -> int:
        """Decide the runs that are due after the latest publication; return how many.

        A feed whose run cannot be decided is logged, and does not hold up the others.
        """
        if latest is None:
            return 0
        begun = 0
        for feed in list(self.feeds.everything()):
            with sweeping.alone(f"the next run of feed {feed.id} of {feed.principal}"):
                if feed.is_due(through=latest.sequence, now=self._now()):
                    begun += self._begin(feed, latest)
        return begun

    def _begin(self, feed: Feed, latest: Publication) -> bool:
        self._add_missing(feed)
        now = self._now()
        span = Span(feed.first, latest.sequence, latest.published_at, latest.available_until, now)
        try:
            decided = self.feeds.write(replace(feed, covered=span.through, latest=span, owed=None))
        except tables.ChangedMeanwhile:
            return False  # Another process decided it, or the next timer run will.
        self._start(decided)
        if feed.latest is None or periods.day_of(feed.latest.planned_at) != periods.day_of(now):
            self.ledger.prune(feed.principal, feed.id, planned_before=now - ledger.LISTED)
        return True

    def _add_missing(self, feed: Feed) -> None:
        """Add the latest run if a process died between deciding and adding it."""
        if feed.latest and self.ledger.get(feed.principal, feed.id, feed.latest.through) is None:
            self._start(feed)

    def _start(self, feed: Feed) -> None:
        if feed.latest is not None:
            run = self.ledger.add(feed, feed.latest)
            self.runs.queue.send(queues.FILES, run.message)

    def link(self, run: Run, name: str, *, is_fetched: bool) -> str:
        """Return a link to a file of a run, valid for 15 minutes.

        Args:
            is_fetched: whether the owner gets the link, so that the run counts as taken.

        Raises:
            NoFile: the run has no such file.
            NoLonger: its files are deleted, or hold what the owner may no longer read.
        """
        now = self._now()
        if run.status.has_files and not run.is_kept(now):
            raise making.NoLonger
        is_manifest = run.manifest is not None and run.manifest.name == name
        batch = None if is_manifest else self.ledger.batch_with(run, name)
        if not run.status.has_files or not (is_manifest or batch):
            raise making.NoFile
        if not (self.runs.may_read_file(run, batch) if batch else self.runs.may_read(run)):
            if run.file_count > making.FEW_FILES:
                self.runs.queue.send(queues.FILES, run.message)  # A caller is waiting.
            else:
                self.runs.withdraw(run)
            raise making.NoLonger
        link = self.runs.outbox.link(run.folder + name, now=now)
        if batch and is_fetched and run.taken_at is None:
            self.ledger.change(run, lambda stored: replace(stored, taken_at=stored.taken_at or now))
        return link

    def acknowledge(self, run: Run) -> None:
        """Record that the receiver has the files of a run.

        Raises:
            NotReady: it has none.
        """
        if not run.status.has_files:
            raise NotReady

        def change(stored: Run) -> Run:
            if not stored.status.has_files:
                return stored
            taken_at = stored.taken_at or self._now()
            return replace(stored, status=RunStatus.ACKNOWLEDGED, taken_at=taken_at)

        self.ledger.change(run, change)

    def resend(self, run: Run) -> Run:
        """Hand out the files of a run again; deleted files are made again from what may be read now.

        Raises:
            NotReady: it is being made, or holds nothing.
        """
        if run.status in (RunStatus.BUILDING, RunStatus.EMPTY):
            raise NotReady
        if run.reopened(now=self._now()).status is RunStatus.BUILDING or not self.runs.may_read(run):
            return self.runs.repeat(run)

        def change(stored: Run) -> Run:
            return stored.reopened(now=self._now()) if stored.round == run.round else stored

        changed = ledger.reopen(self.feeds, self.ledger, run, change) or run
        self.runs.announce(changed)
        return changed

    def fail_sending(self, message: str) -> None:
        """Count a failed try for the feed of a message that failed for good in the queue `sends`.

        Raises:
            UnknownMessage: it names no feed.
        """
        principal, feed_id = messages.parse_sending(message)
        feed = self.feeds.get(principal, feed_id)
        if feed is None or feed.receiver is None or feed.is_paused:
            return
        work = ledger.work_of(principal, feed_id)
        try:
            lease = leases.take(self.runs.storage, work, holder="failure", now=self._now())
        except HeldByAnother:
            return  # It is being sent.
        with lease.held(self.runs.clock):
            run = self.runs.oldest_to_send(feed, feed.receiver)
            is_due = run is not None and (run.next_attempt_at is None or run.next_attempt_at <= self._now())
            if run is not None and run.status is RunStatus.READY and is_due:
                self.runs.note_not_sent(run, "it could not be sent, and we have been alerted")

    def revoke(self, principal: str) -> None:
        """Withdraw the runs that hold anything the principal may no longer read.

        Raises:
            tables.UnreadableValue: a run cannot be read; raised after all others are compared.
        """
        found = [feed for feed in self.feeds.of(principal) if feed.latest is not None]
        readable = self.runs.readable(principal) if found else None
        now = self._now()

        def compare(run: Run) -> None:
            # Not only recent runs: an old one may have been made again. And those that are being made: if
            # one is finished at this moment, nothing compares it later.
            is_open = run.status is RunStatus.BUILDING or run.is_kept(now)
            if is_open and not self.runs.may_read(run, readable):
                self.runs.withdraw(run)

        sweeping.for_each(found, lambda feed: self.ledger.for_each(feed.principal, feed.id, compare))

    def revoke_changed(self, *, version: Callable[[str], str | None]) -> None:
        """Call `revoke` for each principal with feeds whose grants have changed since the last call."""
        principals = [feed.principal for feed in self.feeds.everything()]
        self.feeds.compared.for_each_changed(principals, self.revoke, version=version)

    def sweep(self, *, not_taken_after: timedelta) -> None:
        """Send silent work again, report runs that nobody has taken, and finish deletions.

        A feed that cannot be swept is logged, and does not hold up the others.
        """
        for feed in list(self.feeds.everything()):
            with sweeping.alone(f"feed {feed.id} of {feed.principal}"):
                self._tend(feed, not_taken_after=not_taken_after)
        for feed in list(self.feeds.deleted()):
            with sweeping.alone(f"the deletion of feed {feed.id} of {feed.principal}"):
                self._request_clearing(feed.principal, feed.id)

    def _tend(self, feed: Feed, *, not_taken_after: timedelta) -> None:
        if feed.latest is None or feed.settled >= feed.latest.through:
            return
        self._add_missing(feed)
        runs = list(self.ledger.unbroken(feed.principal, feed.id, after=feed.settled))
        self._send_silent(feed, runs)
        open_runs = [
            run.span.through for run in runs if not self._settle(run, feed, not_taken_after=not_taken_after)
        ]
        settled = min(open_runs, default=feed.latest.through + 1) - 1
        if settled > feed.settled:
            try:
                self.feeds.write(replace(feed, settled=settled))
            except tables.ChangedMeanwhile:
                return  # A run may have been reopened; the next sweep looks again.

    def _settle(self, run: Run, feed: Feed, *, not_taken_after: timedelta) -> bool:
        """Do what a run needs now; return whether it needs nothing more."""
        if run.status is RunStatus.BUILDING:
            if self._is_silent(run):
                log.warning("Feed %s, run %s is silent; its work is sent again.", feed.id, run.id)
                self.runs.queue.send(queues.FILES, run.message)
                self._touch(run)
            return False
        if run.status is not RunStatus.READY:
            return True
        if feed.receiver_of(run.span.through) is not None:
            return False
        if run.touched_at <= ledger.LONG_AGO:  # An operator has handed it out again.
            self.runs.ready(run)
            self._touch(run)
            return False
        if run.taken_at is not None or run.is_reported:
            return True
        if self._now() < run.touched_at + not_taken_after:  # Since it was made, or handed out again.
            return False
        # The alert `feed-not-taken` reads this line.
        log.error("Feed not taken: %s of %s, run %s.", feed.id, feed.principal, run.id)
        self.ledger.change(run, lambda stored: replace(stored, is_reported=True))
        return True

    def _send_silent(self, feed: Feed, runs: Iterable[Run]) -> None:
        """Have a feed's runs sent, by one message, if one of them is ready and silent."""
        silent = [
            run
            for run in runs
            if run.status is RunStatus.READY
            and feed.receiver_of(run.span.through) is not None
            and self._is_silent(run)
        ]
        if silent and not feed.is_paused:
            self.runs.request_sending(feed)
            for run in silent:
                self._touch(run)

    def _is_silent(self, run: Run) -> bool:
        last = max(run.touched_at, run.next_attempt_at or run.touched_at)
        return self._now() - last >= making.SILENT

    def _touch(self, run: Run) -> None:
        """Record that a message was sent, so that the next one follows only if this one is lost."""
        self.ledger.change(run, lambda stored: replace(stored, touched_at=self._now()))

    def _now(self) -> datetime:
        return self.runs.clock()
