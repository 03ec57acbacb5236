"""Runs of feeds after they have begun: who may read them, and when they are repeated, sent or given up.

`building` makes them, `feeding` begins them and hands them out, and `sending` sends them. Grants are read
again whenever a run is made, handed out or sent.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from shared import leases, limits, periods, queues
from shared.files import making, planning
from shared.files.feeds import contents, ledger, messages
from shared.files.feeds.ledger import Batch, Ledger, Run, RunStatus
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import Feed, Feeds
from shared.files.making import Grants, Queue
from shared.files.outbox import Outbox
from shared.files.planning import Spans
from shared.leases import HeldByAnother
from shared.metering import MeteringPointId
from shared.periods import Period
from shared.readable import Readable
from shared.tables import Tables

_NOT_SENT = "not-sent"

_EVER = Period(periods.start_of(periods.FIRST_DAY), periods.start_of(periods.END_DAY))

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class Runs:
    """Checks access to runs, and announces, repeats, withdraws or gives up runs that have begun.

    Attributes:
        ready: called at least once with each run whose files can be fetched.
    """

    storage: Tables
    feeds: Feeds
    ledger: Ledger
    outbox: Outbox
    queue: Queue
    grants: Grants
    clock: Callable[[], datetime]
    ready: Callable[[Run], object] = lambda run: None

    def readable(self, principal: str) -> Readable:
        """Return what a principal may read, from the table of grants and not from memory."""
        return making.readable_of(self.grants, principal)

    def may_read(self, run: Run, readable: Readable | None = None) -> bool:
        """Return whether the owner may still read everything in a run, from the table of grants."""
        return are_readable(run, self.ledger.batches(run), readable or self.readable(run.principal))

    def may_read_file(self, run: Run, batch: Batch) -> bool:
        """Return whether the owner may still read what the files of a batch hold."""
        return are_readable(run, [batch], self.readable(run.principal))

    def clear(self, principal: str, feed_id: str, *, most_files: int | None = None) -> bool:
        """Delete the files and runs of a deleted feed, then its row; return whether all is deleted.

        While another process sends or deletes the files, nothing is done: the sweep sends another message.

        Args:
            most_files: if there are more files, nothing is deleted.
        """
        work = ledger.work_of(principal, feed_id)
        folder = ledger.folder_of(principal, feed_id)
        try:
            lease = leases.take(self.storage, work, holder="deletion", now=self.clock())
        except HeldByAnother:
            return False
        with lease.held(self.clock):
            if self.feeds.get(principal, feed_id) is not None:
                return False  # The owner has created it again.
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

    def announce(self, run: Run) -> None:
        """Notify of a run whose files can be fetched, and have it sent to its feed's server."""
        self.ready(run)
        self.request_sending(self.feeds.get(run.principal, run.feed_id))

    def request_sending(self, feed: Feed | None) -> None:
        """Have the ready runs of a feed sent, if it has a server."""
        if feed is not None and feed.receiver is not None:
            self.queue.send(queues.SENDS, messages.sending_text(feed.principal, feed.id))

    def before(self, run: Run) -> Run | None:
        """Return the newest earlier run that is being made or has a manifest."""
        for each in self.ledger.unbroken(run.principal, run.feed_id, before=run.span.through):
            if each.status is RunStatus.BUILDING or each.manifest is not None:
                return each
        return None

    def continue_after(self, run: Run) -> None:
        """Have the runs that waited for this one finished and sent."""
        for each in self.ledger.of(run.principal, run.feed_id, after=run.span.through):
            if each.status is RunStatus.BUILDING:
                self.queue.send(queues.FILES, each.message)
        self.request_sending(self.feeds.get(run.principal, run.feed_id))

    def repeat(self, run: Run) -> Run:
        """Have a run made again with what may be read now; planning it deletes the old files."""
        changed = self._begin_again(run)
        self.queue.send(queues.FILES, changed.message)
        return changed

    def _begin_again(self, run: Run) -> Run:
        """Begin the next round of a run."""

        def change(stored: Run) -> Run:
            return stored.next_round(now=self.clock()) if stored.is_same_round(run) else stored

        return ledger.reopen(self.feeds, self.ledger, run, change) or run

    def withdraw(self, run: Run) -> None:
        """Delete the files of a run that the owner may no longer read.

        If it is being made, if nobody has taken the files, or if they are still to be sent to a server, the
        run is made again. For a run that is still to be sent, it does not matter that the owner may have
        fetched files by a link.
        """
        self.outbox.delete(run.folder)
        feed = self.feeds.get(run.principal, run.feed_id)
        is_to_be_sent = feed is not None and feed.receiver_of(run.span.through) is not None
        is_untaken = run.status is RunStatus.READY and (run.taken_at is None or is_to_be_sent)
        if run.status is RunStatus.BUILDING or is_untaken:
            log.warning("Feed %s, run %s: access changed, it is made again.", run.feed_id, run.id)
            self.repeat(run)
            return
        log.warning("Feed %s, run %s: access changed, its files are deleted.", run.feed_id, run.id)

        def change(stored: Run) -> Run:
            if not stored.is_same_round(run):
                return stored
            return replace(stored, manifest=None, batches=0, plan="")

        self.ledger.change(run, change)
        self.ledger.delete_plan(run)

    def give_up(self, run: Run, status: RunStatus, problem: tuple[str, str]) -> None:
        """Fail a run that still has this status, and delete its files; the next run includes its days."""

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
        # In this order, a process that dies in between only fails the run twice: no day or alert is lost.
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
        """Record a failed try to send a run and the time of the next; return whether the run is given up."""
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
            problem = f"Your server has not accepted it for a day: {reason}. The next run includes its days."
            self.give_up(run, RunStatus.READY, (_NOT_SENT, problem))
            return True
        self.queue.send(queues.SENDS, messages.sending_text(run.principal, run.feed_id), delay=wait)
        log.warning("Feed %s, run %s: try %d failed: %s.", run.feed_id, run.id, attempts, reason)
        return False

    def oldest_to_send(self, feed: Feed, receiver: Receiver, *, after: int = 0) -> Run | None:
        """Return the oldest run after a publication that is ready for a server, or being made.

        No older value may follow a newer one, so a run that is being made holds up later ones.
        """
        found = None
        after = max(after, feed.settled, receiver.after)
        for run in self.ledger.unbroken(feed.principal, feed.id, after=after):
            if run.status in (RunStatus.READY, RunStatus.BUILDING):
                found = run
        return found


def are_readable(run: Run, batches: Iterable[Batch], readable: Readable) -> bool:
    """Return whether everything in some batches may be read, and belongs to the customer of run and batch."""
    held: dict[str, Mapping[MeteringPointId, Spans]] = {}
    for batch in batches:
        if batch.label not in held:
            held[batch.label] = planning.within(contents.selected(readable, run, batch.label), _EVER)
        if not planning.covers(held[batch.label], planning.unpack(batch.permitted)):
            return False
    return True
