"""Prepares an instance before its first question: a session, a token, the caches of a few seconds.

Nothing depends on it: without it the first question does the same, and takes as much longer.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from shared.metering import Direction, MeteringPointId
from shared.periods import ONE_DAY, day_of
from shared.readable import Permission, Readable
from shared.telemetry import threads
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import WantedDays

log = logging.getLogger("metering.app")

_NOBODY = Readable(
    "nobody", (Permission(MeteringPointId("0" * 18), 0, "", valid_from=None, valid_to=None),), "none"
)
"""May read one metering point, which does not exist."""


class WarmUp:
    """Takes its steps once, in a thread of its own, at the first call; a step that fails stops none.

    Args:
        steps: by the name with which a failure is logged.
    """

    def __init__(self, steps: Mapping[str, Callable[[], object]]) -> None:
        self._steps = steps
        self._started = threading.Lock()

    def start(self) -> None:
        """Begin, unless that was done before; does not wait."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=threads.carried(self._run), name="warm-up", daemon=True).start()

    def _run(self) -> None:
        for name, step in self._steps.items():
            try:
                step()
            except Exception as error:  # Whatever it is, the first question meets it too.
                log.info("Not warmed up: %s (%s).", name, type(error).__name__)


def questions(warehouse: Warehouse, *, now: datetime) -> None:
    """Ask what callers ask most, for nobody: sessions and statements are then prepared."""
    today = day_of(now)
    for direction in Direction:
        warehouse.fetch(
            queries.days(
                _NOBODY,
                direction=direction,
                wanted=WantedDays.every(today - ONE_DAY, today),
                as_of=now,
                after=None,
                limit=1,
            )
        )
        warehouse.fetch(queries.last_days(_NOBODY, direction=direction, since=today - ONE_DAY, as_of=now))
    warehouse.fetch(queries.metering_points(_NOBODY))
