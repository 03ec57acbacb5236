"""Loads delivered files into the warehouse: all of a file once, or nothing of it.

A file is recognised by its header. Its rows are checked as they are read, and staged in batches; or the
warehouse reads, checks and stages them itself (`load_copied`). Then the warehouse checks the staged rows
against each other, and one transaction stores them. A load that is killed leaves only staged rows behind,
which are never read.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal, Protocol

from shared.deliveries import files, formats, intervals, landing, master_data, rules, staging
from shared.deliveries.batches import Batch
from shared.deliveries.delimited import NotDelimited
from shared.deliveries.faults import Fault, Faults, Rejected, in_order
from shared.deliveries.files import File
from shared.deliveries.parquet import NotParquet
from shared.deliveries.rules import Context
from shared.deliveries.staging import Earlier, Found, Unknown
from shared.telemetry import recording
from shared.warehouse import conflicts, engine, extents
from shared.warehouse.engine import FileUnreadable, Query, Rows, Session, Warehouse, aware
from shared.warehouse.extents import Extent

Kind = Literal["interval values", "metering points", "supply periods"]
Progress = Callable[[int, float], None]
"""Called with the number of rows done and the share of the file read, 0 to 1."""

KEEP_STAGED = timedelta(days=1)
"""Staged rows of this age belong to a load that was killed."""
SOURCE_LENGTH = 400

_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "interval values": intervals.HEADER,
    "metering points": master_data.METERING_POINTS,
    "supply periods": master_data.SUPPLY_PERIODS,
}
_TABLES: dict[Kind, str] = {
    "interval values": "delivery_line",
    "metering points": "metering_point_line",
    "supply periods": "supply_period_line",
}
_SHOWN_COLUMNS = 8
_NO_ROWS = "The file has a header and no rows."
_CONTENT_LENGTH = 56
"""Characters of a content's digest, so that a batch id has room for a number."""


@dataclass(frozen=True)
class Loaded:
    """The result of loading a file.

    Attributes:
        path: the file.
        kind: what the file holds.
        rows: how many rows it has.
        is_new: False when the file was skipped: interval values of the same content were loaded before, and
            nothing newer came since.
        unknown: its metering points that are known from nowhere else; None without any.
    """

    path: Path
    kind: Kind
    rows: int
    is_new: bool
    unknown: Unknown | None = None


class Checks(Protocol):
    """The checks of one file, batch by batch; the faults that they find are added to a `Faults`."""

    def check(self, batch: Batch) -> Rows | None:
        """Return the rows of a batch to stage; None once anything was refused."""
        ...

    def rest(self) -> Rows | None:
        """Return the rows that needed the end of the file to be understood; None without any."""
        ...


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
        now: the time now.
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
    load = _Load(warehouse, path, kind, now=now, arrived_at=arrived_at, delivered_as=source)
    if kind == "interval values":
        of_values = intervals.Checks(file.header, context=context, faults=faults)
        return _load_intervals(
            load,
            partial(_check_and_insert, load, file, of_values, faults, progress=progress),
            content=files.digest(path),
            progress=progress,
            are_in_order=lambda: of_values.are_in_order,
        )
    checks = master_data.Checks(file.header, kind=_COLUMNS[kind], context=context, faults=faults)
    return _load_master_data(load, partial(_check_and_insert, load, file, checks, faults, progress=progress))


@dataclass(frozen=True)
class Located:
    """A file that the warehouse can read.

    Attributes:
        start: a file with its first bytes, the header among them; it has the name of the whole file.
        location: its address in storage, or for the embedded engine its path.
        content: what identifies the content, in hexadecimal.
    """

    start: Path
    location: str
    content: str


