"""What tests have other processes do with a warehouse: `python -m tests.builders.processes.warehouse WHAT …`.

A process that is to die kills itself with SIGKILL, so that nothing of Python gets to tidy up.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shared.deliveries import container as containers
from shared.deliveries import intake
from shared.publishing import publish
from shared.settings import DeliverySettings
from shared.warehouse import opening
from shared.warehouse.engine import Query, Row, Session, Statement, Warehouse
from tests.builders import warehouse as building
from tests.builders.container import MortalContainer
from tests.builders.histories import Mortal
from tests.builders.warehouse import Clock


def die() -> None:
    """End this process at once, as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Dying:
    """A warehouse whose process dies before the change with the given name, or at its commit."""

    inner: Warehouse
    before: str

    def fetch(self, query: Query[Row]) -> list[Row]:
        return self.inner.fetch(query)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.inner.transaction() as session:
            dying = _DyingSession(session, self.before)
            yield dying
            if self.before == f"commit after {dying.last}":
                die()
        if self.before == f"after commit of {dying.last}":
            die()

    def define(self, batch: str) -> None:
        self.inner.define(batch)

    def close(self) -> None:
        self.inner.close()


@dataclass
class _DyingSession:
    inner: Session
    before: str
    last: str = ""

    def fetch(self, query: Query[Row]) -> list[Row]:
        return self.inner.fetch(query)

    def run(self, statement: Statement) -> None:
        if statement.name == self.before:
            die()
        self.inner.run(statement)
        self.last = statement.name


def load_and_publish(url: str, file: str, before: str) -> None:
    """Load a file and publish it, and die on the way."""
    warehouse = Dying(opening.open_warehouse(building.settings(url)), before)
    clock = Clock()
    building.load(warehouse, Path(file), clock=clock)
    list(publish.publish_waiting(warehouse, clock=clock))
    warehouse.close()


def load_and_publish_at_a_line(url: str, file: str) -> None:
    """Be ready, and then load a file and publish it."""
    say("ready")
    sys.stdin.readline()
    load_and_publish(url, file, "never")


def load_files(url: str, storage: str, steps: str) -> None:
    """Load deliveries from a container, and die after so many steps."""
    container = containers.open_container(DeliverySettings(storage, "deliveries"), credential=None)
    process = Killed(opening.open_warehouse(building.settings(url)), int(steps))
    intake.load_files(MortalContainer(container, process), process, clock=Clock())


class Killed(Mortal):
    """A process that ends with its last step."""

    def step(self) -> None:
        if self.steps == 0:
            die()
        super().step()


def hold(url: str) -> None:
    """Keep the warehouse open while idle, until a line arrives; then print the number of publications."""
    warehouse = opening.open_warehouse(building.settings(url))
    building.count(warehouse, "write_lock")
    say("open")
    sys.stdin.readline()
    say(building.count(warehouse, "publication"))
    warehouse.close()


def hold_busily(url: str) -> None:
    """Ask all the time, until a line arrives."""
    warehouse = opening.open_warehouse(building.settings(url))
    arrived = threading.Event()
    threading.Thread(target=_set_at_a_line, args=(arrived,), daemon=True).start()
    building.count(warehouse, "write_lock")
    say("open")
    while not arrived.is_set():
        building.count(warehouse, "series_day")
    say(building.count(warehouse, "publication"))
    warehouse.close()


def _set_at_a_line(arrived: threading.Event) -> None:
    sys.stdin.readline()
    arrived.set()


def hold_in_a_transaction(url: str) -> None:
    """Keep a transaction open until a line arrives."""
    warehouse = opening.open_warehouse(building.settings(url))
    with warehouse.transaction():
        say("open")
        sys.stdin.readline()
    warehouse.close()


def say(what: object) -> None:
    """Say something to the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def want_and_die(url: str) -> None:
    """Wait for the warehouse, and die while waiting."""
    warehouse = opening.open_warehouse(building.settings(url, timeout=timedelta(seconds=1)))
    try:
        building.count(warehouse, "write_lock")
    finally:
        die()


DOINGS = {
    each.__name__: each
    for each in (
        load_and_publish,
        load_and_publish_at_a_line,
        load_files,
        hold,
        hold_busily,
        hold_in_a_transaction,
        want_and_die,
    )
}

if __name__ == "__main__":
    DOINGS[sys.argv[1]](*sys.argv[2:])
