"""When a notice is sent again, and when sending ends. Pure: the clock and the chance are passed in.

The pauses are those that Standard Webhooks 1.0.0 suggests: ten attempts within 75.6 hours plus jitter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import foreign

PAUSES = (
    timedelta(seconds=0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The pause before each attempt."""

MOST_JITTER = 0.1
"""The most jitter, as a part of the pause, so that a morning's notices are not all repeated at once."""

LONGEST_PAUSE = timedelta(hours=24)
"""A receiver's `Retry-After` is obeyed up to this long."""

FAILING_AT_MOST = timedelta(days=5)
"""A webhook that has had no success for this long is disabled."""

LEAST_TRIES = 5
"""A webhook is disabled only by a notice that has been tried this often, over two hours and a half. Where
notices are rare, failures may be weeks apart, and the latest one may be temporary."""

_SUCCESS = range(200, 300)
_GONE = 410


@dataclass(frozen=True)
class Answer:
    """The result of one attempt.

    Attributes:
        status: the HTTP status; None without an answer.
        fault: why there was no answer, as a word; None with one.
        milliseconds: until the answer or the failure.
        retry_after: as the receiver wrote it.
        body: at most 4 kB of it; only a challenge's is looked at.
    """

    status: int | None
    fault: str | None
    milliseconds: int
    retry_after: str | None = None
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """Whether the receiver took the notice."""
        return self.status in _SUCCESS

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more notices."""
        return self.status == _GONE


def next_attempt(answer: Answer, *, tries: int, now: datetime, chance: float) -> datetime | None:
    """Return when a notice whose attempt failed is sent again; None when it is given up.

    Args:
        answer: the result of the last attempt.
        tries: attempts so far.
        now: when the last attempt ended.
        chance: from 0 to 1, for the jitter.
    """
    if tries >= len(PAUSES):
        return None
    pause = PAUSES[tries] * (1 + MOST_JITTER * chance)
    asked_for = foreign.retry_after(answer.retry_after, now=now) or timedelta(0)
    return now + max(pause, min(asked_for, LONGEST_PAUSE))


def has_failed_too_long(failing_since: datetime | None, *, tries: int, now: datetime) -> bool:
    """Return whether a webhook must be disabled because it has had no success for too long.

    Args:
        tries: attempts of the notice that failed last.
    """
    return failing_since is not None and now - failing_since >= FAILING_AT_MOST and tries >= LEAST_TRIES
