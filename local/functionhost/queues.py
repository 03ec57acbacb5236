"""Runs queue functions as the Functions host does.

Modelled on what Microsoft's host did with Microsoft.Azure.WebJobs.Extensions.Storage.Queues 5.3: encoding,
tries, poison queues, renewal, polling and draining. The tests of the whole stack let both hosts build the
same files.
"""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.queue import QueueMessage
from azure.storage.queue import QueueClient
from azure.storage.queue import QueueMessage as Received

from local.functionhost.functions import QueueFunction

log = logging.getLogger("functionhost.queues")

Run = Callable[[QueueFunction, QueueMessage], Awaitable[object]]

POISON_SUFFIX = "-poison"
_TAKEN_SECONDS = 600
"""How long a message is hidden while a function works on it; a dead host's message comes back after it."""


@dataclass(frozen=True)
class QueueOptions:
    """The section `extensions.queues` of host.json, with the host's defaults.

    Attributes:
        batch_size: messages that are taken at once, 1 to 32.
        new_batch_threshold: another batch is taken when no more than this many are being worked on.
        max_dequeue_count: a message that failed this many times goes to the poison queue.
        max_polling_interval: the longest pause between two looks into an empty queue, in seconds.
        visibility_timeout: the pause before a failed message is tried again, in seconds.
        base64: messages are Base64; otherwise plain text.
        renewed_after: a message that is worked on is hidden again after this many seconds.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    max_polling_interval: float = 60
    visibility_timeout: float = 0
    base64: bool = True
    renewed_after: float = _TAKEN_SECONDS / 2


def read(host: Path) -> QueueOptions:
    """Return the options of a host.json."""
    named = json.loads(host.read_text(encoding="utf-8")).get("extensions", {}).get("queues", {})
    usual = QueueOptions()
    batch = int(named.get("batchSize", usual.batch_size))
    return replace(
        usual,
        batch_size=batch,
        new_batch_threshold=int(named.get("newBatchThreshold", batch // 2)),
        max_dequeue_count=int(named.get("maxDequeueCount", usual.max_dequeue_count)),
        max_polling_interval=_seconds(named.get("maxPollingInterval", "00:01:00")),
        visibility_timeout=_seconds(named.get("visibilityTimeout", "00:00:00")),
        base64=str(named.get("messageEncoding", "base64")).lower() == "base64",
    )


class QueueListener:
    """Takes the messages of one function's queue.

    Args:
        function: the function and its queue.
        run: calls the function; an error that it raises is a failure of the message.
        options: of host.json.
    """

    def __init__(self, function: QueueFunction, *, run: Run, options: QueueOptions) -> None:
        self._function = function
        self._run = run
        self._options = options
        self._queue = _client(function.connection, function.queue)
        self._poison = _client(function.connection, function.queue + POISON_SUFFIX)
        self._running: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()

    async def follow(self) -> None:
        """Take messages until drained or cancelled; a queue that is missing counts as empty."""
        pause = _FIRST_PAUSE
        while not self._draining.is_set():
            if len(self._running) > self._options.new_batch_threshold:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                continue
            taken = await self._take()
            for message in taken:
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            pause = _FIRST_PAUSE if taken else min(pause * 2, self._options.max_polling_interval)
            if not taken:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._draining.wait(), pause)

    async def drain(self, *, patience: float | None = None) -> None:
        """Take no further message, and wait until functions that run have ended, at most `patience` seconds.

        A message whose function is cut comes back ten minutes after it was taken.
        """
        self._draining.set()
        if self._running:
            await asyncio.wait(self._running, timeout=patience)

    async def _take(self) -> list[Received]:
        try:
            return await asyncio.to_thread(
                lambda: list(
                    self._queue.receive_messages(
                        max_messages=self._options.batch_size, visibility_timeout=_TAKEN_SECONDS
                    )
                )
            )
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            log.warning("The queue '%s' could not be read: %s.", self._function.queue, type(error).__name__)
            return []

    async def _process(self, message: Received) -> None:
        """Call the function, then delete the message, hide it for another try, or give it up."""
        try:
            await self._process_once(message)
        except AzureError as error:
            # As with the real host, the message comes back when its time is over.
            log.warning("A message of '%s' was not settled: %s.", self._function.queue, type(error).__name__)

    async def _process_once(self, message: Received) -> None:
        # Only a host that was killed leaves a message that has been taken more often.
        if (message.dequeue_count or 0) > self._options.max_dequeue_count:
            await self._give_up(message)
            return
        try:
            body = _decoded(message.content, base64_encoded=self._options.base64)
        except ValueError:
            await self._give_up(message)
            return
        ended = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, until=ended))
        try:
            await self._run(self._function, _as_the_worker_has_it(message, body))
            succeeded = True
        except Exception:
            log.exception("The function '%s' failed.", self._function.name)
            succeeded = False
        finally:
            # Never cancelled: a renewal under way would take effect, and its new receipt would be lost.
            ended.set()
            with suppress(AzureError):
                await renewal
        if succeeded:
            await asyncio.to_thread(self._queue.delete_message, message)
        elif (message.dequeue_count or 0) >= self._options.max_dequeue_count:
            await self._give_up(message)
        else:
            await self._hide(message, self._options.visibility_timeout)

    async def _renew(self, message: Received, *, until: asyncio.Event) -> None:
        while not until.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), self._options.renewed_after)
                return
            await self._hide(message, _TAKEN_SECONDS)

    async def _hide(self, message: Received, seconds: float) -> None:
        hidden = await asyncio.to_thread(
            lambda: self._queue.update_message(message, visibility_timeout=int(seconds))
        )
        message.pop_receipt = hidden.pop_receipt

    async def _give_up(self, message: Received) -> None:
        log.warning(
            "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
            self._options.max_dequeue_count,
            self._function.queue + POISON_SUFFIX,
        )
        await asyncio.to_thread(self._move, message)

    def _move(self, message: Received) -> None:
        try:
            self._poison.send_message(message.content)
        except ResourceNotFoundError:
            self._poison.create_queue()
            self._poison.send_message(message.content)
        self._queue.delete_message(message)


_FIRST_PAUSE = 0.1


def _client(connection: str, queue: str) -> QueueClient:
    return QueueClient.from_connection_string(connection, queue)


def _decoded(content: Any, *, base64_encoded: bool) -> bytes:
    """Return a message's bytes.

    Raises:
        ValueError: it is not Base64.
    """
    raw = str(content).encode()
    if not base64_encoded:
        return raw
    try:
        return base64.b64decode(raw, validate=True)
    except binascii.Error as error:
        raise ValueError("the message is not Base64") from error


def _as_the_worker_has_it(message: Received, body: bytes) -> QueueMessage:
    return QueueMessage(  # type: ignore[no-untyped-call]  # The package types only its base class.
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count,
        expiration_time=message.expires_on,
        insertion_time=message.inserted_on,
        time_next_visible=message.next_visible_on,
        pop_receipt=message.pop_receipt,
    )


def _seconds(text: str) -> float:
    """Return the seconds of `hh:mm:ss`."""
    hours, minutes, seconds = (float(part) for part in text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
