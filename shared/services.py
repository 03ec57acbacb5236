"""The services that routes, timers and commands work with, opened once from the settings.

An instance's first request waits for the imports of this module. So modules that only timers and commands
need (the readers of Severa, Entra and deliveries, and what they import) are imported inside functions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential

from shared import limits, tables
from shared.access.grants import Grants
from shared.api import status, warming
from shared.api.parameters import Seals
from shared.api.problems import Refused
from shared.api.status import Probe
from shared.api.warming import WarmUp
from shared.limits import Patience
from shared.outside import identity
from shared.publishing.remembered import Availability, LastDays, Ranges
from shared.publishing.watermark import Publications
from shared.settings import DirectorySettings, InvalidSettings, OutboxSettings, Settings, from_environment
from shared.tables import Tables
from shared.telemetry import exporting, recording
from shared.telemetry.recording import Invocation, Telemetry
from shared.warehouse import opening
from shared.warehouse.engine import InstrumentedWarehouse, Warehouse

if TYPE_CHECKING:
    from shared.access.entra.users import ContactEmail, Directory
    from shared.access.sync.guard import Allowance
    from shared.access.sync.reports import SyncReport
    from shared.access.sync.stages import Rules, Sources
    from shared.access.sync.supply_by_customer import SupplyPeriod
    from shared.deliveries.intake import Copying, Intake
    from shared.files.exports.store import Export
    from shared.files.feeds.ledger import Run
    from shared.files.opening import Files
    from shared.notices.opening import Notices
    from shared.notices.registering import Registry
    from shared.notices.sender import Resolve
    from shared.notices.webhooks import Event
    from shared.queues import Queues

log = logging.getLogger("metering.services")

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Services:
    """The opened services; each connects when it is first used."""

    settings: Settings
    clock: Clock
    credential: TokenCredential
    """The app's own identity: the managed one in Azure, a developer's sign-in elsewhere."""
    telemetry: Telemetry
    tables: Tables
    warehouse: Warehouse
    grants: Grants
    publications: Publications
    seals: Seals
    probe: Probe
    warm_up: WarmUp
    within: Patience
    resolve: Resolve | None = None
    """Looks up the hosts of webhooks; None for the system's own resolver."""

    @cached_property
    def availability(self) -> Availability:
        """The ends of the data that was available at earlier moments."""
        return Availability(self.warehouse)

    @cached_property
    def last_days(self) -> LastDays:
        """The last published days of series."""
        return LastDays(self.warehouse)

    @cached_property
    def ranges(self) -> Ranges:
        """The market days of publications."""
        return Ranges(self.warehouse)

    @property
    def _outbox(self) -> OutboxSettings:
        """The settings of the outbox.

        Raises:
            Refused: 503 when there are none.
        """
        if self.settings.outbox is None:
            raise Refused(
                "outbox-not-configured",
                "The settings OUTBOX_STORAGE and QUEUE_STORAGE are missing.",
                headers={"Retry-After": "300"},
            )
        return self.settings.outbox

    @cached_property
    def queues(self) -> Queues:
        """The queues of work on files and notices.

        Raises:
            Refused: 503 when the settings name no outbox.
        """
        from shared import queues

        return queues.open_queues(self._outbox.queues, credential=self.credential, limit=self.within.queues)

    @cached_property
    def notices(self) -> Notices:
        """Webhooks, opened when they are first used."""
        from shared.notices import opening as notices
        from shared.notices.sealed_secrets import SecretBox

        sealing = self.settings.sealing
        return notices.open_notices(
            tables=self.tables,
            queues=self.queues,
            warehouse=self.warehouse,
            grants=self.grants,
            publications=self.publications,
            box=SecretBox(key for key in (sealing.key, sealing.previous) if key),
            cursor=self._changes_cursor,
            clock=self.clock,
            allow_loopback=self.settings.webhook_allow_loopback,
            resolve=self.resolve,
            observe=self.telemetry.count_notice,
        )

    def registry(self) -> Registry:
        """Return the webhooks as their owners see them.

        Raises:
            Refused: 503 when there is no key to seal secrets with, or the settings name no outbox.
        """
        self.seals.of("webhooks")
        return self.notices.registry

    def handle_news(self) -> None:
        """Begin the notices of what is new. A failure is logged: the next run of a timer begins the rest."""
        if self.settings.outbox is None:
            return
        try:
            with self.telemetry.run("handle_news"):
                begun = self.notices.news.handle()
        except Exception:  # Publishing or the sync succeeded, and must not look as if it had failed.
            log.exception("The notices of what is new were not all begun; the next run begins the rest.")
            return
        if begun:
            log.info("Notices begun: %d.", begun)

    def begin_notices(self, principal: str, event: Event, *, data: Mapping[str, Any], key: str) -> None:
        """Begin the notices of an event for a caller's webhooks, once for each `key`.

        A failure is only logged: the caller can find the export or the files without a notice.
        """
        try:
            self.notices.news.begin(principal, event, data=data, key=key)
        except Exception:
            log.exception("No notice of %s was begun for %s.", event, principal)

    def send_notice(self, message: str) -> None:
        """Try once to send the notice that a message of the queue `notices` names."""
        with self.telemetry.run("send_notice"):
            self.notices.attempts.deliver(message)

    @cached_property
    def files(self) -> Files:
        """Exports and feeds, opened when they are first used.

        Raises:
            Refused: 503 when the settings name no outbox.
        """
        from shared.files.opening import Files

        return Files(
            settings=self._outbox,
            tables=self.tables,
            open_queues=lambda: self.queues,
            warehouse=self.warehouse,
            grants=self.grants,
            publications=self.publications,
            ranges=self.ranges,
            telemetry=self.telemetry,
            credential=self.credential,
            within=self.within,
            cursor=self._changes_cursor,
            ended=self._notify_of_export,
            ready=self._notify_of_run,
            clock=self.clock,
        )

    def sweep_files(self) -> None:
        """Sweep files if the app makes any; a failure is logged. See `Files.sweep`."""
        if self.settings.outbox is not None:
            self.files.sweep()

    def revoke_files(self) -> None:
        """Delete the files of principals who lost any of what the files hold; a failure is logged."""
        if self.settings.outbox is not None:
            self.files.revoke()

    @contextmanager
    def sweeping_files(self) -> Iterator[None]:
        """Sweep files after the block, even if it fails."""
        try:
            yield
        finally:
            self.sweep_files()

    def _notify_of_export(self, export: Export) -> None:
        from shared.notices.webhooks import Event

        data = {"exportId": export.id, "status": export.status.value}
        key = f"{export.id}:{export.status.value}"
        self.begin_notices(export.principal, Event.EXPORT_FINISHED, data=data, key=key)

    def _notify_of_run(self, run: Run) -> None:
        from shared.notices.webhooks import Event

        data = {"feedId": run.feed_id, "run": run.id}
        # A run whose files are built or handed out again gets another notice.
        key = f"{run.feed_id}:{run.id}:{run.round}.{run.handings}"
        self.begin_notices(run.principal, Event.FILE_READY, data=data, key=key)

    def _changes_cursor(self, sequence: int) -> str:
        """Return the cursor of /changes that begins with a publication."""
        from shared.api.changes import requests, search

        return requests.cursor_text(search.first_of(sequence), self.seals.of("changes"))

    def warm(self) -> None:
        """Prepare this instance for its first request, once and in the background; see `warming`."""
        self.warm_up.start()

    @contextmanager
    def invocation(self, invocation: Invocation) -> Iterator[None]:
        """Run a timer or queue function: its threads log under its invocation; telemetry is sent at the end.

        Azure may stop the instance right after the run.
        """
        with recording.within(invocation):
            self.warm()
            try:
                yield
            finally:
                self.telemetry.flush()

    def sync_access(
        self, *, dry_run: bool = False, allowed: Set[Allowance] = frozenset(), lift: Collection[int] = ()
    ) -> SyncReport:
        """Bring the grants up to date with Severa and Entra, once.

        Args:
            dry_run: report what would change, and change nothing.
            allowed: what an operator lets this run do beyond the guard's limits.
            lift: numbers of the customers for whom an operator lifts the restriction to some of their
                metering points.

        Raises as `stages.run`.
        """
        from shared.access.sync import stages
        from shared.access.sync.reports import Outcome

        with self.telemetry.run("sync_access"):
            report = stages.run(
                self.access_sources(),
                storage=self.tables,
                rules=_rules(self.settings, allowed=allowed, lift=lift),
                clock=self.clock,
                dry_run=dry_run,
            )
            if report.outcome is Outcome.COMPLETE:
                self.telemetry.count_access_changes(report.counts)
                if not dry_run:
                    self.revoke_files()
            return report

    def load_deliveries(self) -> Intake:
        """Load the delivery files that have arrived, log the results and return them, with any failure."""
        from shared.deliveries import container, intake

        if self.settings.deliveries is None:
            return intake.Intake()
        files = container.open_container(
            self.settings.deliveries, credential=self.credential, limit=self.within.blobs
        )
        with self.telemetry.run("load_deliveries"):
            taken = intake.load_files(files, self.warehouse, clock=self.clock, copying=copying(self.settings))
            self.telemetry.count_deliveries(loaded=len(taken.loaded), rejected=len(taken.rejected))
            taken.log_results()
            return taken

    def publish_readings(self) -> None:
        """Publish every waiting delivery, update the watermark that requests read, and log the results."""
        from shared.publishing import announce, publish

        with self.telemetry.run("publish_readings"):
            publish.refuse_ahead(self.warehouse, now=self.clock())
            published = announce.publish_pending(
                self.warehouse, publications=self.publications, clock=self.clock
            )
            self.telemetry.count_published_days(sum(each.days for each in published))
            announce.log_results(published, latest=self.publications.latest())

    def access_sources(self) -> Sources:
        """Return what the access sync reads; only `invite_users` changes anything in Entra."""
        from shared.access.severa import client
        from shared.access.sync.stages import Sources

        chosen = self.settings.directory
        invites = chosen.provisioning == "invite"
        finding = replace(chosen, provisioning="report") if invites else chosen
        by_supply = self.settings.sync.metering_point_source == "warehouse"
        return Sources(
            register=lambda: client.fetch(self.settings.severa, clock=self.clock, limit=self.within.severa),
            find_users=partial(self._resolve_users, settings=finding),
            supply_periods=self._supply_periods if by_supply else None,
            invite_users=partial(self._resolve_users, settings=chosen) if invites else None,
        )

    def _resolve_users(
        self,
        wanted: Sequence[ContactEmail],
        known: Mapping[ContactEmail, str],
        *,
        settings: DirectorySettings,
    ) -> Directory:
        from shared.access.entra import directory, graph

        return directory.resolve(
            wanted,
            known=known,
            settings=settings,
            token=lambda: self.credential.get_token(graph.SCOPE).token,
            clock=self.clock,
            limit=self.within.graph,
        )

    def _supply_periods(self) -> list[SupplyPeriod]:
        from shared.access.sync.supply_by_customer import SupplyPeriod
        from shared.warehouse import supply

        page = min(supply.PAGE, self.settings.warehouse.max_rows)
        return [SupplyPeriod(*row) for row in supply.fetch_all(self.warehouse, page=page)]


