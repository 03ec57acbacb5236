"""Counting calls: token buckets for rates, fixed periods for quotas.

The v2 tiers limit rates with a token bucket (learn.microsoft.com/azure/api-management/
api-management-sample-flexible-throttling). The size of the bucket and the refill are not
documented; here it holds `calls` and refills evenly over `renewal-period`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Allowance:
    """Whether a call may go on, how many more may follow at once, and how long to wait if not."""

    allowed: bool
    remaining: int
    retry_after_seconds: int = 0


class TokenBuckets:
    """A bucket for each counter key. Exact: levels are whole numbers of call-microseconds."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[int, datetime]] = {}

    def take(self, key: str, *, calls: int, period_seconds: int, now: datetime) -> Allowance:
        """Take one token from the bucket of `key`, when there is one."""
        cost = period_seconds * 1_000_000
        full = calls * cost
        level, since = self._levels.get(key, (full, now))
        elapsed = max(0, (now - since) // _MICROSECOND)
        level = min(full, level + elapsed * calls)
        if level < cost:
            self._levels[key] = (level, max(now, since))
            # Rounded up, so that the call after the wait always passes.
            wait = -(-(cost - level) // (calls * 1_000_000))
            return Allowance(allowed=False, remaining=0, retry_after_seconds=wait)
        level -= cost
        self._levels[key] = (level, max(now, since))
        return Allowance(allowed=True, remaining=level // cost)


class Quotas:
    """Calls of each subscription in its current period."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[int, int]] = {}

    def take(
        self, key: str, *, calls: int, period_seconds: int, started: datetime, now: datetime
    ) -> Allowance:
        """Count one call; periods follow one another from `started`. A period of 0 never ends."""
        period = timedelta(seconds=period_seconds)
        number = (now - started) // period if period_seconds else 0
        counted_in, used = self._used.get(key, (number, 0))
        if counted_in != number:
            used = 0
        if used >= calls:
            ends = started + (number + 1) * period
            wait = -((now - ends) // timedelta(seconds=1)) if period_seconds else 0
            return Allowance(allowed=False, remaining=0, retry_after_seconds=wait)
        self._used[key] = (number, used + 1)
        return Allowance(allowed=True, remaining=calls - used - 1)
