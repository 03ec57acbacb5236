"""How runs of feeds are sent to SFTP servers: in the order in which they were made.

A message names a feed: the files of its oldest ready run are sent, then those of the next one. A failed try
stores the time of the next try in the run, and sends a delayed message. Later runs wait, so that no older
value follows a newer one. Sending a file again replaces it with the same bytes.
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
from shared.files.feeds import ledger, messages
from shared.files.feeds.ledger import FileOfRun, Run, RunStatus
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.runs import Runs
from shared.files.feeds.store import Feed
from shared.files.outbox import FileGone
from shared.leases import HeldByAnother, Lease

NOTED_EACH = 20
"""How often, in files, the ledger records how many were sent; a repeated message continues from there."""
_CLOCKS_DIFFER = timedelta(seconds=2)
"""A message that comes up to this much before the try is due counts as due."""
_BUSY = timedelta(minutes=1)
"""A message that finds another process at work comes again after this time."""

log = logging.getLogger("metering.files")


class NotTaken(Exception):
    """The server did not take a file; the message says why, without address and key."""


class Session(Protocol):
    """A server that takes files, such as `shared.files.feeds.sftp.Session`."""

    def send(self, file: Path, *, name: str) -> None:
        """Put a file into the receiver's folder.

        Raises:
            NotTaken: a later try may succeed.
        """
        ...


class Transport(Protocol):
    """Connects to servers, as `shared.files.feeds.sftp.Sender` does."""

    def connected(self, receiver: Receiver) -> AbstractContextManager[Session]:
        """Sign in to a receiver's server until the block ends; may raise NotTaken."""
        ...


class _AccessEnded(Exception):
    """The owner may no longer read everything that the run holds."""


class _Stopped(Exception):
    """The rest of the run is left to another message: the time is up, or the feed was changed."""


@dataclass(frozen=True)
class Dispatcher:
    """Sends the runs of feeds that have an SFTP server; one process at a time for each feed."""

    runs: Runs
    transport: Transport

    def handle(self, message: str) -> None:
        """Send the runs of the feed that a message of the queue `sends` names, as far as they are due.

        Raises:
            UnknownMessage: it names no feed.
        """
        principal, feed_id = messages.parse_sending(message)
        feed = self.runs.feeds.get(principal, feed_id)
        if feed is None or feed.receiver is None or feed.is_paused:
            return
        work = ledger.work_of(principal, feed_id)
        began = self.runs.clock()
        try:
            lease = leases.take(self.runs.storage, work, holder=feed_id, now=began)
        except HeldByAnother:
            # The other process may not see runs that were finished since it last looked.
            self.runs.queue.send(queues.SENDS, message, delay=_BUSY)
            return
        with lease.held(self.runs.clock):
            try:
                _Sending(self.runs, self.transport, feed, feed.receiver, lease, began).send_all()
            except HeldByAnother as error:
                log.warning("Feed %s: sending stopped: %s.", feed_id, error)
                self.runs.queue.send(queues.SENDS, message, delay=_BUSY)
            except _Stopped:
                self.runs.queue.send(queues.SENDS, message)


@dataclass(frozen=True)
class _Sending:
    """The work of one message on one feed, while it holds the feed's lease."""

    runs: Runs
    transport: Transport
    feed: Feed
    receiver: Receiver
    lease: Lease
    began: datetime

    def send_all(self) -> None:
        """Send the runs that are ready, the oldest first, up to one that is being made.

        Raises:
            _Stopped: there may be more to send, by another message.
            HeldByAnother: the lease is lost, so another process may be sending.
        """
        after = 0
        while True:
            self._check_feed()
            self._check_time()
            run = self.runs.oldest_to_send(self.feed, self.receiver, after=after)
            if run is None or run.status is RunStatus.BUILDING or not self._send(run):
                return
            after = run.span.through

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
            return self.runs.note_not_sent(run, str(error))
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

        Access is checked before the first file and whenever the ledger notes how many were sent.

        Raises:
            NotTaken: the server did not take one of them.
            FileGone: one of them is deleted.
            HeldByAnother: the lease is lost, so another process may be sending.
        """
        self._check_access(run)
        files = list(self.runs.ledger.files(run))
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
                if number % NOTED_EACH == 0 or self._is_late():
                    self._note_sent(run, number)
                    self._check_feed()
                    self._check_time()
                    self._check_access(run)

    def _check_feed(self) -> None:
        """Stop if the feed was paused or deleted, or has another server."""
        feed = self.runs.feeds.get(self.feed.principal, self.feed.id)
        if feed is None or feed.is_paused or feed.receiver != self.receiver:
            raise _Stopped

    def _check_time(self) -> None:
        """Stop before the host would end the process."""
        if self._is_late():
            raise _Stopped

    def _is_late(self) -> bool:
        return self.runs.clock() - self.began >= limits.SENDING

    def _check_access(self, run: Run) -> None:
        if not self.runs.may_read(run):
            raise _AccessEnded

    def _left(self, files: Iterable[FileOfRun], run: Run) -> list[tuple[int, FileOfRun]]:
        """Return the files that this receiver does not have yet, each with its number."""
        sent = run.sent_files if run.sent_to == self.receiver.place else 0
        return [(number, file) for number, file in enumerate(files, start=1) if number > sent]

    def _note_sent(self, run: Run, number: int) -> None:
        self._change(
            run,
            lambda stored: replace(
                stored, sent_files=number, sent_to=self.receiver.place, touched_at=self.runs.clock()
            ),
        )

    def _change(self, run: Run, change: ledger.Change) -> None:
        """Change a run that is still being sent."""

        def guarded(stored: Run) -> Run:
            return change(stored) if stored.is_same_handing(run) else stored

        self.runs.ledger.change(run, guarded)
