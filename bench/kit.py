"""The Python client on a stack of its own: `python3 dev.py bench kit [--metering-points N] [--days N]`.

Starts a stack with so many days of hours, follows it into an empty SQLite file, and then twice more while
nothing is new. Beside it, the same history comes by an export into another file: asked for, waited for,
downloaded and stored. Prints seconds, requests and memory of each, and writes bench/results/kit.json.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from bench.apparatus import measuring, stacks
from bench.apparatus.stacks import Running
from local import demo, places
from local.stack import greeting

# The client is a package of its own, which is not installed here.
sys.path.insert(0, str(places.ROOT / "clients" / "python" / "src"))
from metering_api import Client, Credentials, Run, SqliteStore, read_days
from metering_api.client import LARGEST_PAGE

EVERYTHING = "2000-01-01"


@dataclass(frozen=True)
class Measured:
    """A run of the client.

    Attributes:
        requests: to the API and the token endpoint.
        client_cpu_seconds: of this process, which is the client alone.
        client_megabytes: the most memory that this process has had until then.
    """

    seconds: float
    client_cpu_seconds: float
    client_megabytes: int
    requests: int
    history_days: int
    changed_days: int


def main() -> int:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="bench kit", description=__doc__)
    parser.add_argument("--metering-points", type=int, default=200)
    parser.add_argument("--days", type=int, default=1096, help="stored of each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack"
        path.mkdir()
        with stacks.running(path, metering_points=arguments.metering_points, days=arguments.days) as stack:
            store = Path(folder) / "metering.db"
            found = {
                name: measure(stack, store, follow)
                for name in ("first history", "quiet morning", "next quiet morning")
            }
            found["history by an export"] = measure(stack, Path(folder) / "exported.db", export)
        size = store.stat().st_size
    show(found)
    print(f"{size / 1e6:.0f} MB of SQLite")
    measuring.write("kit", {"bytes": size, **{name: asdict(each) for name, each in found.items()}})
    return 0


def measure(stack: Running, path: Path, work: Callable[[Client, SqliteStore], Run]) -> Measured:
    """Run once, as a cron job would: with a client, a token and connections of its own."""
    requests: list[str] = []
    http = httpx.Client(
        timeout=120,
        trust_env=False,
        event_hooks={"request": [lambda request: requests.append(request.url.path)]},
    )
    credentials = Credentials(
        key=demo.SUBSCRIPTIONS[0].key,
        token_url=stack.token_url,
        client_id=demo.VENDOR.client_id,
        client_secret=demo.VENDOR.secret,
        scope=f"{demo.AUDIENCE}/.default",
    )
    started, cpu = time.perf_counter(), _used()
    with Client(stack.gateway + greeting.API, credentials, http=http) as api:
        store = SqliteStore(path)
        run = work(api, store)
        store.close()
    used = _used()
    return Measured(
        seconds=time.perf_counter() - started,
        client_cpu_seconds=used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime,
        client_megabytes=round(measuring.most_memory()),
        requests=len(requests),
        history_days=run.history,
        changed_days=run.changed,
    )


def follow(api: Client, store: SqliteStore) -> Run:
    """Bring a store up to date."""
    return api.follow(store).run_once()


def export(api: Client, store: SqliteStore) -> Run:
    """Store what an export of everything holds."""
    made = api.exports.create(form={"format": "ndjson", "compression": "gzip"}, from_=EVERYTHING)
    run = Run()
    with tempfile.TemporaryDirectory() as folder:
        for file in api.exports.wait(made).files:
            days = read_days(api.exports.download(file, folder))
            while batch := list(islice(days, LARGEST_PAGE)):
                store.put(batch, {})
                run.history += len(batch)
    return run


def show(found: dict[str, Measured]) -> None:
    """Print a table."""
    table = Table("run", "seconds", "client's CPU", "MB", "requests", "days of history", "changed days")
    for name, each in found.items():
        numbers = (each.client_megabytes, each.requests, each.history_days, each.changed_days)
        table.add_row(name, f"{each.seconds:.2f}", f"{each.client_cpu_seconds:.2f}", *map(str, numbers))
    Console().print(table)


def _used() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_SELF)