def why_not_copied(start: Path) -> str | None:
    """Return why the warehouse cannot read a file with this start by itself; None if it can.

    Raises:
        Rejected: the app would reject the file, too.
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
        now: the time now.
        arrived_at: as in `load`.
        check_unchanged: raises if the file is not the one that was found; called after the file is read.
        source: as in `load`.

    Raises:
        Rejected: the file has faults; nothing of it was loaded.
        WarehouseConflict: another process loaded or published during every attempt.
    """
    file, faults = files.open_file(located.start), Faults()
    kind = _kind(file, faults)
    if faults:
        raise Rejected(located.start, faults.all())
    load = _Load(warehouse, located.start, kind, now=now, arrived_at=arrived_at, delivered_as=source)
    insert = partial(conflicts.retry, _copy_and_insert, load, located, file, check_unchanged=check_unchanged)
    return _load_intervals(
        load,
        insert,
        content=located.content,
        progress=lambda rows, share: None,
        are_in_order=lambda: False,  # An engine that reads in parallel keeps no order.
    )


# --- what a file holds


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


# --- reading, checking and staging, for every kind of file


@dataclass(frozen=True)
class _Load:
    """One load of one file, whose staged rows have its id."""

    warehouse: Warehouse
    path: Path
    kind: Kind
    now: datetime
    arrived_at: datetime | None
    delivered_as: str | None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def table(self) -> str:
        """The table in which its rows are staged."""
        return _TABLES[self.kind]

    @property
    def source(self) -> str:
        """The name that the file was delivered under, in printable ASCII; of a longer one the end."""
        name = (self.delivered_as or self.path.name).encode("ascii", "replace").decode()
        return "".join(each if each.isprintable() else "?" for each in name)[-SOURCE_LENGTH:]


Insert = Callable[[], int]
"""Checks and stages the rows of a file, and returns their number, or raises Rejected."""


@contextmanager
def _stage(load: _Load, insert: Insert) -> Iterator[int]:
    """Stage the rows of the file for the length of the block; the value is the number of rows.

    Raises:
        Rejected: rows have faults.
    """
    try:
        yield insert()
    finally:
        conflicts.retry(_delete_staged, load)


def _check_and_insert(load: _Load, file: File, checks: Checks, faults: Faults, *, progress: Progress) -> int:
    """Check the rows, and stage those of a batch while the next is checked.

    All are staged in one transaction: an engine writes many rows at once faster than few at a time.
    """
    done = 0
    with load.warehouse.transaction() as session:

        def insert(rows: Rows) -> None:
            session.run(staging.insert_rows(load.table, rows, load_id=load.id, now=load.now))

        with ThreadPoolExecutor(1, "staging") as stager:
            staged = stager.submit(lambda: None)
            for batch in _batches(file, faults):
                rows = checks.check(batch)
                staged.result()
                if rows is not None:
                    staged = stager.submit(recording.carry(insert), rows)
                done += len(batch.lines)
                progress(done, batch.share)
            staged.result()
        rest = checks.rest()
        if rest is not None:
            insert(rest)
        if not done and not faults:
            faults.add("rows", _NO_ROWS, [1])
        if faults:
            raise Rejected(load.path, faults.all())
    return done


def _copy_and_insert(
    load: _Load, located: Located, file: File, *, check_unchanged: Callable[[], None]
) -> int:
    """Have the warehouse read the file, check its rows and stage them, in one transaction.

    Its lines are deleted in the same transaction, so that no other ever sees them.
    """
    with load.warehouse.transaction() as session:
        try:
            session.run(landing.copy_lines(located.location, is_packed=file.is_packed))
        except FileUnreadable as error:
            raise Rejected(
                load.path, [Fault(None, f"The warehouse cannot read the file: {error}")]
            ) from error
        check_unchanged()
        session.run(landing.insert_rows(file.header, load_id=load.id, now=load.now))
        (rows,) = session.fetch(landing.count_rows(load.id))
        if rows.staged != rows.landed:
            refused = session.fetch(landing.refused_rows(file.header, now=load.now))
            context = Context(received_at=load.now, is_norwegian=False)
            faults = [Fault(None, landing.describe(each, file.header, context=context)) for each in refused]
            raise Rejected(load.path, faults)
        if not rows.landed:
            raise Rejected(load.path, [Fault(1, _NO_ROWS)])
        session.run(landing.delete_lines())
    return rows.staged


