"""Runs of feeds being sent to SFTP servers, in the order in which they were made.

A message names a feed: the files of its oldest run that is ready are sent, then those of the next one. A try
that fails leaves the run with the time of the next try, and a delayed message; later runs wait, so that no
older value follows a newer one. Sending a file again replaces it with the same bytes.
"""

import logging
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared import leases, limits, queues
from shared.files import ledger
from shared.files.feeds import Feed
from shared.files.ledger import FileOfRun, Run, RunStatus
from shared.files.outbox import FileGone
from shared.files.receivers import Receiver
from shared.files.runs import RunWorkshop
from shared.leases import HeldByAnother, Lease
from shared.queues import UnknownMessage

NOT_SENT = "not-sent"
NOTED_EACH = 20
"""After so many files the ledger notes how many were sent: a message that comes again goes on from there."""
_CLOCKS_DIFFER = timedelta(seconds=2)
"""A message that comes so much earlier than the try is due counts as due."""
_BUSY = timedelta(minutes=1)
"""A message that finds another process at work comes again after this time."""

log = logging.getLogger("metering.files")


class NotTaken(Exception):
    """The server did not take a file; the message says why, without address and key."""


class Session(Protocol):
    """A server that takes files, such as `shared.files.sftp.Session`."""

    def send(self, file: Path, *, name: str) -> int:
        """Put a file into the receiver's folder.

        Raises:
            NotTaken: a later try may succeed.
        """
        ...


class Transport(Protocol):
    """What reaches servers, such as `shared.files.sftp.Sender`."""

    def connected(self, receiver: Receiver) -> AbstractContextManager[Session]:
        """Sign in to a receiver's server until the block ends; may raise NotTaken."""
        ...


class _AccessEnded(Exception):
    """The owner may no longer read everything that the run holds."""


class _Stopped(Exception):
    """The rest of the run is for another message: the time is up, or the feed was changed."""


@dataclass(frozen=True)
class Dispatcher:
    """Sends what feeds with an SFTP server have made; one process at a time for each feed."""

    runs: RunWorkshop
    transport: Transport

    def handle(self, message: str) -> None:
        """Send the runs of the feed that a message of the queue `sends` names, as far as they are due.

        Raises:
            UnknownMessage: it names no feed.
        """
        principal, separator, feed_id = message.partition("/")
        if not separator:
            raise UnknownMessage
        feed = self.runs.feeds.get(principal, feed_id)
        if feed is None or feed.receiver is None or feed.is_paused:
            return
        work = ledger.work_of(principal, feed_id)
        began = self.runs.clock()
        try:
            lease = leases.take(self.runs.storage, work, holder=feed_id, now=began)
        except HeldByAnother:
            # The other process may not see what was finished since it last looked.
            self.runs.queue.send(queues.SENDS, message, delay=_BUSY)
            return
        with lease.held(self.runs.clock):
            try:
                _Sending(self.runs, self.transport, feed, feed.receiver, lease, began).send_all()
            except HeldByAnother:
                log.warning("Feed %s: sending stopped, as another process sends now.", feed_id)
            except _Stopped:
                self.runs.queue.send(queues.SENDS, message)


