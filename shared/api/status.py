"""How fresh the data is, and whether the outside systems answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared import periods
from shared.publishing.watermark import Publication
from shared.tables import SERVICE_STATE, Tables, TablesUnavailable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse, WarehouseError

REMEMBERED = timedelta(seconds=10)
"""How long a health probe is answered from memory."""


@dataclass(frozen=True)
class Readiness:
    """What a health probe is told, with the HTTP status that says the same."""

    status: int
    content: dict[str, Any]


def freshness(publication: Publication | None, *, synced_at: datetime | None) -> dict[str, Any]:
    """The content of /status; null for what has not happened yet."""
    areas = publication.available_until_by_price_area if publication else {}
    return {
        "dataAvailableUntil": _local(publication.available_until if publication else None),
        "lastPublishedAt": _utc(publication.published_at if publication else None),
        "accessSyncedAt": _utc(synced_at),
        "priceAreas": {area: _local(until) for area, until in sorted(areas.items())},
    }


class Probe:
    """Answers health probes, which need no token and so may come in any number.

    What was found is remembered for ten seconds, and one probe at a time asks: whoever probes without end
    costs a question each ten seconds, and one session.
    """

    def __init__(self, *, warehouse: Warehouse, tables: Tables, clock: Callable[[], datetime]) -> None:
        self._ask = partial(_readiness, warehouse=warehouse, tables=tables)
        self._clock = clock
        self._asking = threading.Lock()
        self._known: Readiness | None = None
        self._known_until: datetime | None = None

    def readiness(self) -> Readiness:
        """Whether warehouse and tables answered, at most ten seconds ago."""
        with self._asking:
            if self._known is None or self._known_until is None or self._clock() >= self._known_until:
                self._known = self._ask()
                self._known_until = self._clock() + REMEMBERED
            return self._known


def _readiness(*, warehouse: Warehouse, tables: Tables) -> Readiness:
    answers = {
        "warehouse": _answers(lambda: warehouse.fetch(queries.alive())),
        "tables": _answers(lambda: tables.get(SERVICE_STATE, partition="publication", row="latest")),
    }
    ready = all(answers.values())
    checks = {name: "ok" if fine else "unavailable" for name, fine in answers.items()}
    return Readiness(200 if ready else 503, {"status": "ready" if ready else "not-ready", "checks": checks})


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (WarehouseError, TablesUnavailable):
        return False
    return True


def _local(instant: datetime | None) -> str | None:
    return periods.local_text(instant) if instant else None


def _utc(instant: datetime | None) -> str | None:
    return periods.utc_text(instant) if instant else None
