-- Delivered values with their market day. Europe/Oslo is one or two hours ahead of UTC, so the
-- date two hours ahead is the market day or the day after it; an equality join finds it, which
-- stays linear in the number of values where a join on a range would not. What starts beside the
-- intervals of its resolution, as nothing does that came through the checks, is no value of any.
CREATE OR ALTER VIEW metering.delivered_value AS
SELECT
    v.metering_point_id,
    v.direction,
    CASE WHEN v.start_utc >= ahead.start_utc
         THEN ahead.delivery_date
         ELSE CAST(DATEADD(day, -1, ahead.delivery_date) AS date) END AS delivery_date,
    v.start_utc,
    v.resolution,
    v.quantity,
    v.quality,
    v.batch_id,
    v.received_at
FROM metering.interval_value AS v
JOIN metering.market_day AS ahead
  ON ahead.delivery_date = CAST(DATEADD(hour, 2, v.start_utc) AS date)
WHERE DATEPART(second, v.start_utc) = 0
  AND DATEPART(minute, v.start_utc) % CASE v.resolution WHEN 'PT15M' THEN 15 ELSE 60 END = 0
GO

-- Deliveries that no publication has taken in yet.
CREATE OR ALTER VIEW metering.unpublished_delivery AS
SELECT d.batch_id, d.source, d.received_at, d.first_start_utc, d.last_start_utc, d.interval_values
FROM metering.delivery AS d
WHERE NOT EXISTS (SELECT 1 FROM metering.publication AS p WHERE p.batch_id = d.batch_id)
GO

-- The version of each market day that is valid now.
CREATE OR ALTER VIEW metering.current_day AS
SELECT metering_point_id, direction, delivery_date, resolution, quantities, qualities,
       total_kwh, missing, sequence, published_at
FROM metering.series_day
WHERE superseded_at IS NULL
GO

-- Landed rows with what they mean: null where a text means nothing. Times are in UTC with a Z, as
-- exasol_export.sql writes them. A number or time that is written back as the text that it came from has
-- the right form. Texts are compared with something behind them, or as bytes: T-SQL's = ignores trailing
-- blanks, and the case of letters where the collation does.
CREATE OR ALTER VIEW metering.landed_value AS
SELECT
    r.metering_point_id,
    r.[start],
    r.direction AS direction_text,
    r.resolution AS resolution_text,
    r.quantity AS quantity_text,
    r.quality AS quality_text,
    CASE WHEN CONCAT(RIGHT(CONCAT('000000000000000000', CAST(TRY_CAST(r.metering_point_id AS bigint) AS varchar(20))), 18), '|')
              = CONCAT(r.metering_point_id, '|')
         THEN r.metering_point_id END AS digits,
    CASE WHEN TRY_CAST(r.direction AS varbinary(100))
              IN (CAST('consumption' AS varbinary(100)), CAST('production' AS varbinary(100)))
         THEN r.direction END AS direction,
    CASE WHEN TRY_CAST(r.resolution AS varbinary(100))
              IN (CAST('PT15M' AS varbinary(100)), CAST('PT1H' AS varbinary(100)))
         THEN r.resolution END AS resolution,
    CASE WHEN CONCAT(REPLACE(CAST(TRY_CAST(LEFT(r.[start], 19) AS datetime2(0)) AS varchar(19)), ' ', 'T'), 'Z|')
              = CONCAT(r.[start], '|')
         THEN TRY_CAST(LEFT(r.[start], 19) AS datetime2(0)) END AS start_utc,
    CASE WHEN CONCAT(r.quantity, '|') <> '|' THEN TRY_CAST(r.quantity AS decimal(18, 3)) END AS quantity,
    CASE WHEN TRY_CAST(r.quality AS varbinary(100))
              IN (CAST('measured' AS varbinary(100)), CAST('estimated' AS varbinary(100)),
                  CAST('final-estimated' AS varbinary(100)), CAST('temporary' AS varbinary(100)),
                  CAST('calculated' AS varbinary(100)), CAST('missing' AS varbinary(100)))
         THEN CASE WHEN CONCAT(r.quantity, '|') = '|' THEN 'missing' ELSE r.quality END END AS quality
FROM metering.landed_row AS r
GO

