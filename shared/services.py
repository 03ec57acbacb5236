"""Everything that the routes and timers work with, made once from the settings."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential

from shared import tables
from shared.access import directory, graph, severa, sync
from shared.access.grants import Grants
from shared.access.holdings import SupplyPeriod
from shared.access.mapping import Fields
from shared.access.register import ContactEmail, Directory
from shared.access.reports import SyncReport
from shared.access.sync import Rules, Sources
from shared.api.requests import Known
from shared.api.status import Probe
from shared.settings import Settings
from shared.tables import Tables
from shared.warehouse import announce, container, intake, opening, supply
from shared.warehouse.container import Container
from shared.warehouse.engine import Warehouse
from shared.warehouse.intake import Intake
from shared.warehouse.publish import Published
from shared.warehouse.watermark import Publications

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Services:
    """The outside systems, opened; each connects when it is first used."""

    settings: Settings
    clock: Clock
    credential: TokenCredential
    """The app's own identity: the managed one in Azure, a developer's sign-in elsewhere."""
    tables: Tables
    warehouse: Warehouse
    grants: Grants
    publications: Publications
    probe: Probe
    deliveries: Container | None
    """Where delivery files arrive; None when they are loaded by other ways."""

    def known(self) -> Known:
        """What is known before a question is read: the time and the latest publication."""
        latest = self.publications.latest()
        return Known(
            now=self.clock(),
            published_at=latest.published_at if latest else None,
            available_until=latest.available_until if latest else None,
            described_at=self.publications.described_at(),
        )

    def sync_access(
        self, *, dry_run: bool = False, allow_revocations: bool = False, widen: Collection[int] = ()
    ) -> SyncReport:
        """Bring the grants up to date with Severa and Entra, once; `sync.run` tells how it fails."""
        return sync.run(
            self._sources(dry_run=dry_run),
            storage=self.tables,
            rules=_rules(self.settings, allow_revocations=allow_revocations, widen=widen),
            clock=self.clock,
            dry_run=dry_run,
        )

    def take_in_deliveries(self) -> Intake:
        """Load the delivery files that have arrived; what went wrong is in the answer."""
        if self.deliveries is None:
            return Intake()
        return intake.take_in(self.deliveries, self.warehouse, clock=self.clock)

    def publish_readings(self) -> list[Published]:
        """Publish every delivery that waits, and tell the requests of it."""
        return announce.publish_pending(self.warehouse, publications=self.publications, clock=self.clock)

    def _sources(self, *, dry_run: bool) -> Sources:
        by_supply = self.settings.sync.metering_point_source == "warehouse"
        return Sources(
            register=lambda: severa.fetch(self.settings.severa, clock=self.clock),
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
        )

    def _supply_periods(self) -> list[SupplyPeriod]:
        page = min(supply.PAGE, self.settings.warehouse.max_rows)
        return [SupplyPeriod(*row) for row in supply.everything(self.warehouse, page=page)]


def start(settings: Settings, *, clock: Clock) -> Services:
    """Open what the settings name."""
    credential = DefaultAzureCredential(managed_identity_client_id=settings.identity_client_id)
    opened = tables.open_tables(settings.table_storage, credential=credential)
    warehouse = opening.open_warehouse(settings.warehouse, identity_client_id=settings.identity_client_id)
    return Services(
        settings=settings,
        clock=clock,
        credential=credential,
        tables=opened,
        warehouse=warehouse,
        grants=Grants(tables=opened, max_age=settings.access_max_age, clock=clock),
        publications=Publications(tables=opened, clock=clock),
        probe=Probe(warehouse=warehouse, tables=opened, clock=clock),
        deliveries=container.open_container(settings.deliveries, credential=credential)
        if settings.deliveries
        else None,
    )


def _rules(settings: Settings, *, allow_revocations: bool, widen: Collection[int]) -> Rules:
    return Rules(
        fields=Fields(
            client_ids=settings.severa.client_ids_property,
            metering_points=settings.severa.metering_points_property,
            contact_role=settings.severa.contact_role,
        ),
        max_revoked_share=settings.sync.max_revoked_share,
        allow_revocations=allow_revocations or settings.sync.allow_revocations,
        widen=frozenset(widen),
    )
