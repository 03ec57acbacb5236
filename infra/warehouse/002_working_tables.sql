-- Tables that loading and publishing work with; nobody else reads them.

-- Interval values of a file on their way in; `line` is where in the file, for messages.
IF OBJECT_ID('metering.delivery_line') IS NULL
CREATE TABLE metering.delivery_line (
    load_id varchar(32) NOT NULL,
    staged_at datetime2(6) NOT NULL,
    line bigint NOT NULL,
    metering_point_id varchar(18) NOT NULL,
    direction varchar(11) NOT NULL,
    start_utc datetime2(0) NOT NULL,
    delivery_date date NOT NULL,
    resolution varchar(5) NOT NULL,
    quantity decimal(18, 3) NULL,
    quality varchar(15) NOT NULL
)
GO

-- Metering points of a file on their way in.
IF OBJECT_ID('metering.metering_point_line') IS NULL
CREATE TABLE metering.metering_point_line (
    load_id varchar(32) NOT NULL,
    staged_at datetime2(6) NOT NULL,
    line bigint NOT NULL,
    metering_point_id varchar(18) NOT NULL,
    name varchar(200) NULL,
    address varchar(200) NULL,
    postal_code varchar(10) NULL,
    city varchar(100) NULL,
    price_area varchar(10) NULL,
    grid_area varchar(50) NULL,
    meter_serial varchar(50) NULL
)
GO

-- Supply periods of a file on their way in.
IF OBJECT_ID('metering.supply_period_line') IS NULL
CREATE TABLE metering.supply_period_line (
    load_id varchar(32) NOT NULL,
    staged_at datetime2(6) NOT NULL,
    line bigint NOT NULL,
    customer_number bigint NOT NULL,
    metering_point_id varchar(18) NOT NULL,
    valid_from date NOT NULL,
    valid_to date NULL
)
GO

-- Lines of a large file while one transaction reads it with COPY INTO, checks and stages it; empty otherwise.
-- rest: what follows the control character that ends a field, which no line should have.
IF OBJECT_ID('metering.landed_line') IS NULL
CREATE TABLE metering.landed_line (
    line varchar(8000) NULL,
    rest varchar(8000) NULL
)
GO

-- The market days that a publication under way touches, with the length of their intervals. is_whole: 1 where
-- the delivery has every interval of the day and no later one is published, so that no earlier value counts.
IF OBJECT_ID('metering.publishing_day') IS NULL
CREATE TABLE metering.publishing_day (
    sequence bigint NOT NULL,
    metering_point_id varchar(18) NOT NULL,
    direction varchar(11) NOT NULL,
    delivery_date date NOT NULL,
    resolution varchar(5) NOT NULL,
    minutes smallint NOT NULL,
    is_whole smallint NOT NULL
)
GO

-- One row. Accepting a delivery and publishing both update it first: neither engine enforces keys,
-- but both refuse the second of two updates of one row, so one of two at once wins.
IF OBJECT_ID('metering.write_lock') IS NULL
CREATE TABLE metering.write_lock (
    taken bigint NOT NULL
)
GO

INSERT INTO metering.write_lock (taken)
SELECT 0
WHERE NOT EXISTS (SELECT 1 FROM metering.write_lock)
GO

-- The positions of a market day: at most 100 quarters of an hour.
IF OBJECT_ID('metering.position') IS NULL
CREATE TABLE metering.position (
    position smallint NOT NULL
)
GO

INSERT INTO metering.position (position)
SELECT CAST(tens.digit * 10 + ones.digit AS smallint)
FROM (SELECT 0 AS digit UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
      UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) AS tens
CROSS JOIN (SELECT 0 AS digit UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
      UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) AS ones
WHERE NOT EXISTS (SELECT 1 FROM metering.position)
GO
