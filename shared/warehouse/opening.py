"""Opens the warehouse that the settings name."""

from azure.core.credentials import TokenCredential

from shared.settings import WarehouseSettings
from shared.warehouse.engine import Warehouse, WarehouseMisconfigured


def open_warehouse(settings: WarehouseSettings, *, credential: TokenCredential | None = None) -> Warehouse:
    """Open the warehouse at `settings.url`.

    Args:
        settings: `fabric://<server>/<database>`, `mssql://<user>:<password>@<host>:<port>/<database>`
            or `duckdb:<path>`, with the limits of one statement.
        credential: signs in to Fabric; the other engines need none.

    Raises:
        WarehouseMisconfigured: the address is wrong, or what the engine needs is not installed.
    """
    # Each engine's driver is imported only when it is used: the deployed app has no DuckDB, and a laptop
    # needs no ODBC driver.
    if settings.url.startswith("duckdb:"):
        from shared.warehouse.duckdb import warehouse

        return warehouse.open_embedded(settings)
    try:
        from shared.warehouse.fabric import warehouse as fabric
    except ImportError as error:
        raise WarehouseMisconfigured(
            f"pyodbc cannot be loaded ({error}). Install unixODBC and Microsoft's ODBC Driver 18."
        ) from error
    return fabric.open_fabric(settings, credential=credential)
