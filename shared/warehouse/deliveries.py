"""Brings delivered files into the warehouse: all of a file, once, or nothing of it.

A file is recognised by its header. Interval values are checked row by row as they are read and
staged in chunks; what rows say about each other is then asked of the warehouse; and one
transaction takes the staged rows in. A load that dies leaves only staged rows behind, which
nobody reads.
"""

import gc
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

from shared.warehouse import files, intervals, registers, turns
from shared.warehouse.engine import Query, Session, Statement, Warehouse, aware
from shared.warehouse.files import MAX_FAULTS, Fault, File, Rejected

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


def load(warehouse: Warehouse, path: Path, *, now: datetime, progress: Progress) -> Loaded:
    """Load one file. Interval values become visible when they are published.

    Raises:
        Rejected: with the file's first faults; nothing of it was loaded.
        WarehouseConflict: somebody else loaded or published at the same moment.
        OSError: the file cannot be read.
    """
    file = files.open_file(path)
    kind = _kind(file)
    if kind == "interval values":
        return _load_intervals(warehouse, file, now=now, progress=progress)
    return _load_register(warehouse, file, kind, now=now, progress=progress)


def _kind(file: File) -> Kind:
    """What a file holds, by its header; the columns may come in any order."""
    kind = _KINDS.get(frozenset(file.header))
    if kind is None or len(set(file.header)) < len(file.header):
        raise Rejected(file.path, [Fault(1, _fault_of_header(file.header))])
    return kind


def _fault_of_header(header: Sequence[str]) -> str:
    nearest = max(_KINDS, key=lambda names: len(names & set(header)))
    faults = [f"unknown column {name[:40]!a}" for name in header if name not in nearest]
    faults += [f"no column {name}" for name in sorted(nearest - set(header))]
    faults += [f"column {name} twice" for name in sorted(nearest) if header.count(name) > 1]
    return f"The header does not fit {_KINDS[nearest]}: {', '.join(faults)}."


# --- interval values


def _load_intervals(warehouse: Warehouse, file: File, *, now: datetime, progress: Progress) -> Loaded:
    batch_id = files.digest(file.path)
    known = warehouse.fetch(_loaded(batch_id))
    if known:
        progress(known[0].rows, 1.0)
        return Loaded(file.path, "interval values", known[0].rows, is_new=False)
    load_id = uuid.uuid4().hex
    try:
        with _no_search_for_cycles():
            rows = _stage(warehouse, file, load_id=load_id, now=now, progress=progress)
        _refuse_contradictions(warehouse, file, load_id=load_id)
        is_new = turns.retried(_accept, warehouse, file, load_id=load_id, batch_id=batch_id, now=now)
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
    """Check and stage the rows; returns how many there are."""
    checks = intervals.Checks(file.header)
    faults: list[Fault] = []
    done = 0
    for chunk in file.chunks():
        rows, found = checks.check(chunk)
        faults += found
        if len(faults) >= MAX_FAULTS:
            break
        if not faults:
            with warehouse.transaction() as session:
                session.run(_staged(rows, load_id=load_id, now=now))
        done += len(chunk.lines)
        progress(done, chunk.share)
    if not faults and not done:
        faults = [Fault(1, "The file has a header and no rows.")]
    if faults:
        raise Rejected(file.path, faults[:MAX_FAULTS])
    return done


def _refuse_contradictions(warehouse: Warehouse, file: File, *, load_id: str) -> None:
    """Refuse rows that contradict each other."""
    faults = [
        *warehouse.fetch(_repeated_with_two_values(load_id)),
        *warehouse.fetch(_two_resolutions_in_a_day(load_id)),
    ]
    if faults:
        raise Rejected(file.path, sorted(faults, key=lambda fault: fault.line)[:MAX_FAULTS])


def _clear(warehouse: Warehouse, *, load_id: str, now: datetime) -> None:
    """Delete the rows that this load staged, and those of loads that died."""
    with warehouse.transaction() as session:
        session.run(_forget(load_id, staged_before=now - KEEP_STAGED))


def _accept(warehouse: Warehouse, file: File, *, load_id: str, batch_id: str, now: datetime) -> bool:
    """Take the staged rows in; False when somebody else did so with the same content meanwhile."""
    with warehouse.transaction() as session:
        session.run(turns.take())
        if session.fetch(_loaded(batch_id)):
            return False
        _refuse_another_resolution(session, file, load_id=load_id)
        received_at = _after_all_others(session, _LATEST_DELIVERY, now=now)
        session.run(_taken_in(load_id, batch_id=batch_id, received_at=received_at))
        session.run(_delivery(load_id, batch_id=batch_id, received_at=received_at, source=_source(file.path)))
    return True


