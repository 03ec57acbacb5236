"""Everything that the routes and timers work with, made once from the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential

from shared import tables
from shared.access.grants import Grants
from shared.api.requests import Known
from shared.settings import Settings
from shared.tables import Tables
from shared.warehouse import opening
from shared.warehouse.engine import Warehouse
from shared.warehouse.watermark import Publications

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Services:
    """The outside systems, opened; each connects when it is first used."""

    settings: Settings
    clock: Clock
    tables: Tables
    warehouse: Warehouse
    grants: Grants
    publications: Publications

    def known(self) -> Known:
        """What is known before a question is read: the time and the latest publication."""
        latest = self.publications.latest()
        return Known(
            now=self.clock(),
            published_at=latest and latest.published_at,
            available_until=latest and latest.available_until,
        )


def start(settings: Settings, *, clock: Clock) -> Services:
    """Open what the settings name."""
    credential = identity(settings)
    opened = tables.open_tables(settings.table_storage, credential=credential)
    return Services(
        settings=settings,
        clock=clock,
        tables=opened,
        warehouse=opening.open_warehouse(settings.warehouse, identity_client_id=settings.identity_client_id),
        grants=Grants(tables=opened, max_age=settings.access_max_age, clock=clock),
        publications=Publications(tables=opened, clock=clock),
    )


def identity(settings: Settings) -> TokenCredential:
    """The app's own identity: the managed one in Azure, a developer's sign-in elsewhere."""
    return DefaultAzureCredential(managed_identity_client_id=settings.identity_client_id)
