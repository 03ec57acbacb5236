"""Runs of feeds being sent to SFTP servers, in the order in which they were made.

A message names a feed: the files of its oldest run that is ready are sent, then those of the next one. A try
that fails leaves the run with the time of the next try, and a delayed message; later runs wait, so that no
older value follows a newer one. Sending a file again replaces it with the same bytes.
"""

import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from shared import limits, queues
from shared.files import ledger
from shared.files.feeding import Feeder
from shared.files.feeds import Feed
from shared.files.ledger import FileOfRun, Run, RunStatus
from shared.files.outbox import FileGone
from shared.files.receivers import Receiver

NOT_SENT = "not-sent"
NOTED_EACH = 20
"""After so many files the ledger notes how many were sent: a message that comes again goes on from there."""
_DUE = timedelta(seconds=2)
"""A message that comes so much earlier than the try is due counts as due: clocks differ."""

log = logging.getLogger("metering.files")


class NotTaken(Exception):
    """The server did not take a file; the message says why, without address and key."""


class Transport(Protocol):
    """What sends one file, such as `shared.files.sftp.Sender`."""

    def send(self, file: Path, receiver: Receiver, *, name: str) -> int:
        """Put a file into the receiver's folder.

        Raises:
            NotTaken: a later try may succeed.
        """
        ...


@dataclass(frozen=True)
class Dispatcher:
    """Sends what feeds with an SFTP server have made."""

    feeder: Feeder
    transport: Transport

    def handle(self, message: str) -> None:
        """Send the runs of the feed that a message of the queue `sends` names, as far as they are due."""
        principal, _, feed_id = message.partition("/")
        feed = self.feeder.feeds.get(principal, feed_id)
        if feed is None or feed.receiver is None or feed.is_paused:
            return
        after = feed.settled
        while True:
            waiting = [
                each
                for each in self.feeder.ledger.of(principal, feed_id, after=after)
                if each.status is RunStatus.READY
            ]
            if not waiting or not self._send(feed, feed.receiver, waiting[-1]):
                return
            after = waiting[-1].span.through

    def _send(self, feed: Feed, receiver: Receiver, run: Run) -> bool:
        """Send a run; return whether the next one may follow."""
        now = self.feeder.clock()
        if run.next_attempt_at is not None and now + _DUE < run.next_attempt_at:
            return False  # A delayed message, or the sweep, comes when it is due.
        if not self.feeder.may_read(run):
            self.feeder.withdraw(run)
            return False
        try:
            self._send_files(receiver, run)
        except FileGone:
            self.feeder.repeat(run)
            return False
        except NotTaken as error:
            return self._note_failure(feed, run, str(error))
        self._change(
            run,
            lambda stored: replace(
                stored,
                status=RunStatus.SENT,
                attempts=stored.attempts + 1,
                next_attempt_at=None,
                touched_at=self.feeder.clock(),
            ),
        )
        log.info("Feed %s, run %s: sent.", run.feed_id, run.id)
        return True

    def _send_files(self, receiver: Receiver, run: Run) -> None:
        """Send the files that the receiver does not have yet, and the manifest last.

        Raises:
            NotTaken: the server did not take one of them.
            FileGone: one of them is deleted.
        """
        files = self.feeder.ledger.files(run)
        if run.manifest is not None and receiver.with_manifest:
            files.append(run.manifest)
        with tempfile.TemporaryDirectory() as folder:
            for number, file in self._left(files, run):
                path = Path(folder) / "file"
                with path.open("wb") as content:
                    self.feeder.outbox.read(run.folder + file.name, content)
                self.transport.send(path, receiver, name=file.name)
                if number % NOTED_EACH == 0:
                    self._note_sent(run, number)

    def _left(self, files: Iterable[FileOfRun], run: Run) -> list[tuple[int, FileOfRun]]:
        return [(number, file) for number, file in enumerate(files, start=1) if number > run.sent_files]

    def _note_sent(self, run: Run, number: int) -> None:
        self._change(run, lambda stored: replace(stored, sent_files=number, touched_at=self.feeder.clock()))

    def _note_failure(self, feed: Feed, run: Run, reason: str) -> bool:
        """Note a try that failed and when the next one is; return whether the run is given up."""
        attempts = run.attempts + 1
        wait = limits.sftp_wait(attempts)
        now = self.feeder.clock()
        if wait is None:
            problem = (NOT_SENT, f"Your server did not take it for a day: {reason}. Resend it when it does.")
            self._change(
                run,
                lambda stored: replace(
                    stored,
                    status=RunStatus.FAILED,
                    attempts=attempts,
                    problem=problem,
                    next_attempt_at=None,
                ),
            )
            # The alert `files-failed` reads this line.
            log.error(
                "Files failed: feed %s of %s, run %s: %s: %s.",
                *(run.feed_id, run.principal, run.id, NOT_SENT, reason),
            )
            return True
        self._change(
            run, lambda stored: replace(stored, attempts=attempts, next_attempt_at=now + wait, touched_at=now)
        )
        self.feeder.queue.send(queues.SENDS, f"{feed.principal}/{feed.id}", delay=wait)
        log.warning("Feed %s, run %s: try %d failed: %s.", run.feed_id, run.id, attempts, reason)
        return False

    def _change(self, run: Run, change: ledger.Change) -> None:
        """Change a run that is still being sent."""

        def guarded(stored: Run) -> Run:
            is_same = stored.round == run.round and stored.status is RunStatus.READY
            return change(stored) if is_same else stored

        self.feeder.ledger.change(run, guarded)
