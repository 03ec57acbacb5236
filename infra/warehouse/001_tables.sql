-- Tables of metering data. Every statement may be run again; nothing that exists is touched.
-- Batches are parted by GO, as in sqlcmd and the SQL editors.
-- CLUSTER BY exists in Microsoft Fabric only, and only when a table is made: it stands on a line
-- of its own, which the loader leaves out for other engines.

IF SCHEMA_ID('metering') IS NULL
EXEC('CREATE SCHEMA metering')
GO

IF OBJECT_ID('metering.metering_point') IS NULL
CREATE TABLE metering.metering_point (
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

-- Who was supplied where, in market days: [valid_from, valid_to), open when valid_to is null.
IF OBJECT_ID('metering.supply_period') IS NULL
CREATE TABLE metering.supply_period (
    customer_number bigint NOT NULL,
    metering_point_id varchar(18) NOT NULL,
    valid_from date NOT NULL,
    valid_to date NULL
)
GO

-- Every value as it was delivered. Append-only: a correction is a later row of the same interval.
IF OBJECT_ID('metering.interval_value') IS NULL
CREATE TABLE metering.interval_value (
    metering_point_id varchar(18) NOT NULL,
    direction varchar(11) NOT NULL,
    start_utc datetime2(0) NOT NULL,
    resolution varchar(5) NOT NULL,
    quantity decimal(18, 3) NULL,
    quality varchar(15) NOT NULL,
    batch_id varchar(64) NOT NULL,
    received_at datetime2(6) NOT NULL
)
WITH (CLUSTER BY (metering_point_id, start_utc))
GO

-- A delivery that is complete in interval_value; without this row its values are never published. arrived_at:
-- when its file arrived in the container of deliveries; null where it came by another way.
IF OBJECT_ID('metering.delivery') IS NULL
CREATE TABLE metering.delivery (
    batch_id varchar(64) NOT NULL,
    source varchar(400) NOT NULL,
    received_at datetime2(6) NOT NULL,
    first_start_utc datetime2(0) NOT NULL,
    last_start_utc datetime2(0) NOT NULL,
    interval_values bigint NOT NULL,
    arrived_at datetime2(6) NULL
)
GO

-- A file of metering points or of supply periods that was loaded. Callers keep what they have read of
-- metering points until a later row of the kind 'metering points' says that it may have changed. arrived_at:
-- when the file arrived in the container of deliveries; null where it came by another way.
IF OBJECT_ID('metering.register_delivery') IS NULL
CREATE TABLE metering.register_delivery (
    kind varchar(20) NOT NULL,
    source varchar(400) NOT NULL,
    received_at datetime2(6) NOT NULL,
    records bigint NOT NULL,
    arrived_at datetime2(6) NULL
)
GO

-- A market day as published, one row for each version. quantities: decimal text with three
-- decimals, or null, comma-separated in order of time; qualities: one letter for each position.
IF OBJECT_ID('metering.series_day') IS NULL
CREATE TABLE metering.series_day (
    metering_point_id varchar(18) NOT NULL,
    direction varchar(11) NOT NULL,
    delivery_date date NOT NULL,
    resolution varchar(5) NOT NULL,
    quantities varchar(2000) NOT NULL,
    qualities varchar(100) NOT NULL,
    total_kwh decimal(18, 3) NOT NULL,
    missing smallint NOT NULL,
    sequence bigint NOT NULL,
    published_at datetime2(6) NOT NULL,
    superseded_at datetime2(6) NULL
)
WITH (CLUSTER BY (metering_point_id, delivery_date))
GO

-- A publication, and the first and last market day that it left; null where it left none.
IF OBJECT_ID('metering.publication') IS NULL
CREATE TABLE metering.publication (
    sequence bigint NOT NULL,
    published_at datetime2(6) NOT NULL,
    batch_id varchar(64) NOT NULL,
    [days] bigint NOT NULL,
    [values] bigint NOT NULL,
    first_day date NULL,
    last_day date NULL
)
GO

IF OBJECT_ID('metering.market_day') IS NULL
CREATE TABLE metering.market_day (
    delivery_date date NOT NULL,
    start_utc datetime2(0) NOT NULL,
    end_utc datetime2(0) NOT NULL
)
GO
