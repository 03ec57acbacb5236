"""Limits how many requests the host works on, and how many wait, as host.json says.

Source: HttpThrottleMiddleware.cs in https://github.com/Azure/azure-webjobs-sdk-extensions
(src/WebJobs.Extensions.Http): requests under way count as waiting too, and a request that finds all
places taken gets 429 without a body or Retry-After.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from sys import maxsize

UNBOUNDED = -1


class TooBusy(Exception):
    """Too many requests wait already."""


class Throttle:
    """Places for requests, which are worked on in the order in which they arrive."""

    def __init__(self, *, concurrent: int = UNBOUNDED, outstanding: int = UNBOUNDED) -> None:
        self._working = asyncio.Semaphore(_bound(concurrent))
        self._places = _bound(outstanding)
        self._taken = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait until the request can be worked on.

        Raises:
            TooBusy: at once, if there is no place to wait.
        """
        if self._taken >= self._places:
            raise TooBusy
        self._taken += 1
        try:
            async with self._working:
                yield
        finally:
            self._taken -= 1


def read(host: Path) -> Throttle:
    """Return the limits of a host.json; what it does not name is not limited, as in a Dedicated plan."""
    named = json.loads(host.read_text(encoding="utf-8")).get("extensions", {}).get("http", {})
    return Throttle(
        concurrent=int(named.get("maxConcurrentRequests", UNBOUNDED)),
        outstanding=int(named.get("maxOutstandingRequests", UNBOUNDED)),
    )


def _bound(count: int) -> int:
    return maxsize if count == UNBOUNDED else count
