"""What owners and receivers see of webhooks, over real tables and real sockets; the clock is the test's."""

import json
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from shared import tables
from shared.notices import signing, webhooks
from shared.notices.schedule import Answer
from shared.notices.sealed_secrets import SecretBox
from shared.notices.sender import Sender
from shared.notices.webhooks import (
    CHALLENGE,
    TEST,
    Event,
    NoSuchNotice,
    NoSuchWebhook,
    NotActive,
    Notice,
    NoticeStatus,
    State,
    TooManyWebhooks,
    Webhook,
)
from shared.queues import UnknownMessage
from shared.tables import Tables
from tests.builders.warehouse import Clock
from tests.doubles import webhook
from tests.doubles.faulty import Faulty
from tests.doubles.webhook import Received, Receiver
from tests.shared.notices.services import BOX, EVERY, OWNER, Notices


def begin(notices: Notices, *, key: str = "1") -> Notice:
    made = webhooks.new_notice(
        notices.webhook(), event=Event.EXPORT_FINISHED, data={"exportId": key}, at=notices.clock(), key=key
    )
    return notices.attempts.begin(made)


def verifies(received: Received, secret: str) -> bool:
    """Return whether a secret made one of the signatures; the library would refuse the test's time as old."""
    moment = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
    expected = Verifier(secret).sign(received.headers["webhook-id"], moment, received.body.decode())
    return expected in received.headers["webhook-signature"].split(" ")


def test_a_receiver_that_repeats_the_challenge_is_confirmed(notices: Notices, receiver: Receiver) -> None:
    registered = notices.register(receiver.url)

    (received,) = receiver.received
    assert registered.webhook.state is State.UNCONFIRMED
    assert received.type == CHALLENGE
    assert registered.secret is not None
    assert verifies(received, registered.secret)
    assert notices.webhook().state is State.ACTIVE


@pytest.mark.parametrize("body", [b"", b'{"challenge": "other"}', b"[]", b'"other"', b"null"])
def test_a_200_that_repeats_nothing_confirms_nothing(
    notices: Notices, receiver: Receiver, body: bytes
) -> None:
    receiver.reply(webhook.status(200, body=body))

    notices.register(receiver.url)

    assert notices.webhook().state is State.UNCONFIRMED
    assert notices.history()[0].last_fault == "challenge-not-repeated"


def test_the_bare_text_of_a_challenge_confirms_too(notices: Notices, receiver: Receiver) -> None:
    def bare(received: Received, connection: socket.socket) -> None:
        challenge = json.loads(received.body)["data"]["challenge"].encode()
        webhook.status(200, body=challenge + b"\n")(received, connection)

    receiver.reply(bare)

    notices.register(receiver.url)

    assert notices.webhook().state is State.ACTIVE


def test_the_answer_of_an_address_that_was_changed_meanwhile_confirms_nothing(
    notices: Notices, receiver: Receiver
) -> None:
    with Receiver(webhook.status(500)) as other:

        def change_address(received: Received, connection: socket.socket) -> None:
            notices.registry.put(OWNER, "main", url=other.url, events=[Event.PUBLISHED])
            webhook.repeat_challenge(received, connection)

        receiver.reply(change_address)

        notices.register(receiver.url)

        assert notices.webhook().state is State.UNCONFIRMED
        assert [each.type for each in other.received] == [CHALLENGE]


def test_nothing_else_is_sent_before_the_confirmation(notices: Notices, receiver: Receiver) -> None:
    receiver.reply(webhook.status(500))
    notices.register(receiver.url)

    begin(notices)
    notices.attempts.begin(
        webhooks.new_notice(notices.webhook(), event=TEST, data={}, at=notices.clock(), key="left over")
    )
    notices.run()

    assert {each.type for each in receiver.received} == {CHALLENGE}
    assert [
        (each.last_fault, each.next_attempt_at) for each in notices.history() if each.event != CHALLENGE
    ] == [("webhook-unconfirmed", None)] * 2


def test_a_failing_receiver_gets_ten_attempts_of_one_id_on_schedule(
    notices: Notices, receiver: Receiver
) -> None:
    notices.register(receiver.url)
    receiver.received.clear()
    receiver.reply(webhook.status(500))
    began = notices.clock()

    notice = begin(notices)
    notices.run_until_empty()

    times = [int(each.headers["webhook-timestamp"]) for each in receiver.received]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert times[0] == int(began.timestamp())
    assert {each.headers["webhook-id"] for each in receiver.received} == {notice.notice_id}
    assert len({each.body for each in receiver.received}) == 1
    assert len({each.headers["webhook-signature"] for each in receiver.received}) == 10
    failed = notices.history()[0]
    assert (failed.status, failed.attempts, failed.last_status) == (NoticeStatus.FAILED, 10, 500)


