-- Exports metering data from Exasol to files that the API's loader takes, into Azure Blob Storage.
-- Syntax: https://docs.exasol.com/db/latest/sql/export.htm and
-- https://docs.exasol.com/db/latest/loading_data/load_data_azure_blob.htm (a SAS token needs 2026.1).
--
-- The names on the right of FROM, and those in lower case within the SELECT lists, are examples:
-- put in those of your own tables. What is to be kept is what comes out: these columns, in this
-- order, with these forms. Exasol writes names without quotation marks in capitals, which the loader
-- reads as well; a CHAR column comes with trailing blanks, which it refuses: trim words from fixed lists.

CREATE OR REPLACE CONNECTION metering_deliveries
    TO 'DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net'
    USER '<storage account>' SAS TOKEN '<user delegation SAS of the container, permissions c and w>';

-- Each morning: what has come or changed since the export before. Everything is one row for each
-- interval; a correction is simply the interval again. `changed_at` in place of the day also finds
-- corrections of days long past.
EXPORT (
    SELECT metering_point_id AS "metering_point_id",                     -- 18 digits, as text
           RTRIM(direction) AS "direction",                              -- consumption | production
           TO_CHAR(start_utc, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "start",  -- UTC, start of the interval
           RTRIM(resolution) AS "resolution",                            -- PT15M | PT1H
           TO_CHAR(quantity_kwh, 'FM999999999999990.000') AS "quantity", -- kWh; null where missing
           -- measured | estimated | final-estimated | temporary | calculated | missing
           RTRIM(quality) AS "quality"
    FROM metering.hourly_consumption
    WHERE changed_at >= '2026-11-21 05:00:00' AND changed_at < '2026-11-22 05:00:00'
    ORDER BY metering_point_id, start_utc
)
INTO CSV AT CLOUD AZURE BLOBSTORAGE metering_deliveries
FILE 'deliveries/incoming/2026-11-22/values.csv'
ENCODING = 'UTF-8' COLUMN SEPARATOR = ',' ROW SEPARATOR = 'LF' WITH COLUMN NAMES REPLACE;

-- Metering points: what the file says of one replaces what was known of it.
EXPORT (
    SELECT metering_point_id AS "metering_point_id", name AS "name", address AS "address",
           postal_code AS "postal_code", city AS "city",
           RTRIM(price_area) AS "price_area",                            -- NO1 | NO2 | NO3 | NO4 | NO5, or null
           grid_area AS "grid_area", meter_serial AS "meter_serial"
    FROM metering.metering_point
)
INTO CSV AT CLOUD AZURE BLOBSTORAGE metering_deliveries
FILE 'deliveries/incoming/2026-11-22/metering_points.csv'
ENCODING = 'UTF-8' COLUMN SEPARATOR = ',' ROW SEPARATOR = 'LF' WITH COLUMN NAMES REPLACE;

-- Supply periods: all periods of each metering point that the file names, in market days,
-- [valid_from, valid_to), valid_to null while the supply goes on.
EXPORT (
    SELECT customer_number AS "customer_number", metering_point_id AS "metering_point_id",
           TO_CHAR(valid_from, 'YYYY-MM-DD') AS "valid_from",
           TO_CHAR(valid_to, 'YYYY-MM-DD') AS "valid_to"
    FROM metering.supply
)
INTO CSV AT CLOUD AZURE BLOBSTORAGE metering_deliveries
FILE 'deliveries/incoming/2026-11-22/supply_periods.csv'
ENCODING = 'UTF-8' COLUMN SEPARATOR = ',' ROW SEPARATOR = 'LF' WITH COLUMN NAMES REPLACE;
