"""Webhooks and their notices as models."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.api import bodies
from shared.api.bodies import Body
from shared.api.models import Absent, Answer, Number, open_words
from shared.notices import addresses
from shared.notices.addresses import NotCallable
from shared.notices.webhooks import Event, NoticeStatus, State


def not_callable(error: NotCallable) -> tuple[str, str, str]:
    """Return code, message and hint of the fault for an address that gets no notices."""
    return (
        "not-a-public-address",
        f"Notices are not sent to this address: {error}.",
        "Give an https address with a public name, on port 443.",
    )


def _callable(url: str) -> str:
    try:
        # Whether this machine itself may be called is decided by a setting, when the request is read.
        addresses.parse(url, allow_loopback=True)
    except NotCallable as error:
        raise bodies.fault(*not_callable(error)) from None
    return url


def _without_repeats(events: list[Event]) -> list[Event]:
    return list(dict.fromkeys(events))


class WebhookBody(Body):
    """Where notices are sent, and of what."""

    url: Annotated[str, AfterValidator(_callable)] = Field(
        description="An https address with a public name, on port 443.",
        examples=["https://hooks.example.com/metering"],
    )
    events: Annotated[list[Event], AfterValidator(_without_repeats)] = Field(
        min_length=1, max_length=20, description="What to be notified of."
    )


class Webhook(Answer):
    """An address that is notified."""

    webhook_id: str = Field(description="As you chose it.", examples=["main"])
    url: str = Field(description="Where notices are sent.")
    events: list[str] = Field(description="What it is notified of.")
    status: Annotated[
        State,
        open_words(
            State,
            "`unconfirmed` until the receiver has repeated a `webhook.challenge`; only `active` webhooks get "
            "notices; `disabledReason` says why one is `disabled`.",
        ),
    ]
    created_at: datetime = Field(description="When it was created.")
    confirmed_at: datetime | None = Field(description="When the receiver confirmed; null before.")
    failing_since: datetime | None = Field(
        description="The first failure after the last success; null without one."
    )
    disabled_at: datetime | None = Field(description="When it was disabled; null while it is not.")
    disabled_reason: str | None = Field(description="Why it was disabled; null while it is not.")
    both_secrets_until: datetime | None = Field(
        description="Until when the secret before signs as well; null when one secret signs."
    )
    secret: str | Absent = Field(
        default=None,
        description=(
            "The secret that signs, as Standard Webhooks has it. Shown once: with the 201 of a new webhook, "
            "and in the answer to `POST …/secret`."
        ),
    )


class WebhookList(Answer):
    """All your webhooks."""

    webhooks: list[Webhook] = Field(description="In the order of their ids.")


class WebhookTest(Answer):
    """What the receiver said to a test."""

    event: str = Field(
        description="`webhook.test`, or `webhook.challenge` where the receiver had not confirmed."
    )
    answer_status: Number | None = Field(description="The HTTP status of its answer; null without one.")
    fault: str | None = Field(
        description="Why there was no answer, or why it does not count; null otherwise.",
        examples=["timeout"],
    )
    milliseconds: Number = Field(description="Until the answer or the failure.")
    status: Annotated[State, open_words(State, "The webhook's status after the test.")]


class Notice(Answer):
    """An event, and what became of its notice."""

    notice_id: str = Field(description="The `webhook-id` of every attempt.")
    event: str = Field(description="The type of the event.", examples=["metering.published"])
    status: Annotated[
        NoticeStatus,
        open_words(NoticeStatus, "`waiting` while an attempt follows, then `delivered` or `failed`."),
    ]
    created_at: datetime = Field(description="When it was made.")
    attempts: Number = Field(description="Attempts so far.")
    last_attempt_at: datetime | None = Field(description="When the last was made; null before the first.")
    last_status: Number | None = Field(description="The HTTP status of its answer; null without one.")
    last_fault: str | None = Field(
        description="Why there was no answer, or no attempt; null otherwise.", examples=["timeout"]
    )
    next_attempt_at: datetime | None = Field(description="When the next is made; null when none follows.")


class NoticeList(Answer):
    """The notices of a webhook."""

    notices: list[Notice] = Field(description="Of the last 30 days, the newest first, at most 1 000.")
