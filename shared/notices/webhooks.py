"""Webhooks and notices: the values, and their rows in Table Storage. Pure.

`Webhooks` has a partition for each principal, `Notices` one for each webhook.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from shared import tables
from shared.tables import Entity

MOST_WEBHOOKS = 10
"""Webhooks of one caller."""

KEPT = timedelta(days=30)
"""How long notices are kept and listed."""

BOTH_SIGN = timedelta(hours=24)
"""How long the old secret still signs together with the new one."""


REPEATED = timedelta(minutes=5)
"""If a secret is rotated again within this time, the first answer is assumed lost."""


class NoSuchWebhook(Exception):
    """The caller has no webhook of this id."""


class NoSuchNotice(Exception):
    """The webhook has no notice of this id."""


class TooManyWebhooks(Exception):
    """The caller has as many webhooks as it may have."""


class NotActive(Exception):
    """A notice cannot be sent again: its webhook is not confirmed, or is disabled."""


class Event(StrEnum):
    """What a webhook may subscribe to."""

    PUBLISHED = "metering.published"
    ACCESS_CHANGED = "access.changed"
    EXPORT_FINISHED = "export.finished"
    FILE_READY = "feed.file-ready"


TEST = "webhook.test"
CHALLENGE = "webhook.challenge"


class State(StrEnum):
    """Whether a webhook gets notices."""

    UNCONFIRMED = "unconfirmed"
    ACTIVE = "active"
    DISABLED = "disabled"


class NoticeStatus(StrEnum):
    """The status of a notice."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Where a caller wants to be notified of some events.

    Attributes:
        principal: the owner, `app:<application id>` or `user:<object id>`.
        webhook_id: as the caller chose it.
        secret: sealed; signs every notice.
        previous_secret: sealed; signs as well until `previous_until`.
        failing_since: the first failure after the last success.
        disabled_reason: for the owner.
        access_version: the version of the grants that the owner was last notified of; None for no grants.
        etag: the stored version; empty before it is stored.
    """

    principal: str
    webhook_id: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    state: State
    secret: str = field(repr=False)
    created_at: datetime
    previous_secret: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    confirmed_at: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    access_version: str | None = None
    etag: str = field(default="", compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """Principal and id."""
        return self.principal, self.webhook_id

    def both_sign_until(self, now: datetime) -> datetime | None:
        """Return until when the previous secret signs as well; None if only one secret signs."""
        is_over = self.previous_secret is None or self.previous_until is None or now >= self.previous_until
        return None if is_over else self.previous_until

    def subscribes_to(self, event: str) -> bool:
        """Return whether the webhook is active and gets notices of an event."""
        return self.state is State.ACTIVE and event in self.events


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One event for one webhook, and the status of its delivery.

    Attributes:
        notice_id: the same on every attempt, and the same for the same event.
        attempts: so far, in all.
        tries: so far on the current schedule; a notice that is sent again begins a new schedule.
        next_attempt_at: None when no attempt follows.
        last_fault: why the last attempt got no answer.
    """

    principal: str
    webhook_id: str
    notice_id: str
    event: str
    data: Mapping[str, Any] = field(repr=False)
    created_at: datetime
    status: NoticeStatus = NoticeStatus.WAITING
    attempts: int = 0
    tries: int = 0
    next_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_status: int | None = None
    last_fault: str | None = None
    etag: str = field(default="", compare=False)

    @property
    def message(self) -> str:
        """The text of its queue message: an id and no more."""
        return message_of(partition_of_notices(self.principal, self.webhook_id), self.notice_id)

    @property
    def due_at(self) -> datetime:
        """When its next attempt is due."""
        return self.next_attempt_at or self.created_at

    @property
    def body(self) -> bytes:
        """What is sent: the same bytes on every attempt."""
        return orjson.dumps(
            {
                "type": self.event,
                "timestamp": self.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "data": self.data,
            }
        )


def new_notice(
    webhook: Webhook,
    *,
    event: str,
    data: Mapping[str, Any],
    at: datetime,
    key: str,
    after: timedelta = timedelta(0),
) -> Notice:
    """Return a notice of an event.

    Args:
        key: identifies the event, so that a repeated event has the same id.
        after: how long after `at` it is sent.
    """
    identity = repr((*webhook.key, event, key)).encode()
    return Notice(
        principal=webhook.principal,
        webhook_id=webhook.webhook_id,
        notice_id=f"ms_{hashlib.sha256(identity).hexdigest()[:32]}",
        event=event,
        data=data,
        created_at=at,
        next_attempt_at=at + after,
    )