def _batches(file: File, faults: Faults) -> Iterator[Batch]:
    """Yield the batches of the file; a place where it cannot be parsed is a fault and ends it."""
    line = 1
    try:
        for batch in file.batches():
            for misfit in batch.misfits:
                faults.add(misfit.kind, misfit.reason, misfit.lines)
            line = batch.lines[-1].as_py() if len(batch.lines) else line
            yield batch
    except (NotDelimited, NotParquet) as error:
        faults.add("file", str(error), [line])


def _delete_staged(load: _Load) -> None:
    """Delete the rows that this load staged, and those of killed loads."""
    with load.warehouse.transaction() as session:
        session.run(staging.delete_rows(load.table, load.id, staged_before=load.now - KEEP_STAGED))


def _refuse(load: _Load, found: Iterable[Found]) -> None:
    """Raise Rejected if the warehouse found faults: the first of each kind, and the number of the others."""
    faults: list[Fault] = []
    for _, of_kind in groupby(found, key=lambda each: each.of_its_kind):
        shown = list(of_kind)
        faults += [each.fault for each in shown]
        more = shown[-1].of_its_kind - len(shown)
        if more:
            faults.append(
                Fault(shown[-1].fault.line, f"{more:,} more lines after this one have the same fault.")
            )
    if faults:
        raise Rejected(load.path, in_order(faults))


# --- interval values


def _load_intervals(
    load: _Load, insert: Insert, *, content: str, progress: Progress, are_in_order: Callable[[], bool]
) -> Loaded:
    """Load interval values; `are_in_order` returns whether the staged rows are in a strict order."""
    content = content[:_CONTENT_LENGTH]
    earlier = next(iter(load.warehouse.fetch(staging.earlier(content))), None)
    if earlier is not None and _still_counts(load, earlier):
        progress(earlier.rows, 1.0)
        return Loaded(load.path, load.kind, earlier.rows, is_new=False)
    with _stage(load, insert) as rows:
        staged = _refuse_contradictions(load, are_in_order=are_in_order())
        is_new = conflicts.retry(_accept, load, staged, content=content)
        unknown = _unknown(load) if is_new else None
    return Loaded(load.path, load.kind, rows, is_new=is_new, unknown=unknown)


def _still_counts(load: _Load, earlier: Earlier) -> bool:
    """Return whether the earlier delivery counts: it is the same arrival, or nothing later overlaps it."""
    is_same_arrival = (
        load.arrived_at is not None
        and earlier.arrived_at is not None
        and load.arrived_at <= aware(earlier.arrived_at)
    )
    return is_same_arrival or not earlier.is_overlapped


@dataclass(frozen=True)
class _StagedDays:
    """The market days of staged rows that do not contradict each other.

    Attributes:
        days: the extents of all market days.
        days_in_part: the extents of the days of which the file does not have every interval.
        has_repeats: whether some intervals come more than once, each time with the same value.
    """

    days: list[Extent]
    days_in_part: list[Extent]
    has_repeats: bool


def _refuse_contradictions(load: _Load, *, are_in_order: bool) -> _StagedDays:
    """Return the days of the staged rows; raise Rejected if rows contradict each other."""
    with load.warehouse.transaction() as session:  # It has the time limit of loading, not of a request.
        (repeated,) = (0,) if are_in_order else session.fetch(staging.repeated(load.id))
        if repeated:
            _refuse(load, session.fetch(staging.repeated_with_two_values(load.id)))
        days = session.fetch(staging.days(load.id))
        if any(each.resolutions > 1 for each in days):
            _refuse(load, session.fetch(staging.two_resolutions_in_a_day(load.id)))
    return _StagedDays(
        extents.cover([each.whole for each in days]),
        # Repeats are counted as intervals, so a day with any may look whole.
        extents.cover([each.whole for each in days if each.is_in_part or repeated]),
        has_repeats=repeated > 0,
    )


