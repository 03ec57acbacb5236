"""Opens the warehouse that the settings name."""

from shared.settings import WarehouseSettings
from shared.warehouse.engine import Warehouse


def open_warehouse(settings: WarehouseSettings, *, identity_client_id: str | None = None) -> Warehouse:
    """The warehouse at `settings.url`.

    Args:
        settings: `fabric://<server>/<database>`, `mssql://<user>:<password>@<host>:<port>/<database>`
            or `duckdb:<path>`, with the limits of one statement.
        identity_client_id: the managed identity that signs in to Fabric; None for the default one.
    """
    # Each engine's driver is imported only where it is used: the deployed app has no DuckDB,
    # a laptop need not have an ODBC driver.
    if settings.url.startswith("duckdb:"):
        from shared.warehouse import embedded

        return embedded.open_embedded(settings)
    from shared.warehouse import fabric

    return fabric.open_fabric(settings, identity_client_id=identity_client_id)