def _refuse_another_resolution(session: Session, file: File, *, load_id: str) -> None:
    """Refuse days that are stored, or wait to be published, in another resolution."""
    faults = [
        *session.fetch(_published_in_another_resolution(load_id)),
        *session.fetch(_waiting_in_another_resolution(load_id)),
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


class _Known(NamedTuple):
    rows: int


def _loaded(batch_id: str) -> Query[_Known]:
    return Query(
        "SELECT interval_values FROM metering.delivery WHERE batch_id = ?", (batch_id,), _Known, "loaded"
    )


def _staged(rows: Sequence[intervals.CheckedRow], *, load_id: str, now: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO metering.delivery_line (load_id, staged_at, line, metering_point_id, direction,
                                            start_utc, delivery_date, resolution, quantity, quality)
        SELECT CAST(? AS varchar(32)), CAST(? AS datetime2(6)), line, metering_point_id, direction,
               start_utc, delivery_date, resolution, quantity, quality
        FROM OPENJSON(?) WITH (line bigint, metering_point_id varchar(18), direction varchar(11),
                               start_utc datetime2(0), delivery_date date, resolution varchar(5),
                               quantity decimal(18, 3), quality varchar(15)) AS delivered
        """,
        (load_id, now, _json(rows)),
        "stage",
    )


def _json(rows: Sequence[intervals.CheckedRow]) -> str:
    """Checked rows as JSON. None of their texts needs escaping: the checks let no such text through."""
    objects = [
        f'{{"line":{line},"metering_point_id":"{id_}","direction":"{direction}",'
        f'"start_utc":"{interval.start_utc}","delivery_date":"{interval.delivery_date}",'
        f'"resolution":"{resolution}","quality":"{value.quality}","quantity":'
        + ("null}" if value.quantity is None else f'"{value.quantity}"}}')
        for line, id_, direction, interval, resolution, value in rows
    ]
    return f"[{','.join(objects)}]"


def _forget(load_id: str, *, staged_before: datetime) -> Statement:
    return Statement(
        "DELETE FROM metering.delivery_line WHERE load_id = ? OR staged_at < CAST(? AS datetime2(6))",
        (load_id, staged_before),
        "forget_staged",
    )


def _repeated_with_two_values(load_id: str) -> Query[Fault]:
    """Intervals that the file has twice or more with different values; equal repeats are harmless."""

    def fault(id_: str, direction: str, start: datetime, first: int, last: int) -> Fault:
        interval = f"{direction} of {id_} at {start.isoformat()}Z"
        return Fault(last, f"the interval ({interval}) has another value than in line {first}.")

    return Query(
        """
        SELECT metering_point_id, direction, start_utc, MIN(line), MAX(line)
        FROM metering.delivery_line
        WHERE load_id = ?
        GROUP BY metering_point_id, direction, start_utc, resolution
        HAVING MIN(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
            <> MAX(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
        ORDER BY MAX(line)
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MAX_FAULTS),
        fault,
        "repeated_with_two_values",
    )


def _two_resolutions_in_a_day(load_id: str) -> Query[Fault]:
    def fault(id_: str, day: object, first: int, second: int) -> Fault:
        return Fault(second, f"the day {day} of {id_} has another resolution than in line {first}.")

    return Query(
        """
        SELECT metering_point_id, delivery_date, MIN(first_line), MAX(first_line)
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS staged
        GROUP BY metering_point_id, direction, delivery_date
        HAVING COUNT(*) > 1
        ORDER BY MAX(first_line)
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MAX_FAULTS),
        fault,
        "two_resolutions_in_a_day",
    )


def _stored_fault(first_line: int, id_: str, day: object, resolution: str, stored: str) -> Fault:
    return Fault(first_line, f"the day {day} of {id_} is stored in {stored}, and here in {resolution}.")


def _published_in_another_resolution(load_id: str) -> Query[Fault]:
    return Query(
        """
        SELECT staged.first_line, staged.metering_point_id, staged.delivery_date,
               staged.resolution, c.resolution
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS staged
        JOIN metering.current_day AS c
          ON c.metering_point_id = staged.metering_point_id
         AND c.direction = staged.direction
         AND c.delivery_date = staged.delivery_date
        WHERE c.resolution <> staged.resolution
        ORDER BY staged.first_line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MAX_FAULTS),
        _stored_fault,
        "published_in_another_resolution",
    )


def _waiting_in_another_resolution(load_id: str) -> Query[Fault]:
    return Query(
        """
        SELECT DISTINCT staged.first_line, staged.metering_point_id, staged.delivery_date,
               staged.resolution, v.resolution
        FROM metering.unpublished_delivery AS waiting
        JOIN metering.delivered_value AS v
          ON v.batch_id = waiting.batch_id AND v.received_at = waiting.received_at
        JOIN (
            SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS staged
          ON staged.metering_point_id = v.metering_point_id
         AND staged.direction = v.direction
         AND staged.delivery_date = v.delivery_date
        WHERE v.resolution <> staged.resolution
        ORDER BY staged.first_line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MAX_FAULTS),
        _stored_fault,
        "waiting_in_another_resolution",
    )


def _taken_in(load_id: str, *, batch_id: str, received_at: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO metering.interval_value (metering_point_id, direction, start_utc, resolution,
                                             quantity, quality, batch_id, received_at)
        SELECT DISTINCT metering_point_id, direction, start_utc, resolution, quantity, quality,
               CAST(? AS varchar(64)), CAST(? AS datetime2(6))
        FROM metering.delivery_line
        WHERE load_id = ?
        """,
        (batch_id, received_at, load_id),
        "take_in",
    )


def _delivery(load_id: str, *, batch_id: str, received_at: datetime, source: str) -> Statement:
    return Statement(
        """
        INSERT INTO metering.delivery (batch_id, source, received_at, first_start_utc, last_start_utc,
                                       interval_values)
        SELECT CAST(? AS varchar(64)), CAST(? AS varchar(400)), CAST(? AS datetime2(6)),
               MIN(start_utc), MAX(start_utc), COUNT(*)
        FROM metering.delivery_line
        WHERE load_id = ?
        """,
        (batch_id, source, received_at, load_id),
        "record_delivery",
    )


# --- metering points and supply periods


def _load_register(
    warehouse: Warehouse, file: File, kind: Kind, *, now: datetime, progress: Progress
) -> Loaded:
    """Replace what is known of the metering points that the file names."""
    read, replace = (
        (registers.metering_points, _replace_metering_points)
        if kind == "metering points"
        else (registers.supply_periods, _replace_supply_periods)
    )
    register = read(file.header, file.chunks())
    if register.faults:
        raise Rejected(file.path, sorted(register.faults, key=lambda fault: fault.line)[:MAX_FAULTS])
    loaded = Loaded(file.path, kind, len(register.records), is_new=True)
    turns.retried(_accept_register, warehouse, list(replace(register.records)), loaded=loaded, now=now)
    progress(loaded.rows, 1.0)
    return loaded


def _accept_register(
    warehouse: Warehouse, statements: Sequence[Statement], *, loaded: Loaded, now: datetime
) -> None:
    """Replace the records, and note in the same transaction that they may have changed."""
    with warehouse.transaction() as session:
        session.run(turns.take())
        received_at = _after_all_others(session, _LATEST_REGISTER, now=now)
        for statement in statements:
            session.run(statement)
        session.run(_register_delivery(loaded, received_at=received_at))


def _register_delivery(loaded: Loaded, *, received_at: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO metering.register_delivery (kind, source, received_at, records)
        SELECT CAST(? AS varchar(20)), CAST(? AS varchar(400)), CAST(? AS datetime2(6)), CAST(? AS bigint)
        """,
        (loaded.kind, _source(loaded.path), received_at, loaded.rows),
        "record_register",
    )


def _replace_metering_points(records: Sequence[dict[str, Any]]) -> Iterator[Statement]:
    for some in _json_parts(records):
        yield Statement(
            """
            DELETE FROM metering.metering_point
            WHERE metering_point_id IN
                (SELECT metering_point_id FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS named)
            """,
            (some,),
            "forget_metering_points",
        )
        yield Statement(
            """
            INSERT INTO metering.metering_point (metering_point_id, name, address, postal_code, city,
                                                 price_area, grid_area, meter_serial)
            SELECT metering_point_id, name, address, postal_code, city, price_area, grid_area, meter_serial
            FROM OPENJSON(?) WITH (metering_point_id varchar(18), name varchar(200), address varchar(200),
                                   postal_code varchar(10), city varchar(100), price_area varchar(10),
                                   grid_area varchar(50), meter_serial varchar(50)) AS delivered
            """,
            (some,),
            "take_in_metering_points",
        )


def _replace_supply_periods(records: Sequence[dict[str, Any]]) -> Iterator[Statement]:
    # All named metering points are forgotten before anything is added: the periods of one may
    # stand in several parts.
    parts = list(_json_parts(records))
    for some in parts:
        yield Statement(
            """
            DELETE FROM metering.supply_period
            WHERE metering_point_id IN
                (SELECT metering_point_id FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS named)
            """,
            (some,),
            "forget_supply_periods",
        )
    for some in parts:
        yield Statement(
            """
            INSERT INTO metering.supply_period (customer_number, metering_point_id, valid_from, valid_to)
            SELECT customer_number, metering_point_id, valid_from, valid_to
            FROM OPENJSON(?) WITH (customer_number bigint, metering_point_id varchar(18),
                                   valid_from date, valid_to date) AS delivered
            """,
            (some,),
            "take_in_supply_periods",
        )


def _json_parts(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    for start in range(0, len(records), files.CHUNK):
        # As ASCII: a driver would otherwise send text in the machine's character set.
        yield json.dumps(records[start : start + files.CHUNK], default=str)
