"""What owners do with their webhooks: register, rotate the secret, test, send again."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from shared import tables
from shared.notices import attempts, signing, webhooks
from shared.notices.attempts import Attempts
from shared.notices.schedule import Answer
from shared.notices.sealed_secrets import SecretBox
from shared.notices.store import Store
from shared.notices.webhooks import (
    BOTH_SIGN,
    KEPT,
    REPEATED,
    TEST,
    NoSuchNotice,
    NoSuchWebhook,
    NotActive,
    Notice,
    State,
    Webhook,
)

UNDER_WAY = "test-under-way"
"""The fault of a test that was not sent."""


class Registered(NamedTuple):
    """A webhook, and its secret if it is a new one."""

    webhook: Webhook
    secret: str | None


class Tested(NamedTuple):
    """A webhook after a test, the event that was sent, and the receiver's answer."""

    webhook: Webhook
    event: str
    answer: Answer


class Registry:
    """The webhooks of all callers, as their owners see them. Safe to use from several threads.

    Any method may raise TablesUnavailable.

    Args:
        version: returns the version of a principal's grants.
        clock: the time now.
    """

    def __init__(
        self,
        *,
        store: Store,
        sending: Attempts,
        box: SecretBox,
        version: Callable[[str], str | None],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sending = sending
        self._box = box
        self._version = version
        self._clock = clock
        self._lock = threading.Lock()
        self._testing: set[str] = set()

    def put(self, principal: str, webhook_id: str, *, url: str, events: Sequence[str]) -> Registered:
        """Create a webhook, or change its address and events; ask the receiver to confirm a new address.

        Raises:
            TooManyWebhooks: the caller has as many as it may.
        """
        known = self._store.webhook(principal, webhook_id)
        if known is None:
            return self._create(principal, webhook_id, url=url, events=events)
        changed = self._store.change_webhook(
            principal, webhook_id, lambda stored: self._with(stored, url=url, events=events)
        )
        if changed is None:
            return self._create(principal, webhook_id, url=url, events=events)
        if changed.state is State.UNCONFIRMED and changed != known:
            self._ask_to_confirm(changed)
        return Registered(changed, None)

    def one(self, principal: str, webhook_id: str) -> Webhook:
        """Return a webhook.

        Raises:
            NoSuchWebhook: there is none.
        """
        return _existing(self._store.webhook(principal, webhook_id))

    def all_of(self, principal: str) -> list[Webhook]:
        """Return the webhooks of a caller, by id."""
        return self._store.webhooks_of(principal)

    def delete(self, principal: str, webhook_id: str) -> None:
        """Delete a webhook and its notices.

        Raises:
            NoSuchWebhook: there is none.
        """
        self.one(principal, webhook_id)
        self._store.delete_webhook(principal, webhook_id)

    def rotate(self, principal: str, webhook_id: str) -> Registered:
        """Give a webhook a new secret; the old one still signs for 24 hours.

        If this is repeated within a few minutes, the first answer is assumed lost: the old secret still
        signs, and the one in between does not.

        Raises:
            NoSuchWebhook: there is none.
        """
        secret = signing.new_secret()
        sealed = self._box.seal(secret, of=(principal, webhook_id))
        until = self._clock() + BOTH_SIGN

        def change(stored: Webhook) -> Webhook:
            previous = stored.secret
            if stored.previous_until is not None and until - stored.previous_until < REPEATED:
                previous = stored.previous_secret or previous
            return replace(stored, secret=sealed, previous_secret=previous, previous_until=until)

        return Registered(_existing(self._store.change_webhook(principal, webhook_id, change)), secret)

    def test(self, principal: str, webhook_id: str) -> Tested:
        """Send a test now or, if the webhook is not confirmed, ask again to confirm.

        A request waits for the receiver, so while an owner's test is under way, no other one is sent: tests
        of receivers that stall could otherwise take the place of all other requests.

        Raises:
            NoSuchWebhook: there is none.
        """
        webhook = self.one(principal, webhook_id)
        now = self._clock()
        if webhook.state is State.DISABLED:
            enabled = self._store.change_webhook(principal, webhook_id, _enabled)
            webhook = _existing(enabled)
        if webhook.state is State.UNCONFIRMED:
            notice = attempts.new_challenge(webhook, at=now)
        else:
            key = signing.new_challenge()
            notice = webhooks.new_notice(webhook, event=TEST, data={}, at=now, key=key)
        with self._lock_tests(principal) as is_free:
            if not is_free:
                return Tested(webhook, notice.event, Answer(None, UNDER_WAY, 0))
            answer = self._sending.ask_now(webhook, notice)
        return Tested(self.one(principal, webhook_id), notice.event, answer)

    @contextmanager
    def _lock_tests(self, owner: str) -> Iterator[bool]:
        """Yield whether no other test of an owner is under way in this process."""
        with self._lock:
            is_free = owner not in self._testing
            self._testing.add(owner)
        try:
            yield is_free
        finally:
            if is_free:
                self._testing.discard(owner)

    def notices(self, principal: str, webhook_id: str) -> list[Notice]:
        """Return the notices of the last 30 days, the newest first.

        Raises:
            NoSuchWebhook: there is no such webhook.
        """
        webhook = self.one(principal, webhook_id)
        return self._store.notices_of(webhook, since=self._clock() - KEPT)

    def resend(self, principal: str, webhook_id: str, notice_id: str) -> Notice:
        """Send a notice again, under the same id; one that waits is sent now. See `Attempts.resend`.

        Raises:
            NoSuchWebhook: there is no such webhook.
            NoSuchNotice: it has no such notice.
            NotActive: the webhook gets no notices now.
        """
        webhook = self.one(principal, webhook_id)
        notice = self._store.notice(principal, webhook_id, notice_id)
        if notice is None:
            raise NoSuchNotice
        if webhook.state is not State.ACTIVE:
            raise NotActive
        with suppress(tables.ChangedMeanwhile):  # Another attempt has just ended.
            return self._sending.resend(notice)
        return self._store.notice(principal, webhook_id, notice_id) or notice

    def _create(self, principal: str, webhook_id: str, *, url: str, events: Sequence[str]) -> Registered:
        secret = signing.new_secret()
        webhook = Webhook(
            principal=principal,
            webhook_id=webhook_id,
            url=url,
            events=tuple(events),
            state=State.UNCONFIRMED,
            secret=self._box.seal(secret, of=(principal, webhook_id)),
            created_at=self._clock(),
            access_version=self._version(principal),
        )
        try:
            self._store.add_webhook(webhook)
        except tables.AlreadyExists:
            # Another request of the caller created it first, and its answer has the secret.
            return self.put(principal, webhook_id, url=url, events=events)
        self._ask_to_confirm(webhook)
        return Registered(webhook, secret)

    def _with(self, stored: Webhook, *, url: str, events: Sequence[str]) -> Webhook:
        """Return a webhook with these values; unconfirmed if the address is new or it was disabled."""
        changed = replace(stored, url=url, events=tuple(events))
        if url != stored.url or stored.state is State.DISABLED:
            changed = replace(_enabled(changed), confirmed_at=None)
        if webhooks.Event.ACCESS_CHANGED in events and webhooks.Event.ACCESS_CHANGED not in stored.events:
            changed = replace(changed, access_version=self._version(stored.principal))
        return changed

    def _ask_to_confirm(self, webhook: Webhook) -> None:
        self._sending.begin(attempts.new_challenge(webhook, at=self._clock()))


def _enabled(webhook: Webhook) -> Webhook:
    return replace(
        webhook, state=State.UNCONFIRMED, disabled_at=None, disabled_reason=None, failing_since=None
    )


def _existing(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NoSuchWebhook
    return webhook
