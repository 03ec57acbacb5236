"""Loads delivered files into the warehouse: all of a file once, or nothing of it.

A file is recognised by its header. Its rows are checked as they are read, and staged in batches; or the
warehouse itself reads, checks and stages them (`load_copied`). Then the warehouse checks the staged rows
against each other, and one transaction stores them. A killed load leaves only staged rows behind, which are
never read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from shared.deliveries import files, formats, rules
from shared.deliveries.faults import Fault, Faults, Rejected
from shared.deliveries.files import File
from shared.deliveries.interval_values import intervals
from shared.deliveries.interval_values.storing import copy_and_insert, store_values
from shared.deliveries.loads import Kind, Load, Loaded, Progress
from shared.deliveries.master_data import records
from shared.deliveries.master_data.storing import store_records
from shared.deliveries.rules import Context
from shared.deliveries.staging import check_and_insert
from shared.warehouse import conflicts
from shared.warehouse.engine import Warehouse

_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "interval values": intervals.HEADER,
    "metering points": records.METERING_POINTS,
    "supply periods": records.SUPPLY_PERIODS,
}
_SHOWN_COLUMNS = 8


def load(
    warehouse: Warehouse,
    path: Path,
    *,
    now: datetime,
    progress: Progress,
    arrived_at: datetime | None = None,
    source: str | None = None,
) -> Loaded:
    """Load one file. Interval values become visible when they are published.

    Args:
        warehouse: the warehouse to load into.
        path: the file.
        now: the current time.
        progress: called after each batch.
        arrived_at: when the file arrived in the container, whose files are loaded in the order of their
            arrival. Master data is then refused if a file of its kind that arrived later is already loaded.
        source: the name that the file was delivered under; None for the last part of its path.

    Raises:
        Rejected: the file has faults; nothing of it was loaded.
        WarehouseConflict: another process loaded or published during every attempt.
        OSError: the file cannot be read.
    """
    file = files.open_file(path)
    faults = Faults()
    kind = _kind(file, faults)
    context = Context(received_at=now, is_norwegian=file.is_norwegian)
    load = Load(warehouse, path, kind, now=now, arrived_at=arrived_at, delivered_as=source)
    if kind == "interval values":
        of_values = intervals.Checks(file.header, context=context, faults=faults)
        return store_values(
            load,
            partial(check_and_insert, load, file, of_values, faults, progress=progress),
            content=files.digest(path),
            progress=progress,
            are_in_order=lambda: of_values.are_in_order,
        )
    checks = records.Checks(file.header, kind=_COLUMNS[kind], context=context, faults=faults)
    return store_records(load, partial(check_and_insert, load, file, checks, faults, progress=progress))


@dataclass(frozen=True)
class Located:
    """A file that the warehouse can read.

    Attributes:
        start: a file with its first bytes, including the header, under the name of the whole file.
        location: its address in storage, or for the embedded engine its path.
        content: what identifies the content, in hexadecimal.
    """

    start: Path
    location: str
    content: str


def why_not_copied(start: Path) -> str | None:
    """Return why the warehouse itself cannot read a file with this start; None if it can.

    Raises:
        Rejected: the app would reject the file too.
    """
    with start.open("rb") as content:
        if content.read(len(formats.PARQUET)) == formats.PARQUET:
            return "it is Parquet"
    file = files.open_file(start)
    kind = _kind(file, Faults())
    if kind != "interval values":
        return f"it holds {kind}"
    return None if file.separator == "," else "its columns are not separated by commas"


def load_copied(
    warehouse: Warehouse,
    located: Located,
    *,
    now: datetime,
    arrived_at: datetime | None,
    check_unchanged: Callable[[], None],
    source: str | None = None,
) -> Loaded:
    """Load interval values that the warehouse reads itself, from a file for which `why_not_copied` is None.

    Args:
        warehouse: the warehouse that reads the file.
        located: where the file is.
        now: the current time.
        arrived_at: as in `load`.
        check_unchanged: raises if the file was replaced since it was listed; called after it is read.
        source: as in `load`.

    Raises:
        Rejected: the file has faults; nothing of it was loaded.
        WarehouseConflict: another process loaded or published during every attempt.
    """
    file, faults = files.open_file(located.start), Faults()
    kind = _kind(file, faults)
    if faults:
        raise Rejected(located.start, faults.all())
    load = Load(warehouse, located.start, kind, now=now, arrived_at=arrived_at, delivered_as=source)
    insert = partial(
        conflicts.retry, copy_and_insert, load, located.location, file, check_unchanged=check_unchanged
    )
    return store_values(
        load,
        insert,
        content=located.content,
        progress=lambda rows, share: None,
        are_in_order=lambda: False,  # An engine that reads in parallel keeps no order.
    )


def _kind(file: File, faults: Faults) -> Kind:
    """Return what a file holds, by its header; the columns may come in any order.

    Faults of the header are added to `faults`, so that faults of the known columns are reported as well.
    """
    header = set(file.header)
    kind = max(_COLUMNS, key=lambda each: len(header.intersection(_COLUMNS[each])))
    if not header.intersection(_COLUMNS[kind]):
        raise Rejected(file.path, [Fault(1, _describe_unknown_header(file.header))])
    if file.separator not in ("", ",", ";"):
        reason = "The columns must be separated by commas or semicolons."
        faults.add(reason, reason, [1])
    reasons = _faults_of_header(file.header, _COLUMNS[kind])
    if reasons:
        faults.add("header", f"The header does not fit {kind}: {', '.join(reasons)}.", [1])
    return kind


def _describe_unknown_header(header: Sequence[str]) -> str:
    known = "; ".join(f"{','.join(columns)} ({kind})" for kind, columns in _COLUMNS.items())
    return f"The first line is not a known header: {_list_names(header)}. Known headers are {known}."


def _faults_of_header(header: Sequence[str], columns: Sequence[str]) -> list[str]:
    unknown = [name for name in header if name not in columns]
    faults = [f"unknown column {_list_names(unknown)}"] if unknown else []
    faults += [f"no column {name}" for name in sorted(set(columns) - set(header))]
    faults += [f"column {name} twice" for name in sorted(columns) if header.count(name) > 1]
    return faults


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(rules.shown(name) for name in names[:_SHOWN_COLUMNS])
    return f"{shown} and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else shown
