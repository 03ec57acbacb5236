"""Signatures of notices by Standard Webhooks 1.0.0: the only importer of `standardwebhooks`."""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

_SECRET_BYTES = 32
_PREFIX = "whsec_"


def new_secret() -> str:
    """Return a new secret for signatures: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def new_challenge() -> str:
    """Return a random text that a receiver has to repeat."""
    return secrets.token_urlsafe(24)


def headers(*, notice_id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers that identify and sign one attempt.

    Args:
        notice_id: the same on every attempt.
        at: when the attempt is made, with an offset.
        body: exactly as it is sent.
        keys: the secrets that sign; two while the receiver changes from one to the other.
    """
    # The library replaces the zone of a time by UTC instead of converting it, and refuses one without a zone.
    moment = at.astimezone(UTC)
    signatures = (Webhook(key).sign(notice_id, moment, body.decode()) for key in keys)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
