"""Making the tables."""

from pathlib import Path

from shared.warehouse import opening, schema
from tests.builders import warehouse as building


def test_making_the_tables_again_changes_nothing(tmp_path: Path) -> None:
    warehouse = opening.open_warehouse(building.settings(f"duckdb:{tmp_path / 'new' / 'metering.duckdb'}"))

    schema.apply(warehouse)
    schema.apply(warehouse)

    counts = {
        table: building.count(warehouse, table)
        for table in ("market_day", "position", "write_lock", "series_day")
    }
    warehouse.close()
    assert counts == {"market_day": 14975, "position": 100, "write_lock": 1, "series_day": 0}