def test_a_receiver_that_recovers_gets_the_notice_once_more(
    notices: Notices, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    notices.register(receiver.url)
    receiver.received.clear()
    receiver.reply(webhook.status(503), webhook.reset, webhook.status(204))

    begin(notices)
    notices.run_until_empty()

    delivered = notices.history()[0]
    assert (delivered.status, delivered.attempts, delivered.next_attempt_at) == (
        NoticeStatus.DELIVERED,
        3,
        None,
    )
    assert notices.webhook().failing_since is None
    assert len(receiver.received) == 3
    assert caplog.messages == []


def test_retry_after_puts_the_next_attempt_off(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(429, Retry_After="3600"))

    begin(notices)
    notices.run()

    assert notices.history()[0].next_attempt_at == notices.clock() + timedelta(hours=1)


def test_410_disables_and_says_why(
    notices: Notices, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(410))

    begin(notices)
    notices.run_until_empty()

    disabled = notices.webhook()
    assert (disabled.state, disabled.disabled_at) == (State.DISABLED, notices.clock())
    assert "410" in (disabled.disabled_reason or "")
    assert [each.message for each in caplog.records if each.message.startswith("Webhook disabled: ")]
    assert len(receiver.received) == 2


def test_five_days_of_failure_disable_and_say_why(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(500))
    began = notices.clock()

    for day in range(7):
        begin(notices, key=f"{day}")
        notices.run_until_empty(most=timedelta(days=1))

    disabled = notices.webhook()
    assert disabled.state is State.DISABLED
    assert disabled.disabled_reason == (
        "No notice was taken for five days; the last attempt was answered 500."
    )
    assert disabled.disabled_at is not None
    assert timedelta(days=5) <= disabled.disabled_at - began < timedelta(days=5, hours=12)


def test_a_failure_weeks_after_another_disables_nothing(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(500))
    begin(notices, key="old")
    notices.run_until_empty()
    notices.clock.now += timedelta(days=40)

    begin(notices, key="new")
    notices.run_until_empty(most=timedelta(hours=1))
    receiver.reply(webhook.status(204))
    notices.run_until_empty()

    assert notices.webhook().state is State.ACTIVE
    assert notices.webhook().failing_since is None


def test_one_success_ends_the_count_of_days(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)

    for day in range(8):
        receiver.reply(webhook.status(200 if day == 4 else 500))
        begin(notices, key=f"{day}")
        notices.run_until_empty(most=timedelta(days=1))

    assert notices.webhook().state is State.ACTIVE


def test_two_secrets_sign_for_24_hours_and_then_the_new_one_alone(
    notices: Notices, receiver: Receiver
) -> None:
    old = notices.register(receiver.url).secret
    new = notices.registry.rotate(OWNER, "main").secret
    assert old is not None
    assert new is not None

    begin(notices, key="while rotating")
    notices.run()
    notices.clock.forward(hours=24)
    begin(notices, key="after")
    notices.run()

    during, after = receiver.received[-2:]
    assert verifies(during, old)
    assert verifies(during, new)
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    assert verifies(after, new)
    assert not verifies(after, old)


def test_a_new_secret_replaces_one_that_was_lost(
    notices: Notices, receiver: Receiver, storage: Tables
) -> None:
    notices.register(receiver.url)
    receiver.received.clear()
    lost = SecretBox([b"another key that sealed it before"]).seal(signing.new_secret(), of=(OWNER, "main"))
    notices.store.change_webhook(OWNER, "main", lambda stored: replace(stored, secret=lost))
    begin(notices, key="lost")
    notices.run()
    fault, sent = notices.history()[0].last_fault, len(receiver.received)

    new = notices.registry.rotate(OWNER, "main").secret
    notices.run_until_empty()

    assert (fault, sent) == ("secret-lost", 0)
    assert new is not None
    (received,) = receiver.received
    assert verifies(received, new)
    assert notices.history()[0].status is NoticeStatus.DELIVERED


@pytest.mark.parametrize("message", ["", "app:one/main", "app:one/main/no_1/2"])
def test_a_message_that_names_no_notice_is_refused(notices: Notices, message: str) -> None:
    with pytest.raises(UnknownMessage):
        notices.attempts.deliver(message)


def test_a_message_that_comes_twice_sends_nothing_twice(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    receiver.received.clear()
    notice = begin(notices)

    notices.attempts.deliver(notice.message)
    notices.attempts.deliver(notice.message)
    notices.run()

    assert len(receiver.received) == 1


def test_a_message_that_comes_too_early_is_put_back_until_it_is_due(
    notices: Notices, receiver: Receiver
) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(500), webhook.status(500), webhook.status(200))
    notice = begin(notices)
    notices.run()
    notices.clock.forward(seconds=5)
    notices.run()
    received = len(receiver.received)

    notices.attempts.deliver(notice.message)  # As after a process that died once the attempt was stored.
    due = {at for at, _ in notices.queue.waiting}
    notices.run()
    early = len(receiver.received)
    notices.run_until_empty()

    assert due == {notices.clock()}
    assert early == received
    assert len(receiver.received) == received + 1
    assert notices.history()[0].status is NoticeStatus.DELIVERED


def test_the_same_event_is_stored_once_and_its_message_sent_again_while_it_waits(
    notices: Notices, receiver: Receiver
) -> None:
    notices.register(receiver.url)
    first = begin(notices)
    notices.clock.forward(seconds=1)
    second = begin(notices)
    notices.run()
    third = begin(notices)
    notices.run()

    assert first.notice_id == second.notice_id == third.notice_id
    assert [each.type for each in receiver.received] == [CHALLENGE, Event.EXPORT_FINISHED]


def test_another_address_has_to_be_confirmed_again(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    with Receiver(webhook.status(500)) as other:
        again = notices.registry.put(OWNER, "main", url=other.url, events=[Event.PUBLISHED])
        notices.run()

        assert again.secret is None
        assert notices.webhook().state is State.UNCONFIRMED
        assert [each.type for each in other.received] == [CHALLENGE]


def test_of_two_changes_at_the_same_time_none_is_lost(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    tries = []

    def change(stored: Webhook) -> Webhook:
        tries.append(stored)
        if len(tries) == 1:
            notices.store.change_webhook(OWNER, "main", lambda each: replace(each, access_version="2"))
        return replace(stored, events=("feed.file-ready",))

    notices.store.change_webhook(OWNER, "main", change)

    assert (notices.webhook().events, notices.webhook().access_version) == (("feed.file-ready",), "2")


def test_other_events_need_no_confirmation(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)

    notices.register(receiver.url, events=[Event.FILE_READY])

    assert (notices.webhook().state, notices.webhook().events) == (State.ACTIVE, ("feed.file-ready",))
    assert len(receiver.received) == 1


def test_a_test_answers_with_what_the_receiver_said(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(418))

    tested = notices.registry.test(OWNER, "main")

    assert (tested.event, tested.answer.status, tested.answer.fault) == ("webhook.test", 418, None)
    assert tested.answer.milliseconds >= 0
    assert notices.history()[0].status is NoticeStatus.FAILED


def test_an_owner_has_one_test_at_a_time(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    meanwhile: list[Answer] = []

    def ask_again(_: Received, connection: socket.socket) -> None:
        meanwhile.append(notices.registry.test(OWNER, "main").answer)

    receiver.reply(ask_again, webhook.status(204))
    notices.registry.test(OWNER, "main")
    after = notices.registry.test(OWNER, "main").answer

    assert [(each.status, each.fault) for each in meanwhile] == [(None, "test-under-way")]
    assert after.status == 204
    assert len(receiver.received) == 3  # The challenge and two tests.


@pytest.mark.parametrize("disabled_before", [False, True])
def test_a_test_asks_again_to_confirm(notices: Notices, receiver: Receiver, *, disabled_before: bool) -> None:
    receiver.reply(webhook.status(410 if disabled_before else 500))
    notices.register(receiver.url)
    receiver.reply(webhook.repeat_challenge)

    tested = notices.registry.test(OWNER, "main")

    assert (tested.event, tested.answer.status) == (CHALLENGE, 200)
    assert tested.webhook.state is State.ACTIVE
    assert tested.webhook.disabled_reason is None


def test_a_receiver_that_has_confirmed_gets_no_older_challenge(notices: Notices, receiver: Receiver) -> None:
    receiver.reply(webhook.status(500))
    notices.registry.put(OWNER, "main", url=receiver.url, events=EVERY)
    notices.run()
    receiver.reply(webhook.repeat_challenge)
    notices.clock.forward(seconds=1)
    notices.registry.test(OWNER, "main")

    receiver.reply(webhook.status(204))
    notices.run_until_empty()

    assert len(receiver.received) == 2
    assert notices.webhook().failing_since is None
    assert [each.last_fault for each in notices.history()] == [None, "webhook-confirmed"]


def test_a_notice_is_sent_again_under_its_id(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    notice = begin(notices)
    notices.run()
    notices.clock.forward(minutes=1)

    notices.registry.resend(OWNER, "main", notice.notice_id)
    notices.run()

    ids = [each.headers["webhook-id"] for each in receiver.received[1:]]
    assert ids == [notice.notice_id] * 2
    assert notices.history()[0].attempts == 2


def test_a_notice_has_one_attempt_at_a_time(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    notice = begin(notices)

    def ask_for_more(_: Received, connection: socket.socket) -> None:
        for _again in range(3):
            notices.registry.resend(OWNER, "main", notice.notice_id)
        notices.attempts.remind(notice.message)
        notices.run()

    receiver.reply(ask_for_more, webhook.status(204))
    notices.run()
    received = len(receiver.received)
    notices.run_until_empty()

    assert received == 2  # The challenge and one attempt, which is not answered.
    assert len(receiver.received) == 3
    assert notices.history()[0].attempts == 2


class Stalling(Sender):
    """Sends nothing: receivers answer at once, or after ten seconds, while others handle the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None
        self.sent: list[tuple[str, int]] = []
        self._under_way = 0

    def send(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer; `sent` has the address, and how many attempts were under way before."""
        content = json.loads(body)
        if content["type"] == CHALLENGE:
            return Answer(200, None, 20, body=json.dumps(content["data"]).encode())
        self.sent.append((url, self._under_way))
        if url == STALLS:
            self._under_way += 1
            self.meanwhile()
            self._under_way -= 1
            return Answer(None, "timeout", 10_000)
        return Answer(204, None, 20)


STALLS, ANSWERS = "https://stalls.example.com/", "https://answers.example.com/"


def test_receivers_that_stall_do_not_hold_up_others(storage: Tables, clock: Clock) -> None:
    sender = Stalling()
    notices = Notices(storage, clock, sender=sender)
    other = "app:5a5e0000-0000-4000-8000-000000000002"
    notices.registry.put(other, "main", url=ANSWERS, events=EVERY)
    notices.register(STALLS)
    begin(notices, key="first")
    notices.run()
    sender.sent.clear()
    for number in range(4):
        begin(notices, key=str(number))
    of_other = notices.registry.one(other, "main")
    notices.attempts.begin(webhooks.new_notice(of_other, event=TEST, data={}, at=clock(), key="1"))

    sender.meanwhile = notices.run
    notices.run()
    at_once = list(sender.sent)
    notices.run_until_empty(most=timedelta(minutes=4))

    assert at_once == [(STALLS, 0), (ANSWERS, 1)]
    assert [under_way for url, under_way in sender.sent if url == STALLS] == [0] * (len(sender.sent) - 1)
    assert min(each.attempts for each in notices.history()) > 0


@pytest.mark.parametrize("status", [204, 500])
def test_a_notice_that_was_just_sent_is_not_sent_again(
    notices: Notices, receiver: Receiver, status: int
) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(status))
    notice = begin(notices)
    notices.run()
    notices.clock.forward(seconds=3)
    before = notices.history()[0]

    again = notices.registry.resend(OWNER, "main", notice.notice_id)
    notices.run()

    assert again == before == notices.history()[0]
    assert len(receiver.received) == 2


def test_nothing_of_another_owner_is_found(notices: Notices, receiver: Receiver) -> None:
    notices.register(receiver.url)
    stranger = "app:5a5e0000-0000-4000-8000-000000000002"

    for call in (notices.registry.one, notices.registry.delete, notices.registry.rotate):
        with pytest.raises(NoSuchWebhook):
            call(stranger, "main")
    assert notices.registry.all_of(stranger) == []
    with pytest.raises(NoSuchNotice):
        notices.registry.resend(OWNER, "main", "msg_unknown")


def test_a_notice_that_failed_and_is_sent_again_has_ten_attempts_more(
    notices: Notices, receiver: Receiver
) -> None:
    notices.register(receiver.url)
    receiver.reply(webhook.status(500))
    notice = begin(notices)
    notices.run_until_empty()
    notices.clock.forward(minutes=1)

    notices.registry.resend(OWNER, "main", notice.notice_id)
    notices.run()
    receiver.reply(webhook.status(204))
    notices.run_until_empty()

    again = notices.history()[0]
    assert (again.status, again.attempts) == (NoticeStatus.DELIVERED, 12)


def test_a_disabled_webhook_resends_nothing(notices: Notices, receiver: Receiver) -> None:
    receiver.reply(webhook.status(410))
    notices.register(receiver.url)

    assert notices.webhook().state is State.DISABLED
    with pytest.raises(NotActive):
        notices.registry.resend(OWNER, "main", notices.history()[0].notice_id)


def test_a_deleted_webhook_leaves_nothing_and_sends_nothing(
    notices: Notices, receiver: Receiver, storage: Tables
) -> None:
    notices.register(receiver.url)
    begin(notices)

    notices.registry.delete(OWNER, "main")
    notices.run()

    assert len(receiver.received) == 1
    assert [each["RowKey"] for each in storage.everything(tables.WEBHOOKS)] == ["~"]
    assert list(storage.everything(tables.NOTICES)) == []


def test_a_caller_has_ten_webhooks_at_most(notices: Notices) -> None:
    for number in range(10):
        notices.registry.put(OWNER, f"hook-{number}", url="https://hooks.example.com/", events=["x"])

    with pytest.raises(TooManyWebhooks):
        notices.registry.put(OWNER, "hook-10", url="https://hooks.example.com/", events=["x"])
    notices.registry.put(OWNER, "hook-9", url="https://hooks.example.com/2", events=["x"])


def test_parallel_requests_make_no_more_webhooks_than_allowed(notices: Notices) -> None:
    def is_made(number: int) -> bool:
        try:
            notices.registry.put(OWNER, f"hook-{number}", url="https://hooks.example.com/", events=["x"])
        except TooManyWebhooks:
            return False
        return True

    with ThreadPoolExecutor(20) as requests:
        made = sum(requests.map(is_made, range(20)))

    assert len(notices.registry.all_of(OWNER)) == made == 10


def test_no_secret_is_stored_or_shown_in_the_clear(
    notices: Notices, receiver: Receiver, storage: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    secret = notices.register(receiver.url).secret
    assert secret is not None

    row, _ = storage.everything(tables.WEBHOOKS)

    assert secret not in repr(row)
    assert secret.removeprefix("whsec_") not in repr(row)
    assert secret not in repr(notices.webhook())
    assert secret not in caplog.text
    assert BOX.open(row["secret"], of=(OWNER, "main")) == secret


def test_the_library_of_receivers_verifies_what_is_sent(storage: Tables, receiver: Receiver) -> None:
    notices = Notices(storage, Clock(datetime.now(UTC)))
    secret = notices.register(receiver.url).secret
    assert secret is not None
    (received,) = receiver.received

    Verifier(secret).verify(received.body, received.headers)

    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(received.body + b" ", received.headers)


def test_an_unreadable_webhook_or_notice_is_left_out_of_lists_and_holds_up_no_other(
    notices: Notices, receiver: Receiver, storage: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("broken", "main"):
        notices.register(receiver.url, webhook_id=name)
    begin(notices)
    notices.run()
    whole = notices.history()
    for table, partition, row in (
        (tables.WEBHOOKS, OWNER, "broken"),
        (tables.NOTICES, f"{OWNER}!main", whole[0].notice_id),
    ):
        found = storage.get(table, partition=partition, row=row)
        storage.upsert(table, {**(found or {}), "state": "odd", "status": "odd"})

    listed = [each.webhook_id for each in notices.registry.all_of(OWNER)]

    assert listed == ["main"]
    assert notices.history() == whole[1:]
    assert "The stored webhook broken is unreadable and left out." in caplog.messages


def losing_after(reply: webhook.Reply, before_tables: Faulty) -> webhook.Reply:
    """Return a reply after which the answer to the next request to Table Storage is lost."""

    def then_lose(received: Received, connection: socket.socket) -> None:
        before_tables.lose_answers(1)
        reply(received, connection)

    return then_lose


def test_an_attempt_is_followed_by_the_next_though_the_answer_to_its_result_was_lost(
    reached_storage: Tables, before_tables: Faulty, clock: Clock, receiver: Receiver
) -> None:
    notices = Notices(reached_storage, clock)
    notices.register(receiver.url)
    receiver.received.clear()
    receiver.reply(losing_after(webhook.status(500), before_tables), webhook.status(200))

    begin(notices)
    notices.run_until_empty()

    assert len(receiver.received) == 2
    assert notices.history()[0].status is NoticeStatus.DELIVERED


def test_a_webhook_is_confirmed_though_the_answer_to_the_result_was_lost(
    reached_storage: Tables, before_tables: Faulty, clock: Clock, receiver: Receiver
) -> None:
    notices = Notices(reached_storage, clock)
    receiver.reply(losing_after(webhook.repeat_challenge, before_tables))

    notices.register(receiver.url)

    assert notices.webhook().state is State.ACTIVE