def load(*, clock: Clock) -> Services:
    """Open the services that the environment names.

    Raises:
        InvalidSettings: a setting is missing or wrong. The host logs the message; a line that the app logs
            before a function runs would be lost.
    """
    try:
        return start(from_environment(), clock=clock)
    except InvalidSettings as error:
        raise InvalidSettings(
            error.faults,
            consequence="The app does not load, and every path is answered with 404: docs/deploy.md, step 8.",
        ) from None


def start(
    settings: Settings, *, clock: Clock, within: Patience = limits.USUAL, resolve: Resolve | None = None
) -> Services:
    """Open the services that the settings name."""
    credential = identity.credential(settings.identity_client_id, limit=within.token)
    telemetry = exporting.open_telemetry(settings.telemetry, credential=credential, limit=within.ingestion)
    storage = tables.open_tables(
        settings.table_storage, credential=credential, observe=telemetry.table_request, limit=within.tables
    )
    probed = tables.open_tables(
        settings.table_storage,
        credential=credential,
        observe=telemetry.table_request,
        limit=within.probed_tables,
    )
    warehouse = InstrumentedWarehouse(
        opening.open_warehouse(settings.warehouse, credential=credential),
        limit=settings.warehouse.timeout,
        telemetry=telemetry,
        url=settings.warehouse.url,
    )
    grants = Grants(tables=storage, max_age=settings.access_max_age, clock=clock)
    publications = Publications(tables=storage)
    watch_ages(telemetry, grants=grants, publications=publications, clock=clock)
    return Services(
        settings=settings,
        clock=clock,
        credential=credential,
        telemetry=telemetry,
        tables=storage,
        warehouse=warehouse,
        grants=grants,
        publications=publications,
        seals=Seals(key for key in (settings.sealing.key, settings.sealing.previous) if key),
        probe=Probe(status.checks(tables=probed, warehouse=warehouse)),
        warm_up=WarmUp(
            {
                "publications": publications.latest,
                "descriptions": publications.described_at,
                "the last sync": grants.synced_at,
                "queries": lambda: warming.run_queries(warehouse, now=clock()),
                "garbage collector": warming.keep_what_is_loaded,
            }
        ),
        within=within,
        resolve=resolve,
    )