-- What is wrong with landed rows, by row. The check digit is that of GS1: from the right, digits
-- weigh 3 and 1 in turn.
CREATE OR ALTER VIEW metering.landed_fault AS
SELECT
    v.metering_point_id, v.direction_text, v.[start], v.resolution_text, v.quantity_text, v.quality_text,
    CASE
        WHEN v.digits IS NULL THEN 'metering_point_id has not exactly 18 digits'
        WHEN (3 * (CAST(SUBSTRING(v.digits, 1, 1) AS int) + CAST(SUBSTRING(v.digits, 3, 1) AS int) + CAST(SUBSTRING(v.digits, 5, 1) AS int)
              + CAST(SUBSTRING(v.digits, 7, 1) AS int) + CAST(SUBSTRING(v.digits, 9, 1) AS int) + CAST(SUBSTRING(v.digits, 11, 1) AS int)
              + CAST(SUBSTRING(v.digits, 13, 1) AS int) + CAST(SUBSTRING(v.digits, 15, 1) AS int) + CAST(SUBSTRING(v.digits, 17, 1) AS int)) + CAST(SUBSTRING(v.digits, 2, 1) AS int) + CAST(SUBSTRING(v.digits, 4, 1) AS int) + CAST(SUBSTRING(v.digits, 6, 1) AS int)
              + CAST(SUBSTRING(v.digits, 8, 1) AS int) + CAST(SUBSTRING(v.digits, 10, 1) AS int) + CAST(SUBSTRING(v.digits, 12, 1) AS int)
              + CAST(SUBSTRING(v.digits, 14, 1) AS int) + CAST(SUBSTRING(v.digits, 16, 1) AS int)
              + CAST(SUBSTRING(v.digits, 18, 1) AS int)) % 10 <> 0 THEN 'metering_point_id has another check digit'
        WHEN v.direction IS NULL THEN 'direction is unknown'
        WHEN v.resolution IS NULL THEN 'resolution is not PT15M or PT1H'
        WHEN v.start_utc IS NULL THEN 'start is not a time in UTC such as 2026-03-29T01:00:00Z'
        WHEN v.start_utc < CAST('2009-12-31T23:00:00' AS datetime2(0))
          OR v.start_utc >= CAST('2050-12-31T23:00:00' AS datetime2(0)) THEN 'start is outside the market days'
        WHEN v.start_utc > DATEADD(day, 2, SYSUTCDATETIME()) THEN 'start lies more than two days in the future'
        WHEN DATEDIFF(second, CAST('2009-12-31T23:00:00' AS datetime2(0)), v.start_utc)
             % CASE v.resolution WHEN 'PT15M' THEN 900 ELSE 3600 END <> 0 THEN 'start is not the start of an interval'
        WHEN CONCAT(v.quantity_text, '|') <> '|'
             AND (v.quantity IS NULL
                  OR v.quantity_text LIKE '%+%' OR v.quantity_text LIKE '% %' OR v.quantity_text LIKE '%e%'
                  OR v.quantity_text LIKE '%E%' OR v.quantity_text LIKE '%-%' AND v.quantity >= 0)
             THEN 'quantity is not a decimal number with a point'
        WHEN v.quantity >= 1000000000000 THEN 'quantity has more than 12 digits before the point'
        WHEN v.quantity < 0 THEN 'quantity is negative'
        WHEN v.quantity_text LIKE '%.____%' THEN 'quantity has more than three decimals'
        WHEN v.quality IS NULL THEN 'quality is unknown'
        WHEN v.quantity IS NOT NULL AND v.quality = 'missing' THEN 'a quantity has the quality missing'
    END AS reason
FROM metering.landed_value AS v
GO

-- The market days that landed rows have values of. is_whole: 1 where they have every interval of the day.
CREATE OR ALTER VIEW metering.landed_day AS
SELECT
    landed.metering_point_id,
    landed.direction,
    landed.delivery_date,
    landed.resolution,
    CASE WHEN landed.intervals * CASE landed.resolution WHEN 'PT15M' THEN 15 ELSE 60 END
              >= DATEDIFF(minute, m.start_utc, m.end_utc)
         THEN 1 ELSE 0 END AS is_whole
FROM (
    SELECT metering_point_id, direction, delivery_date, resolution, COUNT_BIG(DISTINCT start_utc) AS intervals
    FROM (
        SELECT
            v.metering_point_id,
            v.direction,
            CASE WHEN v.start_utc >= ahead.start_utc
                 THEN ahead.delivery_date
                 ELSE CAST(DATEADD(day, -1, ahead.delivery_date) AS date) END AS delivery_date,
            v.resolution,
            v.start_utc
        FROM metering.landed_value AS v
        JOIN metering.market_day AS ahead
          ON ahead.delivery_date = CAST(DATEADD(hour, 2, v.start_utc) AS date)
    ) AS dated
    GROUP BY metering_point_id, direction, delivery_date, resolution
) AS landed
JOIN metering.market_day AS m ON m.delivery_date = landed.delivery_date
GO

-- Landed days that come in part and are published, or wait to be, in another resolution, and days that
-- come in two. A day that comes whole replaces the published one, whatever its resolution.
CREATE OR ALTER VIEW metering.landed_contradiction AS
SELECT l.metering_point_id, l.direction, l.delivery_date, l.resolution, c.resolution AS other_resolution
FROM metering.landed_day AS l
JOIN metering.current_day AS c
  ON c.metering_point_id = l.metering_point_id
 AND c.direction = l.direction
 AND c.delivery_date = l.delivery_date
WHERE c.resolution <> l.resolution
  AND l.is_whole = 0
UNION
SELECT l.metering_point_id, l.direction, l.delivery_date, l.resolution, v.resolution
FROM metering.unpublished_delivery AS waiting
JOIN metering.delivered_value AS v
  ON v.batch_id = waiting.batch_id AND v.received_at = waiting.received_at
JOIN metering.landed_day AS l
  ON l.metering_point_id = v.metering_point_id
 AND l.direction = v.direction
 AND l.delivery_date = v.delivery_date
WHERE v.resolution <> l.resolution
  AND l.is_whole = 0
UNION
SELECT l.metering_point_id, l.direction, l.delivery_date, l.resolution, other.resolution
FROM metering.landed_day AS l
JOIN metering.landed_day AS other
  ON other.metering_point_id = l.metering_point_id
 AND other.direction = l.direction
 AND other.delivery_date = l.delivery_date
WHERE other.resolution <> l.resolution
GO
