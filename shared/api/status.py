"""How fresh the data is, and whether the outside systems answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import periods
from shared.tables import SERVICE_STATE, Tables, TablesUnavailable
from shared.warehouse import queries
from shared.warehouse.engine import Warehouse, WarehouseError
from shared.warehouse.watermark import Publication


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


def readiness(*, warehouse: Warehouse, tables: Tables) -> Readiness:
    """Whether warehouse and tables answer now. Says no more than that: a probe needs no token."""
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
    return instant.isoformat().replace("+00:00", "Z") if instant else None
