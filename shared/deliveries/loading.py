"""Brings delivered files into the warehouse: all of a file, once, or nothing of it.

A file is recognised by its header. Interval values are checked row by row as they are read and
staged in chunks; what rows say about each other is then asked of the warehouse; and one
transaction takes the staged rows in. A load that dies leaves only staged rows behind, which
nobody reads.
"""

import gc
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from shared.deliveries import files, intervals, registers, staging
from shared.deliveries.files import MAX_FAULTS, Fault, File, Rejected
from shared.telemetry import threads
from shared.warehouse import spans, turns
from shared.warehouse.engine import Query, Rows, Session, Statement, Warehouse, aware
from shared.warehouse.spans import Span

Kind = Literal["interval values", "metering points", "supply periods"]
Progress = Callable[[int, float], None]
"""Told how many rows are done and how much of the file that is, 0 to 1."""

KEEP_STAGED = timedelta(days=1)
"""After so long, staged rows belong to a load that has died."""
SOURCE_LENGTH = 400

_KINDS: dict[frozenset[str], Kind] = {
    frozenset(intervals.HEADER): "interval values",
    frozenset(registers.METERING_POINTS): "metering points",
    frozenset(registers.SUPPLY_PERIODS): "supply periods",
}


@dataclass(frozen=True)
class Loaded:
    """What became of a file.

    Attributes:
        kind: what it holds.
        rows: how many rows it has.
        is_new: False when interval values of the same content had been loaded before.
    """

    path: Path
    kind: Kind
    rows: int
    is_new: bool


def load(
    warehouse: Warehouse,
    path: Path,
    *,
    now: datetime,
    progress: Progress,
    arrived_at: datetime | None = None,
) -> Loaded:
    """Load one file. Interval values become visible when they are published.

    Args:
        warehouse: where to.
        path: the file.
        now: the time now.
        progress: told how far the load is.
        arrived_at: when the file arrived where files are taken in in the order of their arrival. One of
            metering points or supply periods is then refused after a later one of its kind.

    Raises:
        Rejected: with the file's first faults; nothing of it was loaded.
        WarehouseConflict: somebody else loaded or published at the same moment.
        OSError: the file cannot be read.
    """
    file = files.open_file(path)
    kind = _kind(file)
    if kind == "interval values":
        return _load_intervals(warehouse, file, now=now, progress=progress)
    loaded = _load_register(warehouse, file, kind, now=now, arrived_at=arrived_at)
    progress(loaded.rows, 1.0)
    return loaded


def _kind(file: File) -> Kind:
    """What a file holds, by its header; the columns may come in any order."""
    kind = _KINDS.get(frozenset(file.header))
    if kind is None or len(set(file.header)) < len(file.header):
        raise Rejected(file.path, [Fault(1, _fault_of_header(file.header))])
    return kind


def _fault_of_header(header: Sequence[str]) -> str:
    if len(header) == 1 and ";" in header[0]:
        return "The columns must be separated by commas, not by semicolons."
    nearest = max(_KINDS, key=lambda names: len(names & set(header)))
    faults = [f"unknown column {name[:40]!a}" for name in header if name not in nearest]
    faults += [f"no column {name}" for name in sorted(nearest - set(header))]
    faults += [f"column {name} twice" for name in sorted(nearest) if header.count(name) > 1]
    return f"The header does not fit {_KINDS[nearest]}: {', '.join(faults)}."


# --- interval values


