"""Asking the function app as the Functions worker does: from the caller's headers to the body.

No network and no compression; grants and watermark are at hand, as on an instance that has answered before.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import azure.functions as func

from local import demo
from local.functionhost.invocation import Context, TraceContext
from shared import periods
from shared.metering import MeteringPointId
from shared.publishing.watermark import DataState, Publication
from shared.readable import Permission, Readable

GATEWAY = "5a5e0000-0000-4000-8000-0000000000a1"
CALLER = "5a5e0000-0000-4000-8000-0000000000c1"
PUBLIC = "http://127.0.0.1/v1"
HEADERS = {"x-ms-client-principal-id": GATEWAY, "x-caller-type": "app", "x-caller-id": CALLER}
CONTEXT = Context("asked", "", "", TraceContext(trace_parent="", trace_state=""))


class Permitted:
    """Grants without the network: one caller may read some metering points, for all time."""

    def __init__(self, points: Sequence[MeteringPointId]) -> None:
        permissions = (Permission(point, 1, "Customer 1", None, None) for point in sorted(points))
        self._readable = Readable(f"app:{CALLER}", tuple(permissions), "1")

    def portfolio(self, principal: str) -> Readable:
        """Return everything that the caller may read."""
        if principal != self._readable.principal:
            raise RuntimeError("only one caller is measured")
        return self._readable

    read_uncached = portfolio

    def version(self, principal: str) -> str:
        """Return the version of everything that the caller may read."""
        return self.portfolio(principal).version

    def of(self, principal: str, *, metering_point_id: MeteringPointId) -> Readable:
        """Return what the caller may read of the only metering point."""
        readable = self.portfolio(principal)
        if [each.metering_point_id for each in readable.permissions] != [metering_point_id]:
            raise RuntimeError("only one metering point is measured")
        return readable


class Published:
    """The watermark without the network: everything before a market day is published."""

    def __init__(self, end: date) -> None:
        self._latest = Publication(
            1, datetime(end.year, end.month, end.day, 6, tzinfo=UTC), periods.start_of(end)
        )

    def latest(self) -> Publication:
        """Return the latest publication."""
        return self._latest

    def described_at(self) -> None:
        """Describe no metering point."""

    def state(
        self, *, now: datetime, available_before: Callable[[datetime], datetime | None] | None = None
    ) -> DataState:
        """Return the state of the data as `Publications.state` does."""
        latest = self._latest
        return DataState(
            now,
            latest.published_at,
            latest.available_until,
            sequence=latest.sequence,
            settled=latest.sequence,
            available_before=available_before,
        )


def settings(warehouse: Path, *, storage: str | None = None) -> dict[str, str]:
    """Return the settings of the function app on an embedded warehouse.

    Args:
        warehouse: the DuckDB file.
        storage: a connection string of the emulator; the app makes files where it has a storage.
    """
    of_files = (
        {}
        if storage is None
        else {"OUTBOX_STORAGE": storage, "QUEUE_STORAGE": storage, "SFTP_KEY": demo.SFTP_KEY}
    )
    return {
        "WAREHOUSE": f"duckdb:{warehouse}",
        "TABLE_STORAGE": storage or "https://unused.table.core.windows.net",
        "GATEWAY_PRINCIPAL_ID": GATEWAY,
        "SEVERA_CLIENT_ID": "unused",
        "SEVERA_CLIENT_SECRET": "unused",
        "SEALING_KEY": demo.SEALING_KEY,
        "WEBSITE_AUTH_ENABLED": "True",
        **of_files,
        **demo.ACCESS_SETTINGS,
    }


def function_app(warehouse: Path, *, storage: str | None = None) -> Any:
    """Return the module of the function app; the arguments are those of `settings`."""
    os.environ.update(settings(warehouse, storage=storage))
    return importlib.import_module("function_app")


def asking(route: Callable[..., Any], path: str, **route_params: str) -> Callable[[], bytes]:
    """Return a question that can be asked again and again, and returns the body of its answer."""
    request = func.HttpRequest(
        method="GET", url=PUBLIC + path, headers=HEADERS, route_params=route_params, body=b""
    )

    def ask() -> bytes:
        response = route(request, CONTEXT)
        body: bytes = response.get_body()
        if response.status_code != 200:
            raise RuntimeError(body.decode())
        return body

    return ask