def _accept(load: _Load, staged: _StagedDays, *, content: str) -> bool:
    """Store the staged rows; False when they are stored already and nothing newer came since."""
    with load.warehouse.transaction() as session:
        session.run(engine.lock_writes())
        earlier = next(iter(session.fetch(staging.earlier(content))), None)
        if earlier is not None and _is_newest(session, load, earlier, staged):
            return False
        if staged.days_in_part:
            _refuse(load, session.fetch(staging.days_in_another_resolution(load.id, staged.days_in_part)))
        received_at = _receive_after(session, staging.latest_delivery(), now=load.now)
        batch_id = f"{content}-{1 if earlier is None else earlier.number + 1}"
        session.run(
            staging.append_values(
                *(load.id,),
                batch_id=batch_id,
                received_at=received_at,
                days=staged.days,
                has_repeats=staged.has_repeats,
            )
        )
        session.run(
            staging.record_delivery(
                *(load.id,),
                batch_id=batch_id,
                received_at=received_at,
                arrived_at=load.arrived_at,
                source=load.source,
            )
        )
    return True


def _is_newest(session: Session, load: _Load, earlier: Earlier, staged: _StagedDays) -> bool:
    """Return whether no interval of the content was delivered again later."""
    later = staging.delivered_later(load.id, staged.days, received_at=aware(earlier.received_at))
    return _still_counts(load, earlier) or not session.fetch(later)


def _unknown(load: _Load) -> Unknown | None:
    """Return the metering points of the file that are known from nowhere else."""
    with load.warehouse.transaction() as session:
        (unregistered,) = session.fetch(staging.unregistered(load.id))
        if unregistered.first is None or unregistered.last is None:
            return None
        rows = session.fetch(staging.unknown(load.id, first=unregistered.first, last=unregistered.last))
    return Unknown(rows[0][1], tuple(id_ for id_, _ in rows)) if rows else None


def _receive_after(session: Session, others: Query[datetime | None], *, now: datetime) -> datetime:
    """Return when a delivery counts as received: now, but after every other delivery.

    The newest value of an interval is that of the latest delivery, even after a clock was set back.
    """
    (latest,) = session.fetch(others)
    return now if latest is None else max(now, aware(latest) + timedelta(microseconds=1))


# --- metering points and supply periods


def _load_master_data(load: _Load, insert: Insert) -> Loaded:
    """Replace the records of the metering points in the file."""
    with _stage(load, insert) as rows:
        with load.warehouse.transaction() as session:
            contradictions = (
                staging.repeated_metering_points(load.id)
                if load.kind == "metering points"
                else staging.overlapping_periods(load.id)
            )
            _refuse(load, session.fetch(contradictions))
        conflicts.retry(_replace_records, load, rows=rows)
    return Loaded(load.path, load.kind, rows, is_new=True)


def _replace_records(load: _Load, *, rows: int) -> None:
    """Replace the records, and record in the same transaction that they may have changed."""
    with load.warehouse.transaction() as session:
        session.run(engine.lock_writes())
        _refuse_overtaken(session, load)
        received_at = _receive_after(session, staging.latest_master_data(), now=load.now)
        for statement in staging.replace_records(load.table, load.id):
            session.run(statement)
        session.run(
            staging.record_master_data(
                load.kind,
                source=load.source,
                received_at=received_at,
                arrived_at=load.arrived_at,
                records=rows,
            )
        )


def _refuse_overtaken(session: Session, load: _Load) -> None:
    """Refuse a file if a file of its kind that arrived later is loaded: it would bring old records back."""
    (latest,) = session.fetch(staging.latest_arrival(load.kind))
    if load.arrived_at is not None and latest is not None and load.arrived_at < aware(latest):
        reason = (
            f"a file of {load.kind} that arrived later was loaded before this one; "
            "deliver it again if it is still right."
        )
        raise Rejected(load.path, [Fault(1, reason)])
