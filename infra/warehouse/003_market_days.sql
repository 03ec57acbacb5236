-- Market days 2010 to 2050: calendar days in Europe/Oslo, of 23, 24 or 25 hours.
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
                        CAST('2010-01-01' AS date)) AS date) AS delivery_date
    FROM metering.position AS ones
    CROSS JOIN metering.position AS hundreds
    CROSS JOIN metering.position AS myriads
    WHERE myriads.position < 2
) AS calendar
LEFT JOIN (
    SELECT CAST('2010-03-28' AS date) AS first_day, CAST('2010-10-31' AS date) AS last_day UNION ALL
    SELECT CAST('2011-03-27' AS date), CAST('2011-10-30' AS date) UNION ALL
    SELECT CAST('2012-03-25' AS date), CAST('2012-10-28' AS date) UNION ALL
    SELECT CAST('2013-03-31' AS date), CAST('2013-10-27' AS date) UNION ALL
    SELECT CAST('2014-03-30' AS date), CAST('2014-10-26' AS date) UNION ALL
    SELECT CAST('2015-03-29' AS date), CAST('2015-10-25' AS date) UNION ALL
    SELECT CAST('2016-03-27' AS date), CAST('2016-10-30' AS date) UNION ALL
    SELECT CAST('2017-03-26' AS date), CAST('2017-10-29' AS date) UNION ALL
    SELECT CAST('2018-03-25' AS date), CAST('2018-10-28' AS date) UNION ALL
    SELECT CAST('2019-03-31' AS date), CAST('2019-10-27' AS date) UNION ALL
    SELECT CAST('2020-03-29' AS date), CAST('2020-10-25' AS date) UNION ALL
    SELECT CAST('2021-03-28' AS date), CAST('2021-10-31' AS date) UNION ALL
    SELECT CAST('2022-03-27' AS date), CAST('2022-10-30' AS date) UNION ALL
    SELECT CAST('2023-03-26' AS date), CAST('2023-10-29' AS date) UNION ALL
    SELECT CAST('2024-03-31' AS date), CAST('2024-10-27' AS date) UNION ALL
    SELECT CAST('2025-03-30' AS date), CAST('2025-10-26' AS date) UNION ALL
    SELECT CAST('2026-03-29' AS date), CAST('2026-10-25' AS date) UNION ALL
    SELECT CAST('2027-03-28' AS date), CAST('2027-10-31' AS date) UNION ALL
    SELECT CAST('2028-03-26' AS date), CAST('2028-10-29' AS date) UNION ALL
    SELECT CAST('2029-03-25' AS date), CAST('2029-10-28' AS date) UNION ALL
    SELECT CAST('2030-03-31' AS date), CAST('2030-10-27' AS date) UNION ALL
    SELECT CAST('2031-03-30' AS date), CAST('2031-10-26' AS date) UNION ALL
    SELECT CAST('2032-03-28' AS date), CAST('2032-10-31' AS date) UNION ALL
    SELECT CAST('2033-03-27' AS date), CAST('2033-10-30' AS date) UNION ALL
    SELECT CAST('2034-03-26' AS date), CAST('2034-10-29' AS date) UNION ALL
    SELECT CAST('2035-03-25' AS date), CAST('2035-10-28' AS date) UNION ALL
    SELECT CAST('2036-03-30' AS date), CAST('2036-10-26' AS date) UNION ALL
    SELECT CAST('2037-03-29' AS date), CAST('2037-10-25' AS date) UNION ALL
    SELECT CAST('2038-03-28' AS date), CAST('2038-10-31' AS date) UNION ALL
    SELECT CAST('2039-03-27' AS date), CAST('2039-10-30' AS date) UNION ALL
    SELECT CAST('2040-03-25' AS date), CAST('2040-10-28' AS date) UNION ALL
    SELECT CAST('2041-03-31' AS date), CAST('2041-10-27' AS date) UNION ALL
    SELECT CAST('2042-03-30' AS date), CAST('2042-10-26' AS date) UNION ALL
    SELECT CAST('2043-03-29' AS date), CAST('2043-10-25' AS date) UNION ALL
    SELECT CAST('2044-03-27' AS date), CAST('2044-10-30' AS date) UNION ALL
    SELECT CAST('2045-03-26' AS date), CAST('2045-10-29' AS date) UNION ALL
    SELECT CAST('2046-03-25' AS date), CAST('2046-10-28' AS date) UNION ALL
    SELECT CAST('2047-03-31' AS date), CAST('2047-10-27' AS date) UNION ALL
    SELECT CAST('2048-03-29' AS date), CAST('2048-10-25' AS date) UNION ALL
    SELECT CAST('2049-03-28' AS date), CAST('2049-10-31' AS date) UNION ALL
    SELECT CAST('2050-03-27' AS date), CAST('2050-10-30' AS date)
) AS summer
  ON calendar.delivery_date >= summer.first_day AND calendar.delivery_date <= summer.last_day
WHERE calendar.delivery_date < CAST('2051-01-01' AS date)
  AND NOT EXISTS (SELECT 1 FROM metering.market_day)
GO
