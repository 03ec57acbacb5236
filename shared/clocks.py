"""Moments that another clock wrote: whether they can be believed.

The wall clock can be set back or forward, and another machine's can be wrong. So ages of what this process
keeps in memory are measured by a monotonic clock, and a stored moment that lies ahead of now is not trusted.
"""

from datetime import datetime, timedelta

SKEW = timedelta(minutes=5)
"""How far two clocks in Azure may differ; a moment further ahead of now is a fault, not freshness."""


def is_ahead(moment: datetime, *, now: datetime) -> bool:
    """Whether a stored moment lies so far ahead of now that nothing can be concluded from it."""
    return moment > now + SKEW
