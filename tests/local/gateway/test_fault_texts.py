"""What API Management answers by itself: the texts that on-error gets to change."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import forgery, gateway
from tests.builders.gateway import World

CUSTOMERS = "/metering/v1/customers"
KEY = ("Ocp-Apim-Subscription-Key", "key-standard")


@pytest.fixture(scope="module")
def plain_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A gateway whose on-error does nothing, and that lets 12 calls through at once and 14 in a day."""
    files = gateway.copied_files(tmp_path_factory.mktemp("plain"), limits={"standard": (12, 14)})
    policy = files.policies / "global.xml"
    text = re.sub(r"<on-error>.*</on-error>", "<on-error></on-error>", policy.read_text(), flags=re.DOTALL)
    policy.write_text(text)
    with gateway.world(files) as world:
        yield world


def test_a_missing_key(plain_world: World) -> None:
    answer = plain_world.send(CUSTOMERS)

    assert answer.status == 401
    assert answer.body == (
        b'{ "statusCode": 401, "message": "Access denied due to missing subscription key. '
        b'Make sure to include subscription key when making requests to an API." }'
    )
    assert answer.header("Content-Length") == "152"
    assert answer.header("WWW-Authenticate") == (
        'AzureApiManagementKey realm="127.0.0.1",name="Ocp-Apim-Subscription-Key",type="header"'
    )


def test_an_invalid_key(plain_world: World) -> None:
    answer = plain_world.send(CUSTOMERS, headers=[(KEY[0], "unknown")])

    assert answer.status == 401
    assert answer.json == {
        "statusCode": 401,
        "message": "Access denied due to invalid subscription key. "
        "Make sure to provide a valid key for an active subscription.",
    }


def test_an_unknown_operation(plain_world: World) -> None:
    answer = plain_world.send("/metering/v1/nothing")

    assert (answer.status, answer.body) == (404, b'{ "statusCode": 404, "message": "Resource not found" }')


def test_tokens(plain_world: World) -> None:
    expired = forgery.TOKENS["expired"](plain_world.identity)
    absent = plain_world.send(CUSTOMERS, headers=[KEY])
    late = plain_world.send(CUSTOMERS, headers=[KEY, ("Authorization", f"Bearer {expired}")])

    assert (absent.status, absent.json["message"]) == (401, "JWT not present.")
    assert (late.status, late.json["message"]) == (
        401,
        "IDX10223: Lifetime validation failed. The token is expired. Access denied.",
    )


def test_rate_and_quota(plain_world: World) -> None:
    key = [("Ocp-Apim-Subscription-Key", "key-other")]
    limited = [plain_world.send(CUSTOMERS, headers=key) for _ in range(13)][-1]
    plain_world.clock.advance(seconds=15)
    used_up = [plain_world.send(CUSTOMERS, headers=key) for _ in range(3)][-1]

    assert (limited.status, limited.header("Retry-After")) == (429, "5")
    assert (
        limited.body == b'{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 5 seconds." }'
    )
    assert (used_up.status, used_up.header("Retry-After")) == (403, str(86_400 - 15))
    assert used_up.json["message"] == "Out of call volume quota. Quota will be replenished in 23:59:45."


def test_a_fault_in_an_expression_shows_nothing(tmp_path: Path) -> None:
    files = gateway.copied_files(tmp_path)
    policy = files.policies / "api.xml"
    policy.write_text(
        policy.read_text().replace('context.Variables["caller-id"]', 'context.Variables["gone"]')
    )

    with gateway.world(files) as world:
        answer = world.get(X_Request_Id="request-1")
        (entry, *_) = world.send("/trace").json

    assert (answer.status, answer.code) == (500, "internal-error")
    assert b"gone" not in answer.body
    assert entry["error"]["reason"] == "ExpressionValueEvaluationFailure"
    assert entry["error"]["path"] == "set-header[2]"


def test_a_fault_in_on_error_itself_is_answered_by_the_gateway(tmp_path: Path) -> None:
    files = gateway.copied_files(tmp_path)
    policy = files.policies / "global.xml"
    policy.write_text(
        policy.read_text().replace('value="@(404)"', 'value="@((int)context.Variables[&quot;x&quot;])"')
    )

    with gateway.world(files) as world:
        answer = world.send("/metering/v1/nothing")

    assert (answer.status, answer.json["message"]) == (500, "Internal server error")


def test_requests_that_are_too_large_do_not_reach_a_policy(plain_world: World) -> None:
    long = plain_world.send(f"{CUSTOMERS}?x={'a' * 16_384}")
    large = plain_world.send(CUSTOMERS, headers=[("X-Big", "a" * 33_000)])

    assert (long.status, long.json["statusCode"]) == (414, 414)
    assert (large.status, large.json["message"]) == (431, "Request Header Fields Too Large")
