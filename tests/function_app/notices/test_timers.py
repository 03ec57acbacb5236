"""Notices through timers and queue functions: begun after a run, sent once, and never in its way."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest
from azure.functions.queue import QueueMessage
from azure.storage.queue import QueueClient
from standardwebhooks import Webhook as Verifier

from local.functionhost.functions import QueueFunction, TimerFunction
from shared.notices.webhooks import Event
from shared.settings import OutboxSettings
from tests.builders import queues
from tests.builders.api import Api, context
from tests.doubles.webhook import Received, Receiver
from tests.function_app.conftest import Deliver
from tests.function_app.exports.test_exports import ask, made
from tests.function_app.test_series import SPRING, Customer

NO_QUEUES = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=AAAA;"
    "QueueEndpoint=http://127.0.0.1:9/devstoreaccount1;"
)
"""Nothing listens on port 9."""


@dataclass
class Subscriber:
    """A customer with a confirmed webhook, and the functions of the app as the host calls them."""

    customer: Customer
    receiver: Receiver
    connection: str
    secret: str = ""

    def publish(self) -> None:
        """Let the timer of publications fire."""
        (timer,) = (
            each
            for each in self.customer.api.indexed
            if isinstance(each, TimerFunction) and each.name == "publish_readings"
        )
        timer.call(None, context(timer.name))

    def send(self) -> list[Received]:
        """Let the host work on the queue, and return what the receiver got meanwhile."""
        self.receiver.received.clear()
        (function,) = (
            each
            for each in self.customer.api.indexed
            if isinstance(each, QueueFunction) and each.queue == "notices"
        )

        def handle(text: str) -> None:
            message = QueueMessage(id="1", body=text.encode())  # type: ignore[no-untyped-call]  # Only its base is typed.
            function.call(message, context(function.name))

        queues.drain(self.connection, "notices", handle)
        return list(self.receiver.received)


@pytest.fixture
def subscriber(api: Api, deliver: Deliver, azurite: str) -> Iterator[Subscriber]:
    """A customer with a webhook for publications, who was notified of everything so far."""
    customer = Customer(api, deliver)
    customer.point()
    settings = replace(api.services.settings, webhook_allow_loopback=True)
    QueueClient.from_connection_string(azurite, "notices").clear_messages()
    with Receiver() as receiver, api.using(replace(api.services, settings=settings)):
        made = Subscriber(customer, receiver, azurite)
        registered = api.services.registry().put(
            customer.principal, "main", url=receiver.url, events=[Event.PUBLISHED, Event.EXPORT_FINISHED]
        )
        made.secret = registered.secret or ""
        made.publish()
        assert [each.type for each in made.send()] == ["webhook.challenge"]
        yield made
        api.services.registry().delete(customer.principal, "main")


def test_a_publication_reaches_a_webhook_and_its_cursor_begins_with_it(subscriber: Subscriber) -> None:
    customer = subscriber.customer
    point = customer.granted[0].metering_point_id
    customer.days(point, SPRING, 2)

    subscriber.publish()

    (received,) = subscriber.send()
    Verifier(subscriber.secret).verify(received.body, received.headers)
    data = json.loads(received.body)["data"]
    assert (data["days"], data["firstDate"], data["lastDate"]) == (2, "2026-03-29", "2026-03-30")
    changed = customer.get("/v1/changes", cursor=data["cursor"]).json["days"]
    assert [each["date"] for each in changed] == ["2026-03-29", "2026-03-30"]
    subscriber.publish()
    assert subscriber.send() == []


def test_an_export_that_ends_is_a_notice_and_its_repetition_is_none(subscriber: Subscriber) -> None:
    customer = subscriber.customer
    customer.days(customer.granted[0].metering_point_id, SPRING, 1)
    export_id = made(customer)["exportId"]

    first = subscriber.send()
    customer.api.services.files.build(export_id)

    assert [(each.type, json.loads(each.body)["data"]) for each in first] == [
        ("export.finished", {"exportId": export_id, "status": "finished"})
    ]
    assert subscriber.send() == []


def test_an_export_that_fails_is_a_notice(subscriber: Subscriber) -> None:
    customer = subscriber.customer
    customer.days(customer.granted[0].metering_point_id, SPRING, 1)
    export_id = ask(customer).json["exportId"]

    customer.api.services.files.workshop.fail(export_id)

    (received,) = subscriber.send()
    assert json.loads(received.body)["data"] == {"exportId": export_id, "status": "failed"}


def test_a_notice_that_cannot_be_begun_is_logged(
    subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    api, principal = subscriber.customer.api, subscriber.customer.principal
    outbox = OutboxSettings(subscriber.connection, NO_QUEUES)

    with api.answer_as_if(outbox=outbox):
        api.services.begin_notices(principal, Event.EXPORT_FINISHED, data={"exportId": "ex_1"}, key="ex_1")

    assert f"No notice of export.finished was begun for {principal}." in caplog.messages


def test_queues_that_are_away_delay_notices_and_fail_no_publication(
    subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    api, customer = subscriber.customer.api, subscriber.customer
    outbox = OutboxSettings(subscriber.connection, NO_QUEUES)
    point = customer.granted[0].metering_point_id
    customer.days(point, SPRING, 1)

    with api.answer_as_if(outbox=outbox), caplog.at_level(logging.INFO):
        subscriber.publish()

    assert "The notices of what is new were not all begun; the next run begins the rest." in caplog.messages
    assert any(each.startswith("Data is available until") for each in caplog.messages)
    assert subscriber.send() == []
    subscriber.publish()
    assert [each.type for each in subscriber.send()] == ["metering.published"]


def test_an_app_without_queues_publishes(
    api: Api, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    customer = Customer(api, deliver)
    customer.days(customer.point(), SPRING, 1)

    with api.answer_as_if(outbox=None), caplog.at_level(logging.INFO):
        Subscriber(customer, receiver=None, connection="").publish()  # type: ignore[arg-type]  # It gets nothing.

    assert [each for each in caplog.messages if "otices" in each] == []
    assert any(each.startswith("Data is available until") for each in caplog.messages)


def test_a_message_of_a_webhook_that_is_gone_ends_quietly(api: Api, azurite: str) -> None:
    services = api.services
    services.queues.create_missing()

    services.send_notice(f"app:{uuid4()}/main/ms_0123456789abcdef0123456789abcdef")
