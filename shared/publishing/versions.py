"""Builds the statements that store versions of market days: packed values of affected days. Pure.

A day that the delivery has whole is packed from the delivery alone, so its cost does not depend on what is
stored. Earlier values are read only for days that the delivery has in part.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.publishing.affected_days import AffectedDays, Delivery
from shared.warehouse import extents
from shared.warehouse.engine import Statement
from shared.warehouse.extents import Condition, Extent


def insert_new(
    delivery: Delivery,
    affected: AffectedDays,
    *,
    sequence: int,
    published_at: datetime,
    received_until: datetime,
) -> Statement:
    """Insert a packed version of each affected day that differs from what is published."""
    packed = _packed(
        _values_of_whole_days(delivery, affected.days, sequence=sequence),
        _newest_values_of_days_in_part(
            affected.days_in_part, sequence=sequence, received_until=received_until
        ),
    )
    there = extents.day_condition(affected.days, table="there")
    return Statement(
        f"""
        INSERT INTO metering.series_day (metering_point_id, direction, delivery_date, resolution,
                                         quantities, qualities, total_kwh, missing,
                                         sequence, published_at, superseded_at)
        SELECT packed.metering_point_id, packed.direction, packed.delivery_date, packed.resolution,
               packed.quantities, packed.qualities, packed.total_kwh, packed.missing,
               CAST(? AS bigint), CAST(? AS datetime2(6)), CAST(NULL AS datetime2(6))
        FROM ({packed.sql}) AS packed
        LEFT JOIN (
            SELECT metering_point_id, direction, delivery_date, resolution, quantities, qualities
            FROM metering.current_day AS there
            WHERE {there.sql}
        ) AS c
          ON c.metering_point_id = packed.metering_point_id
         AND c.direction = packed.direction
         AND c.delivery_date = packed.delivery_date
        WHERE c.metering_point_id IS NULL
           OR c.resolution <> packed.resolution
           OR c.quantities <> packed.quantities
           OR c.qualities <> packed.qualities
        """,  # noqa: S608  # Nothing but the texts of this module is put in.
        (sequence, published_at, *packed.parameters, *there.parameters),
        "new_versions",
    )


def supersede_old(days: Sequence[Extent], *, sequence: int, published_at: datetime) -> Statement:
    """Mark the versions that a publication has replaced as superseded."""
    there = extents.day_condition(days, table="series_day")
    newer = extents.day_condition(days, table="newer")
    return Statement(
        f"""
        UPDATE metering.series_day
        SET superseded_at = CAST(? AS datetime2(6))
        WHERE superseded_at IS NULL
          AND sequence < ?
          AND {there.sql}
          AND EXISTS (SELECT 1 FROM metering.series_day AS newer
                      WHERE newer.sequence = ?
                        AND {newer.sql}
                        AND newer.metering_point_id = series_day.metering_point_id
                        AND newer.direction = series_day.direction
                        AND newer.delivery_date = series_day.delivery_date)
        """,  # noqa: S608  # As above.
        (published_at, sequence, *there.parameters, sequence, *newer.parameters),
        "supersede",
    )


def _packed(*values: Condition) -> Condition:
    """Return the SELECT that packs values, one for each interval, into days.

    Quantities and letters are aggregated together and split afterwards, since sorting is most of the cost of
    packing. No letter of a quality occurs in a number or in `null`. Most days have one letter: they are split
    by deleting it.
    """
    parts = "\n                    UNION ALL\n".join(each.sql for each in values)
    return Condition(
        f"""
            SELECT metering_point_id, direction, delivery_date, resolution,
                   CASE WHEN LEN(pairs) - LEN(without_last_letter) = interval_values
                        THEN without_last_letter
                        ELSE {_without("MEFTCX")} END AS quantities,
                   CASE WHEN LEN(pairs) - LEN(without_last_letter) = interval_values
                        THEN REPLICATE(RIGHT(pairs, 1), interval_values)
                        ELSE {_without("-0123456789.,nul")} END AS qualities,
                   total_kwh, missing
            FROM (
                SELECT metering_point_id, direction, delivery_date, resolution, pairs,
                       REPLACE(pairs, RIGHT(pairs, 1), '') AS without_last_letter,
                       interval_values, total_kwh, missing
                FROM (
                    SELECT metering_point_id, direction, delivery_date, resolution,
                           STRING_AGG(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'),
                                             CASE WHEN quantity IS NULL THEN 'X'
                                                  WHEN quality = 'measured' THEN 'M'
                                                  WHEN quality = 'estimated' THEN 'E'
                                                  WHEN quality = 'final-estimated' THEN 'F'
                                                  WHEN quality = 'temporary' THEN 'T'
                                                  WHEN quality = 'calculated' THEN 'C'
                                                  ELSE 'X' END), ',')
                               WITHIN GROUP (ORDER BY start_utc) AS pairs,
                           COUNT(*) AS interval_values,
                           CAST(COALESCE(SUM(quantity), 0) AS decimal(18, 3)) AS total_kwh,
                           CAST(SUM(CASE WHEN quantity IS NULL THEN 1 ELSE 0 END) AS smallint) AS missing
                    FROM (
                    {parts}
                    ) AS counting
                    GROUP BY metering_point_id, direction, delivery_date, resolution
                ) AS aggregated
            ) AS split
        """,  # noqa: S608  # As above.
        tuple(parameter for each in values for parameter in each.parameters),
    )


def _without(characters: str) -> str:
    """Return SQL for the pairs without these characters. (TRANSLATE is not documented for Fabric.)"""
    text = "pairs"
    for character in characters:
        text = f"REPLACE({text}, '{character}', '')"
    return text


def _values_of_whole_days(delivery: Delivery, days: Sequence[Extent], *, sequence: int) -> Condition:
    """Return the SELECT of the values of days that the delivery has whole."""
    there = extents.start_condition(days, table="v")
    return Condition(
        f"""
                SELECT d.metering_point_id, d.direction, d.delivery_date, d.resolution, v.start_utc,
                       v.quantity, v.quality
                FROM metering.delivered_value AS v
                JOIN metering.publishing_day AS d
                  ON d.metering_point_id = v.metering_point_id
                 AND d.direction = v.direction
                 AND d.delivery_date = v.delivery_date
                 AND d.resolution = v.resolution
                WHERE d.sequence = ? AND d.is_whole = 1
                  AND v.batch_id = ?
                  AND v.received_at = CAST(? AS datetime2(6))
                  AND {there.sql}
        """,  # noqa: S608  # As above.
        (sequence, delivery.batch_id, delivery.received_at, *there.parameters),
    )


def _newest_values_of_days_in_part(
    days: Sequence[Extent], *, sequence: int, received_until: datetime
) -> Condition:
    """Return the SELECT of the newest value of each interval of days in part; *missing* where there is none.

    Values without a row in `delivery` belong to a load that has not finished and may never finish. Deliveries
    are numbered once by age: sorting all values by time and batch id would take twice as long.
    """
    affected = extents.day_condition(days, table="d")
    there = extents.start_condition(days, table="v")
    return Condition(
        f"""
                SELECT grid.metering_point_id, grid.direction, grid.delivery_date, grid.resolution,
                       grid.start_utc, newest.quantity, COALESCE(newest.quality, 'missing')
                FROM (
                    SELECT d.metering_point_id, d.direction, d.delivery_date, d.resolution,
                           DATEADD(minute, p.position * d.minutes, m.start_utc) AS start_utc
                    FROM metering.publishing_day AS d
                    JOIN metering.market_day AS m ON m.delivery_date = d.delivery_date
                    JOIN metering.position AS p
                      ON p.position * d.minutes < DATEDIFF(minute, m.start_utc, m.end_utc)
                    WHERE d.sequence = ? AND d.is_whole = 0 AND {affected.sql}
                ) AS grid
                LEFT JOIN (
                    SELECT v.metering_point_id, v.direction, v.start_utc, v.quantity, v.quality,
                           ROW_NUMBER() OVER (PARTITION BY v.metering_point_id, v.direction, v.start_utc
                                              ORDER BY complete.age) AS age
                    FROM metering.delivered_value AS v
                    JOIN metering.publishing_day AS d
                      ON d.metering_point_id = v.metering_point_id
                     AND d.direction = v.direction
                     AND d.delivery_date = v.delivery_date
                     AND d.resolution = v.resolution
                    JOIN (
                        SELECT batch_id, received_at,
                               ROW_NUMBER() OVER (ORDER BY received_at DESC, batch_id DESC) AS age
                        FROM metering.delivery
                    ) AS complete
                      ON complete.batch_id = v.batch_id
                     AND complete.received_at = v.received_at
                    WHERE d.sequence = ? AND d.is_whole = 0
                      AND {there.sql}
                      AND v.received_at <= CAST(? AS datetime2(6))
                ) AS newest
                  ON newest.metering_point_id = grid.metering_point_id
                 AND newest.direction = grid.direction
                 AND newest.start_utc = grid.start_utc
                 AND newest.age = 1
        """,  # noqa: S608  # As above.
        (sequence, *affected.parameters, sequence, *there.parameters, received_until),
    )
