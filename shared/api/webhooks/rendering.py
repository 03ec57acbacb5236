"""Answers on webhooks, written by their models."""

from collections.abc import Iterable
from datetime import datetime

from shared.api.webhooks import models
from shared.notices.schedule import Answer
from shared.notices.webhooks import Notice, Webhook


def one(webhook: Webhook, *, now: datetime, secret: str | None = None) -> bytes:
    """Write a webhook, with its secret if that is new."""
    shown = _webhook(webhook, now=now)
    if secret is not None:
        shown = shown.model_copy(update={"secret": secret})
    return shown.model_dump_json(by_alias=True, exclude=None if secret else {"secret"}).encode()


def many(webhooks: Iterable[Webhook], *, now: datetime) -> bytes:
    """Write webhooks."""
    shown = models.WebhookList(webhooks=[_webhook(each, now=now) for each in webhooks])
    return shown.model_dump_json(by_alias=True, exclude={"webhooks": {"__all__": {"secret"}}}).encode()


def test(webhook: Webhook, *, event: str, answer: Answer) -> bytes:
    """Write the receiver's answer to a test."""
    shown = models.WebhookTest(
        event=event,
        answer_status=answer.status,
        fault=answer.fault,
        milliseconds=answer.milliseconds,
        status=webhook.state,
    )
    return shown.model_dump_json(by_alias=True).encode()


def notices(listed: Iterable[Notice]) -> bytes:
    """Write notices."""
    shown = models.NoticeList(notices=[_notice(each) for each in listed])
    return shown.model_dump_json(by_alias=True).encode()


def notice(sent: Notice) -> bytes:
    """Write one notice."""
    return _notice(sent).model_dump_json(by_alias=True).encode()


def _webhook(webhook: Webhook, *, now: datetime) -> models.Webhook:
    return models.Webhook(
        webhook_id=webhook.webhook_id,
        url=webhook.url,
        events=list(webhook.events),
        status=webhook.state,
        created_at=webhook.created_at,
        confirmed_at=webhook.confirmed_at,
        failing_since=webhook.failing_since,
        disabled_at=webhook.disabled_at,
        disabled_reason=webhook.disabled_reason,
        both_secrets_until=webhook.both_sign_until(now),
    )


def _notice(notice: Notice) -> models.Notice:
    return models.Notice(
        notice_id=notice.notice_id,
        event=notice.event,
        status=notice.status,
        created_at=notice.created_at,
        attempts=notice.attempts,
        last_attempt_at=notice.last_attempt_at,
        last_status=notice.last_status,
        last_fault=notice.last_fault,
        next_attempt_at=notice.next_attempt_at,
    )
