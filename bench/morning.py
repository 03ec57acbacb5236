"""A vendor's morning: `python3 dev.py bench morning [--metering-points N]`.

One caller with many metering points gets a new day: by asking `/changes` before and after it is published, in
pages of the default and of the largest size; and by feeds, from links and by SFTP. How many requests, bytes
and warehouse statements that takes, and how long from the publication until the caller has a file. The only
network is to the storage emulator and the SFTP server, and nothing waits: a timer's and a queue's pauses come
on top (docs/feeds.md). Grants and watermark are at hand, as on an instance that has answered before.
"""

import argparse
import gzip
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import httpx
from rich.console import Console
from rich.table import Table

from bench.apparatus import asking, measuring, stored
from bench.apparatus.counting import Counting
from local import demo, environment
from local.ports import HOST, Ports
from local.stack import free, parts
from local.stack.supervision import Supervisor
from local.standins import sftp
from shared import periods, queues
from shared.deliveries import loading
from shared.files.feeds.receivers import Receiver
from shared.metering import MeteringPointId
from shared.publishing import announce
from shared.publishing.watermark import DataState, Publication
from shared.warehouse import schema
from shared.warehouse.engine import Warehouse

DAY = date(2026, 11, 20)
FORMS: Mapping[str, Mapping[str, Any]] = {
    "gs2": {"format": "gs2"},
    "csv, gzip": {"format": "csv", "compression": "gzip"},
    "ndjson": {"format": "ndjson"},
}
_FEED = "daily"
_HOURS = 24


@dataclass(frozen=True)
class Taken:
    """What it took to get all that is new.

    Attributes:
        days: market days, each of one metering point.
        bytes: of answers and files, as they came.
        built_seconds: of `seconds`, those in which the app made the files.
        seconds: from the publication until the caller has a file; else of the answer.
    """

    what: str
    requests: int
    days: int
    bytes: int
    statements: int
    seconds: float
    built_seconds: float = 0


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
            sequence=latest.sequence if latest else 0,
            settled=latest.sequence if latest else 0,
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
    ports = free.ports()
    with tempfile.TemporaryDirectory() as made, Supervisor(state=Path(made)) as supervisor:
        folder = Path(made)
        azurite = parts.azurite(environment.azurite_endpoints(ports), data=None)
        supervisor.start_ready(azurite, parts.sftp(ports, state=folder))
        storage = environment.stack(ports, state=folder)["TABLE_STORAGE"]
        module = asking.function_app(folder / "metering.duckdb", storage=storage)
        warehouse = module.services.warehouse
        schema.apply(warehouse)
        for each in (module.services.tables, module.services.queues, module.services.files.outbox):
            each.create_missing()
        counting, watermark = Counting(warehouse), Watermark()
        module.services = replace(
            module.services, warehouse=counting, grants=asking.Permitted(points), publications=watermark
        )
        publisher = Publisher(warehouse, watermark, points, folder)
        client = Client(module, folder)
        found = [*by_api(client, publisher), *by_feeds(client, publisher, ports)]
        warehouse.close()
    show(found, arguments.metering_points)
    measuring.write("morning", [vars(each) for each in found])


def by_api(client: "Client", publisher: "Publisher") -> Iterator[Taken]:
    """Yield what polls take before and after a day is published."""
    publisher.publish_next()
    start = client.once()["cursor"]
    yield client.until_up_to_date("/changes, nothing is new", start, limit=1_000)
    yield client.unchanged("/changes, nothing is new, If-None-Match", start)
    publisher.publish_next()
    yield client.until_up_to_date("/changes, limit=1000", start, limit=1_000)
    yield client.until_up_to_date("/changes, limit=10000", start, limit=10_000)
    yield client.until_up_to_date("/changes, limit=10000, gzip", start, limit=10_000, packed=True)


def by_feeds(client: "Client", publisher: "Publisher", ports: Ports) -> Iterator[Taken]:
    """Yield what feeds take, each after a day of its own."""
    for name, form in FORMS.items():
        client.make_feed(form)
        publisher.publish_next()
        yield client.from_links(f"feed, {name}, links")
    client.make_feed(FORMS["gs2"])
    client.send_to(Receiver(HOST, ports.sftp, demo.SFTP_USER, sftp.host_key()))
    publisher.publish_next()
    yield client.by_sftp("feed, gs2, SFTP")


