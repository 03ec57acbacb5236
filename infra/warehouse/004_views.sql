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
