"""Compares the warehouse in use with what the API needs: `python -m local.commands.check_warehouse`.

Exit code 0: the API can rely on it. 1: something is wrong, and was printed. 2: it did not answer.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from local.commands import services
from shared.settings import InvalidSettings
from shared.warehouse import check
from shared.warehouse.check import Finding
from shared.warehouse.engine import WarehouseError

NO_ANSWER = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, and print what is wrong and where."""
    argparse.ArgumentParser(prog="check-warehouse", description=__doc__).parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True)
    try:
        chosen = services.configured()
        with services.warehouse(chosen) as warehouse:
            findings = check.check(warehouse, now=services.now())
    except (InvalidSettings, WarehouseError) as error:
        out.print(str(error), markup=False)
        return NO_ANSWER
    for finding in findings:
        _print(finding, out=out)
    if not findings:
        out.print("The warehouse is as the API needs it.")
    return 1 if findings else 0


def _print(finding: Finding, *, out: Console) -> None:
    out.print(f"{finding.where}: {finding.fault}", markup=False)
    for example in finding.examples:
        out.print(f"  {example}", markup=False)
    if len(finding.examples) == check.SHOWN:
        out.print(f"  There may be more: the first {check.SHOWN} are shown.")


if __name__ == "__main__":
    sys.exit(main())
