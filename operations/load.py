"""Loads delivery files and publishes them: `python -m operations load FILE…`.

Exit code 0: everything was loaded and published. 1: a file was rejected or could not be read.
3: the data is loaded, but it is not published yet, or not announced to the API: see `publish`.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from local import places
from operations import publish, services
from shared import foreign, settings
from shared.deliveries import loading
from shared.deliveries.faults import Rejected
from shared.deliveries.loads import Loaded, Unknown
from shared.settings import InvalidSettings
from shared.warehouse import check, schema
from shared.warehouse.engine import Warehouse, WarehouseError


def main(arguments: Sequence[str]) -> int:
    """Load the named files, publish everything that waits, and return the exit code."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__)
    parser.add_argument("files", nargs="+", type=places.named, metavar="FILE")
    paths = parser.parse_args(arguments).files
    out = Console(highlight=False, soft_wrap=True)
    try:
        chosen = settings.data_from_environment()
        with services.warehouse(chosen) as warehouse:
            if check.structure(warehouse):  # An operator may lack the right to create tables.
                schema.apply(warehouse)
            loaded = [_load(warehouse, path, out=out) for path in paths]
            code = publish.publish_waiting(warehouse, chosen, is_expected=_has_values(loaded), out=out)
    except (InvalidSettings, WarehouseError) as error:
        out.print(str(error), markup=False)
        return 1
    return 1 if None in loaded else code


def _has_values(loaded: Sequence[Loaded | None]) -> bool:
    """Return whether a publication is expected: only interval values have one."""
    return any(each is not None and each.kind == "interval values" for each in loaded)


def _load(warehouse: Warehouse, path: Path, *, out: Console) -> Loaded | None:
    """Load one file and print the result; None if nothing of it was loaded."""
    started = time.monotonic()
    try:
        with _progress(path, out=out) as progress:
            loaded = loading.load(warehouse, path, now=services.now(), progress=progress)
    except Rejected as rejected:
        _print_rejected(rejected, out=out)
        return None
    except OSError as error:
        out.print(f"{path}: cannot be read: {error.strerror or error}.", markup=False)
        return None
    out.print(_sentence(loaded, seconds=time.monotonic() - started), markup=False)
    if loaded.unknown:
        out.print(_warning(loaded.unknown), markup=False)
    if loaded.kind == "supply periods":
        out.print("Supply periods take effect at the next sync: python3 dev.py sync")
    return loaded


def _sentence(loaded: Loaded, *, seconds: float) -> str:
    rows = foreign.counted(loaded.rows, loaded.kind)
    if not loaded.is_new:
        return (
            f"{loaded.path.name}: skipped; it was loaded before ({rows}), and nothing newer has come since."
        )
    rate = loaded.rows / max(seconds, 0.001)
    return f"{loaded.path.name}: {rows} loaded in {seconds:.1f} s ({rate:,.0f}/s)."


def _warning(unknown: Unknown) -> str:
    """Return a warning about unknown ids: an id that Excel has rounded may pass the check digit by chance."""
    points = foreign.counted(unknown.number, "metering points")
    sentence = f"  Warning: new to the warehouse: {points}, such as {', '.join(unknown.examples)}."
    if any(id_.endswith("000") for id_ in unknown.examples):
        sentence += " Ids that end in 000 may come from Excel, which keeps fifteen digits only."
    return sentence


def _print_rejected(rejected: Rejected, *, out: Console) -> None:
    out.print(f"{rejected.path.name}: rejected; nothing of it was loaded.", markup=False)
    for fault in rejected.faults:
        out.print(f"  {rejected.path}:{fault.line}: {fault.sentence}", markup=False)


@contextmanager
def _progress(path: Path, *, out: Console) -> Iterator[Callable[[int, float], None]]:
    """Show a bar on a terminal, and nothing elsewhere: the line at the end has the result."""
    if not out.is_terminal:
        yield lambda rows, share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[rows]:,} rows"), console=out, transient=True) as bar:
        task = bar.add_task(path.name, total=1.0, rows=0)
        yield lambda rows, share: bar.update(task, completed=share, rows=rows)