def _load_intervals(warehouse: Warehouse, file: File, *, now: datetime, progress: Progress) -> Loaded:
    batch_id = files.digest(file.path)
    known = warehouse.fetch(staging.loaded(batch_id))
    if known:
        progress(known[0].rows, 1.0)
        return Loaded(file.path, "interval values", known[0].rows, is_new=False)
    load_id = uuid.uuid4().hex
    try:
        with _no_search_for_cycles():
            rows = _stage(warehouse, file, load_id=load_id, now=now, progress=progress)
        staged = _without_contradictions(warehouse, file, load_id=load_id)
        is_new = turns.retried(_accept, warehouse, file, staged, batch_id=batch_id, now=now)
    finally:
        turns.retried(_clear, warehouse, load_id=load_id, now=now)
    return Loaded(file.path, "interval values", rows, is_new=is_new)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Rows hold no reference cycles, and looking for some among so many takes 40 % of a load's time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _stage(warehouse: Warehouse, file: File, *, load_id: str, now: datetime, progress: Progress) -> int:
    """Check the rows, and stage those of a chunk while the next is checked; returns how many there are."""
    checks = intervals.Checks(file.header, received_at=now)
    faults: list[Fault] = []
    done = 0
    with ThreadPoolExecutor(1, "staging") as stager:
        staged = stager.submit(lambda: None)
        for chunk in file.chunks():
            rows, found = checks.check(chunk)
            faults += found
            if len(faults) >= MAX_FAULTS:
                break
            staged.result()
            if rows is not None and not faults:
                staged = stager.submit(
                    threads.carried(_stage_chunk), warehouse, rows, load_id=load_id, now=now
                )
            done += len(chunk.lines)
            progress(done, chunk.share)
        staged.result()
    if not faults and not done:
        faults = [Fault(1, "The file has a header and no rows.")]
    if faults:
        raise Rejected(file.path, faults[:MAX_FAULTS])
    return done


def _stage_chunk(warehouse: Warehouse, rows: Rows, *, load_id: str, now: datetime) -> None:
    with warehouse.transaction() as session:
        for part in rows.parts():
            session.run(staging.staged(part, load_id=load_id, now=now))


@dataclass(frozen=True)
class _Staged:
    """Staged rows that do not contradict each other.

    Attributes:
        load_id: which rows they are.
        days: where their market days lie.
        has_repeats: whether some intervals come more than once, each time with the same value.
    """

    load_id: str
    days: list[Span]
    has_repeats: bool


def _without_contradictions(warehouse: Warehouse, file: File, *, load_id: str) -> _Staged:
    """The staged rows, or Rejected where they contradict each other."""
    with warehouse.transaction() as session:  # For the time that work may take, and not an answer.
        (repeated,) = session.fetch(staging.repeated(load_id))
        faults = [
            *(session.fetch(staging.repeated_with_two_values(load_id)) if repeated else ()),
            *session.fetch(staging.two_resolutions_in_a_day(load_id)),
        ]
        days = spans.covering(session.fetch(staging.days(load_id)))
    if faults:
        raise Rejected(file.path, sorted(faults, key=lambda fault: fault.line)[:MAX_FAULTS])
    return _Staged(load_id, days, has_repeats=repeated > 0)


def _clear(warehouse: Warehouse, *, load_id: str, now: datetime) -> None:
    """Delete the rows that this load staged, and those of loads that died."""
    with warehouse.transaction() as session:
        session.run(staging.forget(load_id, staged_before=now - KEEP_STAGED))


def _accept(warehouse: Warehouse, file: File, staged: _Staged, *, batch_id: str, now: datetime) -> bool:
    """Take the staged rows in; False when somebody else did so with the same content meanwhile."""
    with warehouse.transaction() as session:
        session.run(turns.take())
        if session.fetch(staging.loaded(batch_id)):
            return False
        _refuse_another_resolution(session, file, staged)
        received_at = _after_all_others(session, _LATEST_DELIVERY, now=now)
        taken_in = staging.taken_in(
            staged.load_id, batch_id=batch_id, received_at=received_at, has_repeats=staged.has_repeats
        )
        session.run(taken_in)
        source = _source(file.path)
        session.run(
            staging.delivery(staged.load_id, batch_id=batch_id, received_at=received_at, source=source)
        )
    return True


