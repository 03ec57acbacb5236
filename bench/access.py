"""What keeping and reading access costs: `python -m bench.access [--customers N] [--points-each N]`.

A vendor that sees every metering point and 39 others share 2 000 customers with 10 metering points each:
40 000 grants. Measured are reading Severa (the seconds that its rate limit takes),
the first sync, one without changes, one with 0.5 % changed, and, side by side, writing every grant again
as a sync without a comparison would; then the first request of the vendor, cold and from memory.

Table Storage is Azurite on this machine, so seconds are those of the client library and the emulator;
operations are what counts in Azure. Writes a table and `bench/results/access.json`.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring
from local.azurite import emulator
from local.stack import free, parts
from local.stack.supervision import Supervisor
from local.standins import data
from shared import tables
from shared.access.grants import Grants
from shared.access.severa import client as severa
from shared.access.severa.session import REQUESTS_PER_SECOND
from shared.access.sync import stages, store
from shared.access.sync.changes import Change
from shared.access.sync.guard import Allowance
from shared.access.sync.stages import Sources
from shared.tables import Tables
from tests.builders import access, standins
from tests.builders.access import Client

PRINCIPALS = 40
VENDOR = access.app(1)
PAGE = 1000
"""Rows that Table Storage gives in one answer."""


@dataclass(frozen=True)
class Size:
    """How much access there is."""

    customers: int
    points_each: int


@dataclass(frozen=True)
class Measure:
    """The figures of one measurement; None for a figure that was not taken."""

    what: str
    seconds: float
    severa_requests: int | None = None
    table_reads: int | None = None
    table_writes: int | None = None
    rows_written: int | None = None
    peak_megabytes: float | None = None


class Counting(Tables):
    """Tables that count requests to the service."""

    def __init__(self, inner: Tables) -> None:
        self._inner = inner
        self.reads = self.writes = self.rows = 0

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        """Count one read."""
        self.reads += 1
        return self._inner.get(table, partition=partition, row=row)

    def range(
        self,
        table: str,
        *,
        partition: str,
        rows_from: str = "",
        rows_before: str | None = None,
        select: Sequence[str] | None = None,
    ) -> Iterator[tables.Entity]:
        """Count one read for each page."""
        return self._pages(
            self._inner.range(
                table, partition=partition, rows_from=rows_from, rows_before=rows_before, select=select
            )
        )

    def everything(self, table: str, *, select: Sequence[str] | None = None) -> Iterator[tables.Entity]:
        """Count one read for each page."""
        return self._pages(self._inner.everything(table, select=select))

    def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Count one write."""
        self._wrote(1)
        return self._inner.insert(table, entity)

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> str:
        """Count one write."""
        self._wrote(1)
        return self._inner.replace(table, entity, etag=etag)

    def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
        """Count one write of several rows."""
        self._wrote(len(operations))
        return self._inner.transact(table, operations)

    def _wrote(self, rows: int) -> None:
        self.writes += 1
        self.rows += rows

    def _pages(self, rows: Iterator[tables.Entity]) -> Iterator[tables.Entity]:
        self.reads += 1
        for number, row in enumerate(rows, start=1):
            self.reads += number % PAGE == 0
            yield row


def clients(size: Size, *, changed: float = 0) -> list[Client]:
    """Return all customers, of which a share got a metering point in exchange for another."""
    every = access.large(size.customers, points_each=size.points_each, principals=PRINCIPALS)
    first = size.customers * size.points_each
    exchanged = round(first * changed)
    return [
        replace(client, points=f"{client.points[19:]} {access.point(first + number)}")
        if number < exchanged
        else client
        for number, client in enumerate(every)
    ]


def now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def in_process(work: Callable[[Size, str], Measure], size: Size, connection_string: str) -> Measure:
    """Measure in a process of its own, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, size, connection_string).result()


def opened(connection_string: str) -> Counting:
    """Return the tables, counted."""
    return Counting(tables.open_tables(connection_string, credential=None))


def synchronise(what: str, every: list[Client], connection_string: str) -> Measure:
    """Measure one sync of these customers."""
    register, storage = access.register(every), opened(connection_string)
    stages.log.disabled = True
    began = time.perf_counter()
    stages.run(
        Sources(lambda: register, access.Entra().find),
        storage=storage,
        rules=access.rules(storage, allowed=tuple(Allowance)),
        clock=now,
    )
    return Measure(
        what,
        time.perf_counter() - began,
        table_reads=storage.reads,
        table_writes=storage.writes,
        rows_written=storage.rows,
        peak_megabytes=measuring.most_memory(),
    )


def first_sync(size: Size, connection_string: str) -> Measure:
    """Measure the first sync, into empty tables."""
    storage = tables.open_tables(connection_string, credential=None)
    storage.create_missing()
    return synchronise("first sync", clients(size), connection_string)


def unchanged_sync(size: Size, connection_string: str) -> Measure:
    """Measure a sync with nothing to do."""
    return synchronise("sync without changes", clients(size), connection_string)


def changed_sync(size: Size, connection_string: str) -> Measure:
    """Measure a sync with a few changes."""
    return synchronise("sync with 0.5 % changed", clients(size, changed=0.005), connection_string)


def rewriting_sync(size: Size, connection_string: str) -> Measure:
    """Measure what a sync without a comparison writes: every grant, each time."""
    storage = opened(connection_string)
    began = time.perf_counter()
    for partition in store.read(storage).values():
        writer = store.Writer(storage, partition, run_id="rewriting")
        rows = [Change(row.grant, row.grant) for row in partition.grants.values()]
        for start in range(0, len(rows), store.CHANGES_IN_TRANSACTION):
            writer.write(rows[start : start + store.CHANGES_IN_TRANSACTION], now=now())
        writer.finish()
    return Measure(
        "the same, writing every grant again",
        time.perf_counter() - began,
        table_reads=storage.reads,
        table_writes=storage.writes,
        rows_written=storage.rows,
        peak_megabytes=measuring.most_memory(),
    )


def cold_portfolio(size: Size, connection_string: str) -> Measure:
    """Measure the vendor's first request in a new process."""
    storage, grants = reading(connection_string)
    began = time.perf_counter()
    grants.portfolio(VENDOR)
    return read("the vendor's portfolio, first request", began, storage)


