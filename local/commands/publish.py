"""Publishes every delivery that waits: `python -m local.commands.publish`.

Exit code 0: done. 1: the warehouse did not answer. 3: the data is published, but the API is not
told of it yet, because Table Storage did not answer; the next run completes it.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from local.commands import services
from shared.settings import InvalidSettings, Settings
from shared.tables import TablesUnavailable
from shared.warehouse import announce
from shared.warehouse.engine import Warehouse, WarehouseError
from shared.warehouse.publish import pending

NOT_ANNOUNCED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish what waits."""
    argparse.ArgumentParser(prog="publish", description=__doc__).parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    try:
        chosen = services.configured()
        with services.warehouse(chosen) as warehouse:
            return publish(warehouse, chosen, out=out)
    except (InvalidSettings, WarehouseError) as error:
        out.print(str(error), markup=False)
        return 1


def publish(warehouse: Warehouse, chosen: Settings, *, out: Console) -> int:
    """Publish what waits, say so, and tell the API; the exit code."""

    waited = False
    for published in pending(warehouse, clock=services.now):
        waited = True
        out.print(
            f"Publication {published.sequence}: {published.days:,} new or changed market days "
            f"with {published.values:,} values.",
            markup=False,
        )
    if not waited:
        out.print("Nothing waited to be published.")
    try:
        announce.bring_up_to_date(warehouse, services.publications(chosen))
    except TablesUnavailable as error:
        return _not_announced(error, out=out)
    return 0


def _not_announced(error: TablesUnavailable, *, out: Console) -> int:
    out.print(f"The API is not told of the latest publication yet: {error}", markup=False)
    out.print("Run `publish` again when Table Storage answers, or start the local stack.")
    return NOT_ANNOUNCED


if __name__ == "__main__":
    sys.exit(main())
