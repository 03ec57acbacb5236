"""The receiver of webhooks on a laptop: it confirms, remembers, and answers as its address says."""

import json
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette

from local.standins.receiver import REMEMBERED, Receiver
from tests.builders.asgi import Caller

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
SIGNED = {"webhook-id": "ms_1", "webhook-timestamp": "1795942800", "webhook-signature": "v1,abc="}


@pytest.fixture
def caller() -> Caller:
    return Caller(Starlette(routes=Receiver(clock=lambda: NOW).routes()))


def test_a_challenge_is_repeated(caller: Caller) -> None:
    body = {"type": "webhook.challenge", "data": {"challenge": "abc"}}

    answer = caller.post("/receiver/mine", json=body)

    assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})


@pytest.mark.parametrize("content", [b"", b"[]", b"no json", b'{"data": null}', b'{"data": {}}'])
def test_whatever_arrives_is_taken(caller: Caller, content: bytes) -> None:
    answer = caller.post("/receiver/mine", content=content)

    assert (answer.status_code, answer.json()) == (200, {})


def test_what_arrived_is_shown_the_newest_first_with_what_signs_it(caller: Caller) -> None:
    caller.post("/receiver/mine", json={"type": "first"}, headers=SIGNED)
    caller.post("/receiver/mine", json={"type": "second"})
    caller.post("/receiver/other", json={})

    second, first = caller.get("/receiver/mine").json()["arrived"]

    assert first == {
        "at": "2026-11-29T09:00:00.000+00:00",
        "headers": SIGNED,
        "body": '{"type":"first"}',
        "answered": 200,
    }
    assert json.loads(second["body"]) == {"type": "second"}
    assert second["headers"]["webhook-id"] == ""


@pytest.mark.parametrize(("given", "answered"), [("503", 503), ("410", 410), ("99", 200), ("often", 200)])
def test_the_address_says_what_to_answer(caller: Caller, given: str, answered: int) -> None:
    assert caller.post(f"/receiver/mine?answer={given}", json={}).status_code == answered
    assert caller.get("/receiver/mine").json()["arrived"][0]["answered"] == answered


def test_only_the_last_requests_are_remembered(caller: Caller) -> None:
    for number in range(REMEMBERED + 2):
        caller.post("/receiver/mine", json=number)

    arrived = caller.get("/receiver/mine").json()["arrived"]
    assert [arrived[0]["body"], len(arrived)] == [str(REMEMBERED + 1), REMEMBERED]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("https://evil.example", None)],
)
def test_only_pages_of_this_machine_may_read_it(caller: Caller, origin: str, allowed: str | None) -> None:
    answer = caller.get("/receiver/mine", headers={"Origin": origin})

    assert answer.headers.get("access-control-allow-origin") == allowed
