"""A vendor's morning: `python3 dev.py bench morning [--metering-points N]`.

One caller with many metering points asks `/changes` before and after a new day is published: how
many requests, bytes and warehouse statements that takes, and how long, in pages of the default and
of the largest size. Grants and watermark are at hand, as on an instance that has answered before.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, measuring, stored
from bench.apparatus.counting import Counting
from shared import periods
from shared.deliveries import loading
from shared.metering import MeteringPointId
from shared.publishing import announce
from shared.publishing.watermark import DataState, Publication
from shared.warehouse import schema
from shared.warehouse.engine import Warehouse

DAY = date(2026, 11, 20)


@dataclass(frozen=True)
class Poll:
    """What it took to ask until nothing more was new."""

    what: str
    requests: int
    days: int
    bytes: int
    statements: int
    seconds: float


class Watermark:
    """The watermark at hand, stored where the publisher puts it."""

    def __init__(self) -> None:
        self._latest: Publication | None = None

    def latest(self) -> Publication | None:
        """Return the latest publication."""
        return self._latest

    stored = latest

    def described_at(self) -> None:
        """Describe no metering point."""

    def state(
        self, *, now: datetime, available_before: Callable[[datetime], datetime | None] | None = None
    ) -> DataState:
        """Return the state of the data as `Publications.state` does."""
        latest = self._latest
        return DataState(
            now,
            latest.published_at if latest else None,
            latest.available_until if latest else None,
            available_before=available_before,
        )

    def write(self, publication: Publication, **_: Any) -> None:
        """Keep the latest publication."""
        self._latest = publication


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metering-points", type=int, default=2_000)
    arguments = parser.parse_args()
    points = stored.metering_points(arguments.metering_points)
    with tempfile.TemporaryDirectory() as folder:
        module = asking.function_app(Path(folder) / "metering.duckdb")
        warehouse = module.services.warehouse
        schema.apply(warehouse)
        counting, watermark = Counting(warehouse), Watermark()
        module.services = replace(
            module.services, warehouse=counting, grants=asking.Permitted(points), publications=watermark
        )
        polls = list(morning(module, warehouse, watermark, points, folder=Path(folder)))
        warehouse.close()
    show(polls, arguments.metering_points)
    measuring.write("morning", [vars(each) for each in polls])


def morning(
    module: Any,
    warehouse: Warehouse,
    watermark: Watermark,
    points: Sequence[MeteringPointId],
    *,
    folder: Path,
) -> Iterator[Poll]:
    """Yield polls before and after a day is published."""
    publish(warehouse, watermark, points, DAY, folder=folder)
    ask = Client(module)
    start = ask.once()["cursor"]
    yield ask.until_up_to_date("nothing is new", start, limit=1_000)
    yield ask.unchanged("nothing is new, If-None-Match", start)
    publish(warehouse, watermark, points, DAY + timedelta(days=1), folder=folder)
    yield ask.until_up_to_date("a new day, limit=1000", start, limit=1_000)
    yield ask.until_up_to_date("a new day, limit=10000", start, limit=10_000)


class Client:
    """The vendor's program, without the network."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def once(self, **given: Any) -> Any:
        """Return one answer."""
        return json.loads(self._get("&".join(f"{name}={value}" for name, value in given.items())).get_body())

    def until_up_to_date(self, what: str, cursor: str, *, limit: int) -> Poll:
        """Ask until there is nothing more."""
        started, before = time.perf_counter(), self._module.services.warehouse.statements
        requests = days = size = 0
        while True:
            body = self._get(f"cursor={cursor}&limit={limit}").get_body()
            answer = json.loads(body)
            requests, days, size = requests + 1, days + len(answer["days"]), size + len(body)
            cursor = answer["cursor"]
            if answer["upToDate"]:
                break
        statements = self._module.services.warehouse.statements - before
        return Poll(what, requests, days, size, statements, time.perf_counter() - started)

    def unchanged(self, what: str, cursor: str) -> Poll:
        """Ask again for an answer that is at hand."""
        etag = self._get(f"cursor={cursor}").headers["ETag"]
        started, before = time.perf_counter(), self._module.services.warehouse.statements
        response = self._get(f"cursor={cursor}", etag=etag)
        if response.status_code != 304:
            raise RuntimeError(f"expected 304, got {response.status_code}")
        statements = self._module.services.warehouse.statements - before
        return Poll(what, 1, 0, len(response.get_body()), statements, time.perf_counter() - started)

    def _get(self, query: str, *, etag: str = "") -> func.HttpResponse:
        request = func.HttpRequest(
            method="GET",
            url=f"{asking.PUBLIC}/changes?{query}",
            headers={**asking.HEADERS, "if-none-match": etag} if etag else asking.HEADERS,
            body=b"",
        )
        response: func.HttpResponse = self._module.changes_since(request, asking.CONTEXT)
        return response


def publish(
    warehouse: Warehouse, watermark: Watermark, points: Sequence[MeteringPointId], day: date, *, folder: Path
) -> None:
    """Deliver a day of hours of all metering points, and publish it."""
    chance = random.Random(day.toordinal())
    path = folder / f"{day}.csv"
    starts = [each.isoformat() for each in periods.starts(day, timedelta(hours=1))]
    with path.open("w", encoding="utf-8") as file:
        file.write("metering_point_id,direction,start,resolution,quantity,quality\n")
        for point in points:
            file.writelines(
                f"{point},consumption,{start},PT1H,{chance.randrange(20_000) / 1000:.3f},measured\n"
                for start in starts
            )
    received = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    loading.load(warehouse, path, now=received, progress=lambda rows, share: None)
    announce.publish_pending(
        warehouse,
        publications=watermark,  # type: ignore[arg-type]
        clock=lambda: received,
    )


def show(polls: Sequence[Poll], metering_points: int) -> None:
    """Print a line for each poll."""
    table = Table(title=f"/changes for {metering_points} metering points")
    for heading in ("poll", "requests", "days", "kB", "warehouse statements", "ms"):
        table.add_column(heading, justify="left" if heading == "poll" else "right")
    for each in polls:
        table.add_row(
            each.what,
            str(each.requests),
            f"{each.days:,}",
            f"{each.bytes / 1000:,.0f}",
            str(each.statements),
            f"{each.seconds * 1000:,.1f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
