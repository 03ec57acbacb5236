"""Rows on their way into the warehouse: checked and staged under the id of their load.

Only their load reads staged rows. The warehouse checks them against each other, and one transaction stores
them. They are deleted after that, or when the load fails.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple, Protocol

from shared.deliveries.batches import Batch
from shared.deliveries.delimited import NotDelimited
from shared.deliveries.faults import Fault, Faults, Rejected, in_order
from shared.deliveries.files import File
from shared.deliveries.loads import Load, Progress
from shared.deliveries.parquet import NotParquet
from shared.telemetry import recording
from shared.warehouse import conflicts
from shared.warehouse.engine import Query, Rows, Session, Statement, aware

KEEP_STAGED = timedelta(days=1)
"""Staged rows of this age belong to a load that was killed."""
NO_ROWS = "The file has a header and no rows."
MOST_FAULTS = 20
"""The most faults of one kind that the warehouse reports."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "delivery_line": {
        "metering_point_id": "varchar(18)",
        "direction": "varchar(11)",
        "start_utc": "datetime2(0)",
        "delivery_date": "date",
        "resolution": "varchar(5)",
        "quantity": "decimal(18, 3)",
        "quality": "varchar(15)",
    },
    "metering_point_line": {
        "metering_point_id": "varchar(18)",
        "name": "varchar(200)",
        "address": "varchar(200)",
        "postal_code": "varchar(10)",
        "city": "varchar(100)",
        "price_area": "varchar(10)",
        "grid_area": "varchar(50)",
        "meter_serial": "varchar(50)",
    },
    "supply_period_line": {
        "customer_number": "bigint",
        "metering_point_id": "varchar(18)",
        "valid_from": "date",
        "valid_to": "date",
    },
}
"""Where rows are staged: the columns that come from a file, after `line`."""


class Found(NamedTuple):
    """A fault that the warehouse found, and the number of faults of its kind."""

    fault: Fault
    of_its_kind: int


class Checks(Protocol):
    """The checks of one file, batch by batch; the faults that they find are added to a `Faults`."""

    def check(self, batch: Batch) -> Rows | None:
        """Return the rows of a batch to stage; None once any row is refused."""
        ...

    def rest(self) -> Rows | None:
        """Return the rows that are only understood at the end of the file; None if there are none."""
        ...


Insert = Callable[[], int]
"""Checks and stages the rows of a file, and returns their number, or raises Rejected."""


@contextmanager
def stage(load: Load, insert: Insert) -> Iterator[int]:
    """Stage the rows of the file for the length of the block; the value is the number of rows.

    Raises:
        Rejected: rows have faults.
    """
    try:
        yield insert()
    finally:
        conflicts.retry(_delete, load)


def check_and_insert(load: Load, file: File, checks: Checks, faults: Faults, *, progress: Progress) -> int:
    """Check the rows, and stage those of a batch while the next is checked.

    All rows are staged in one transaction: an engine writes many rows at once faster than few at a time.
    """
    done = 0
    with load.warehouse.transaction() as session:

        def insert(rows: Rows) -> None:
            session.run(insert_rows(load.table, rows, load_id=load.id, now=load.now))

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
            faults.add("rows", NO_ROWS, [1])
        if faults:
            raise Rejected(load.path, faults.all())
    return done


def _batches(file: File, faults: Faults) -> Iterator[Batch]:
    """Yield the batches of the file, up to a place that cannot be parsed, which is a fault."""
    line = 1
    try:
        for batch in file.batches():
            for misfit in batch.misfits:
                faults.add(misfit.kind, misfit.reason, misfit.lines)
            line = batch.lines[-1].as_py() if len(batch.lines) else line
            yield batch
    except (NotDelimited, NotParquet) as error:
        faults.add("file", str(error), [line])


def _delete(load: Load) -> None:
    """Delete the rows that this load staged, and those of killed loads."""
    with load.warehouse.transaction() as session:
        session.run(delete_rows(load.table, load.id, staged_before=load.now - KEEP_STAGED))


def refuse(load: Load, found: Iterable[Found]) -> None:
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


def receive_after(session: Session, others: Query[datetime | None], *, now: datetime) -> datetime:
    """Return when a delivery counts as received: now, or just after the latest other delivery.

    So the newest value of an interval is that of the latest delivery, even if a clock was set back.
    """
    (latest,) = session.fetch(others)
    return now if latest is None else max(now, aware(latest) + timedelta(microseconds=1))


def insert_rows(table: str, rows: Rows, *, load_id: str, now: datetime) -> Statement:
    """Stage checked rows in one of TABLES."""
    names = ", ".join(TABLES[table])
    types = ", ".join(f"{name} {kind}" for name, kind in TABLES[table].items())
    return Statement(
        f"""
        INSERT INTO metering.{table} (load_id, staged_at, line, {names})
        SELECT CAST(? AS varchar(32)), CAST(? AS datetime2(6)), line, {names}
        FROM OPENJSON(?) WITH (line bigint, {types}) AS delivered
        """,  # noqa: S608  # Nothing but the names above is put in.
        (load_id, now, rows),
        "stage",
    )


def delete_rows(table: str, load_id: str, *, staged_before: datetime) -> Statement:
    """Delete the rows of a load, and rows that a killed load left behind before `staged_before`."""
    return Statement(
        f"DELETE FROM metering.{table} WHERE load_id = ? OR staged_at < CAST(? AS datetime2(6))",  # noqa: S608
        (load_id, staged_before),
        "delete_staged",
    )
