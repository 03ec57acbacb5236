"""Queue functions, as the Functions host runs them, against Microsoft's emulator."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import azure.functions as func
import pytest
from azure.functions.queue import QueueMessage
from azure.storage.queue import QueueClient

from local import places
from local.functionhost import functions, queues
from local.functionhost.functions import AppNotServed, QueueFunction
from local.functionhost.queues import QueueListener, QueueOptions

QUEUE, SETTING = "work", "OUTBOX"
QUICK = QueueOptions(max_polling_interval=0.1, renewed_after=0.2)
PATIENCE = 60


class Calls:
    """What a function was called with; it fails while `failing`, and waits for `go_on`."""

    def __init__(self, *, failing: bool = False) -> None:
        self.seen: list[tuple[bytes, int]] = []
        self.failing = failing
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, function: QueueFunction, message: QueueMessage) -> None:
        """Work on a message."""
        self.seen.append((message.get_body(), message.dequeue_count))
        await self.go_on.wait()
        if self.failing:
            raise RuntimeError("planted")


class Storage:
    """The queue and its poison queue."""

    def __init__(self, connection: str) -> None:
        self.connection = connection
        self.queue = QueueClient.from_connection_string(connection, QUEUE)
        self.poison = QueueClient.from_connection_string(connection, f"{QUEUE}-poison")
        self.queue.create_queue()

    def send(self, text: str) -> None:
        """Send as the app does."""
        self.queue.send_message(base64.b64encode(text.encode()).decode())

    def left(self) -> int:
        """Return how many messages the queue has, hidden ones included."""
        return self.queue.get_queue_properties().approximate_message_count or 0

    def poisoned(self) -> list[str]:
        """Return what the poison queue has."""
        return [each.content for each in self.poison.receive_messages()]


@pytest.fixture
def storage(table_storage: str) -> Storage:
    return Storage(table_storage)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.05)


@contextmanager
def following(storage: Storage, calls: Calls, options: QueueOptions = QUICK) -> Iterator[QueueListener]:
    """Yield a listener that takes messages until the end of the block."""
    function = QueueFunction("build", calls, "message", QUEUE, storage.connection)
    listener = QueueListener(function, run=calls, options=options)
    task = asyncio.get_running_loop().create_task(listener.follow())
    try:
        yield listener
    finally:
        task.cancel()


def test_a_message_is_deleted_when_its_function_has_ended(storage: Storage) -> None:
    async def story() -> Calls:
        calls = Calls()
        storage.send("ex_1")
        with following(storage, calls):
            await until(lambda: storage.left() == 0)
        return calls

    assert asyncio.run(story()).seen == [(b"ex_1", 1)]


def test_a_message_that_fails_is_tried_five_times_and_then_given_up(storage: Storage) -> None:
    async def story() -> Calls:
        calls = Calls(failing=True)
        storage.send("ex_1")
        with following(storage, calls):
            await until(lambda: storage.left() == 0)
        return calls

    assert asyncio.run(story()).seen == [(b"ex_1", times) for times in range(1, 6)]
    assert [base64.b64decode(each) for each in storage.poisoned()] == [b"ex_1"]


def test_a_plain_text_message_is_given_up_without_a_call(storage: Storage) -> None:
    async def story() -> Calls:
        calls = Calls()
        storage.queue.send_message("{no base64}")
        with following(storage, calls):
            await until(lambda: storage.left() == 0)
        return calls

    assert asyncio.run(story()).seen == []
    assert storage.poisoned() == ["{no base64}"]


def test_a_message_that_killed_the_host_too_often_is_given_up_without_a_call(storage: Storage) -> None:
    async def story() -> Calls:
        calls = Calls()
        storage.send("deadly")
        for _ in range(5):
            (taken,) = storage.queue.receive_messages(visibility_timeout=1)
            storage.queue.update_message(taken, visibility_timeout=0)
        with following(storage, calls):
            await until(lambda: storage.left() == 0)
        return calls

    assert asyncio.run(story()).seen == []
    assert len(storage.poisoned()) == 1


def test_a_message_that_takes_long_stays_hidden_and_is_deleted_after_renewals(storage: Storage) -> None:
    async def story() -> Calls:
        calls = Calls()
        calls.go_on.clear()
        storage.send("long")
        with following(storage, calls):
            await until(lambda: len(calls.seen) == 1)
            await asyncio.sleep(1)
            calls.go_on.set()
            await until(lambda: storage.left() == 0)
        return calls

    assert asyncio.run(story()).seen == [(b"long", 1)]


def test_no_more_messages_are_taken_than_host_json_lets(storage: Storage) -> None:
    async def story() -> int:
        calls = Calls()
        calls.go_on.clear()
        for number in range(8):
            storage.send(str(number))
        with following(storage, calls, replace(QUICK, batch_size=2, new_batch_threshold=1)):
            await until(lambda: len(calls.seen) >= 2)
            await asyncio.sleep(0.5)
            most = len(calls.seen)
            calls.go_on.set()
            await until(lambda: storage.left() == 0)
        return most

    assert asyncio.run(story()) == 2


def test_a_drained_host_finishes_what_runs_and_takes_nothing_more(storage: Storage) -> None:
    async def story() -> Calls:
        calls = Calls()
        calls.go_on.clear()
        storage.send("under way")
        with following(storage, calls) as listener:
            await until(lambda: len(calls.seen) == 1)
            drained = asyncio.get_running_loop().create_task(listener.drain())
            await asyncio.sleep(0)
            storage.send("too late")
            calls.go_on.set()
            await drained
            await asyncio.sleep(0.5)
        return calls

    assert asyncio.run(story()).seen == [(b"under way", 1)]
    assert storage.left() == 1


def test_a_missing_queue_counts_as_empty(table_storage: str) -> None:
    async def story() -> Calls:
        calls = Calls()
        function = QueueFunction("build", calls, "message", QUEUE, table_storage)
        task = asyncio.create_task(QueueListener(function, run=calls, options=QUICK).follow())
        await asyncio.sleep(0.5)
        made = Storage(table_storage)
        made.send("now")
        await until(lambda: made.left() == 0)
        task.cancel()
        return calls

    assert asyncio.run(story()).seen == [(b"now", 1)]


def test_the_options_are_those_of_host_json() -> None:
    named = json.loads((places.ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]

    read = queues.read(places.ROOT / "host.json")

    assert named.keys() >= {"messageEncoding", "batchSize", "newBatchThreshold", "maxDequeueCount"}
    assert read == QueueOptions(
        batch_size=2,
        new_batch_threshold=1,
        max_dequeue_count=5,
        max_polling_interval=5,
        visibility_timeout=30,
    )


def test_without_options_they_are_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text("{}")

    assert queues.read(tmp_path / "host.json") == QueueOptions()


def indexed(settings: dict[str, str]) -> functions.Function:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection=SETTING)
    def build(message: func.QueueMessage) -> None:
        threading.get_ident()

    (found,) = functions.index(app, prefix="", settings=settings)
    return found


def test_a_queue_function_is_read_with_its_queue_and_connection() -> None:
    found = indexed({SETTING: "UseDevelopmentStorage=true"})

    assert isinstance(found, QueueFunction)
    assert (found.queue, found.connection) == (QUEUE, "UseDevelopmentStorage=true")


def test_a_queue_function_without_its_connection_is_not_served() -> None:
    with pytest.raises(AppNotServed, match="needs the app setting OUTBOX"):
        indexed({})
