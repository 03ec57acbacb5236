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
        # A setting decides whether this machine itself may be called, when the request is read.
        addresses.parse(url, allow_loopback=True)
    except NotCallable as error:
        raise bodies.fault(*not_callable(error)) from None
    return url


def _without_repeats(events: list[Event]) -> list[Event]:
    return list(dict.fromkeys(events))


class WebhookBody(Body):
    """Where notices are sent, and about which events."""

    url: Annotated[str, AfterValidator(_callable)] = Field(
        description="An https address with a public name, on port 443.",
        examples=["https://hooks.example.com/metering"],
    )
    events: Annotated[list[Event], AfterValidator(_without_repeats)] = Field(
        min_length=1, max_length=20, description="The events to be notified of."
    )


class Webhook(Answer):
    """An address to which notices are sent."""

    webhook_id: str = Field(description="The id, as you chose it.", examples=["main"])
    url: str = Field(description="Where notices are sent.")
    events: list[str] = Field(description="The events that notices are sent for.")
    status: Annotated[
        State,
        open_words(
            State,
            "`unconfirmed` until the receiver has repeated a `webhook.challenge`. Only `active` webhooks get "
            "notices. If it is `disabled`, `disabledReason` says why.",
        ),
    ]
    created_at: datetime = Field(description="When the webhook was created.")
    confirmed_at: datetime | None = Field(description="When the receiver confirmed; null before that.")
    failing_since: datetime | None = Field(
        description="Time of the first failure after the last success; null if there is none."
    )
    disabled_at: datetime | None = Field(description="When the webhook was disabled; null if it is not.")
    disabled_reason: str | None = Field(description="Why the webhook was disabled; null if it is not.")
    both_secrets_until: datetime | None = Field(
        description="Until when the previous secret signs as well; null if only one secret signs."
    )
    secret: str | Absent = Field(
        default=None,
        description=(
            "The secret that signs notices, in the format of Standard Webhooks. Shown only once: with the "
            "201 of a new webhook, and in the answer to `POST …/secret`."
        ),
    )


class WebhookList(Answer):
    """All your webhooks."""

    webhooks: list[Webhook] = Field(description="In the order of their ids.")


class WebhookTest(Answer):
    """How the receiver answered a test."""

    event: str = Field(
        description="`webhook.test`, or `webhook.challenge` if the receiver had not confirmed."
    )
    answer_status: Number | None = Field(
        description="The HTTP status of the receiver's answer; null if there was none."
    )
    fault: str | None = Field(
        description="Why there was no answer, or why the answer is not accepted; null otherwise.",
        examples=["timeout"],
    )
    milliseconds: Number = Field(description="Time until the answer or the failure, in milliseconds.")
    status: Annotated[State, open_words(State, "The webhook's status after the test.")]


class Notice(Answer):
    """The notice of an event, and its status."""

    notice_id: str = Field(description="The `webhook-id` of every attempt.")
    event: str = Field(description="The type of the event.", examples=["metering.published"])
    status: Annotated[
        NoticeStatus,
        open_words(NoticeStatus, "`waiting` while another attempt follows, then `delivered` or `failed`."),
    ]
    created_at: datetime = Field(description="When the notice was created.")
    attempts: Number = Field(description="Number of attempts so far.")
    last_attempt_at: datetime | None = Field(
        description="When the last attempt was made; null before the first."
    )
    last_status: Number | None = Field(
        description="The HTTP status of the receiver's answer; null if there was none."
    )
    last_fault: str | None = Field(
        description="Why there was no answer, or no attempt; null otherwise.", examples=["timeout"]
    )
    next_attempt_at: datetime | None = Field(
        description="When the next attempt is made; null if there is none."
    )


class NoticeList(Answer):
    """The notices of a webhook."""

    notices: list[Notice] = Field(description="Notices of the last 30 days, the newest first, at most 1 000.")
