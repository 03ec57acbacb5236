"""Verification of webhooks, as Standard Webhooks signs them (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from metering_api import errors

TOLERANCE = timedelta(minutes=5)
_LONGEST_TIME = 12
"""Digits of a time in seconds: enough for 30 000 years, and never too many for a float."""


@dataclass(frozen=True)
class Notice:
    """A notice that the API has sent.

    Attributes:
        id: the same on every retry: you may ignore a notice that you have already handled.
        type: such as `metering.published`; ignore one that you do not know, and answer 200.
        data: depends on the type.
    """

    id: str
    type: str
    data: Mapping[str, Any]


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    now: datetime | None = None,
    tolerance: timedelta = TOLERANCE,
) -> Notice:
    """Verify the signature of a request, and return its notice.

    Args:
        body: exactly as it arrived, before any parser.
        headers: of the request, in any case.
        secret: `whsec_…`; several while an old one is being replaced.
        tolerance: how far `webhook-timestamp` may be from now, so that nobody can replay an old request.

    Raises:
        NotFromTheApi: it is not signed with the secret, too old, or not a notice. Answer 400.
    """
    given = {name.lower(): value for name, value in headers.items()}
    name, sent_at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not (name and sent_at.isdecimal() and len(sent_at) <= _LONGEST_TIME):
        raise errors.NotFromTheApi("webhook-id or webhook-timestamp is missing or not valid.")
    age = (now or datetime.now(UTC)).timestamp() - int(sent_at)
    if abs(age) > tolerance.total_seconds():
        raise errors.NotFromTheApi("webhook-timestamp is too far from now.")
    # Some servers decode bytes of a header that are not UTF-8 as surrogates, which encode() refuses.
    signed = f"{name}.{sent_at}.".encode(errors="surrogatepass") + body
    secrets = [secret] if isinstance(secret, str) else secret
    wanted = [hmac.new(_key(each), signed, hashlib.sha256).digest() for each in secrets]
    found = [_signature(each) for each in given.get("webhook-signature", "").split()]
    # Every pair is compared, each in constant time.
    if not any([hmac.compare_digest(one, other) for one in wanted for other in found]):  # noqa: C419
        raise errors.NotFromTheApi("webhook-signature is not of this secret.")
    return _notice(name, body)


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise errors.NotConfigured("The webhook's secret is not whsec_ and base64.") from error


def _signature(text: str) -> bytes:
    version, _, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""


def _notice(name: str, body: bytes) -> Notice:
    try:
        content = json.loads(body)
        return Notice(name, str(content["type"]), dict(content.get("data") or {}))
    except (KeyError, TypeError, ValueError) as error:
        raise errors.NotFromTheApi("The body is not a notice.") from error
