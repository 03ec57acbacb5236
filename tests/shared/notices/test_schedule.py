"""When notices are sent again."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.notices import schedule
from shared.notices.schedule import Answer

NOW = datetime(2026, 10, 26, 5, 12, tzinfo=UTC)


def failed(status: int | None = 500, retry_after: str | None = None) -> Answer:
    return Answer(status, None if status else "timeout", 12, retry_after)


def test_ten_attempts_take_75_hours_and_35_minutes_without_jitter() -> None:
    pauses = []
    for tries in range(1, 10):
        due = schedule.next_attempt(failed(), tries=tries, now=NOW, chance=0)
        assert due is not None
        pauses.append((due - NOW).total_seconds())

    assert pauses == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert sum(pauses) == timedelta(hours=75, minutes=35, seconds=5).total_seconds()
    assert schedule.next_attempt(failed(), tries=10, now=NOW, chance=0) is None


def test_jitter_adds_a_tenth_at_most() -> None:
    due = schedule.next_attempt(failed(), tries=2, now=NOW, chance=1.0)

    assert due == NOW + timedelta(minutes=5, seconds=30)


@pytest.mark.parametrize(
    ("written", "pause"),
    [
        ("120", timedelta(minutes=2)),
        ("1", timedelta(seconds=5)),
        ("Mon, 26 Oct 2026 06:12:00 GMT", timedelta(hours=1)),
        ("Mon, 26 Oct 2026 04:12:00 GMT", timedelta(seconds=5)),
        ("99999999999999999999", timedelta(hours=24)),
        ("-5", timedelta(seconds=5)),
        ("soon", timedelta(seconds=5)),
        ("Mon, 99 Oct 99999 06:12:00 GMT", timedelta(seconds=5)),
        ("٣", timedelta(seconds=5)),
        ("", timedelta(seconds=5)),
        (None, timedelta(seconds=5)),
    ],
)
def test_a_longer_retry_after_is_obeyed_up_to_a_day(written: str | None, pause: timedelta) -> None:
    assert schedule.next_attempt(failed(429, written), tries=1, now=NOW, chance=0) == NOW + pause


def test_five_days_without_success_are_too_long() -> None:
    almost = NOW - timedelta(days=5) + timedelta(seconds=1)

    assert not schedule.has_failed_too_long(None, tries=5, now=NOW)
    assert not schedule.has_failed_too_long(almost, tries=5, now=NOW)
    assert not schedule.has_failed_too_long(NOW - timedelta(days=5), tries=4, now=NOW)
    assert schedule.has_failed_too_long(NOW - timedelta(days=5), tries=5, now=NOW)


@pytest.mark.parametrize(("status", "is_success"), [(200, True), (299, True), (199, False), (300, False)])
def test_success_is_a_status_of_2xx(status: int, is_success: bool) -> None:
    assert failed(status).is_success is is_success
