"""One publication and many webhooks: `python3 dev.py bench notices [--webhooks N] [--metering-points N]`.

Each webhook belongs to a caller of its own, and the metering points are shared out among the callers; every
tenth caller reads metering points without a new day instead, and must be sent nothing. Measured are the end
of the timer's run (who is notified: statements, notices, messages) and the queue function (signing and
sending to a receiver on this machine), three messages at a time as host.json has it.

Tables and queues are Azurite on this machine, and the receiver is a part of this process: seconds are those
of client libraries and emulator. Writes a table and `bench/results/notices.json`.
"""

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from azure.storage.queue import QueueClient, TextBase64DecodePolicy
from rich.console import Console
from rich.table import Table

from bench.apparatus import history, measuring, stored
from bench.apparatus.counting import Counting
from local.azurite import emulator
from local.stack import free, parts
from local.stack.supervision import Supervisor
from shared import periods, queues, tables
from shared.access import runs
from shared.access.grant import Grant, Span
from shared.access.grants import Grants
from shared.access.runs import Run
from shared.access.sync import changes, store
from shared.metering import MeteringPointId
from shared.notices import opening, signing
from shared.notices.opening import Notices
from shared.notices.sealed_secrets import SecretBox
from shared.notices.store import Store
from shared.notices.webhooks import Event, State, Webhook
from shared.publishing.watermark import Publication, Publications
from shared.tables import Tables
from tests.doubles.webhook import Receiver

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
QUIET_EVERY = 10
AT_ONCE = 3
"""Messages that an instance works on: `batchSize` and `newBatchThreshold` of host.json."""
BOX = SecretBox([b"thirty-two bytes that seal bench"])


