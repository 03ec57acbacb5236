"""The configured services for operators' commands; on a laptop without settings, the local stack's."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from azure.identity import DefaultAzureCredential

from local import demo
from local.azurite import emulator
from local.places import STATE
from local.ports import Ports
from shared import settings, tables
from shared.settings import Settings
from shared.warehouse import opening
from shared.warehouse.engine import Warehouse
from shared.warehouse.watermark import Publications


def configured(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the environment, or of the local stack where it has no WAREHOUSE."""
    return settings.from_environment({**_unused(), **_local(), **environment})


@contextmanager
def warehouse(chosen: Settings) -> Iterator[Warehouse]:
    """The warehouse, closed at the end."""
    opened = opening.open_warehouse(chosen.warehouse, identity_client_id=chosen.identity_client_id)
    try:
        yield opened
    finally:
        opened.close()


def publications(chosen: Settings) -> Publications:
    """The publication watermark; its table is made when it is missing."""
    credential = DefaultAzureCredential() if chosen.table_storage.startswith("https://") else None
    storage = tables.open_tables(chosen.table_storage, credential=credential)
    storage.create_missing()
    return Publications(tables=storage, clock=now)


def now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def _local() -> dict[str, str]:
    if "WAREHOUSE" in os.environ:
        return {}
    ports = Ports()
    endpoints = emulator.Endpoints(ports.azurite_blob, ports.azurite_queue, ports.azurite_table)
    return {
        "WAREHOUSE": f"duckdb:{STATE / 'metering.duckdb'}",
        "TABLE_STORAGE": emulator.connection_string(endpoints),
    }


def _unused() -> dict[str, str]:
    """Commands on the warehouse need nothing of Severa, so they do not ask for its settings."""
    return {
        "SEVERA_CLIENT_ID": demo.SEVERA_CLIENT_ID,
        "SEVERA_CLIENT_SECRET": demo.SEVERA_CLIENT_SECRET,
    }