def copying(settings: Settings) -> Copying | None:
    """Return when and where the warehouse reads delivered files itself; None if it cannot or must not.

    Fabric reads them from storage, and the embedded engine from the disk of the same machine.
    """
    from shared.deliveries.intake import Copying

    deliveries, url = settings.deliveries, settings.warehouse.url
    if deliveries is None or deliveries.copy_above_mb is None:
        return None
    above = deliveries.copy_above_mb * 1024 * 1024
    if url.startswith("duckdb:"):
        return Copying(above, None)
    if url.startswith("fabric:") and deliveries.storage.startswith("https://"):
        return Copying(above, f"{deliveries.storage.rstrip('/')}/{deliveries.container}")
    return None


def watch_ages(telemetry: Telemetry, *, grants: Grants, publications: Publications, clock: Clock) -> None:
    """Report the ages of the data and of access as metrics: both grow while publishing or the sync fails."""

    def since(moment: datetime | None) -> timedelta | None:
        return None if moment is None else clock() - moment

    def data_age() -> timedelta | None:
        latest = publications.latest()
        return since(latest.available_until if latest else None)

    def if_available(age: Callable[[], timedelta | None]) -> Callable[[], timedelta | None]:
        def read() -> timedelta | None:
            try:
                return age()
            except tables.TablesUnavailable:
                return None  # The log lines of requests report it; the SDK would log a traceback each minute.

        return read

    telemetry.watch_age(
        "metering.data.age", description="Time since the end of the data.", age=if_available(data_age)
    )
    telemetry.watch_age(
        "metering.access.age",
        description="Time since access was last completely in step with Severa.",
        age=if_available(lambda: since(grants.synced_at())),
    )


def _rules(settings: Settings, *, allowed: Set[Allowance], lift: Collection[int]) -> Rules:
    from shared.access.sync.guard import Allowance, Limits
    from shared.access.sync.mapping import Fields
    from shared.access.sync.stages import Rules

    by_setting = {Allowance.REVOCATIONS} if settings.sync.allow_revocations else set()
    return Rules(
        fields=Fields(
            client_ids=settings.severa.client_ids_property,
            metering_points=settings.severa.metering_points_property,
            contact_role=settings.severa.contact_role,
        ),
        provisioning=settings.directory.provisioning,
        limits=Limits(
            max_revoked_share=settings.sync.max_revoked_share,
            max_granted_share=settings.sync.max_granted_share,
            max_granted_per_principal=settings.sync.max_granted_per_principal,
        ),
        allowed=frozenset(allowed | by_setting),
        lift=frozenset(lift),
    )
