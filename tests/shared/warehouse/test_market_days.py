"""The table of market days is that of the zone database."""

from datetime import date, datetime, timedelta

from local import market_days
from shared import periods
from shared.warehouse.engine import Query, Warehouse, aware


def test_the_script_is_what_the_zone_database_gives() -> None:
    assert market_days.SCRIPT.read_text(encoding="utf-8") == market_days.script()


def test_every_market_day_from_2010_to_2050_has_its_start_and_end(warehouse: Warehouse) -> None:
    def row(day: date, start: datetime, end: datetime) -> tuple[date, datetime, datetime]:
        return day, aware(start), aware(end)

    sql = "SELECT delivery_date, start_utc, end_utc FROM metering.market_day ORDER BY delivery_date"
    rows = warehouse.fetch(Query(sql, (), row, "market_days"))

    days = [periods.FIRST_DAY + timedelta(days=n) for n in range((periods.END_DAY - periods.FIRST_DAY).days)]
    assert rows == [(day, periods.market_day(day).start, periods.market_day(day).end) for day in days]
