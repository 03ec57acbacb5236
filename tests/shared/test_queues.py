"""Messages that the app sends, against Microsoft's emulator."""

import base64
import time
from datetime import timedelta

import pytest
from azure.storage.queue import QueueClient

from shared import queues
from shared.queues import FILES, FILES_POISON, NOTICES, Queues, QueuesUnavailable
from tests.builders.queues import count


@pytest.fixture
def opened(table_storage: str) -> Queues:
    """The queues of an account of their own."""
    found = queues.open_queues(table_storage, credential=None)
    found.create_missing()
    return found


def waiting(storage: str, queue: str) -> list[str]:
    """Take what can be received now, as it is on the wire."""
    client = QueueClient.from_connection_string(storage, queue)
    return [message.content for message in client.receive_messages()]


def test_a_message_arrives_in_base64_as_the_host_expects_it(opened: Queues, table_storage: str) -> None:
    opened.send(FILES, "ex_1æ")

    assert [base64.b64decode(each).decode() for each in waiting(table_storage, FILES)] == ["ex_1æ"]
    assert waiting(table_storage, NOTICES) == []


def test_a_delayed_message_is_hidden_until_its_time(opened: Queues, table_storage: str) -> None:
    opened.send(FILES, "later", delay=timedelta(seconds=8))

    at_once = waiting(table_storage, FILES)
    deadline = time.monotonic() + 60
    while not (found := waiting(table_storage, FILES)) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert at_once == []
    assert [base64.b64decode(each) for each in found] == [b"later"]


def test_a_message_never_expires(opened: Queues, table_storage: str) -> None:
    opened.send(FILES, "kept")

    (message,) = QueueClient.from_connection_string(table_storage, FILES).peek_messages()

    assert message.expires_on is not None
    assert message.expires_on.year > 2100


def test_a_message_that_is_taken_stays_until_it_is_deleted(opened: Queues, table_storage: str) -> None:
    opened.send(FILES_POISON, "failing")
    opened.send(FILES_POISON, "done")

    texts = []
    for message in opened.take(FILES_POISON):
        texts.append(message.text)
        if message.text == "done":
            message.delete()

    assert texts == ["failing", "done"]
    assert count(table_storage, FILES_POISON) == 1
    assert waiting(table_storage, FILES_POISON) == []


@pytest.mark.parametrize("delay", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_a_delay_that_the_service_does_not_have_is_refused(opened: Queues, delay: timedelta) -> None:
    with pytest.raises(ValueError, match="up to seven days"):
        opened.send(FILES, "x", delay=delay)


def test_queues_that_exist_are_left_as_they_are(opened: Queues, table_storage: str) -> None:
    opened.send(FILES, "kept")

    opened.create_missing()

    assert len(waiting(table_storage, FILES)) == 1


def test_a_missing_queue_is_reported_without_its_address(table_storage: str) -> None:
    opened = queues.open_queues(table_storage, credential=None)

    with pytest.raises(QueuesUnavailable, match=r"as expected: QueueNotFound$"):
        opened.send(FILES, "x")


def test_a_storage_that_is_away_is_reported(free_port: int) -> None:
    address = f"http://127.0.0.1:{free_port}/account"
    storage = f"AccountName=account;AccountKey=a2V5;QueueEndpoint={address};DefaultEndpointsProtocol=http"
    opened = queues.open_queues(storage, credential=None)

    with pytest.raises(QueuesUnavailable, match="ServiceRequestError"):
        opened.send(FILES, "x")


def test_an_endpoint_needs_an_identity() -> None:
    with pytest.raises(QueuesUnavailable, match="needs an identity"):
        queues.open_queues("https://account.queue.core.windows.net", credential=None)
