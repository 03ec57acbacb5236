"""Brings access up to date with Severa and Entra: `python -m operations sync`.

Exit code 0: done, or shown by --dry-run.

1: a setting is wrong, or a source or Table Storage did not answer properly. If changes were being written,
the next sync writes the rest; if users were being invited, all changes were written.

3: held back, because the run would end or open more access than a run may by itself, or because its settings
differ from those of the last complete run. Also 3 if another run is in progress or took over.
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
    Allowance.REVOCATIONS: "apply the run even if it ends unusually much access",
    Allowance.GRANTS: "apply the run even if it opens unusually much access, or is the first one",
    Allowance.SOURCE: "apply the run even if its settings are not those of the last (see --dry-run first)",
}


def main(arguments: Sequence[str]) -> int:
    """Run one sync, print its report, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="sync", description="Bring access up to date with Severa and Entra."
    )
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
        help="open all that these customers are supplied with: their field was emptied on purpose",
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
