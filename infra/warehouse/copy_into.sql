-- Brings files of interval values from storage into the warehouse, in Fabric itself: for first loads
-- and for feeds of many million values, where sending rows from a client would be slow.
--
--   sqlcmd -S <server> -d <database> --authentication-method ActiveDirectoryDefault -b \
--     -v url="https://<account>.dfs.core.windows.net/deliveries/2026-11-22/*.csv" batch="2026-11-22" \
--     -i infra/warehouse/copy_into.sql
--
-- `batch` names the delivery: the same name is taken in once only. With -b the script stops at the
-- first fault, before anything is taken in. The publishing timer does the rest within five minutes.
-- Run one at a time.

DELETE FROM metering.landed_row
GO

COPY INTO metering.landed_row (metering_point_id 1, direction 2, [start] 3, resolution 4, quantity 5, quality 6)
FROM '$(url)'
WITH (FILE_TYPE = 'CSV', FIRSTROW = 2, ENCODING = 'UTF8')
GO

IF EXISTS (SELECT 1 FROM metering.landed_fault WHERE reason IS NOT NULL)
BEGIN
    -- In brackets, so that blanks can be seen.
    SELECT reason, COUNT_BIG(*) AS how_many, MIN(metering_point_id) AS metering_point_id, MIN([start]) AS [start],
           MIN(CONCAT('[', direction_text, ']')) AS direction, MIN(CONCAT('[', resolution_text, ']')) AS resolution,
           MIN(CONCAT('[', quantity_text, ']')) AS quantity, MIN(CONCAT('[', quality_text, ']')) AS quality
    FROM metering.landed_fault
    WHERE reason IS NOT NULL
    GROUP BY reason;
    THROW 50001, 'The files have faulty rows; nothing was taken in.', 1;
END
GO

IF EXISTS (
    SELECT 1 FROM metering.landed_value
    GROUP BY metering_point_id, direction, start_utc, resolution
    HAVING MIN(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
        <> MAX(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
)
    THROW 50002, 'The files have an interval with two values; nothing was taken in.', 1;
GO

BEGIN TRANSACTION
    UPDATE metering.write_lock SET taken = taken + 1;

    -- Every other delivery or publication has updated this row before, or conflicts with this
    -- transaction: what is seen here still holds at its end.
    IF EXISTS (SELECT 1 FROM metering.landed_contradiction)
    BEGIN
        ROLLBACK TRANSACTION;
        THROW 50003, 'The files have a day in two resolutions, or in part in another than it has already; nothing was taken in.', 1;
    END

    -- Fabric undoes the whole transaction at a statement that fails, and may go on with the next one
    -- outside of it: the row in delivery would then stand alone, and its values never come.
    IF @@TRANCOUNT = 0
        THROW 50004, 'The write lock could not be taken; nothing was taken in.', 1;

    DECLARE @now datetime2(6) = SYSUTCDATETIME();
    DECLARE @latest datetime2(6) = (SELECT MAX(received_at) FROM metering.delivery);
    DECLARE @received datetime2(6) = CASE WHEN @latest >= @now THEN DATEADD(microsecond, 1, @latest) ELSE @now END;

    INSERT INTO metering.interval_value (metering_point_id, direction, start_utc, resolution,
                                         quantity, quality, batch_id, received_at)
    SELECT DISTINCT metering_point_id, direction, start_utc, resolution, quantity, quality, '$(batch)', @received
    FROM metering.landed_value
    WHERE NOT EXISTS (SELECT 1 FROM metering.delivery WHERE batch_id = '$(batch)');

    IF @@TRANCOUNT = 0
        THROW 50005, 'The values could not be stored; nothing was taken in.', 1;

    INSERT INTO metering.delivery (batch_id, source, received_at, first_start_utc, last_start_utc, interval_values)
    SELECT '$(batch)', 'COPY INTO', @received, MIN(start_utc), MAX(start_utc), COUNT_BIG(*)
    FROM metering.landed_value
    WHERE NOT EXISTS (SELECT 1 FROM metering.delivery WHERE batch_id = '$(batch)')
    HAVING COUNT_BIG(*) > 0;
COMMIT TRANSACTION
GO

DELETE FROM metering.landed_row
GO
