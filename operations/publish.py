"""Publishes every delivery that waits: `python -m operations publish`.

Exit code 0: done. 1: the warehouse did not answer, or lacks tables. 3: the watermark in Table Storage could
not be read, and nothing was published; or it could not be written, and what was published is not announced
to the API yet. The next run does the rest, unless the watermark is damaged: docs/operations.md says how to
repair it.
"""

import argparse
from collections.abc import Sequence

from rich.console import Console

from operations import services
from shared import foreign, settings
from shared.publishing import announce
from shared.publishing import publish as publishing
from shared.publishing.publish import Published
from shared.settings import DataSettings, InvalidSettings
from shared.tables import TablesUnavailable, UnreadableValue
from shared.warehouse import check
from shared.warehouse.engine import Warehouse, WarehouseError

NOT_ANNOUNCED = 3
NOTHING_WAITED = "Nothing waited to be published."
AGAIN = "Run `python3 dev.py publish` again when Table Storage answers; on a laptop, start the stack first."
DAMAGED = "A row of ServiceState is damaged. Repair it first: docs/operations.md, A damaged watermark."
NO_TABLES = "The warehouse is not as the API needs it: `python3 dev.py check-warehouse` says what is wrong."


def main(arguments: Sequence[str]) -> int:
    """Publish what waits, and return the exit code."""
    argparse.ArgumentParser(prog="publish", description=__doc__).parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    try:
        chosen = settings.data_from_environment()
        with services.warehouse(chosen) as warehouse:
            return publish(warehouse, chosen, out=out)
    except (InvalidSettings, WarehouseError) as error:
        out.print(str(error), markup=False)
        return 1


def publish(warehouse: Warehouse, chosen: DataSettings, *, out: Console) -> int:
    """Publish what waits, print and announce it, and return the exit code."""
    if check.structure(warehouse):
        out.print(NO_TABLES)
        return 1
    return publish_waiting(warehouse, chosen, is_expected=True, out=out)


def publish_waiting(warehouse: Warehouse, chosen: DataSettings, *, is_expected: bool, out: Console) -> int:
    """Publish and announce what waits, print a line for each publication, and return the exit code.

    Args:
        is_expected: whether to print a line if nothing waited, too.
    """

    def show(published: Published) -> None:
        days = foreign.counted(published.days, "new or changed market days")
        values = foreign.counted(published.values, "values")
        out.print(f"Publication {published.sequence}: {days} with {values}.", markup=False)

    try:
        publishing.refuse_ahead(warehouse, now=services.now())
        clock = publishing.server_clock(warehouse, clock=services.now)
        publications = services.publications(chosen)
        published = announce.publish_pending(warehouse, publications=publications, clock=clock, each=show)
    except TablesUnavailable as error:
        out.print(f"Not all is published and announced to the API yet: {error}", markup=False)
        out.print(DAMAGED if isinstance(error, UnreadableValue) else AGAIN)
        return NOT_ANNOUNCED
    if is_expected and not published:
        out.print(NOTHING_WAITED)
    return 0
