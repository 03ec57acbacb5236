"""Requests on webhooks: ids and bodies to typed values, or all faults together."""

import re

from shared.api import bodies
from shared.api.bodies import Request
from shared.api.parameters import chosen_id
from shared.api.problems import Fault, InvalidRequest
from shared.api.webhooks import models
from shared.api.webhooks.models import WebhookBody
from shared.notices import addresses
from shared.notices.addresses import NotCallable
from shared.notices.webhooks import NoSuchNotice

_NOTICE_ID = re.compile(r"[a-z]{2}_[0-9a-f]{32}")


def webhook_id(text: str) -> str:
    """Return the id of a webhook in a path.

    Raises:
        InvalidRequest: no webhook can have such an id.
    """
    return chosen_id("webhookId", text)


def notice_id(text: str) -> str:
    """Return the id of a notice in a path.

    Raises:
        NoSuchNotice: no notice can have such an id.
    """
    if not _NOTICE_ID.fullmatch(text):
        raise NoSuchNotice
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
