"""What is worth another try, and how long the wait before it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared import limits
from shared.access import retrying
from shared.limits import Limit

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


class Answers:
    """Gives the prepared answers one after the other, and remembers the waits between them."""

    def __init__(self, *answers: httpx.Response | Exception, limit: Limit = limits.SEVERA) -> None:
        self._answers = iter(answers)
        self._limit = limit
        self.waits: list[float] = []
        self.pauses: list[float] = []

    def send(self) -> httpx.Response:
        return retrying.send_with_retries(
            self._send,
            limit=self._limit,
            sleep=self.waits.append,
            clock=lambda: NOW,
            pause=self.pauses.append,
        )

    def _send(self) -> httpx.Response:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


OK = httpx.Response(200)


@pytest.mark.parametrize("status", [200, 201, 204, 301, 400, 401, 403, 404, 409])
def test_an_answer_that_means_something_is_given_at_once(status: int) -> None:
    answers = Answers(httpx.Response(status))

    assert answers.send().status_code == status
    assert answers.waits == []


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(503),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_a_passing_failure_is_tried_again(failure: httpx.Response | Exception) -> None:
    assert Answers(failure, OK).send() is OK


def test_the_waits_grow_with_jitter_and_end_after_six_tries() -> None:
    answers = Answers(*[httpx.Response(503, text="down") for _ in range(7)])

    with pytest.raises(retrying.GaveUp, match="HTTP 503: down"):
        answers.send()

    assert len(answers.waits) == 5
    for wait, least in zip(answers.waits, [1, 2, 4, 8, 16], strict=True):
        assert least <= wait <= least + 1


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("17", 17.0),
        ("Sun, 22 Nov 2026 05:01:30 GMT", 90.0),
    ],
)
def test_a_longer_wait_that_is_asked_for_is_given(retry_after: str, wait: float) -> None:
    answers = Answers(httpx.Response(503, headers={"Retry-After": retry_after}), OK)

    answers.send()

    assert answers.waits == [wait]


@pytest.mark.parametrize("retry_after", ["0", "soon", "-5", "", "Sun, 22 Nov 2020 05:00:00 GMT", "२"])
def test_a_retry_after_that_says_nothing_leaves_the_own_wait(retry_after: str) -> None:
    answers = Answers(httpx.Response(429, headers={b"Retry-After": retry_after.encode()}), OK)

    answers.send()

    assert 1 <= answers.waits[0] <= 2


def test_nobody_waits_for_a_service_that_asks_for_more_than_the_limit_allows() -> None:
    answers = Answers(httpx.Response(429, headers={"Retry-After": "601"}), OK)

    with pytest.raises(retrying.GaveUp):
        answers.send()

    assert answers.waits == []


def test_waits_that_are_asked_for_again_and_again_end_with_the_limit() -> None:
    answers = Answers(*[httpx.Response(429, headers={"Retry-After": "250"}) for _ in range(6)])

    with pytest.raises(retrying.GaveUp):
        answers.send()

    assert answers.waits == [250, 250]


@pytest.mark.parametrize(
    ("in_all", "waits"),
    [
        (60.9, 0),  # The first wait takes 1 to 2 s, the second 2 to 3 s, and a try up to 60 s.
        (62.5, 1),
        (65.5, 2),
    ],
)
def test_a_try_that_would_end_after_the_limit_is_not_begun(in_all: float, waits: int) -> None:
    limit = replace(limits.SEVERA, in_all=in_all)
    answers = Answers(*[httpx.Response(503) for _ in range(6)], limit=limit)

    with pytest.raises(retrying.GaveUp):
        answers.send()

    assert len(answers.waits) == waits


def test_only_throttling_pauses_the_others() -> None:
    answers = Answers(httpx.Response(503), httpx.Response(429), OK)

    answers.send()

    assert answers.pauses == answers.waits[1:]


def test_an_error_of_our_own_is_not_tried_again() -> None:
    with pytest.raises(ZeroDivisionError):
        Answers(ZeroDivisionError()).send()


def test_a_reading_of_many_slow_answers_ends_in_time() -> None:
    times = iter([0.0, 100.0, 170.0, 181.0])
    reading = retrying.Reading(timedelta(minutes=3), monotonic=lambda: next(times))

    with reading.within(limits.TABLES) as first, reading.within(limits.TABLES) as last:
        pass
    with (
        pytest.raises(retrying.OutOfTime, match="reading everything took more than 3 minutes"),
        reading.within(limits.TABLES),
    ):
        pytest.fail("there was no time left")

    assert (first, last) == (limits.TABLES, replace(limits.TABLES, in_all=10.0))


@pytest.mark.parametrize(
    ("seconds_left", "wait", "is_out_of_time"),
    [
        (70, 15, True),
        (70, 600, False),
        (400, 15, False),
        (400, 360, True),
        (1_080, 15, False),
        (1_080, 600, False),
    ],
)
def test_a_failure_that_could_be_tried_again_but_for_the_end_of_a_reading_is_want_of_time(
    seconds_left: float, wait: int, is_out_of_time: bool
) -> None:
    times = iter([0.0, 1_080.0 - seconds_left])
    reading = retrying.Reading(limits.SEVERA_READING, monotonic=lambda: next(times))
    throttled = httpx.Response(429, headers={"Retry-After": str(wait)})

    with pytest.raises(retrying.GaveUp, match="HTTP 429") as raised, reading.within(limits.SEVERA) as limit:
        Answers(*[throttled] * limits.SEVERA.tries, limit=limit).send()

    assert isinstance(raised.value, retrying.OutOfTime) is is_out_of_time
