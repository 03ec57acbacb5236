"""Publishes every delivery that waits: `python -m operations publish`.

Exit code 0: done. 1: the warehouse did not answer, or lacks tables. 3: the data is published but not
announced to the API yet, since Table Storage did not answer; the next run completes it. After a restore of
the warehouse, publish only while Table Storage answers: it holds the numbers of the publications that callers
have.
"""

import argparse
from collections.abc import Sequence

from rich.console import Console

from operations import services
from shared import foreign, settings
from shared.publishing import announce
from shared.publishing import publish as publishing
from shared.publishing.publish import BEFORE_ALL, Place
from shared.settings import DataSettings, InvalidSettings
from shared.tables import TablesUnavailable
from shared.warehouse import check
from shared.warehouse.engine import Warehouse, WarehouseError

NOT_ANNOUNCED = 3
NOTHING_WAITED = "Nothing waited to be published."
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
    """Publish what waits, print it, announce it to the API, and return the exit code."""
    if check.structure(warehouse):
        out.print(NO_TABLES)
        return 1
    if not publish_waiting(warehouse, chosen, out=out):
        out.print(NOTHING_WAITED)
    return announce_to_api(warehouse, chosen, out=out)


def publish_waiting(warehouse: Warehouse, chosen: DataSettings, *, out: Console) -> bool:
    """Publish what waits and print a line for each publication; False when nothing waited."""
    waited = False
    publishing.refuse_ahead(warehouse, now=services.now())
    for published in publishing.publish_waiting(warehouse, clock=services.now, announced=_announced(chosen)):
        waited = True
        days = foreign.counted(published.days, "new or changed market days")
        values = foreign.counted(published.values, "values")
        out.print(f"Publication {published.sequence}: {days} with {values}.", markup=False)
    return waited


def _announced(chosen: DataSettings) -> Place:
    """Return the last publication that callers can know; a laptop may run without Table Storage."""
    try:
        return announce.read_announced(services.publications(chosen))
    except TablesUnavailable:
        return BEFORE_ALL


def announce_to_api(warehouse: Warehouse, chosen: DataSettings, *, out: Console) -> int:
    """Announce to the API what was published and described, and return the exit code."""
    try:
        clock = publishing.server_clock(warehouse, clock=services.now)
        announce.bring_up_to_date(warehouse, services.publications(chosen), clock=clock)
    except TablesUnavailable as error:
        return _not_announced(error, out=out)
    return 0


def _not_announced(error: TablesUnavailable, *, out: Console) -> int:
    out.print(f"The latest publication is not announced to the API yet: {error}", markup=False)
    out.print("Run `publish` again when Table Storage answers, or start the local stack.")
    return NOT_ANNOUNCED
