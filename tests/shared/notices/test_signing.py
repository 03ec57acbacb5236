"""Signatures that the library of receivers verifies, and secrets as they are stored."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.notices import signing
from shared.notices.sealed_secrets import SealedByAnotherKey, SecretBox

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # Of the check value.
ID = "msg_01J0EXAMPLE"
AT = datetime(2026, 10, 26, 5, 12, 5, tzinfo=UTC)
BODY = (
    b'{"type":"metering.published","timestamp":"2026-10-26T05:12:04Z",'
    b'"data":{"cursor":"c-18231","days":3120,"from":"2026-10-25","to":"2026-10-26"}}'
)
OF = ("app:5a5e0000-0000-4000-8000-000000000001", "main")


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_the_signature_is_the_check_value_in_every_zone(zone: timezone) -> None:
    headers = signing.headers(notice_id=ID, at=AT.astimezone(zone), body=BODY, keys=[SECRET])

    assert headers == {
        "webhook-id": ID,
        "webhook-timestamp": "1792991525",
        "webhook-signature": "v1,4DCTGP2t7krTryT7HO4zq7zVkdab2GRr13R7JjOyr2M=",
    }


def test_two_secrets_give_two_signatures_and_either_verifies() -> None:
    old, new, other = signing.new_secret(), signing.new_secret(), signing.new_secret()
    headers = signing.headers(notice_id=ID, at=datetime.now(UTC), body=BODY, keys=[new, old])

    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, headers)


def test_a_secret_is_32_random_bytes() -> None:
    assert len({signing.new_secret() for _ in range(100)}) == 100
    assert len(signing.new_secret()) == len(SECRET) == 50
    assert len(base64.b64decode(signing.new_secret().removeprefix("whsec_"), validate=True)) == 32


def test_a_challenge_is_24_random_bytes() -> None:
    assert len({signing.new_challenge() for _ in range(100)}) == 100
    assert len(signing.new_challenge()) == 32


def test_a_stored_secret_is_opened_for_its_webhook_alone() -> None:
    box = SecretBox([b"1" * 32])
    stored = box.seal(SECRET, of=OF)

    assert box.open(stored, of=OF) == SECRET
    assert "whsec" not in stored
    for other in ((OF[0], "other"), ("app:x", OF[1]), ("", "")):
        with pytest.raises(SealedByAnotherKey):
            box.open(stored, of=other)


@pytest.mark.parametrize("stored", ["", "no base64!", "AAAA", "A" * 200])
def test_what_was_not_sealed_is_not_opened(stored: str) -> None:
    with pytest.raises(SealedByAnotherKey):
        SecretBox([b"1" * 32]).open(stored, of=OF)


def test_the_key_before_still_opens_what_it_sealed() -> None:
    old, new = SecretBox([b"1" * 32]), SecretBox([b"2" * 32, b"1" * 32])
    stored = old.seal(SECRET, of=OF)

    assert new.open(stored, of=OF) == SECRET
    assert not new.is_sealed_with_first_key(stored, of=OF)
    assert new.is_sealed_with_first_key(new.seal(SECRET, of=OF), of=OF)
    with pytest.raises(SealedByAnotherKey):
        SecretBox([b"2" * 32]).open(stored, of=OF)
