"""Supply periods. The access sync needs all of them, as they were at one moment."""

from datetime import date
from typing import NamedTuple

from shared.warehouse.engine import Query, Warehouse

PAGE = 50_000
"""Rows of one statement, unless the warehouse was opened for fewer."""


class SupplyPeriodRow(NamedTuple):
    """When a customer was supplied at a metering point: `[valid_from, valid_to)`."""

    customer_number: int
    metering_point_id: str
    valid_from: date
    valid_to: date | None


_OPEN_END = date(9999, 12, 31)
"""The end of a period without one, in the order of rows."""

BEFORE_ALL = SupplyPeriodRow(-1, "", date(1, 1, 1), None)
"""A row that sorts before every supply period."""


def fetch_all(warehouse: Warehouse, *, page: int = PAGE) -> list[SupplyPeriodRow]:
    """Return all supply periods, by customer, metering point, first day and end, read in one transaction."""
    rows: list[SupplyPeriodRow] = []
    after = BEFORE_ALL
    with warehouse.transaction() as session:
        while batch := session.fetch(periods(after=after, limit=page)):
            rows += batch
            after = batch[-1]
    return rows


def periods(*, after: SupplyPeriodRow = BEFORE_ALL, limit: int = 10_000) -> Query[SupplyPeriodRow]:
    """Supply periods by customer, metering point, first day and end: at most `limit`, those after one."""
    customer, point, first_day = after.customer_number, after.metering_point_id, after.valid_from
    end = after.valid_to or _OPEN_END
    return Query(
        """
        SELECT customer_number, metering_point_id, valid_from, valid_to
        FROM metering.supply_period
        WHERE customer_number > ?
           OR (customer_number = ? AND metering_point_id > ?)
           OR (customer_number = ? AND metering_point_id = ? AND valid_from > ?)
           OR (customer_number = ? AND metering_point_id = ? AND valid_from = ?
               AND COALESCE(valid_to, CAST('9999-12-31' AS date)) > ?)
        ORDER BY customer_number, metering_point_id, valid_from,
                 COALESCE(valid_to, CAST('9999-12-31' AS date))
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (
            *(customer, customer, point, customer, point, first_day),
            *(customer, point, first_day, end, limit),
        ),
        SupplyPeriodRow,
        "supply_periods",
    )
