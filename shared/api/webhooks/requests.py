"""Requests on webhooks: ids and bodies to typed values, or every fault at once."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from shared.api import bodies
from shared.api.bodies import Request
from shared.api.problems import Fault, InvalidRequest, Refused
from shared.api.webhooks import models
from shared.api.webhooks.models import WebhookBody
from shared.notices import addresses
from shared.notices.addresses import NotCallable
from shared.notices.webhooks import MOST_WEBHOOKS, NoSuchNotice, NoSuchWebhook, NotActive, TooManyWebhooks

_WEBHOOK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NOTICE_ID = re.compile(r"[a-z]{2}_[0-9a-f]{32}")


def webhook_id(text: str) -> str:
    """Return the id of a webhook in a path: letters in lower case, digits and hyphens.

    Raises:
        Refused: 404, no webhook can have such an id.
    """
    if not _WEBHOOK_ID.fullmatch(text.lower()):
        raise _not_found()
    return text.lower()


def notice_id(text: str) -> str:
    """Return the id of a notice in a path.

    Raises:
        Refused: 404, no notice can have such an id.
    """
    if not _NOTICE_ID.fullmatch(text):
        raise _no_notice()
    return text


def put(req: Request, *, allow_loopback: bool) -> WebhookBody:
    """Return the address and the events of a webhook.

    Raises:
        InvalidRequest: the body has faults; all are named.
        Refused: as `bodies.read`.
    """
    body = bodies.read(req, WebhookBody)
    try:
        addresses.parse(body.url, allow_loopback=allow_loopback)
    except NotCallable as error:
        raise InvalidRequest([Fault("url", *models.not_callable(error))]) from None
    return body


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what the registry raises into refusals."""
    try:
        yield
    except NoSuchWebhook:
        raise _not_found() from None
    except NoSuchNotice:
        raise _no_notice() from None
    except TooManyWebhooks:
        detail = f"You have {MOST_WEBHOOKS} webhooks. Delete one, or change one of them."
        raise Refused("too-many-webhooks", detail) from None
    except NotActive:
        detail = "POST …/test asks the receiver to confirm; then send the notice again."
        raise Refused("webhook-not-active", detail) from None


def _not_found() -> Refused:
    return Refused("not-found", "GET /webhooks lists your webhooks.")


def _no_notice() -> Refused:
    return Refused("not-found", "GET /webhooks/{webhookId}/notices lists the notices of the last 30 days.")
