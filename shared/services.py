"""Everything that the routes and timers work with, made once from the settings."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from azure.core.credentials import TokenCredential

from shared import limits, tables, warming
from shared.access.entra import directory, graph
from shared.access.grants import Grants
from shared.access.severa import client
from shared.access.severa.register import ContactEmail, Directory
from shared.access.sync import stages
from shared.access.sync.guard import Allowance, Limits
from shared.access.sync.mapping import Fields
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.stages import Rules, Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.api import status
from shared.api.sealing import Seals
from shared.api.series.availability import Availability
from shared.api.series.last_days import LastDays
from shared.api.series.requests import DataState
from shared.api.status import Probe
from shared.deliveries import container, intake
from shared.deliveries.container import Container
from shared.deliveries.intake import Intake
from shared.limits import Patience
from shared.outside import identity
from shared.publishing import announce, publish
from shared.publishing.publish import Published
from shared.publishing.watermark import Publications
from shared.settings import InvalidSettings, Settings, from_environment
from shared.tables import Tables
from shared.telemetry import exporting, threads
from shared.telemetry.recording import Operation, Telemetry
from shared.telemetry.threads import Invocation
from shared.warehouse import opening, supply
from shared.warehouse.engine import Warehouse
from shared.warehouse.instrumented import Measured
from shared.warming import WarmUp

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Services:
    """The outside systems, opened; each connects when it is first used."""

    settings: Settings
    clock: Clock
    credential: TokenCredential
    """The app's own identity: the managed one in Azure, a developer's sign-in elsewhere."""
    telemetry: Telemetry
    tables: Tables
    warehouse: Warehouse
    grants: Grants
    publications: Publications
    availability: Availability
    seals: Seals
    last_days: LastDays
    probe: Probe
    warm_up: WarmUp
    deliveries: Container | None
    """Where delivery files arrive; None when they are loaded by other ways."""
    within: Patience

    def data_state(self) -> DataState:
        """What is known before a question is read: the time and the latest publication."""
        latest = self.publications.latest()
        return DataState(
            now=self.clock(),
            published_at=latest.published_at if latest else None,
            available_until=latest.available_until if latest else None,
            described_at=self.publications.described_at(),
            available_before=self.availability.before,
        )

    def warm(self) -> None:
        """Prepare this instance for its first question, in the background and once; see `shared.warming`."""
        self.warm_up.start()

    @contextmanager
    def timer_run(self, invocation: Invocation) -> Iterator[None]:
        """A run of a timer: its threads belong to it, and at its end what was recorded is sent.

        An instance that ran a timer may be stopped right after it.
        """
        with threads.of(invocation):
            self.warm()
            try:
                yield
            finally:
                self.telemetry.flush()

    def sync_access(
        self, *, dry_run: bool = False, allowed: Set[Allowance] = frozenset(), lift: Collection[int] = ()
    ) -> SyncReport:
        """Bring the grants up to date with Severa and Entra, once; `stages.run` says how it fails.

        `allowed` is what an operator lets this run do beyond the guard's limits, `lift` the numbers of the
        customers whose restriction to some of their metering points an operator has lifted.
        """
        with self.telemetry.run("sync_access"):
            report = stages.run(
                self._sources(dry_run=dry_run),
                storage=self.tables,
                rules=_rules(self.settings, allowed=allowed, lift=lift),
                clock=self.clock,
                dry_run=dry_run,
            )
            if report.outcome is Outcome.COMPLETE:
                self.telemetry.access_changed(report.counts)
            return report

    def take_in_deliveries(self) -> Intake:
        """Load the delivery files that have arrived; what went wrong is in the answer."""
        if self.deliveries is None:
            return Intake()
        with self.telemetry.run("take_in_deliveries"):
            taken = intake.take_in(self.deliveries, self.warehouse, clock=self.clock)
            self.telemetry.delivered(loaded=len(taken.loaded), rejected=len(taken.rejected))
            return taken

    def publish_readings(self) -> list[Published]:
        """Publish every delivery that waits, and tell the requests of it."""
        with self.telemetry.run("publish_readings"):
            publish.refuse_ahead(self.warehouse, now=self.clock())
            published = announce.publish_pending(
                self.warehouse, publications=self.publications, clock=self.clock
            )
            self.telemetry.published(days=sum(each.days for each in published))
            return published

    def _sources(self, *, dry_run: bool) -> Sources:
        by_supply = self.settings.sync.metering_point_source == "warehouse"
        return Sources(
            register=lambda: client.fetch(self.settings.severa, clock=self.clock, limit=self.within.severa),
            find_users=partial(self._find_users, dry_run=dry_run),
            supply_periods=self._supply_periods if by_supply else None,
        )

    def _find_users(
        self, asked: Sequence[ContactEmail], known: Mapping[ContactEmail, str], *, dry_run: bool
    ) -> Directory:
        """A dry run invites nobody: it says who is missing."""
        chosen = self.settings.directory
        return directory.resolve(
            asked,
            known=known,
            settings=replace(chosen, provisioning="report")
            if dry_run and chosen.provisioning == "invite"
            else chosen,
            token=lambda: self.credential.get_token(graph.SCOPE).token,
            clock=self.clock,
            limit=self.within.graph,
        )

    def _supply_periods(self) -> list[SupplyPeriod]:
        page = min(supply.PAGE, self.settings.warehouse.max_rows)
        return [SupplyPeriod(*row) for row in supply.everything(self.warehouse, page=page)]


def load(*, clock: Clock) -> Services:
    """Open what the environment names.

    Raises:
        InvalidSettings: the host writes its message to the log; a line logged before a function runs is lost.
    """
    try:
        return start(from_environment(), clock=clock)
    except InvalidSettings as error:
        raise InvalidSettings(
            error.faults,
            consequence="The app does not load, and every path is answered with 404: docs/deploy.md, step 8.",
        ) from None


def start(settings: Settings, *, clock: Clock, within: Patience = limits.USUAL) -> Services:
    """Open what the settings name."""
    credential = identity.credential(settings.identity_client_id, limit=within.token)
    telemetry = exporting.open_telemetry(settings.telemetry, credential=credential, limit=within.ingestion)
    observe = partial(_table_request, telemetry)
    storage = tables.open_tables(
        settings.table_storage, credential=credential, observe=observe, limit=within.tables
    )
    probed = tables.open_tables(
        settings.table_storage, credential=credential, observe=observe, limit=within.probed_tables
    )
    warehouse = Measured(
        opening.open_warehouse(settings.warehouse, credential=credential),
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
        availability=Availability(warehouse),
        seals=Seals(key for key in (settings.sealing.key, settings.sealing.previous) if key),
        last_days=LastDays(),
        probe=Probe(status.checks(tables=probed, warehouse=warehouse)),
        warm_up=WarmUp(
            {
                "publications": publications.latest,
                "descriptions": publications.described_at,
                "the last sync": grants.synced_at,
                "questions": lambda: warming.questions(warehouse, now=clock()),
            }
        ),
        deliveries=container.open_container(settings.deliveries, credential=credential, limit=within.blobs)
        if settings.deliveries
        else None,
        within=within,
    )


def _table_request(telemetry: Telemetry, operation: str, table: str) -> AbstractContextManager[Operation]:
    attributes = {"db.system.name": "azure.table_storage", "db.operation.name": operation}
    if table:
        attributes["db.collection.name"] = table
    return telemetry.operation(f"{operation} {table}".strip(), attributes=attributes, told={})


def watch_ages(telemetry: Telemetry, *, grants: Grants, publications: Publications, clock: Clock) -> None:
    """Tell how old data and access are: both grow until somebody acts."""

    def since(moment: datetime | None) -> timedelta | None:
        return None if moment is None else clock() - moment

    def data_age() -> timedelta | None:
        latest = publications.latest()
        return since(latest.available_until if latest else None)

    def where_known(age: Callable[[], timedelta | None]) -> Callable[[], timedelta | None]:
        def found() -> timedelta | None:
            try:
                return age()
            except tables.TablesUnavailable:
                return None  # The requests' log lines say so; the SDK would log a traceback each minute.

        return found

    telemetry.watch_age(
        "metering.data.age", description="Time since the end of the data.", age=where_known(data_age)
    )
    telemetry.watch_age(
        "metering.access.age",
        description="Time since access was last completely in step with Severa.",
        age=where_known(lambda: since(grants.synced_at())),
    )


def _rules(settings: Settings, *, allowed: Set[Allowance], lift: Collection[int]) -> Rules:
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
