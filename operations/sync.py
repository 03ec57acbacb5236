"""Brings who may see what in step with Severa and Entra: `python -m operations.sync`.

Exit code 0: done, or shown by --dry-run. 1: a source or Table Storage did not answer as it must; nothing
of what Severa says now was used. 3: refused, since more access would end than a run may end by itself, or
because another run is under way.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

from shared import services, settings
from shared.access.entra.directory import DirectoryFailed
from shared.access.severa.client import SeveraFailed
from shared.access.sync import stages
from shared.settings import InvalidSettings
from shared.tables import AlreadyExists, ChangedMeanwhile, TablesUnavailable
from shared.telemetry import log_levels
from shared.warehouse.engine import WarehouseError

REFUSED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sync and print its report; the exit code."""
    parser = argparse.ArgumentParser(prog="sync", description="Bring access in step with Severa and Entra.")
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    parser.add_argument(
        "--allow-revocations", action="store_true", help="end access even where it is suspiciously much"
    )
    parser.add_argument(
        "--widen",
        type=int,
        nargs="+",
        default=[],
        metavar="NUMBER",
        help="these customers' emptied metering points in Severa are meant: open all they are supplied with",
    )
    asked = parser.parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    stages.logger.disabled = True  # The report is printed, and would stand in the log as well.
    log_levels.quieten_libraries()
    try:
        use = services.start(settings.from_environment(), clock=lambda: datetime.now(UTC))
        use.tables.create_missing()
        with out.status("Reading Severa and Entra …"):
            report = use.sync_access(
                dry_run=asked.dry_run, allow_revocations=asked.allow_revocations, widen=asked.widen
            )
    except (
        InvalidSettings, SeveraFailed, DirectoryFailed, WarehouseError,
        TablesUnavailable, ChangedMeanwhile, AlreadyExists,
    ) as error:  # fmt: skip
        out.print(f"Access was not brought up to date. {error}", markup=False)
        return 1
    out.print(report.text(), markup=False)
    return 0 if report.outcome.is_good else REFUSED


if __name__ == "__main__":
    raise SystemExit(main())