def warm_portfolio(size: Size, connection_string: str) -> Measure:
    """Measure the vendor's next requests."""
    storage, grants = reading(connection_string)
    grants.portfolio(VENDOR)
    storage.reads = 0
    times = 10_000
    began = time.perf_counter()
    for _ in range(times):
        grants.portfolio(VENDOR)
    each = (time.perf_counter() - began) / times
    return Measure(
        "the same from memory", each, table_reads=storage.reads, peak_megabytes=measuring.most_memory()
    )


def one_point(size: Size, connection_string: str) -> Measure:
    """Measure reading one metering point of the vendor."""
    storage, grants = reading(connection_string)
    grants.of(VENDOR, metering_point_id=access.point(0))
    storage.reads, times = 0, 100
    began = time.perf_counter()
    for number in range(times):
        grants.of(VENDOR, metering_point_id=access.point(number))
    each = (time.perf_counter() - began) / times
    return Measure(
        "one metering point", each, table_reads=storage.reads // times, peak_megabytes=measuring.most_memory()
    )


def few_points(size: Size, connection_string: str) -> Measure:
    """Measure reading twenty named metering points of the vendor, in a new process."""
    return named_points(20, size, connection_string)


def many_points(size: Size, connection_string: str) -> Measure:
    """Measure reading two hundred named metering points of the vendor, in a new process."""
    return named_points(200, size, connection_string)


def named_points(count: int, size: Size, connection_string: str) -> Measure:
    """Measure the first read of metering points that are spread evenly over the vendor's."""
    storage, grants = reading(connection_string)
    every = size.customers * size.points_each
    named = [access.point(number) for number in range(0, every, every // count)][:count]
    grants.synced_at()
    storage.reads = 0
    began = time.perf_counter()
    grants.some(VENDOR, metering_point_ids=named)
    return read(f"{count} named metering points, first request", began, storage)


def reading(connection_string: str) -> tuple[Counting, Grants]:
    """Return the grants of a new process, and what counts its requests."""
    storage = opened(connection_string)
    return storage, Grants(tables=storage, max_age=timedelta(days=1), clock=now)


def read(what: str, began: float, storage: Counting) -> Measure:
    """Return a measure of one reading."""
    return Measure(
        what, time.perf_counter() - began, table_reads=storage.reads, peak_megabytes=measuring.most_memory()
    )


def severa_reading(size: Size) -> Measure:
    """Measure fetching all of Severa; the seconds are what the pace takes, whatever the stand-in takes."""
    every = clients(size)
    with standins.running() as service:
        service.put_severa(
            customers=[
                data.customer(guid=client.guid, number=client.number, name=f"Kunde {client.number}")
                for client in every
            ],
            customProperties=[
                data.custom_property(name=name) for name in (data.CLIENT_IDS, data.METERING_POINTS)
            ],
            customValues=[
                data.custom_value(
                    guid=f"{client.guid}-{name}", customer_guid=client.guid, name=name, value=value
                )
                for client in every
                for name, value in ((data.CLIENT_IDS, client.apps), (data.METERING_POINTS, client.points))
            ],
        )
        severa.fetch(
            service.severa_settings(),
            clock=service.time.clock,
            sleep=service.time.sleep,
            monotonic=service.time.monotonic,
        )
        # In the stand-in's time, which passes only by waiting, requests can meet that in truth do not;
        # those that it then refuses as too many are not counted.
        requests = int(service.requests()["statuses"]["200"])
        at_pace = requests / REQUESTS_PER_SECOND
        return Measure("reading Severa at its pace", at_pace, severa_requests=requests)


def measure(size: Size) -> list[Measure]:
    """Measure everything, in order."""
    endpoints = emulator.Endpoints(*free.numbers(3))
    connection_string = emulator.connection_string(endpoints)
    with tempfile.TemporaryDirectory() as state, Supervisor(state=Path(state)) as supervisor:
        supervisor.start_ready(parts.azurite(endpoints, data=None))
        works = (
            first_sync,
            unchanged_sync,
            changed_sync,
            rewriting_sync,
            cold_portfolio,
            warm_portfolio,
            one_point,
            few_points,
            many_points,
        )
        return [severa_reading(size), *(in_process(work, size, connection_string) for work in works)]


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 1e-6:.0f} µs"


def main() -> int:
    """Measure, print a table and keep the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.access", description="What access costs.")
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--points-each", type=int, default=10)
    arguments = parser.parse_args()
    size = Size(arguments.customers, arguments.points_each)
    out = Console(width=130)
    with out.status("Measuring …"):
        measured = measure(size)
    table = Table("", "Time", "Requests to Severa", "Table reads", "Table writes", "Rows written", "Peak MB")
    for each in measured:
        counts = (each.severa_requests, each.table_reads, each.table_writes, each.rows_written)
        memory = "" if each.peak_megabytes is None else f"{each.peak_megabytes:.0f}"
        shown = ["" if count is None else f"{count:,}" for count in counts]
        table.add_row(each.what, _time(each.seconds), *shown, memory)
    out.print(table)
    measuring.write("access", {"size": asdict(size), "measured": [asdict(each) for each in measured]})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
