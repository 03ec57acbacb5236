"""Counting calls, with the clock in hand: buckets that refill, periods that end."""

from datetime import UTC, datetime, timedelta

import pytest

from local.gateway.limits import Quotas, TokenBuckets

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def passed(buckets: TokenBuckets, count: int, *, now: datetime, key: str = "a", calls: int = 300) -> int:
    """Return how many of `count` calls at one moment are let through."""
    return sum(buckets.take(key, calls=calls, period_seconds=60, now=now).allowed for _ in range(count))


def test_a_full_bucket_lets_exactly_its_calls_through() -> None:
    assert passed(TokenBuckets(), 1000, now=NOON) == 300


@pytest.mark.parametrize(
    ("seconds", "refilled"), [(0.1, 0), (0.2, 1), (1, 5), (12, 60), (60, 300), (3600, 300)]
)
def test_an_empty_bucket_refills_evenly_up_to_its_size(seconds: float, refilled: int) -> None:
    buckets = TokenBuckets()
    passed(buckets, 300, now=NOON)

    assert passed(buckets, 1000, now=NOON + timedelta(seconds=seconds)) == refilled


@pytest.mark.parametrize("calls", [1, 7, 59, 60, 61, 300, 3000])
@pytest.mark.parametrize("offset", [0, 1, 333_333, 999_999])
def test_the_call_after_the_announced_wait_passes(calls: int, offset: int) -> None:
    buckets = TokenBuckets()
    start = NOON + timedelta(microseconds=offset)
    passed(buckets, calls, now=start, calls=calls)

    refusal = buckets.take("a", calls=calls, period_seconds=60, now=start)
    after = start + timedelta(seconds=refusal.retry_after_seconds)

    assert refusal.retry_after_seconds >= 1
    assert buckets.take("a", calls=calls, period_seconds=60, now=after).allowed


def test_keys_have_buckets_of_their_own() -> None:
    buckets = TokenBuckets()
    passed(buckets, 1000, now=NOON, key="a")

    assert passed(buckets, 1000, now=NOON, key="b") == 300


def test_refused_calls_cost_nothing() -> None:
    buckets = TokenBuckets()
    passed(buckets, 100_000, now=NOON, calls=5)

    assert passed(buckets, 10, now=NOON + timedelta(seconds=12), calls=5) == 1


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    buckets = TokenBuckets()
    passed(buckets, 300, now=NOON)

    assert passed(buckets, 10, now=NOON - timedelta(hours=1)) == 0
    assert passed(buckets, 10, now=NOON) == 0


def quota_passes(quotas: Quotas, count: int, *, now: datetime, started: datetime = NOON) -> int:
    """Return how many of `count` calls a daily quota of 100 lets through at one moment."""
    return sum(
        quotas.take("a", calls=100, period_seconds=86_400, started=started, now=now).allowed
        for _ in range(count)
    )


def test_a_quota_lets_its_calls_through_once_in_a_period() -> None:
    quotas = Quotas()

    assert quota_passes(quotas, 150, now=NOON) == 100
    assert quota_passes(quotas, 150, now=NOON + timedelta(hours=23, minutes=59, seconds=59)) == 0
    assert quota_passes(quotas, 150, now=NOON + timedelta(days=1)) == 100


def test_periods_count_from_the_start_of_the_subscription() -> None:
    quotas = Quotas()
    started = datetime(2026, 5, 1, 6, tzinfo=UTC)
    quota_passes(quotas, 100, now=NOON, started=started)

    refusal = quotas.take("a", calls=100, period_seconds=86_400, started=started, now=NOON)

    assert refusal.retry_after_seconds == 18 * 3600
    assert quota_passes(quotas, 1, now=NOON + timedelta(hours=18), started=started) == 1


def test_a_period_of_zero_never_ends() -> None:
    quotas = Quotas()
    for _ in range(100):
        quotas.take("a", calls=100, period_seconds=0, started=NOON, now=NOON)

    later = NOON + timedelta(days=3650)
    assert not quotas.take("a", calls=100, period_seconds=0, started=NOON, now=later).allowed