@dataclass(frozen=True)
class _Sending:
    """The work of one message on one feed, while it holds the feed's lease."""

    runs: RunWorkshop
    transport: Transport
    feed: Feed
    receiver: Receiver
    lease: Lease
    began: datetime

    def send_all(self) -> None:
        """Send the runs that are ready, the oldest first, up to one that is being made.

        Raises:
            _Stopped: there may be more, for another message.
            HeldByAnother: another process sends now.
        """
        after = max(self.feed.settled, self.receiver.after)
        while True:
            self._check_time()
            run = self._oldest(after=after)
            if run is None or run.status is RunStatus.BUILDING or not self._send(run):
                return
            after = run.span.through

    def _oldest(self, *, after: int) -> Run | None:
        """Return the oldest run that is ready or being made: no older value may follow a newer one."""
        found = None
        for run in self.runs.ledger.of(self.feed.principal, self.feed.id, after=after):
            if run.status in (RunStatus.READY, RunStatus.BUILDING):
                found = run
        return found

    def _send(self, run: Run) -> bool:
        """Send a run; return whether the next one may follow."""
        if run.next_attempt_at is not None and self.runs.clock() + _CLOCKS_DIFFER < run.next_attempt_at:
            return False  # A delayed message, or the sweep, comes when it is due.
        try:
            self._send_files(run)
        except FileGone:
            self.runs.repeat(run)
            return False
        except _AccessEnded:
            self.runs.withdraw(run)
            return False
        except NotTaken as error:
            return self._note_failure(run, str(error))
        self._change(
            run,
            lambda stored: replace(
                stored,
                status=RunStatus.SENT,
                attempts=stored.attempts + 1,
                next_attempt_at=None,
                touched_at=self.runs.clock(),
            ),
        )
        log.info("Feed %s, run %s: sent.", run.feed_id, run.id)
        return True

    def _send_files(self, run: Run) -> None:
        """Send the files that the receiver does not have yet, and the manifest last.

        Access is looked at before the first file and whenever the ledger notes how many were sent.

        Raises:
            NotTaken: the server did not take one of them.
            FileGone: one of them is deleted.
            HeldByAnother: another process sends now.
        """
        self._check_access(run)
        files = self.runs.ledger.files(run)
        if run.manifest is not None and self.receiver.with_manifest:
            files.append(run.manifest)
        with (
            tempfile.TemporaryDirectory() as folder,
            self.transport.connected(self.receiver) as session,
        ):
            for number, file in self._left(files, run):
                self.lease.renew(self.runs.clock())
                self.lease.confirm()
                path = Path(folder) / "file"
                with path.open("wb") as content:
                    self.runs.outbox.read(run.folder + file.name, content)
                session.send(path, name=file.name)
                if number % NOTED_EACH == 0:
                    self._note_sent(run, number)
                    self._check_time()
                    self._check_access(run)

    def _check_time(self) -> None:
        """Stop before the host would end the process, and when the feed was paused, deleted or moved."""
        feed = self.runs.feeds.get(self.feed.principal, self.feed.id)
        is_changed = feed is None or feed.is_paused or feed.receiver != self.receiver
        if is_changed or self.runs.clock() - self.began >= limits.SENDING:
            raise _Stopped

    def _check_access(self, run: Run) -> None:
        if not self.runs.may_read(run):
            raise _AccessEnded

    @staticmethod
    def _left(files: Iterable[FileOfRun], run: Run) -> list[tuple[int, FileOfRun]]:
        return [(number, file) for number, file in enumerate(files, start=1) if number > run.sent_files]

    def _note_sent(self, run: Run, number: int) -> None:
        self._change(run, lambda stored: replace(stored, sent_files=number, touched_at=self.runs.clock()))

    def _note_failure(self, run: Run, reason: str) -> bool:
        """Note a try that failed and when the next one is; return whether the run is given up."""
        attempts = run.attempts + 1
        wait = limits.sftp_wait(attempts)
        now = self.runs.clock()
        self._change(
            run,
            lambda stored: replace(
                stored, attempts=attempts, next_attempt_at=now + wait if wait else None, touched_at=now
            ),
        )
        if wait is None:
            problem = f"Your server did not take it for a day: {reason}. The next run holds its days too."
            self.runs.give_up(run, RunStatus.READY, (NOT_SENT, problem))
            return True
        self.runs.queue.send(queues.SENDS, f"{run.principal}/{run.feed_id}", delay=wait)
        log.warning("Feed %s, run %s: try %d failed: %s.", run.feed_id, run.id, attempts, reason)
        return False

    def _change(self, run: Run, change: ledger.Change) -> None:
        """Change a run that is still being sent."""

        def guarded(stored: Run) -> Run:
            is_same = stored.round == run.round and stored.status is RunStatus.READY
            return change(stored) if is_same else stored

        self.runs.ledger.change(run, guarded)
