"""All supply periods, however many: the access sync needs every one of them, as they were at one moment."""

from shared.warehouse import queries
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import SupplyPeriodRow

PAGE = 50_000
"""Rows in one answer, where the warehouse was not opened for fewer."""


def everything(warehouse: Warehouse, *, page: int = PAGE) -> list[SupplyPeriodRow]:
    """Every supply period, by customer, metering point and beginning, read in one transaction."""
    rows: list[SupplyPeriodRow] = []
    after = queries.BEFORE_ALL_SUPPLY
    with warehouse.transaction() as session:
        while found := session.fetch(queries.supply_periods(after=after, limit=page)):
            rows += found
            after = found[-1]
    return rows