@dataclass(frozen=True)
class Measured:
    """One publication, from the end of the timer's run to the last webhook.

    Attributes:
        webhooks: of callers with new days; `quiet` are those of the others.
        handle_seconds: until every notice was begun; processor seconds are of this process, without Azurite.
        statements: in the warehouse.
        send_seconds: until the queue was empty.
        received: notices that arrived.
    """

    metering_points: int
    webhooks: int
    quiet: int
    handle_seconds: float
    handle_processor_seconds: float
    statements: int
    messages: int
    send_seconds: float
    received: int
    received_by_quiet: int
    received_twice: int


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="bench notices", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=1_000)
    parser.add_argument("--metering-points", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _storage(Path(name)) as connection:
        found = measure(
            Path(name),
            connection=connection,
            webhooks=arguments.webhooks,
            points=arguments.metering_points,
        )
    _print(found)
    measuring.write("notices", asdict(found))


def measure(folder: Path, *, connection: str, webhooks: int, points: int) -> Measured:
    """Publish once, and follow what comes of it."""
    storage = tables.open_tables(connection, credential=None)
    storage.create_missing()
    opened = queues.open_queues(connection, credential=None)
    opened.create_missing()
    warehouse = Counting(
        stored.open_warehouse(history.make(folder / "bench.duckdb", points=points, first=DAY, days=2))
    )
    # The half minute that a notice waits is no work to be measured.
    publications = Publications(tables=storage, settled_after=timedelta(0))
    with Receiver() as receiver:
        quiet = _register(storage, receiver, webhooks=webhooks, points=points)
        notices = opening.open_notices(
            tables=storage,
            queues=opened,
            warehouse=warehouse,  # type: ignore[arg-type]  # It has what is asked of it.
            grants=Grants(tables=storage, max_age=timedelta(days=365), clock=lambda: NOW),
            publications=publications,
            box=BOX,
            cursor=str,
            clock=lambda: datetime.now(UTC),
            allow_loopback=True,
            resolve=None,
            observe=lambda event, answer: None,
        )
        _publish(publications, sequence=1)
        notices.news.handle()
        _publish(publications, sequence=2)
        warehouse.statements, cpu, started = 0, _processor(), time.perf_counter()
        begun = notices.news.handle()
        handled, cpu = time.perf_counter() - started, _processor() - cpu
        started = time.perf_counter()
        messages = _send(notices, connection)
        sent = time.perf_counter() - started
        received = Counter(each.target for each in receiver.received)
    if begun != messages:
        raise SystemExit(f"{begun} notices were begun, and {messages} messages came.")
    return Measured(
        metering_points=points,
        webhooks=webhooks - len(quiet),
        quiet=len(quiet),
        handle_seconds=round(handled, 2),
        handle_processor_seconds=round(cpu, 2),
        statements=warehouse.statements,
        messages=messages,
        send_seconds=round(sent, 2),
        received=received.total(),
        received_by_quiet=sum(received[each] for each in quiet),
        received_twice=sum(1 for count in received.values() if count > 1),
    )


def _register(storage: Tables, receiver: Receiver, *, webhooks: int, points: int) -> Sequence[str]:
    """Give each caller its metering points and a confirmed webhook; return the paths of the quiet ones."""
    every = stored.metering_points(points + webhooks)
    with_days, without = every[:points], every[points:]
    each = max(1, points // webhooks)
    kept, quiet = Store(storage), []

    def register(number: int) -> None:
        principal = f"app:{number:08d}-0000-4000-8000-000000000000"
        is_quiet = number % QUIET_EVERY == 0
        path = f"/hook/{number}"
        own = [without[number]] if is_quiet else with_days[number * each : (number + 1) * each]
        _grant(storage, principal, own)
        kept.add_webhook(
            Webhook(
                principal=principal,
                webhook_id="main",
                url=f"{receiver.url.removesuffix('/hook')}{path}",
                events=(Event.PUBLISHED,),
                state=State.ACTIVE,
                secret=BOX.seal(signing.new_secret(), of=(principal, "main")),
                created_at=NOW,
                confirmed_at=NOW,
            )
        )
        if is_quiet:
            quiet.append(path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, range(webhooks)))
    runs.record(storage, Run("bench", "complete", NOW, NOW, NOW, {}, "", True, None))
    return quiet


def _grant(storage: Tables, principal: str, points: Sequence[MeteringPointId]) -> None:
    wanted = [Grant(principal, point, 1, "Customer", (Span(None, None),), "bench") for point in points]
    planned = changes.plan(stored={}, wanted={each.key: each for each in wanted})
    writer = store.Writer(storage, store.read_partition(storage, principal), run_id="bench")
    for first in range(0, len(planned.changes), 40):
        writer.write(planned.changes[first : first + 40], now=NOW)
    writer.finish()


def _publish(publications: Publications, *, sequence: int) -> None:
    end = periods.start_of(DAY + timedelta(days=sequence))
    publications.write(Publication(sequence, NOW, end), clock=lambda: NOW)


def _send(notices: Notices, connection: str) -> int:
    """Work on the queue until it is empty; return how many messages there were."""

    def work(_: int) -> int:
        count = 0
        with QueueClient.from_connection_string(
            connection, queues.NOTICES, message_decode_policy=TextBase64DecodePolicy()
        ) as client:
            while (message := client.receive_message(visibility_timeout=600)) is not None:
                notices.attempts.deliver(message.content)
                client.delete_message(message)
                count += 1
        return count

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(work, range(AT_ONCE)))


@contextmanager
def _storage(folder: Path) -> Iterator[str]:
    endpoints = emulator.Endpoints(*free.numbers(3))
    with Supervisor(state=folder) as supervisor:
        supervisor.start_ready(parts.azurite(endpoints, data=None))
        yield emulator.connection_string(endpoints)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _print(found: Measured) -> None:
    table = Table(title=f"{found.webhooks + found.quiet} webhooks, {found.metering_points} metering points")
    for column in ("", "seconds", "statements", "messages", "arrived"):
        table.add_column(column, justify="right" if column else "left")
    table.add_row(
        "begin the notices of a publication",
        f"{found.handle_seconds} (processor {found.handle_processor_seconds})",
        str(found.statements),
        str(found.messages),
        "",
    )
    table.add_row("sign and send them", str(found.send_seconds), "0", "", str(found.received))
    Console().print(table)
    print(f"{found.received_by_quiet} of {found.quiet} callers without a new day were notified.")


if __name__ == "__main__":
    main()