def partition_of_notices(principal: str, webhook_id: str) -> str:
    """Return the partition of a webhook's notices."""
    return f"{principal}!{webhook_id}"


def message_of(partition: str, notice_id: str) -> str:
    """Return the text of the queue message of a stored notice."""
    return f"{partition.replace('!', '/')}/{notice_id}"


def webhook_entity(webhook: Webhook) -> Entity:
    """Return the row of a webhook."""
    return _without_none(
        {
            "PartitionKey": webhook.principal,
            "RowKey": webhook.webhook_id,
            "url": webhook.url,
            "events": ",".join(webhook.events),
            "state": webhook.state.value,
            "secret": webhook.secret,
            "previousSecret": webhook.previous_secret,
            "accessVersion": webhook.access_version,
            "disabledReason": webhook.disabled_reason,
            "createdAt": _text(webhook.created_at),
            "previousUntil": _text(webhook.previous_until),
            "confirmedAt": _text(webhook.confirmed_at),
            "failingSince": _text(webhook.failing_since),
            "disabledAt": _text(webhook.disabled_at),
        }
    )


@tables.as_written("webhook")
def webhook_of(entity: Entity) -> Webhook:
    """Return the webhook of a row.

    Raises:
        UnreadableValue: the row is not as the app writes it.
    """
    return Webhook(
        principal=entity["PartitionKey"],
        webhook_id=entity["RowKey"],
        url=tables.stored_text(entity, "url"),
        events=tuple(tables.stored_text(entity, "events").split(",")),
        state=State(tables.stored_text(entity, "state")),
        secret=tables.stored_text(entity, "secret"),
        created_at=tables.stored_moment(entity, "createdAt"),
        previous_secret=entity.get("previousSecret"),
        previous_until=_moment(entity, "previousUntil"),
        confirmed_at=_moment(entity, "confirmedAt"),
        failing_since=_moment(entity, "failingSince"),
        disabled_at=_moment(entity, "disabledAt"),
        disabled_reason=entity.get("disabledReason"),
        access_version=entity.get("accessVersion"),
        etag=entity.get("etag", ""),
    )


def notice_entity(notice: Notice) -> Entity:
    """Return the row of a notice."""
    return _without_none(
        {
            "PartitionKey": partition_of_notices(notice.principal, notice.webhook_id),
            "RowKey": notice.notice_id,
            "event": notice.event,
            "data": orjson.dumps(notice.data).decode(),
            "status": notice.status.value,
            "attempts": notice.attempts,
            "tries": notice.tries,
            "lastStatus": notice.last_status,
            "lastFault": notice.last_fault,
            "createdAt": _text(notice.created_at),
            "nextAttemptAt": _text(notice.next_attempt_at),
            "lastAttemptAt": _text(notice.last_attempt_at),
        }
    )


@tables.as_written("notice")
def notice_of(entity: Entity) -> Notice:
    """Return the notice of a row.

    Raises:
        UnreadableValue: the row is not as the app writes it.
    """
    principal, _, webhook_id = entity["PartitionKey"].partition("!")
    return Notice(
        principal=principal,
        webhook_id=webhook_id,
        notice_id=entity["RowKey"],
        event=tables.stored_text(entity, "event"),
        data=tables.stored_object(entity, "data"),
        created_at=tables.stored_moment(entity, "createdAt"),
        status=NoticeStatus(tables.stored_text(entity, "status")),
        attempts=tables.stored_number(entity, "attempts"),
        tries=tables.stored_number(entity, "tries"),
        next_attempt_at=_moment(entity, "nextAttemptAt"),
        last_attempt_at=_moment(entity, "lastAttemptAt"),
        last_status=entity.get("lastStatus"),
        last_fault=entity.get("lastFault"),
        etag=entity.get("etag", ""),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(entity: Entity, name: str) -> datetime | None:
    return tables.stored_moment(entity, name) if name in entity else None


def _without_none(entity: Mapping[str, Any]) -> Entity:
    return {name: value for name, value in entity.items() if value is not None}
