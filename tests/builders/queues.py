"""Queues of work in tests: messages are received and handled as the host would, in this process."""

from collections.abc import Callable

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, TextBase64DecodePolicy


def drain(connection: str, queue: str, handle: Callable[[str], None]) -> int:
    """Handle each message of a queue until there is none; return how many there were."""
    client = QueueClient.from_connection_string(
        connection, queue, message_decode_policy=TextBase64DecodePolicy()
    )
    count = 0
    try:
        while (message := client.receive_message(visibility_timeout=60)) is not None:
            handle(message.content)
            client.delete_message(message)
            count += 1
    except ResourceNotFoundError:
        return count
    return count


def count(connection: str, queue: str) -> int:
    """Return how many messages a queue has, with those that are hidden."""
    client = QueueClient.from_connection_string(connection, queue)
    return client.get_queue_properties().approximate_message_count or 0
