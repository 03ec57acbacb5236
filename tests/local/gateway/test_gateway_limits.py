"""Rate and quota through sockets: exactly the allowed calls pass, the others get the time to wait."""

from collections import Counter
from pathlib import Path

import pytest

from local import demo
from tests.builders import gateway
from tests.builders.gateway import Answer, World

TARGET = "/metering/v1/customers"


def burst(world: World, count: int, *, key: str = "key-standard") -> list[Answer]:
    """Call with a key and without a token: limits come first, and 401 shows that a call has passed them."""
    return [world.send(TARGET, headers=[("Ocp-Apim-Subscription-Key", key)]) for _ in range(count)]


def statuses(answers: list[Answer]) -> dict[int, int]:
    return dict(Counter(answer.status for answer in answers))


def test_of_1000_calls_in_bursts_exactly_the_allowed_pass(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (300, 50_000)})) as world:
        first = burst(world, 400)
        world.clock.advance(seconds=30)
        second = burst(world, 300)
        world.clock.advance(seconds=60)
        third = burst(world, 300)

    assert statuses(first) == {401: 300, 429: 100}
    assert statuses(second) == {401: 150, 429: 150}
    assert statuses(third) == {401: 300}


def test_a_refused_call_learns_when_to_come_back_and_then_passes(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (7, 1000)})) as world:
        burst(world, 7)
        refused = world.get(key="key-standard")
        wait = int(refused.header("Retry-After") or "0")
        world.clock.advance(seconds=wait - 1)
        too_early = world.get(key="key-standard")
        world.clock.advance(seconds=1)
        in_time = world.get(key="key-standard")

    assert (refused.status, refused.code) == (429, "rate-limit-exceeded")
    assert wait == 9
    assert refused.json["detail"] == "Rate limit is exceeded. Try again in 9 seconds."
    assert (refused.header("RateLimit-Limit"), refused.header("RateLimit-Remaining")) == ("7", "0")
    assert too_early.status == 429
    assert in_time.status == 200


def test_the_answer_says_what_is_left(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (3, 1000)})) as world:
        answers = [world.get(key="key-standard") for _ in range(3)]

    assert [answer.header("RateLimit-Remaining") for answer in answers] == ["2", "1", "0"]
    assert {answer.header("RateLimit-Limit") for answer in answers} == {"3"}


def test_two_subscriptions_of_one_product_do_not_disturb_each_other(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (5, 8)})) as world:
        spent = burst(world, 10, key="key-standard")
        other = burst(world, 5, key="key-other")

    assert statuses(spent) == {401: 5, 429: 5}
    assert statuses(other) == {401: 5}


def test_subscriptions_of_one_caller_do_not_add_up(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (6, 1000)})) as world:
        first = [world.get(key="key-standard") for _ in range(4)]
        second = [world.get(key="key-other") for _ in range(4)]
        refused = second[-1]
        world.clock.advance(seconds=int(refused.header("Retry-After") or "0"))
        later = world.get(key="key-other")

    assert statuses(first) == {200: 4}
    assert statuses(second) == {200: 2, 429: 2}
    assert refused.code == "rate-limit-exceeded"
    assert (refused.header("RateLimit-Limit"), refused.header("Retry-After")) == ("6", "10")
    assert later.status == 200


def test_callers_with_one_subscription_count_each_for_themselves_too(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (6, 1000)})) as world:
        vendor = [world.get(key="key-standard") for _ in range(3)]
        user = world.identity.user_token(demo.KARI)
        others = [
            world.send(
                TARGET,
                headers=[("Ocp-Apim-Subscription-Key", "key-other"), ("Authorization", f"Bearer {user}")],
            )
            for _ in range(6)
        ]

    assert statuses(vendor) == {200: 3}
    assert statuses(others) == {200: 6}


def test_the_wait_is_read_from_the_variable_that_the_limit_sets(tmp_path: Path) -> None:
    files = gateway.copied_files(tmp_path, limits={"standard": (7, 1000)})
    for name in ("product.xml", "api.xml"):
        policy = files.policies / name
        # Without the header, which API Management's documentation does not promise in on-error.
        policy.write_text(
            policy.read_text().replace(
                'retry-after-variable-name="retry-after"',
                'retry-after-variable-name="retry-after" retry-after-header-name="X-Elsewhere"',
            )
        )

    with gateway.world(files) as world:
        burst(world, 7)
        refused = world.get(key="key-standard")

    assert (refused.status, refused.header("Retry-After")) == (429, "9")


def test_both_keys_of_a_subscription_count_together(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (5, 1000)})) as world:
        burst(world, 5, key="key-standard")
        more = burst(world, 1, key="key-standard-2")

    assert statuses(more) == {429: 1}


def test_the_daily_quota_ends_with_403_and_its_text_and_begins_again_next_day(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (1000, 20)})) as world:
        world.clock.advance(hours=5, minutes=53, seconds=14)
        used = burst(world, 20)
        refused = world.get(key="key-standard")
        world.clock.advance(seconds=int(refused.header("Retry-After") or "0"))
        next_day = world.get(key="key-standard")

    assert statuses(used) == {401: 20}
    assert (refused.status, refused.code) == (403, "quota-exceeded")
    assert refused.json["detail"] == "Out of call volume quota. Quota will be replenished in 18:06:46."
    assert refused.header("Retry-After") == str(18 * 3600 + 6 * 60 + 46)
    assert next_day.status == 200


def test_calls_refused_for_their_rate_do_not_use_up_the_quota(tmp_path: Path) -> None:
    with gateway.world(gateway.copied_files(tmp_path, limits={"standard": (10, 15)})) as world:
        burst(world, 100)
        world.clock.advance(seconds=60)
        later = burst(world, 10)

    assert statuses(later) == {401: 5, 403: 5}


@pytest.mark.slow
@pytest.mark.parametrize(("key", "calls"), [("key-standard", 300), ("key-partner", 3000)])
def test_a_minute_s_calls_of_a_product_end_with_a_wait_that_is_enough(
    tmp_path: Path, key: str, calls: int
) -> None:
    with gateway.world(gateway.copied_files(tmp_path)) as world:
        spent = burst(world, calls, key=key)
        refused = world.get(key=key)
        world.clock.advance(seconds=int(refused.header("Retry-After") or "0"))
        in_time = world.get(key=key)

    assert statuses(spent) == {401: calls}
    assert (refused.status, refused.code) == (429, "rate-limit-exceeded")
    assert in_time.status == 200


@pytest.mark.parametrize(("key", "limit"), [("key-standard", "300"), ("key-partner", "3000")])
def test_limits_are_those_of_the_product(tmp_path: Path, key: str, limit: str) -> None:
    with gateway.world(gateway.copied_files(tmp_path)) as world:
        answer = world.get(key=key)

    assert answer.header("RateLimit-Limit") == limit
