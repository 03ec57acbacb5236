"""Azure Queue Storage: the only importer of `azure.storage.queue`.

A message is only an id; a row in Table Storage has the rest. Texts are sent in Base64, as the
Functions host expects (`messageEncoding` in host.json). Every error of the client library is translated here,
once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError

from shared import limits
from shared.limits import Limit
from shared.outside import transports
from shared.outside.transports import StorageUnavailable

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage, QueueServiceClient

# The library is imported when a queue is opened: the edge of the API only needs the error class.

FILES = "files"
"""Parts of exports and feeds that are to be built."""
SENDS = "sends"
"""Files of feeds that are to be sent."""
NOTICES = "notices"
"""Notices to webhooks that are to be sent."""
ALL = (FILES, SENDS, NOTICES)
FILES_POISON, SENDS_POISON = "files-poison", "sends-poison"
"""Messages of `files` and `sends` that failed five times: the Functions host moves them there."""

LONGEST_DELAY = timedelta(days=7)
"""The longest time that the service hides a message."""

_NEVER_EXPIRES = -1
_TAKEN_SECONDS = 600


class QueuesUnavailable(StorageUnavailable):
    """Queue Storage did not answer, refused the request, or a queue is missing."""


class UnknownMessage(Exception):
    """A message names no work of the app."""


@dataclass(frozen=True)
class Taken:
    """A message of a queue that triggers no function.

    Attributes:
        delete: deletes the message, once its work is done.
    """

    text: str
    delete: Callable[[], None]


class Queues:
    """The queues of one storage account. Safe to use from several threads."""

    def __init__(self, service: "QueueServiceClient") -> None:
        from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy

        self._clients = {
            name: service.get_queue_client(
                name,
                message_encode_policy=TextBase64EncodePolicy(),
                message_decode_policy=TextBase64DecodePolicy(),
            )
            for name in (*ALL, FILES_POISON, SENDS_POISON)
        }

    def create_missing(self) -> None:
        """Create the queues that do not exist yet."""
        for client in self._clients.values():
            # The service reports an existing queue only if its metadata differ.
            with _translate_errors(), suppress(ResourceExistsError):
                client.create_queue()

    def send(self, queue: str, text: str, *, delay: timedelta = timedelta(0)) -> None:
        """Send a message that a function receives after the delay, of whole seconds; it never expires.

        Raises:
            ValueError: the delay is negative or longer than seven days.
        """
        if not timedelta(0) <= delay <= LONGEST_DELAY:
            raise ValueError(f"a message can be delayed by up to seven days, not {delay}")
        with _translate_errors():
            self._clients[queue].send_message(
                text, visibility_timeout=int(delay.total_seconds()), time_to_live=_NEVER_EXPIRES
            )

    def take(self, queue: str) -> Iterator[Taken]:
        """Yield the messages of a queue that triggers no function, one by one.

        A message that is not deleted comes back after ten minutes.
        """
        client = self._clients[queue]

        def delete(message: "QueueMessage") -> None:
            with _translate_errors():
                client.delete_message(message)

        while True:
            with _translate_errors():
                message = client.receive_message(visibility_timeout=_TAKEN_SECONDS)
            if message is None:
                return
            yield Taken(message.content, partial(delete, message))


def open_queues(
    queue_storage: str, *, credential: TokenCredential | None, limit: Limit = limits.QUEUES
) -> Queues:
    """Open queues at an endpoint (with the app's identity) or by a connection string (the emulator)."""
    from azure.storage.queue import ExponentialRetry, QueueServiceClient

    options = transports.azure_options(limit)
    retry = transports.storage_retry(ExponentialRetry, limit)
    chosen = {"transport": options["transport"], "retry_policy": retry}
    if queue_storage.startswith("https://"):
        if credential is None:
            raise QueuesUnavailable("QUEUE_STORAGE is an endpoint and needs an identity.")
        return Queues(QueueServiceClient(queue_storage, credential=credential, **chosen))
    return Queues(QueueServiceClient.from_connection_string(queue_storage, **chosen))


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        reason = transports.reason(error)
        raise QueuesUnavailable(f"Queue Storage did not answer as expected: {reason}") from error
