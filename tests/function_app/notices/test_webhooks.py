"""Webhooks through the routes: secrets shown once, addresses refused, and what owners see."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from contract import world
from shared.access.grant import Grant, Span
from shared.api.webhooks.models import NoticeList, Webhook, WebhookList, WebhookTest
from shared.metering import MeteringPointId
from shared.settings import InvalidSettings, from_environment
from tests.builders.api import Answer, Api
from tests.builders.warehouse import HOUSE, Clock
from tests.docs.test_settings import NEEDED
from tests.doubles import webhook
from tests.doubles.webhook import Receiver

OWNER = "app:5a5e0000-0000-4000-8000-0000000000e1"
STRANGER = "app:5a5e0000-0000-4000-8000-0000000000e2"
EVENTS = ["metering.published"]


@pytest.fixture
def owner(api: Api) -> Iterator[Api]:
    """The routes of an app that may call this machine, and a caller with access and without webhooks."""
    settings = replace(api.services.settings, webhook_allow_loopback=True)
    resolve = world.resolve_only_this_machine
    with api.using(replace(api.services, settings=settings, resolve=resolve)):
        for principal in (OWNER, STRANGER):
            api.grant(Grant(principal, MeteringPointId(HOUSE), 7, "Customer 7", (Span(None, None),), "test"))
        yield api
        for each in api.services.notices.registry.all_of(OWNER):
            api.services.notices.registry.delete(*each.key)


def put(api: Api, url: str, *, webhook_id: str = "main", events: object = None) -> Answer:
    body = {"url": url, "events": EVENTS if events is None else events}
    return send_json(api, f"/v1/webhooks/{webhook_id}", body, principal=OWNER)


def send_json(api: Api, url: str, body: object, *, principal: str) -> Answer:
    headers = {"content-type": "application/json"}
    return api.send("PUT", url, principal=principal, headers=headers, body=json.dumps(body).encode())


def test_the_secret_is_shown_once_and_signs(owner: Api) -> None:
    with Receiver() as receiver:
        made = put(owner, receiver.url)
        again = put(owner, receiver.url)
        tested = owner.send("POST", "/v1/webhooks/main/test", principal=OWNER)
        listed = owner.get("/v1/webhooks", principal=OWNER)
        one = owner.get("/v1/webhooks/main", principal=OWNER)

    assert (made.status, made.headers["Location"]) == (201, "/metering/v1/webhooks/main")
    assert made.json["status"] == "unconfirmed"
    assert (again.status, "secret" in again.json) == (200, False)
    assert tested.json["event"] == "webhook.challenge"
    assert (tested.json["answerStatus"], tested.json["status"]) == (200, "active")
    assert listed.json == {"webhooks": [one.json]}
    assert one.json["status"] == "active"
    Verifier(made.json["secret"]).verify(receiver.received[-1].body, receiver.received[-1].headers)
    for model, answer in ((Webhook, made), (Webhook, one), (WebhookList, listed), (WebhookTest, tested)):
        model.model_validate_json(answer.body)


def test_both_secrets_sign_after_a_rotation(owner: Api) -> None:
    with Receiver() as receiver:
        old = put(owner, receiver.url).json["secret"]
        rotated = owner.send("POST", "/v1/webhooks/main/secret", principal=OWNER)
        owner.send("POST", "/v1/webhooks/main/test", principal=OWNER)

    assert rotated.status == 200
    assert datetime.fromisoformat(rotated.json["bothSecretsUntil"]) > datetime.now(UTC)
    for secret in (old, rotated.json["secret"]):
        Verifier(secret).verify(receiver.received[-1].body, receiver.received[-1].headers)


def test_a_rotation_that_is_over_is_not_shown(owner: Api) -> None:
    with Receiver() as receiver:
        put(owner, receiver.url)
        owner.send("POST", "/v1/webhooks/main/secret", principal=OWNER)

    with owner.using(replace(owner.services, clock=lambda: datetime.now(UTC) + timedelta(hours=25))):
        one = owner.get("/v1/webhooks/main", principal=OWNER)
        listed = owner.get("/v1/webhooks", principal=OWNER)

    assert one.json["bothSecretsUntil"] is None
    assert listed.json == {"webhooks": [one.json]}


def test_a_rotation_repeated_at_once_keeps_the_secret_that_the_receiver_has(owner: Api) -> None:
    with Receiver() as receiver:
        old = put(owner, receiver.url).json["secret"]
        rotated = [owner.send("POST", "/v1/webhooks/main/secret", principal=OWNER) for _ in range(2)]
        owner.send("POST", "/v1/webhooks/main/test", principal=OWNER)

    lost, new = (each.json["secret"] for each in rotated)
    for secret in (old, new):
        Verifier(secret).verify(receiver.received[-1].body, receiver.received[-1].headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(lost).verify(receiver.received[-1].body, receiver.received[-1].headers)


def test_notices_are_listed_and_sent_again(owner: Api) -> None:
    with Receiver() as receiver:
        put(owner, receiver.url)
        owner.send("POST", "/v1/webhooks/main/test", principal=OWNER)
        listed = owner.get("/v1/webhooks/main/notices", principal=OWNER)
        path = f"/v1/webhooks/main/notices/{listed.json['notices'][0]['noticeId']}/resend"
        at_once = owner.send("POST", path, principal=OWNER)
        with owner.at(Clock(owner.services.clock() + timedelta(minutes=2))):
            again = owner.send("POST", path, principal=OWNER)

    NoticeList.model_validate_json(listed.body)
    assert [each["event"] for each in listed.json["notices"]] == ["webhook.challenge"] * 2
    assert (at_once.status, at_once.json["status"]) == (200, "delivered")
    assert (again.status, again.json["status"]) == (200, "waiting")


def test_a_webhook_that_is_not_active_sends_nothing_again(owner: Api) -> None:
    with Receiver(webhook.status(500)) as receiver:
        put(owner, receiver.url)
        listed = owner.get("/v1/webhooks/main/notices", principal=OWNER)
        path = f"/v1/webhooks/main/notices/{listed.json['notices'][0]['noticeId']}/resend"

        refused = owner.send("POST", path, principal=OWNER)

    assert (refused.status, refused.json["code"]) == (409, "webhook-not-active")


@pytest.mark.parametrize("webhook_id", ["Main", "UPPER", "-a", "a_b", "a" * 65])
def test_an_id_that_cannot_be_chosen_is_refused(owner: Api, webhook_id: str) -> None:
    answer = put(owner, "https://hooks.example.com/", webhook_id=webhook_id)

    [fault] = answer.json["errors"]
    assert (answer.status, fault["parameter"], fault["code"]) == (400, "webhookId", "not-as-expected")
    assert fault["hint"].startswith("Use 1 to 64 lower-case letters, digits and hyphens")
    assert owner.get("/v1/webhooks", principal=OWNER).json == {"webhooks": []}


def test_a_deleted_webhook_is_gone(owner: Api) -> None:
    put(owner, "https://hooks.example.com/")

    deleted = owner.send("DELETE", "/v1/webhooks/main", principal=OWNER)

    assert (deleted.status, deleted.body) == (204, b"")
    assert owner.get("/v1/webhooks/main", principal=OWNER).status == 404
    assert owner.send("DELETE", "/v1/webhooks/main", principal=OWNER).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/webhooks/main"),
        ("DELETE", "/v1/webhooks/main"),
        ("POST", "/v1/webhooks/main/secret"),
        ("POST", "/v1/webhooks/main/test"),
        ("GET", "/v1/webhooks/main/notices"),
        ("POST", "/v1/webhooks/main/notices/ms_0123456789abcdef0123456789abcdef/resend"),
    ],
)
def test_another_callers_webhook_is_unknown(owner: Api, method: str, path: str) -> None:
    put(owner, "https://hooks.example.com/")

    answer = owner.send(method, path, principal=STRANGER)

    assert (answer.status, answer.json["code"]) == (404, "not-found")
    assert owner.get("/v1/webhooks", principal=STRANGER).json == {"webhooks": []}


def test_every_fault_of_a_body_is_named(owner: Api) -> None:
    answer = put(owner, "http://169.254.169.254/", events=["metering.deleted"])

    assert answer.status == 400
    assert {(each["parameter"], each["code"]) for each in answer.json["errors"]} == {
        ("url", "not-a-public-address"),
        ("events[0]", "not-a-choice"),
    }


def test_this_machine_is_refused_without_the_setting(api: Api) -> None:
    answer = put(api, "http://127.0.0.1:9/")

    assert [each["code"] for each in answer.json["errors"]] == ["not-a-public-address"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/webhooks"),
        ("GET", "/v1/webhooks/main"),
        ("PUT", "/v1/webhooks/main"),
        ("DELETE", "/v1/webhooks/main"),
        ("POST", "/v1/webhooks/main/secret"),
        ("POST", "/v1/webhooks/main/test"),
        ("GET", "/v1/webhooks/main/notices"),
        ("POST", "/v1/webhooks/main/notices/ms_0123456789abcdef0123456789abcdef/resend"),
    ],
)
def test_a_parameter_that_does_not_exist_is_refused(owner: Api, method: str, path: str) -> None:
    answer = owner.send(method, f"{path}?limt=10", principal=OWNER)

    assert (answer.status, [each["parameter"] for each in answer.json["errors"]]) == (400, ["limt"])


def test_the_eleventh_webhook_is_refused(owner: Api) -> None:
    for number in range(10):
        assert put(owner, "https://hooks.example.com/", webhook_id=f"hook-{number}").status == 201

    refused = put(owner, "https://hooks.example.com/", webhook_id="hook-10")

    assert (refused.status, refused.json["code"]) == (409, "too-many-webhooks")


def test_who_has_no_access_gets_no_webhook(owner: Api) -> None:
    nobody = "app:5a5e0000-0000-4000-8000-0000000000e9"
    body: dict[str, Any] = {"url": "https://hooks.example.com/", "events": EVENTS}

    answer = send_json(owner, "/v1/webhooks/main", body, principal=nobody)

    assert (answer.status, answer.json["code"]) == (403, "no-access")


def test_no_secret_reaches_the_log(owner: Api, caplog: pytest.LogCaptureFixture) -> None:
    made = put(owner, "https://hooks.example.com/path-with-a-token")

    assert made.json["secret"] not in caplog.text
    assert "path-with-a-token" not in caplog.text
    assert json.loads(made.body)["url"] == "https://hooks.example.com/path-with-a-token"


def test_the_allowance_for_laptops_is_refused_with_a_fabric_warehouse() -> None:
    given = {**NEEDED, "WEBHOOK_ALLOW_LOOPBACK": "true"}

    assert from_environment(given).webhook_allow_loopback
    with pytest.raises(InvalidSettings, match="WEBHOOK_ALLOW_LOOPBACK"):
        from_environment({**given, "WAREHOUSE": "fabric://server/database"})
