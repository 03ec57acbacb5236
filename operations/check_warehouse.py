"""Compares the warehouse in use with what the API needs: `python -m operations check-warehouse`.

Exit code 0: the warehouse is as the API needs it. 1: faults were found and printed. 2: it did not answer.
"""

import argparse
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console

from operations import printing, services
from shared import foreign, periods, settings
from shared.settings import InvalidSettings
from shared.warehouse import check
from shared.warehouse.check import Finding, Latest
from shared.warehouse.engine import WarehouseError

NO_ANSWER = 2


def main(arguments: Sequence[str]) -> int:
    """Check, print what is wrong and where, and return the exit code."""
    argparse.ArgumentParser(prog="check-warehouse", description=__doc__).parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    try:
        chosen = settings.data_from_environment()
        with services.warehouse(chosen) as warehouse:
            now = services.now()
            findings = check.check(warehouse, now=now)
            latest = None if check.structure(warehouse) else check.latest(warehouse)
    except (InvalidSettings, WarehouseError) as error:
        out.print(str(error), markup=False)
        return NO_ANSWER
    for finding in findings:
        _print(finding, out=out)
    if not findings:
        out.print("The warehouse is as the API needs it.")
    if latest is not None:
        out.print(_sentence(latest, now=now), markup=False)
    return 1 if findings else 0


def _sentence(latest: Latest, *, now: datetime) -> str:
    hours, minutes = divmod((now - latest.published_at) // timedelta(minutes=1), 60)
    age = foreign.counted(hours, "hours") if hours else foreign.counted(minutes, "minutes")
    until = latest.available_until.astimezone(periods.OSLO).isoformat()
    return (
        f"Last publication {printing.minute(latest.published_at)}, {age} ago; data until {until}. "
        f"Series with that day: {latest.series:,}; with the day before: {latest.series_before:,}."
    )


def _print(finding: Finding, *, out: Console) -> None:
    out.print(f"{finding.where}: {finding.fault}", markup=False)
    for example in finding.examples:
        out.print(f"  {example}", markup=False)
    if len(finding.examples) == check.SHOWN:
        out.print(f"  There may be more: the first {check.SHOWN} are shown.")
