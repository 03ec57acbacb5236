"""An even pace of requests that several threads share."""

import threading
from collections.abc import Callable


class Pace:
    """Lets through at most `per_second` calls a second, evenly spaced and never in a burst.

    Even spacing holds in every window of a second, whatever kind of window the service counts in;
    a bucket that may be emptied at once would let twice as many through around its refilling.
    """

    def __init__(
        self, *, per_second: float, monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._interval = 1 / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = monotonic()

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        while (seconds := self._take()) > 0:
            self._sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Hold back everybody, also those who wait already, for `seconds` from now."""
        with self._lock:
            self._next = max(self._next, self._monotonic() + seconds)

    def _take(self) -> float:
        """Take the turn and return 0, or return the seconds until it may be free."""
        with self._lock:
            now = self._monotonic()
            if now < self._next:
                return self._next - now
            self._next = now + self._interval
            return 0
