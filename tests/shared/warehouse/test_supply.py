"""Every supply period is read, also where they are more than one answer holds."""

from datetime import date
from pathlib import Path

import pytest

from shared.warehouse import supply
from shared.warehouse.engine import Statement, Warehouse
from shared.warehouse.supply import SupplyPeriodRow
from tests.builders import warehouse as building
from tests.builders.access import point
from tests.builders.warehouse import Clock

ROWS = [
    SupplyPeriodRow(1001, point(1), date(2020, 1, 1), date(2021, 1, 1)),
    SupplyPeriodRow(1001, point(1), date(2022, 1, 1), None),
    SupplyPeriodRow(1001, point(2), date(2020, 1, 1), None),
    SupplyPeriodRow(1002, point(1), date(2021, 1, 1), date(2022, 1, 1)),
    SupplyPeriodRow(1003, point(3), date(2020, 1, 1), None),
]


@pytest.mark.parametrize("page", [1, 2, 5, 50])
def test_all_supply_periods_are_read_in_pages(
    warehouse: Warehouse, tmp_path: Path, clock: Clock, page: int
) -> None:
    file = building.write_csv(
        tmp_path / "supply.csv",
        [
            (str(row.customer_number), row.metering_point_id, f"{row.valid_from}", f"{row.valid_to or ''}")
            for row in ROWS
        ],
        header=("customer_number", "metering_point_id", "valid_from", "valid_to"),
    )
    building.load(warehouse, file, clock=clock)

    assert supply.fetch_all(warehouse, page=page) == ROWS


@pytest.mark.parametrize("page", [1, 2])
def test_periods_that_differ_only_in_their_end_are_all_read(warehouse: Warehouse, page: int) -> None:
    ends = [date(2020, 7, 1), date(2021, 1, 1), None]
    with warehouse.transaction() as session:
        for end in reversed(ends):
            session.run(
                Statement(
                    "INSERT INTO metering.supply_period VALUES (?, ?, ?, ?)",
                    (1001, point(1), date(2020, 1, 1), end),
                    "by_hand",
                )
            )

    assert [row.valid_to for row in supply.fetch_all(warehouse, page=page)] == ends


def test_a_warehouse_without_supply_periods_has_none(warehouse: Warehouse) -> None:
    assert supply.fetch_all(warehouse) == []
