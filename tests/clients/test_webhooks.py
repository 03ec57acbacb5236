"""Webhooks are believed when they are signed as Standard Webhooks says, and else refused."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from metering_api import errors, verify_webhook

# The example of the specification: https://github.com/standard-webhooks/standard-webhooks
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SENT = datetime.fromtimestamp(1614265330, UTC)
SPECIFIED = b'{"test": 2432232314}'


def headers(**changed: str) -> dict[str, str]:
    given = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": str(int(SENT.timestamp())),
        "webhook-signature": SIGNATURE,
    }
    return given | {name.replace("_", "-"): value for name, value in changed.items()}


def test_the_example_of_the_specification_is_signed_right_but_is_no_notice() -> None:
    with pytest.raises(errors.NotFromTheApi, match="not a notice"):
        verify_webhook(SPECIFIED, headers(), SECRET, now=SENT)


def signed(body: bytes, *, secret: str = SECRET) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers()['webhook-id']}.{headers()['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def test_a_signed_notice_is_returned() -> None:
    body = b'{"type": "metering.published", "data": {"sequence": 7}}'

    notice = verify_webhook(body, headers(webhook_signature=signed(body)), SECRET, now=SENT)

    assert (notice.id, notice.type, notice.data) == (
        "msg_p5jXN8AQM9LWM0D4loKWxJek", "metering.published", {"sequence": 7}
    )  # fmt: skip


def test_while_a_secret_is_replaced_either_signature_and_either_secret_is_good() -> None:
    body, other = b'{"type": "webhook.test"}', "whsec_" + "QUJD" * 8
    both = f"{signed(body)} {signed(body, secret=other)}"

    for secret in (SECRET, other, [other, SECRET]):
        notice = verify_webhook(body, headers(webhook_signature=both), secret, now=SENT)
        assert notice.type == "webhook.test"


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({"webhook_signature": ""}, 0),
        ({"webhook_signature": SIGNATURE.replace("g0", "g1")}, 0),
        ({"webhook_signature": SIGNATURE.replace("v1,", "v1a,")}, 0),
        ({"webhook_signature": "v1,not base64"}, 0),
        ({"webhook_signature": "v1,æøå"}, 0),
        ({"webhook_id": "another"}, 0),
        ({"webhook_id": ""}, 0),
        ({"webhook_id": "\udce6"}, 0),
        ({"webhook_timestamp": "soon"}, 0),
        ({"webhook_timestamp": "9" * 12}, 0),
        ({"webhook_timestamp": "9" * 400}, 0),
        ({"webhook_timestamp": "9" * 5000}, 0),
        ({}, 301),
        ({}, -301),
    ],
)
def test_anything_else_is_refused(changed: dict[str, str], seconds: int) -> None:
    with pytest.raises(errors.NotFromTheApi, match="webhook-"):
        verify_webhook(SPECIFIED, headers(**changed), SECRET, now=SENT + timedelta(seconds=seconds))


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(errors.NotFromTheApi, match="signature"):
        verify_webhook(SPECIFIED + b" ", headers(), SECRET, now=SENT)
