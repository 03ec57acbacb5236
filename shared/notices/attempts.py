"""Attempts to deliver notices: one for each queue message. A delayed message is the next attempt.

The notice's row says whether an attempt is due. It is written before each attempt, so that a notice has one
attempt at a time: a message that comes twice finds the notice delivered, or not due yet. If a process dies
during an attempt, its message comes again and leads to the next attempt.
"""

import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import orjson

from shared.notices import schedule, signing, webhooks
from shared.notices.schedule import Answer
from shared.notices.sealed_secrets import SealedByAnotherKey, SecretBox
from shared.notices.sender import Sender
from shared.notices.slow_lane import SlowLane
from shared.notices.store import Store
from shared.notices.webhooks import CHALLENGE, Notice, NoticeStatus, State, Webhook
from shared.queues import UnknownMessage
from shared.tables import ChangedMeanwhile

log = logging.getLogger("metering.notices")

Enqueue = Callable[[str, timedelta], None]
"""Sends the text of a message to the queue of notices, visible after a delay."""

Observe = Callable[[str, Answer], None]
"""Records the event and the result of an attempt."""

_DUE = timedelta(seconds=2)
"""A message that comes up to this much before the attempt is due counts as due: clocks differ."""

_AT_MOST = timedelta(seconds=30)
"""After this long, an attempt has ended, or the process that made it."""

_PUT_BACK = timedelta(minutes=1)
"""How long a notice of a slow owner is put back while another one is sent."""

_BETWEEN_RESENDS = timedelta(minutes=1)
"""A notice is sent again on request only if no attempt was made or is due within this time."""


