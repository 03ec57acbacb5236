"""The app's services for exports and feeds; each part is opened on first use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from azure.core.credentials import TokenCredential

from shared import queues
from shared.access.grants import Grants
from shared.files import outbox, sweeping
from shared.files.exports import store
from shared.files.exports.keeping import Keeper
from shared.files.exports.store import Export, Exports
from shared.files.feeds import messages
from shared.files.feeds.feeding import Feeder
from shared.files.feeds.ledger import Ledger, Run
from shared.files.feeds.runs import Runs
from shared.files.feeds.store import Feeds
from shared.files.outbox import Outbox
from shared.limits import Patience
from shared.publishing.remembered import Ranges
from shared.publishing.watermark import Publications
from shared.queues import Queues, UnknownMessage
from shared.settings import OutboxSettings, sftp_seed
from shared.tables import Tables
from shared.telemetry.recording import Telemetry
from shared.warehouse.engine import Warehouse

if TYPE_CHECKING:  # They import pyarrow and asyncssh, which no request needs.
    from shared.files.exports.building import Workshop
    from shared.files.feeds.building import RunWorkshop
    from shared.files.feeds.sending import Dispatcher

log = logging.getLogger("metering.files")


@dataclass(frozen=True)
class Files:
    """Exports and feeds: their stores, and what builds, sends and sweeps them.

    Attributes:
        cursor: returns the cursor of /changes that begins with a publication.
        ended: called with each export that is finished or has failed.
        ready: called with each run whose files can be fetched.
    """

    settings: OutboxSettings
    tables: Tables
    open_queues: Callable[[], Queues]
    warehouse: Warehouse
    grants: Grants
    publications: Publications
    ranges: Ranges
    telemetry: Telemetry
    credential: TokenCredential
    within: Patience
    cursor: Callable[[int], str]
    ended: Callable[[Export], None]
    ready: Callable[[Run], None]
    clock: Callable[[], datetime]

    @cached_property
    def exports(self) -> Exports:
        """The exports of all callers."""
        return Exports(self.tables)

    @cached_property
    def feeds(self) -> Feeds:
        """The feeds of all callers."""
        return Feeds(self.tables)

    @cached_property
    def ledger(self) -> Ledger:
        """The runs of all feeds."""
        return Ledger(self.tables)

    @cached_property
    def queues(self) -> Queues:
        """The queues of work on files."""
        return self.open_queues()

    @cached_property
    def outbox(self) -> Outbox:
        """The files that go out."""
        return outbox.open_outbox(self.settings.storage, credential=self.credential, limit=self.within.blobs)

    @cached_property
    def keeper(self) -> Keeper:
        """The keeper, which hands out, ends and deletes exports."""
        return Keeper(
            exports=self.exports,
            outbox=self.outbox,
            queue=self.queues,
            grants=self.grants,
            clock=self.clock,
            ended=self.ended,
        )

    @cached_property
    def workshop(self) -> Workshop:
        """The workshop, which builds exports."""
        from shared.files.exports.building import Workshop

        return Workshop(self.keeper, self.warehouse)

    @cached_property
    def runs(self) -> Runs:
        """The runs of feeds."""
        return Runs(
            storage=self.tables,
            feeds=self.feeds,
            ledger=self.ledger,
            outbox=self.outbox,
            queue=self.queues,
            grants=self.grants,
            clock=self.clock,
            ready=self.ready,
        )

    @cached_property
    def feeder(self) -> Feeder:
        """The feeder, which begins, hands out and sweeps the runs of feeds."""
        return Feeder(self.runs)

    @cached_property
    def run_workshop(self) -> RunWorkshop:
        """The workshop that builds the runs of feeds."""
        from shared.files.feeds.building import RunWorkshop

        return RunWorkshop(runs=self.runs, warehouse=self.warehouse, ranges=self.ranges, cursor=self.cursor)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher, which sends the runs of feeds to SFTP servers.

        Raises:
            InvalidSettings: there is no key, or it cannot be read.
        """
        from shared.files.feeds import sftp
        from shared.files.feeds.sending import Dispatcher

        return Dispatcher(self.runs, sftp.Sender(sftp.private_key(sftp_seed(self.settings.sftp_key))))

    def build(self, message: str) -> None:
        """Do the work on files that a message of the queue `files` names.

        Raises:
            UnknownMessage: the message is not about an export or a feed.
        """
        with self.telemetry.run("build_files"):
            self._work_of(message).handle(message)

    def send(self, message: str) -> None:
        """Send the runs of the feed that a message of the queue `sends` names."""
        with self.telemetry.run("send_files"):
            self.dispatcher.handle(message)

    def sweep(self) -> None:
        """Sweep exports and feeds: ended access, failed and silent work, due runs, and expired files.

        A failure is logged and does not stop the other work: the next timer run tries again. Ended access
        comes first.
        """
        self.revoke()
        self._run_each("sweep_files", self.fail_poisoned)
        self.begin_feeds()
        self._run_each("sweep_files", self.keeper.sweep, self._sweep_feeds)

    def revoke(self) -> None:
        """Delete files that hold anything their owner may no longer read.

        A failure is logged: the publishing timer tries again, and access is also checked for every link.
        """
        self._run_each("revoke_files", self._revoke_exports, self._revoke_runs)

    def begin_feeds(self) -> None:
        """Begin the runs of feeds that are due. A failure is logged: the next sweep begins the rest."""
        try:
            with self.telemetry.run("begin_feeds"):
                begun = self.feeder.begin_due(self.publications.stored())
        except Exception:  # The publication itself must not look as if it had failed.
            log.exception("The runs of feeds were not all begun; the next sweep begins the rest.")
            return
        if begun:
            log.info("Runs of feeds begun: %d.", begun)

    def fail_poisoned(self) -> None:
        """Fail the work of each message in the poison queues; an alert reads the log lines.

        If that raises, the message stays in the queue, hidden for ten minutes, and a later run tries again.
        """
        for queue, fail in (
            (queues.FILES_POISON, self._fail_building),
            (queues.SENDS_POISON, self.feeder.fail_sending),
        ):
            for message in self.queues.take(queue):
                with sweeping.alone(f"the failed message {message.text}"):
                    try:
                        fail(message.text)
                    except UnknownMessage:
                        log.error("Files failed: a message that names no work of the app.")
                    message.delete()

    def _work_of(self, message: str) -> Workshop | RunWorkshop:
        """Return the workshop for a message of the queue `files`, by the message's prefix."""
        if message.startswith(store.PREFIX):
            return self.workshop
        if message.startswith(messages.PREFIX):
            return self.run_workshop
        raise UnknownMessage

    def _fail_building(self, message: str) -> None:
        self._work_of(message).fail(message)

    def _run_each(self, name: str, *works: Callable[[], None]) -> None:
        for work in works:
            try:
                with self.telemetry.run(name):
                    work()
            except Exception:
                log.exception("Not all files were swept; the next run tries again.")

    def _sweep_feeds(self) -> None:
        self.feeder.sweep(not_taken_after=self.settings.feed_not_taken_after)

    def _revoke_exports(self) -> None:
        self.keeper.revoke_changed(version=self.grants.version)

    def _revoke_runs(self) -> None:
        self.feeder.revoke_changed(version=self.grants.version)