class Client:
    """The vendor's program, without the network; it keeps what it gets in a folder."""

    def __init__(self, module: Any, folder: Path) -> None:
        self._module = module
        self._file = folder / "kept"

    @property
    def _statements(self) -> int:
        count: int = self._module.services.warehouse.statements
        return count

    def once(self, **given: Any) -> Any:
        """Return one answer of /changes."""
        return json.loads(
            self._changes("&".join(f"{name}={value}" for name, value in given.items())).get_body()
        )

    def until_up_to_date(self, what: str, cursor: str, *, limit: int, packed: bool = False) -> Taken:
        """Ask until there is nothing more, and keep the answers."""
        started, before = time.perf_counter(), self._statements
        requests = days = size = 0
        headers = {"accept-encoding": "gzip"} if packed else {}
        with self._file.open("wb") as file:
            while True:
                response = self._changes(f"cursor={cursor}&limit={limit}", **headers)
                body = response.get_body()
                text = gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body
                file.write(text)
                answer = json.loads(text)
                requests, days, size = requests + 1, days + len(answer["days"]), size + len(body)
                cursor = answer["cursor"]
                if answer["upToDate"]:
                    break
        return Taken(what, requests, days, size, self._statements - before, time.perf_counter() - started)

    def unchanged(self, what: str, cursor: str) -> Taken:
        """Ask again for an answer that the client already has."""
        etag = self._changes(f"cursor={cursor}").headers["ETag"]
        started, before = time.perf_counter(), self._statements
        response = self._changes(f"cursor={cursor}", **{"if-none-match": etag})
        if response.status_code != 304:
            raise RuntimeError(f"expected 304, got {response.status_code}")
        statements = self._statements - before
        return Taken(what, 1, 0, len(response.get_body()), statements, time.perf_counter() - started)

    def make_feed(self, form: Mapping[str, Any]) -> None:
        """Begin a feed in place of the one before."""
        for feed in self._module.services.files.feeds.everything():
            self._module.services.files.feeder.delete(feed)
        body = {"name": "Daily", "directions": ["consumption"], "form": form}
        self._ask("put_feed", "", method="PUT", body=json.dumps(body).encode())

    def send_to(self, receiver: Receiver) -> None:
        """Let the feed's files go to a server, as an operator does."""
        feeds = self._module.services.files.feeds
        feeds.change(f"app:{asking.CALLER}", _FEED, lambda stored: replace(stored, receiver=receiver))

    def from_links(self, what: str) -> Taken:
        """Have a run made, fetch its files by links and acknowledge it."""
        started, before = time.perf_counter(), self._statements
        self._build()
        built = time.perf_counter() - started
        listed = self._ask("feed_runs", "/runs").get_body()
        (run,) = json.loads(listed)["runs"]
        requests, size = 2, len(listed)
        with self._file.open("wb") as file:
            for each in run["files"]:
                link = self._ask("feed_file", "/file", run=run["run"], name=each["name"]).headers["Location"]
                content = httpx.get(link, trust_env=False, timeout=60).raise_for_status().content
                file.write(content)
                requests, size = requests + 2, size + len(content)
        seconds = time.perf_counter() - started
        self._ask("acknowledge_run", "/acknowledgement", method="POST", run=run["run"])
        return Taken(what, requests, _days(run), size, self._statements - before, seconds, built)

    def by_sftp(self, what: str) -> Taken:
        """Have a run made and sent."""
        started, before = time.perf_counter(), self._statements
        self._build()
        built = time.perf_counter() - started
        services = self._module.services
        for message in services.queues.take(queues.SENDS):
            services.files.send(message.text)
            message.delete()
        seconds, statements = time.perf_counter() - started, self._statements - before
        (run,) = json.loads(self._ask("feed_runs", "/runs").get_body())["runs"]
        if run["status"] != "sent":
            raise RuntimeError(f"the run is {run['status']}")
        size = sum(each["bytes"] for each in run["files"])
        return Taken(what, 0, _days(run), size, statements, seconds, built)

    def _build(self) -> None:
        """Do what follows a publication, as the host would."""
        services = self._module.services
        services.files.begin_feeds()
        for message in services.queues.take(queues.FILES):
            services.files.build(message.text)
            message.delete()

    def _changes(self, query: str, **headers: str) -> func.HttpResponse:
        request = func.HttpRequest(
            method="GET",
            url=f"{asking.PUBLIC}/changes?{query}",
            headers={**asking.HEADERS, **headers},
            body=b"",
        )
        response: func.HttpResponse = self._module.changes_since(request, asking.CONTEXT)
        return response

    def _ask(
        self, route: str, path: str, *, method: str = "GET", body: bytes = b"", **route_params: str
    ) -> func.HttpResponse:
        request = func.HttpRequest(
            method=method,
            url=f"{asking.PUBLIC}/feeds/{_FEED}{path}",
            headers={**asking.HEADERS, "content-type": "application/json"},
            route_params={"feedId": _FEED, **route_params},
            body=body,
        )
        response: func.HttpResponse = getattr(self._module, route)(request, asking.CONTEXT)
        if response.status_code >= 400:
            raise RuntimeError(response.get_body().decode())
        return response


def _days(run: Mapping[str, Any]) -> int:
    return sum(int(each["values"]) for each in run["files"]) // _HOURS


@dataclass
class Publisher:
    """Delivers hours of all metering points, and publishes them, a day at a time."""

    warehouse: Warehouse
    watermark: Watermark
    points: Sequence[MeteringPointId]
    folder: Path
    day: date = DAY

    def publish_next(self) -> None:
        """Deliver and publish the next day."""
        day, self.day = self.day, self.day + timedelta(days=1)
        chance = random.Random(day.toordinal())
        path = self.folder / f"{day}.csv"
        starts = [each.isoformat() for each in periods.starts(day, timedelta(hours=1))]
        with path.open("w", encoding="utf-8") as file:
            file.write("metering_point_id,direction,start,resolution,quantity,quality\n")
            for point in self.points:
                file.writelines(
                    f"{point},consumption,{start},PT1H,{chance.randrange(20_000) / 1000:.3f},measured\n"
                    for start in starts
                )
        received = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
        loading.load(self.warehouse, path, now=received, progress=lambda rows, share: None)
        announce.publish_pending(
            self.warehouse,
            publications=self.watermark,  # type: ignore[arg-type]
            clock=lambda: received,
        )


def show(found: Sequence[Taken], metering_points: int) -> None:
    """Print a line for each way."""
    table = Table(title=f"A new day of {metering_points} metering points")
    for heading in ("how", "requests", "days", "kB", "warehouse statements", "ms", "of them building"):
        table.add_column(heading, justify="left" if heading == "how" else "right")
    for each in found:
        table.add_row(
            each.what,
            str(each.requests),
            f"{each.days:,}",
            f"{each.bytes / 1000:,.0f}",
            str(each.statements),
            f"{each.seconds * 1000:,.1f}",
            f"{each.built_seconds * 1000:,.1f}" if each.built_seconds else "",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
