"""Sends requests with retries: decides which failures to retry, and how long to wait before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import tenacity

from shared import foreign
from shared.limits import Limit


class GaveUp(Exception):
    """Every try failed with a temporary failure; the message is about the last one.

    Attributes:
        needed: how many seconds a request would have taken with one more try; None if no try was left.
    """

    def __init__(self, reason: str, *, needed: float | None = None) -> None:
        super().__init__(reason)
        self.needed = needed


class OutOfTime(GaveUp):
    """No time is left for reading the source, or too little to try again what failed."""


class _TemporaryFailure(Exception):
    """A temporary failure. `wait` is how many seconds the service asked to wait, if it did."""

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Reading:
    """The time that is left for reading one source, counted from the creation of this object."""

    def __init__(self, at_most: timedelta, *, monotonic: Callable[[], float]) -> None:
        self._minutes = f"{at_most.total_seconds() / 60:g} minutes"
        self._monotonic = monotonic
        self._ends = monotonic() + at_most.total_seconds()

    @contextmanager
    def within(self, limit: Limit) -> Iterator[Limit]:
        """Yield the limit of the next request, cut to the time that is left.

        Raises:
            OutOfTime: no time is left, or too little to try again what failed.
        """
        left = self._ends - self._monotonic()
        if left <= 0:
            raise OutOfTime(f"reading everything took more than {self._minutes}")
        try:
            yield replace(limit, in_all=min(limit.in_all, left))
        except GaveUp as error:
            if error.needed is not None and left < error.needed <= limit.in_all:
                raise OutOfTime(
                    f"too little was left of {self._minutes} to try again after: {error}"
                ) from error
            raise


def send_with_retries(
    send: Callable[[], httpx.Response],
    *,
    limit: Limit,
    sleep: Callable[[float], None],
    clock: Callable[[], datetime],
    pause: Callable[[float], None] = lambda seconds: None,
) -> httpx.Response:
    """Return the first answer that is neither 429 nor 5xx nor cut off, within the tries and time of a limit.

    The waits grow from one second to half a minute, with jitter so that callers spread, and are
    never shorter than a `Retry-After`, which Graph promises and Severa does not. `pause` is called with each
    wait that follows a 429, for others who share the same quota.

    Raises:
        GaveUp: the last try failed, or the wait before the next one and that try would exceed the limit.
    """

    def attempt() -> httpx.Response:
        try:
            return _raise_if_temporary(send(), clock=clock)
        except httpx.TransportError as error:
            raise _TemporaryFailure(f"{type(error).__name__}: {error}") from error

    def before_sleep(state: tenacity.RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, _Throttled) and state.next_action:
            pause(state.next_action.sleep)

    needed: float | None = None

    def is_enough(state: tenacity.RetryCallState) -> bool:
        nonlocal needed
        needed = _needed(state, limit=limit)
        return needed is None or needed > limit.in_all

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(_TemporaryFailure),
        stop=is_enough,
        wait=_wait,
        before_sleep=before_sleep,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except _TemporaryFailure as error:
        raise GaveUp(str(error), needed=needed) from error


class _Throttled(_TemporaryFailure):
    """Too many requests: all callers with the same quota have to wait."""


def _raise_if_temporary(response: httpx.Response, *, clock: Callable[[], datetime]) -> httpx.Response:
    pause = foreign.retry_after(response.headers.get("Retry-After"), now=clock())
    wait = None if pause is None else pause.total_seconds()
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise _Throttled(f"HTTP 429: {foreign.excerpt(response.text)}", wait=wait)
    if response.is_server_error:
        raise _TemporaryFailure(f"HTTP {response.status_code}: {foreign.excerpt(response.text)}", wait=wait)
    return response


_growing = tenacity.wait_exponential_jitter(initial=1, max=30, jitter=1)


def _wait(state: tenacity.RetryCallState) -> float:
    return max(_growing(state), _requested_wait(state))


def _needed(state: tenacity.RetryCallState, *, limit: Limit) -> float | None:
    """Return how many seconds the request takes in all with one more try; None if no try is left."""
    if state.attempt_number >= limit.tries:
        return None
    spent = max(state.seconds_since_start or 0.0, state.idle_for)
    return spent + state.upcoming_sleep + limit.answer


def _requested_wait(state: tenacity.RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    return failure.wait or 0.0 if isinstance(failure, _TemporaryFailure) else 0.0
