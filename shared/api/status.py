"""How fresh the data is, and whether warehouse and tables answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import limits, periods
from shared.api import models
from shared.publishing import watermark
from shared.publishing.watermark import Publication
from shared.tables import SERVICE_STATE, Tables, TablesUnavailable
from shared.telemetry import recording
from shared.warehouse import engine
from shared.warehouse.engine import Warehouse, WarehouseError

log = logging.getLogger("metering.app")

REMEMBERED = timedelta(seconds=10)
"""How long a health probe is answered from memory."""


@dataclass(frozen=True)
class Readiness:
    """The answer to a health probe, with the HTTP status that says the same."""

    status: int
    content: dict[str, Any]


def freshness(
    publication: Publication | None, *, synced_at: datetime | None, now: datetime
) -> dict[str, Any]:
    """Return the content of /status; null for what has not happened yet or is dated ahead of now."""
    areas = publication.available_until_by_price_area if publication else {}
    written = models.Status(
        data_available_until=_local(publication.available_until if publication else None),
        last_published_at=_believed(publication.published_at if publication else None, now=now),
        access_synced_at=_believed(synced_at, now=now),
        price_areas=models.TimeByPriceArea(
            {area: until.astimezone(periods.OSLO) for area, until in sorted(areas.items())}
        ),
    )
    return written.model_dump(mode="json", by_alias=True)


def _believed(moment: datetime | None, *, now: datetime) -> datetime | None:
    return None if moment is None or periods.is_ahead(moment, now=now) else moment


class Probe:
    """Answers health probes, which need no token and so may come in any number.

    A result is remembered for ten seconds. Then the next probe starts the checks in a thread and waits for
    them at most three seconds; other probes get the last result and its age at once.

    Args:
        checks: the parts by name; a check raises WarehouseError or TablesUnavailable when its part fails.
        monotonic: seconds.
    """

    def __init__(
        self, checks: Mapping[str, Callable[[], object]], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._checks = checks
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._found: _Found | None = None

    def readiness(self) -> Readiness:
        """Return whether all parts answered the last check."""
        if not self._is_remembered() and self._asking.acquire(blocking=False):
            self._ask()
        return _readiness(self._checks, self._found, now=self._monotonic())

    def _is_remembered(self) -> bool:
        return self._found is not None and self._monotonic() < self._found.at + REMEMBERED.total_seconds()

    def _ask(self) -> None:
        """Check all parts; a part that has not answered in time counts as unavailable."""
        answers: dict[str, bool] = {}
        ended = threading.Event()

        def ask() -> None:
            try:
                for name, check in self._checks.items():
                    answers[name] = _answers(check)
            finally:
                self._found = _Found(dict(answers), at=self._monotonic())
                self._asking.release()
                ended.set()

        try:
            threading.Thread(target=recording.carry(ask), name="health", daemon=True).start()
        except RuntimeError:  # The process has too many threads; the next probe tries again.
            self._asking.release()
            raise
        if not ended.wait(limits.PROBED.total_seconds()):
            self._found = _Found(dict(answers), at=self._monotonic())


@dataclass(frozen=True)
class _Found:
    """Which parts answered, and when; a missing part did not answer in time."""

    answers: Mapping[str, bool]
    at: float


def _readiness(parts: Iterable[str], checked: _Found | None, *, now: float) -> Readiness:
    if checked is None:
        return Readiness(503, {"status": "not-ready", "checks": dict.fromkeys(parts, "unknown")})
    checks = {name: "ok" if checked.answers.get(name) else "unavailable" for name in parts}
    is_ready = set(checks.values()) == {"ok"}
    return Readiness(
        200 if is_ready else 503,
        {
            "status": "ready" if is_ready else "not-ready",
            "checks": checks,
            "ageSeconds": round(now - checked.at, 1),
        },
    )


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (WarehouseError, TablesUnavailable) as error:
        log.warning("Not ready: %s", error)
        return False
    return True


def checks(*, tables: Tables, warehouse: Warehouse) -> dict[str, Callable[[], object]]:
    """Return the checks of a health probe; `tables` must be opened with `limits.PROBED_TABLES`."""
    return {
        "tables": lambda: tables.get(SERVICE_STATE, partition=watermark.PARTITION, row=watermark.ROW),
        "warehouse": _CheckOfWarehouse(warehouse),
    }


class _CheckOfWarehouse:
    """Checks that the warehouse answers and, until it was so once, that it has what the queries need."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._is_as_needed = False

    def __call__(self) -> None:
        self._warehouse.fetch(engine.alive())
        if not self._is_as_needed:
            from shared.warehouse import check  # Here, since an instance should start without it.

            check.require_structure(self._warehouse)
            self._is_as_needed = True


def _local(instant: datetime | None) -> datetime | None:
    return instant.astimezone(periods.OSLO) if instant else None
