"""The services that operators' commands work on, opened from their settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from shared import tables
from shared.outside import identity
from shared.publishing.watermark import Publications
from shared.settings import DataSettings, TableSettings
from shared.tables import Tables
from shared.warehouse import opening
from shared.warehouse.engine import Warehouse


@contextmanager
def warehouse(chosen: DataSettings) -> Iterator[Warehouse]:
    """Open the warehouse, and close it at the end."""
    opened = opening.open_warehouse(
        chosen.warehouse, credential=identity.credential(chosen.identity_client_id)
    )
    try:
        yield opened
    finally:
        opened.close()


def publications(chosen: TableSettings) -> Publications:
    """Return the publication watermark; its table is created if it is missing."""
    opened = storage(chosen)
    opened.create_missing()
    return Publications(tables=opened)


def storage(chosen: TableSettings) -> Tables:
    """Open Table Storage, with an identity if it is an endpoint."""
    credential = identity.credential(chosen.identity_client_id)
    return tables.open_tables(chosen.table_storage, credential=credential)


def now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)
