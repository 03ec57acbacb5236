"""Writes infra/warehouse/003_market_days.sql from the zone database.

Run as `python -m local.market_days`.
"""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from shared import periods

SCRIPT = Path(__file__).parents[1] / "infra" / "warehouse" / "003_market_days.sql"
FIRST_YEAR, LAST_YEAR = 2010, 2050

_TEMPLATE = """\
-- Market days {first_year} to {last_year}: calendar days in Europe/Oslo, of 23, 24 or 25 hours.
-- Made from the zone database by local/market_days.py; a test fails when it is stale.
-- `summer` has the days on which summer time begins and ends. Both begin and end at 01:00 UTC, so
-- the day on which summer time begins still starts in winter time, and the other way round.

INSERT INTO metering.market_day (delivery_date, start_utc, end_utc)
SELECT
    calendar.delivery_date,
    DATEADD(hour, CASE WHEN calendar.delivery_date > summer.first_day THEN -2 ELSE -1 END,
            CAST(calendar.delivery_date AS datetime2(0))),
    DATEADD(hour, CASE WHEN calendar.delivery_date < summer.last_day THEN 22 ELSE 23 END,
            CAST(calendar.delivery_date AS datetime2(0)))
FROM (
    SELECT CAST(DATEADD(day, ones.position + 100 * hundreds.position + 10000 * myriads.position,
                        CAST('{first_year}-01-01' AS date)) AS date) AS delivery_date
    FROM metering.position AS ones
    CROSS JOIN metering.position AS hundreds
    CROSS JOIN metering.position AS myriads
    WHERE myriads.position < 2
) AS calendar
LEFT JOIN (
{summers}
) AS summer
  ON calendar.delivery_date >= summer.first_day AND calendar.delivery_date <= summer.last_day
WHERE calendar.delivery_date < CAST('{end_year}-01-01' AS date)
  AND NOT EXISTS (SELECT 1 FROM metering.market_day)
GO
"""


def script() -> str:
    """Return the T-SQL that fills `metering.market_day`."""
    changes = _days_of_other_length()
    summers = [
        f"    SELECT CAST('{first}' AS date){' AS first_day' if place == 0 else ''}, "
        f"CAST('{last}' AS date){' AS last_day' if place == 0 else ''}"
        for place, (first, last) in enumerate(zip(changes[::2], changes[1::2], strict=True))
    ]
    return _TEMPLATE.format(
        first_year=FIRST_YEAR,
        last_year=LAST_YEAR,
        end_year=LAST_YEAR + 1,
        summers=" UNION ALL\n".join(summers),
    )


def _days_of_other_length() -> list[date]:
    """Return the days of 23 and 25 hours, in turn."""
    edges = [date(FIRST_YEAR, 1, 1) + timedelta(days=n) for n in range(366 * (LAST_YEAR - FIRST_YEAR + 1))]
    return [
        day
        for day, after in pairwise(edges)
        if day.year <= LAST_YEAR and periods.start_of(after) - periods.start_of(day) != timedelta(days=1)
    ]


def main() -> None:
    """Write the script."""
    SCRIPT.write_text(script(), encoding="utf-8")
    print(f"{SCRIPT.name} written.")


if __name__ == "__main__":
    main()