class Attempts:
    """Sends notices that are due. Safe to use from several threads.

    Args:
        enqueue: sends the message of the next attempt.
        clock: the time now.
        chance: from 0 to 1, for the jitter.
        observe: records each attempt.
    """

    def __init__(
        self,
        *,
        store: Store,
        sender: Sender,
        box: SecretBox,
        enqueue: Enqueue,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        observe: Observe = lambda event, answer: None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._box = box
        self._enqueue = enqueue
        self._clock = clock
        self._chance = chance
        self._observe = observe
        self._slow_lane = SlowLane(clock)

    def begin(self, notice: Notice) -> Notice:
        """Store a notice and send its first message; can be repeated if a process died in between."""
        stored = self._store.add_notice(notice)
        if stored.status is NoticeStatus.WAITING:
            self._enqueue(stored.message, max(stored.due_at - self._clock(), timedelta(0)))
        return stored

    def remind(self, message: str) -> None:
        """Send the lost message of a notice again; a second one does no harm."""
        self._enqueue(message, timedelta(0))

    def resend(self, notice: Notice) -> Notice:
        """Begin a new schedule for a notice, under the same id, and return the notice.

        It is returned unchanged if an attempt was made in the last minute, is under way, or is due within a
        minute. Otherwise an owner whose receiver stalls could hold up the notices of all others.

        Raises:
            ChangedMeanwhile: an attempt ended at this moment.
        """
        now = self._clock()
        if _is_attempted_about(now, notice):
            return notice
        begun = replace(notice, status=NoticeStatus.WAITING, tries=0, next_attempt_at=now)
        self._store.replace_notice(begun)
        self._enqueue(notice.message, timedelta(0))
        return begun

    def deliver(self, message: str) -> None:
        """Make the attempt that a queue message is for, if it is due.

        Raises:
            UnknownMessage: it names no notice.
        """
        principal, webhook_id, notice_id = _parts(message)
        notice = self._store.notice(principal, webhook_id, notice_id)
        if notice is None or notice.status is not NoticeStatus.WAITING:
            return
        wait = notice.due_at - self._clock()
        if wait > _DUE:
            self._enqueue(message, wait)
            return
        webhook = self._store.webhook(principal, webhook_id)
        if webhook is None or not _may_be_sent(webhook, notice):
            self._give_up(notice, fault=f"webhook-{_why_not(webhook)}")
            return
        with self._slow_lane.lock(principal) as is_free:
            after = _AT_MOST if is_free else _PUT_BACK
            try:
                begun = self._store.replace_notice(replace(notice, next_attempt_at=self._clock() + after))
            except ChangedMeanwhile:
                return  # Another message of the same notice leads to this attempt.
            if is_free:
                self._attempt(webhook, begun)
            else:
                self._enqueue(message, after)

    def ask_now(self, webhook: Webhook, notice: Notice) -> Answer:
        """Send a test or a challenge at once, and return the answer; the notice is stored with its result."""
        stored = self._store.add_notice(notice)
        answer = self._send(webhook, notice)
        delivered = NoticeStatus.DELIVERED if answer.is_success else NoticeStatus.FAILED
        self._store.replace_notice(_attempted(stored, answer, now=self._clock(), status=delivered, due=None))
        self._note(webhook, notice, answer)
        return answer

    def _attempt(self, webhook: Webhook, notice: Notice) -> None:
        answer = self._send(webhook, notice)
        now = self._clock()
        due = None
        if not answer.is_success and not answer.is_gone:
            due = schedule.next_attempt(answer, tries=notice.tries + 1, now=now, chance=self._chance())
        status = (
            NoticeStatus.DELIVERED
            if answer.is_success
            else NoticeStatus.WAITING
            if due
            else NoticeStatus.FAILED
        )
        try:
            self._store.replace_notice(_attempted(notice, answer, now=now, status=status, due=due))
        except ChangedMeanwhile:
            return  # It was deleted, or took so long that another message led to the next attempt.
        self._note(webhook, notice, answer)
        if due is not None:
            self._enqueue(notice.message, due - now)

    def _send(self, webhook: Webhook, notice: Notice) -> Answer:
        body, now = notice.body, self._clock()
        try:
            keys = self.keys(webhook, now=now)
        except SealedByAnotherKey as error:
            log.error("Webhook %s of %s: %s.", webhook.webhook_id, webhook.principal, error)
            return Answer(None, "secret-lost", 0)
        headers = signing.headers(notice_id=notice.notice_id, at=now, body=body, keys=keys)
        answer = self._sender.send(webhook.url, headers=headers, body=body)
        self._slow_lane.note(webhook.principal, milliseconds=answer.milliseconds)
        if notice.event == CHALLENGE and answer.is_success and not _repeats(answer.body, notice):
            answer = replace(answer, status=None, fault="challenge-not-repeated")
        self._observe(notice.event, answer)
        return answer

    def keys(self, webhook: Webhook, *, now: datetime) -> list[str]:
        """Return the secrets that sign at a moment, the new one first.

        Raises:
            SealedByAnotherKey: the new one cannot be opened.
        """
        opened = [self._box.open(webhook.secret, of=webhook.key)]
        if webhook.previous_secret and webhook.both_sign_until(now):
            # It may have been sealed with a lost key, which is a reason to ask for a new secret.
            with suppress(SealedByAnotherKey):
                opened.append(self._box.open(webhook.previous_secret, of=webhook.key))
        return opened

    def _note(self, webhook: Webhook, notice: Notice, answer: Answer) -> None:
        """Store what an attempt shows about the webhook: confirmed, failing, or disabled."""
        now = self._clock()

        def change(current: Webhook) -> Webhook:
            if current.url != webhook.url:
                return current  # The attempt was made to an address that the owner has changed meanwhile.
            return _after(current, notice, answer, now=now)

        changed = self._store.change_webhook(*webhook.key, change)
        if changed is not None and changed.state is State.DISABLED and webhook.state is not State.DISABLED:
            log.warning(
                "Webhook disabled: %s of %s: %s",
                *(changed.webhook_id, changed.principal, changed.disabled_reason),
            )

    def _give_up(self, notice: Notice, *, fault: str) -> None:
        given_up = replace(notice, status=NoticeStatus.FAILED, next_attempt_at=None, last_fault=fault)
        self._store.replace_notice(given_up)


def _is_attempted_about(now: datetime, notice: Notice) -> bool:
    """Return whether an attempt was made shortly before, is under way, or is due soon."""
    due_at = notice.due_at if notice.status is NoticeStatus.WAITING else None
    return any(at and abs(now - at) < _BETWEEN_RESENDS for at in (notice.last_attempt_at, due_at))


def _after(webhook: Webhook, notice: Notice, answer: Answer, *, now: datetime) -> Webhook:
    """Return a webhook after an attempt."""
    if answer.is_gone:
        return _disabled(webhook, "The receiver answered 410: it wants no more notices.", now=now)
    if answer.is_success:
        confirmed = webhook
        if notice.event == CHALLENGE and webhook.state is State.UNCONFIRMED:
            confirmed = replace(webhook, state=State.ACTIVE, confirmed_at=now)
        return replace(confirmed, failing_since=None)
    if webhook.state is not State.ACTIVE:
        return webhook
    failing = replace(webhook, failing_since=webhook.failing_since or now)
    if schedule.has_failed_too_long(failing.failing_since, tries=notice.tries + 1, now=now):
        last = f"was answered {answer.status}" if answer.status else f"failed: {answer.fault}"
        return _disabled(failing, f"No notice was taken for five days; the last attempt {last}.", now=now)
    return failing


def _disabled(webhook: Webhook, reason: str, *, now: datetime) -> Webhook:
    return replace(webhook, state=State.DISABLED, disabled_at=now, disabled_reason=reason)


def _may_be_sent(webhook: Webhook, notice: Notice) -> bool:
    return webhook.state is (State.UNCONFIRMED if notice.event == CHALLENGE else State.ACTIVE)


def _why_not(webhook: Webhook | None) -> str:
    if webhook is None:
        return "deleted"
    # Of an active webhook, only a challenge is not sent: another one was repeated.
    return "confirmed" if webhook.state is State.ACTIVE else webhook.state


def _repeats(body: bytes, notice: Notice) -> bool:
    """Return whether an answer is the challenge: as JSON, `{"challenge": …}`, or the bare text."""
    challenge = str(notice.data["challenge"])
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.strip() == challenge.encode()
    return isinstance(content, dict) and content.get("challenge") == challenge


def _attempted(
    notice: Notice, answer: Answer, *, now: datetime, status: NoticeStatus, due: datetime | None
) -> Notice:
    return replace(
        notice,
        status=status,
        attempts=notice.attempts + 1,
        tries=notice.tries + 1,
        next_attempt_at=due,
        last_attempt_at=now,
        last_status=answer.status,
        last_fault=answer.fault,
    )


def _parts(message: str) -> tuple[str, str, str]:
    """Return principal, webhook and notice of a message."""
    parts = message.split("/")
    if len(parts) != 3:
        raise UnknownMessage
    return parts[0], parts[1], parts[2]


def new_challenge(webhook: Webhook, *, at: datetime) -> Notice:
    """Return a notice that asks the receiver to confirm."""
    token = signing.new_challenge()
    return webhooks.new_notice(webhook, event=CHALLENGE, data={"challenge": token}, at=at, key=token)
