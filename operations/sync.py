"""Brings access up to date with Severa and Entra: `python -m operations sync`.

Exit code 0: done, or shown by --dry-run. 1: a setting is wrong, or a source or Table Storage did not answer
properly; if that was while changes were written, the next sync writes the rest, and if it was while users
were invited, all changes were written. 3: held back, since the run would end or open more access than it may
by itself or has other settings than the last one, or since another run is under way or took over.
"""

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.console import Console

from shared import services, settings
from shared.access.entra.directory import DirectoryFailed
from shared.access.severa.client import SeveraFailed
from shared.access.sync import stages
from shared.access.sync.guard import Allowance
from shared.access.sync.reports import SyncReport
from shared.leases import HeldByAnother
from shared.settings import InvalidSettings
from shared.tables import AlreadyExists, ChangedMeanwhile, TablesUnavailable
from shared.telemetry import log_levels
from shared.warehouse.engine import WarehouseError

TROUBLE, REFUSED = 1, 3

ALLOWANCES = {
    Allowance.REVOCATIONS: "end access even where it is suspiciously much",
    Allowance.GRANTS: "open access even where it is suspiciously much, or for the first time",
    Allowance.SOURCE: "decide by other settings than the last complete sync (see --dry-run first)",
}


def main(arguments: Sequence[str]) -> int:
    """Run one sync, print its report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="sync", description="Bring access in step with Severa and Entra.")
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    for allowance, meaning in ALLOWANCES.items():
        parser.add_argument(
            allowance, dest="allowed", action="append_const", const=allowance, default=[], help=meaning
        )
    parser.add_argument(
        "--lift-restriction",
        type=int,
        nargs="+",
        default=[],
        metavar="NUMBER",
        help="these customers' emptied metering points in Severa are meant: open all they are supplied with",
    )
    chosen = parser.parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    stages.log.disabled = True  # The report is printed, and would be in the log as well.
    log_levels.quieten_libraries()
    with out.status("Reading Severa and Entra …"):
        return print_report(lambda: _sync(chosen), out=out)


def print_report(sync: Callable[[], SyncReport], *, out: Console) -> int:
    """Run a sync, print its report or why there is none, and return the exit code."""
    try:
        report = sync()
    except HeldByAnother as error:
        out.print(
            f"The sync stopped: {error}. Part of the changes may be written; the next sync writes the rest.",
            markup=False,
        )
        return REFUSED
    except (
        InvalidSettings, SeveraFailed, DirectoryFailed, WarehouseError,
        TablesUnavailable, ChangedMeanwhile, AlreadyExists,
    ) as error:  # fmt: skip
        out.print(f"Access was not brought up to date. {error}", markup=False)
        return TROUBLE
    out.print(report.text(), markup=False)
    if not report.outcome.is_good:
        return REFUSED
    return TROUBLE if report.error else 0


def _sync(chosen: argparse.Namespace) -> SyncReport:
    opened = services.start(settings.from_environment(), clock=lambda: datetime.now(UTC))
    opened.tables.create_missing()
    return opened.sync_access(
        dry_run=chosen.dry_run, allowed=frozenset(chosen.allowed), lift=chosen.lift_restriction
    )
