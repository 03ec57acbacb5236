"""Prepares an instance before its first request: opens a session, gets a token, fills the short-lived caches.

Nothing depends on it: without it, the first request does the same work and takes that much longer.
"""

import gc
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from shared.metering import Direction, MeteringPointId
from shared.periods import ONE_DAY, day_of
from shared.readable import Permission, Readable
from shared.telemetry import recording
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import latest_days, metering_points, series_days
from shared.warehouse.queries.series_days import WantedDays

log = logging.getLogger("metering.app")

_NOBODY = Readable(
    "nobody", (Permission(MeteringPointId("0" * 18), 0, "", valid_from=None, valid_to=None),), "none"
)
"""A caller who may read one metering point, which does not exist."""


class WarmUp:
    """Runs its steps once, in a thread; if a step fails, the others still run.

    Args:
        steps: by name, for the log.
    """

    def __init__(self, steps: Mapping[str, Callable[[], object]]) -> None:
        self._steps = steps
        self._started = threading.Lock()

    def start(self) -> None:
        """Start the steps, unless they were started before. Does not wait for them."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=recording.carry(self._run), name="warm-up", daemon=True).start()

    def _run(self) -> None:
        for name, step in self._steps.items():
            try:
                step()
            except Exception as error:  # The first request gets and reports the same error.
                log.info("Not warmed up: %s (%s).", name, type(error).__name__)


def run_queries(warehouse: Warehouse, *, now: datetime) -> None:
    """Run the most frequent queries, for a caller who may read nothing, to prepare sessions."""
    today = day_of(now)
    for direction in Direction:
        warehouse.fetch(
            series_days.days(
                _NOBODY,
                direction=direction,
                wanted=WantedDays.every(today - ONE_DAY, today),
                as_of=now,
                after=None,
                limit=1,
            )
        )
        warehouse.fetch(
            latest_days.in_direction(_NOBODY, direction=direction, since=today - ONE_DAY, as_of=now)
        )
    warehouse.fetch(metering_points.descriptions(_NOBODY))


def keep_what_is_loaded() -> None:
    """Exclude all present objects, mostly modules, from garbage collection.

    Otherwise each full collection visits all of them and stops every answer for about 80 ms.
    """
    gc.freeze()