def _refuse_another_resolution(session: Session, file: File, staged: _Staged) -> None:
    """Refuse days that are stored, or wait to be published, in another resolution."""
    faults = [
        *session.fetch(staging.published_in_another_resolution(staged.load_id, staged.days)),
        *session.fetch(staging.waiting_in_another_resolution(staged.load_id, staged.days)),
    ]
    if faults:
        raise Rejected(file.path, sorted(faults, key=lambda fault: fault.line)[:MAX_FAULTS])


_LATEST_DELIVERY: Query[datetime | None] = Query(
    "SELECT MAX(received_at) FROM metering.delivery", (), lambda at: at, "latest_delivery"
)
_LATEST_REGISTER: Query[datetime | None] = Query(
    "SELECT MAX(received_at) FROM metering.register_delivery", (), lambda at: at, "latest_register"
)


def _after_all_others(session: Session, others: Query[datetime | None], *, now: datetime) -> datetime:
    """When a delivery counts as received: the newest value of an interval is that of the latest delivery.

    A clock that was set back must not let an older value win.
    """
    (latest,) = session.fetch(others)
    return now if latest is None else max(now, aware(latest) + timedelta(microseconds=1))


def _source(path: Path) -> str:
    return path.name.encode("ascii", "replace").decode()[:SOURCE_LENGTH]


# --- metering points and supply periods


def _load_register(
    warehouse: Warehouse, file: File, kind: Kind, *, now: datetime, arrived_at: datetime | None
) -> Loaded:
    """Replace what is known of the metering points that the file names."""
    read, replace = (
        (registers.metering_points, registers.replace_metering_points)
        if kind == "metering points"
        else (registers.supply_periods, registers.replace_supply_periods)
    )
    register = read(file.header, file.chunks())
    if register.faults:
        raise Rejected(file.path, sorted(register.faults, key=lambda fault: fault.line)[:MAX_FAULTS])
    loaded = Loaded(file.path, kind, len(register.records), is_new=True)
    statements = list(replace(register.records))
    turns.retried(_accept_register, warehouse, statements, loaded=loaded, now=now, arrived_at=arrived_at)
    return loaded


def _accept_register(
    warehouse: Warehouse,
    statements: Sequence[Statement],
    *,
    loaded: Loaded,
    now: datetime,
    arrived_at: datetime | None,
) -> None:
    """Replace the records, and note in the same transaction that they may have changed."""
    with warehouse.transaction() as session:
        session.run(turns.take())
        _refuse_overtaken(session, loaded, arrived_at=arrived_at)
        received_at = _after_all_others(session, _LATEST_REGISTER, now=now)
        for statement in statements:
            session.run(statement)
        session.run(_register_delivery(loaded, received_at=received_at, arrived_at=arrived_at))


def _refuse_overtaken(session: Session, loaded: Loaded, *, arrived_at: datetime | None) -> None:
    """Refuse a file whose records a later one of its kind may have replaced: it would bring old ones back."""
    (latest,) = session.fetch(_latest_arrival(loaded.kind))
    if arrived_at is not None and latest is not None and arrived_at < aware(latest):
        reason = (
            f"a file of {loaded.kind} that arrived later was taken in before this one; "
            "deliver it again if it is still right."
        )
        raise Rejected(loaded.path, [Fault(1, reason)])


def _latest_arrival(kind: Kind) -> Query[datetime | None]:
    return Query(
        "SELECT MAX(arrived_at) FROM metering.register_delivery WHERE kind = ?",
        (kind,),
        lambda at: at,
        "latest_arrival",
    )


def _register_delivery(loaded: Loaded, *, received_at: datetime, arrived_at: datetime | None) -> Statement:
    return Statement(
        """
        INSERT INTO metering.register_delivery (kind, source, received_at, records, arrived_at)
        SELECT CAST(? AS varchar(20)), CAST(? AS varchar(400)), CAST(? AS datetime2(6)), CAST(? AS bigint),
               CAST(? AS datetime2(6))
        """,
        (loaded.kind, _source(loaded.path), received_at, loaded.rows, arrived_at),
        "record_register",
    )
