"""The access sync on the services that the settings name: Severa, Entra, and Table Storage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared import tables
from shared.access import directory, severa, sync
from shared.access.holdings import SupplyPeriod
from shared.access.mapping import Fields
from shared.access.register import ContactEmail, Directory
from shared.access.reports import SyncReport
from shared.settings import DirectorySettings, Settings, SeveraSettings


def synchronise(
    settings: Settings,
    *,
    storage: tables.Tables,
    graph_token: Callable[[], str],
    supply_periods: Callable[[], Sequence[SupplyPeriod]],
    clock: Callable[[], datetime],
    dry_run: bool = False,
    allow_revocations: bool = False,
) -> SyncReport:
    """One run. `supply_periods` is asked only where `METERING_POINT_SOURCE` is `warehouse`.

    A dry run changes nothing in Entra either: where guests would be invited, it says who is missing.

    Raises:
        severa.SeveraFailed, directory.DirectoryFailed, tables.TablesUnavailable: a source could not be
            read completely, or a write failed; whatever `supply_periods` raises is let through.
    """
    sources = sync.Sources(
        register=lambda: severa.fetch(settings.severa, clock=clock),
        find_users=_finding_users(settings.directory, token=graph_token, clock=clock, dry_run=dry_run),
        supply_periods=supply_periods if settings.sync.metering_point_source == "warehouse" else None,
    )
    rules = sync.Rules(
        fields=fields(settings.severa),
        max_revoked_share=settings.sync.max_revoked_share,
        allow_revocations=allow_revocations or settings.sync.allow_revocations,
    )
    return sync.run(sources, storage=storage, rules=rules, clock=clock, dry_run=dry_run)


def fields(severa_settings: SeveraSettings) -> Fields:
    """What the deciding fields are called in this company's Severa."""
    return Fields(
        client_ids=severa_settings.client_ids_property,
        metering_points=severa_settings.metering_points_property,
        contact_role=severa_settings.contact_role,
    )


def _finding_users(
    settings: DirectorySettings,
    *,
    token: Callable[[], str],
    clock: Callable[[], datetime],
    dry_run: bool,
) -> Callable[[Sequence[ContactEmail], Mapping[ContactEmail, str]], Directory]:
    without_effect = replace(settings, provisioning="report") if dry_run else settings

    def find(asked: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        return directory.resolve(asked, known=bound, settings=without_effect, token=token, clock=clock)

    return find
