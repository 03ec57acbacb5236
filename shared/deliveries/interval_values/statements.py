"""Builds the statements that check staged interval values against each other, and store them. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.deliveries.faults import Fault
from shared.deliveries.staging import MOST_FAULTS, Found
from shared.warehouse import extents
from shared.warehouse.engine import Query, Statement
from shared.warehouse.extents import Day, Extent


class Earlier(NamedTuple):
    """The latest delivery of a content.

    Attributes:
        number: how many times the content was delivered until then.
        rows: how many values it has.
        received_at: when it counts as received, in UTC without zone.
        arrived_at: when its file arrived in the container of deliveries, in UTC without zone.
        is_overlapped: whether a later delivery has values of the same time.
    """

    number: int
    rows: int
    received_at: datetime
    arrived_at: datetime | None
    is_overlapped: bool


class StagedDay(NamedTuple):
    """A market day with staged values.

    Attributes:
        whole: the day.
        is_in_part: whether some series has only a part of the day's intervals.
        resolutions: how many resolutions its values have.
    """

    whole: Day
    is_in_part: bool
    resolutions: int


def earlier(content: str) -> Query[Earlier]:
    """Ask for the latest delivery of a content: one row or none.

    Args:
        content: the beginning of the batch ids of all its deliveries, before `-` and their number.
    """
    return Query(
        """
        SELECT d.batch_id, d.interval_values, d.received_at, d.arrived_at,
               CASE WHEN EXISTS (SELECT 1 FROM metering.delivery AS later
                                 WHERE later.received_at > d.received_at
                                   AND later.first_start_utc <= d.last_start_utc
                                   AND later.last_start_utc >= d.first_start_utc) THEN 1 ELSE 0 END
        FROM metering.delivery AS d
        WHERE d.batch_id LIKE ?
        ORDER BY d.received_at DESC
        OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY
        """,
        (f"{content}-%",),
        lambda batch_id, rows, received_at, arrived_at, is_overlapped: Earlier(
            int(batch_id.rpartition("-")[2]), rows, received_at, arrived_at, bool(is_overlapped)
        ),
        "earlier_delivery",
    )


def delivered_later(load_id: str, days: Sequence[Extent], *, received_at: datetime) -> Query[int]:
    """Ask whether any staged interval was delivered after `received_at`: a row, or none."""
    there = extents.start_condition(days, table="v")
    return Query(
        f"""
        SELECT 1
        FROM metering.delivery_line AS staged
        JOIN metering.interval_value AS v
          ON v.metering_point_id = staged.metering_point_id
         AND v.direction = staged.direction
         AND v.start_utc = staged.start_utc
        WHERE staged.load_id = ?
          AND v.received_at > CAST(? AS datetime2(6))
          AND {there.sql}
        ORDER BY staged.line
        OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY
        """,  # noqa: S608  # Nothing but the names of `extents` is put in.
        (load_id, received_at, *there.parameters),
        int,
        "delivered_later",
    )


def days(load_id: str) -> Query[StagedDay]:
    """Ask for the market days that have staged values, in order."""
    return Query(
        """
        SELECT s.delivery_date, MIN(s.metering_point_id), MAX(s.metering_point_id),
               MAX(CASE WHEN s.minutes < DATEDIFF(minute, m.start_utc, m.end_utc) THEN 1 ELSE 0 END),
               COUNT(DISTINCT s.resolution)
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution,
                   COUNT_BIG(*) * CASE resolution WHEN 'PT15M' THEN 15 ELSE 60 END AS minutes
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS s
        JOIN metering.market_day AS m ON m.delivery_date = s.delivery_date
        GROUP BY s.delivery_date
        ORDER BY s.delivery_date
        """,
        (load_id,),
        lambda day, first_id, last_id, is_in_part, resolutions: StagedDay(
            Day(day, first_id, last_id), bool(is_in_part), resolutions
        ),
        "staged_days",
    )


def repeated(load_id: str) -> Query[int]:
    """Ask how many intervals the file has twice or more."""
    return Query(
        """
        SELECT COUNT_BIG(*)
        FROM (
            SELECT metering_point_id
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, start_utc, resolution
            HAVING COUNT_BIG(*) > 1
        ) AS repeated
        """,
        (load_id,),
        int,
        "repeated",
    )


def repeated_with_two_values(load_id: str) -> Query[Found]:
    """Ask for intervals that the file has twice or more with different values; equal repeats are harmless.

    Rows that the warehouse read itself have line 0, here and in the next questions.
    """

    def found(id_: str, direction: str, start: datetime, first: int, last: int, count: int) -> Found:
        interval = f"{direction} of {id_} at {start.isoformat()}Z"
        values = f"another value than in line {first}" if first else "two values"
        return Found(Fault(last or None, f"the interval ({interval}) has {values}."), count)

    return Query(
        """
        SELECT metering_point_id, direction, start_utc, MIN(line), MAX(line), COUNT_BIG(*) OVER ()
        FROM metering.delivery_line
        WHERE load_id = ?
        GROUP BY metering_point_id, direction, start_utc, resolution
        HAVING MIN(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
            <> MAX(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
        ORDER BY MAX(line)
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MOST_FAULTS),
        found,
        "repeated_with_two_values",
    )


def two_resolutions_in_a_day(load_id: str) -> Query[Found]:
    """Ask for days that the file has in two resolutions."""

    def found(id_: str, day: object, first: int, second: int, count: int) -> Found:
        other = f"another resolution than in line {first}" if first else "two resolutions"
        return Found(Fault(second or None, f"the day {day} of {id_} has {other}."), count)

    return Query(
        """
        SELECT metering_point_id, delivery_date, MIN(first_line), MAX(first_line), COUNT_BIG(*) OVER ()
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS staged
        GROUP BY metering_point_id, direction, delivery_date
        HAVING COUNT_BIG(*) > 1
        ORDER BY MAX(first_line)
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MOST_FAULTS),
        found,
        "two_resolutions_in_a_day",
    )


_DAYS_IN_PART = """
            SELECT s.metering_point_id, s.direction, s.delivery_date, s.resolution, s.first_line
            FROM (
                SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line,
                       COUNT(DISTINCT start_utc) * CASE resolution WHEN 'PT15M' THEN 15 ELSE 60 END AS minutes
                FROM metering.delivery_line
                WHERE load_id = ?
                GROUP BY metering_point_id, direction, delivery_date, resolution
            ) AS s
            JOIN metering.market_day AS m ON m.delivery_date = s.delivery_date
            WHERE s.minutes < DATEDIFF(minute, m.start_utc, m.end_utc)
"""
"""Staged days of series without all of their intervals."""


def _found_in_another(
    first_line: int, id_: str, day: object, resolution: str, stored: str, count: int
) -> Found:
    reason = (
        f"the day {day} of {id_} is stored in {stored}, and here in {resolution}; "
        "deliver the whole day to change it."
    )
    return Found(Fault(first_line or None, reason), count)


def days_in_another_resolution(load_id: str, days: Sequence[Extent]) -> Query[Found]:
    """Ask for incomplete days whose stored day has another resolution, or will once deliveries are published.

    A whole day in the file replaces the stored day, whatever its resolution.

    Args:
        load_id: which rows.
        days: the extents of the incomplete market days.
    """
    published = extents.day_condition(days, table="c")
    waiting = extents.start_condition(days, table="v")
    return Query(
        f"""
        SELECT first_line, metering_point_id, delivery_date, resolution, other_resolution,
               COUNT_BIG(*) OVER ()
        FROM (
            SELECT first_line, metering_point_id, direction, delivery_date, resolution, other_resolution,
                   ROW_NUMBER() OVER (PARTITION BY metering_point_id, direction, delivery_date
                                      ORDER BY received_at DESC) AS age
            FROM (
                SELECT staged.first_line, staged.metering_point_id, staged.direction, staged.delivery_date,
                       staged.resolution, c.resolution AS other_resolution,
                       CAST('0001-01-01' AS datetime2(6)) AS received_at
                FROM metering.current_day AS c
                JOIN ({_DAYS_IN_PART}) AS staged
                  ON staged.metering_point_id = c.metering_point_id
                 AND staged.direction = c.direction
                 AND staged.delivery_date = c.delivery_date
                WHERE {published.sql}
                UNION ALL
                SELECT staged.first_line, staged.metering_point_id, staged.direction, staged.delivery_date,
                       staged.resolution, v.resolution, v.received_at
                FROM metering.unpublished_delivery AS waiting
                JOIN metering.delivered_value AS v
                  ON v.batch_id = waiting.batch_id AND v.received_at = waiting.received_at
                JOIN ({_DAYS_IN_PART}) AS staged
                  ON staged.metering_point_id = v.metering_point_id
                 AND staged.direction = v.direction
                 AND staged.delivery_date = v.delivery_date
                WHERE {waiting.sql}
            ) AS known
        ) AS by_age
        WHERE age = 1
          AND other_resolution <> resolution
        ORDER BY first_line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # Nothing but the names of `extents` and the text above is put in.
        (load_id, *published.parameters, load_id, *waiting.parameters, MOST_FAULTS),
        _found_in_another,
        "days_in_another_resolution",
    )


class _Unregistered(NamedTuple):
    """The least and the greatest id of some metering points; None if there are none."""

    first: str | None
    last: str | None


def unregistered(load_id: str) -> Query[_Unregistered]:
    """Ask for staged metering points that no file of metering points or supply periods has named.

    There are none in a warehouse that has no metering points yet.
    """
    return Query(
        """
        SELECT MIN(staged.metering_point_id), MAX(staged.metering_point_id)
        FROM (SELECT DISTINCT metering_point_id FROM metering.delivery_line WHERE load_id = ?) AS staged
        WHERE NOT EXISTS (SELECT 1 FROM metering.metering_point AS m
                          WHERE m.metering_point_id = staged.metering_point_id)
          AND NOT EXISTS (SELECT 1 FROM metering.supply_period AS p
                          WHERE p.metering_point_id = staged.metering_point_id)
          AND (EXISTS (SELECT 1 FROM metering.metering_point)
               OR EXISTS (SELECT 1 FROM metering.supply_period)
               OR EXISTS (SELECT 1 FROM metering.series_day))
        """,
        (load_id,),
        _Unregistered,
        "unregistered",
    )


def unknown(load_id: str, *, first: str, last: str) -> Query[tuple[str, int]]:
    """Ask for staged metering points that occur nowhere else: some of them, each with the total.

    Args:
        load_id: which rows.
        first: the least unregistered id; with a range the engines skip the other ids.
        last: the greatest unregistered id.
    """
    return Query(
        """
        SELECT staged.metering_point_id, COUNT_BIG(*) OVER ()
        FROM (SELECT DISTINCT metering_point_id FROM metering.delivery_line WHERE load_id = ?) AS staged
        WHERE NOT EXISTS (SELECT 1 FROM metering.metering_point AS m
                          WHERE m.metering_point_id = staged.metering_point_id)
          AND NOT EXISTS (SELECT 1 FROM metering.supply_period AS p
                          WHERE p.metering_point_id = staged.metering_point_id)
          AND NOT EXISTS (SELECT 1 FROM metering.series_day AS d
                          WHERE d.metering_point_id = staged.metering_point_id
                            AND d.metering_point_id >= ? AND d.metering_point_id <= ?)
        ORDER BY staged.metering_point_id
        OFFSET 0 ROWS FETCH NEXT 3 ROWS ONLY
        """,
        (load_id, first, last),
        lambda id_, count: (id_, count),
        "unknown_metering_points",
    )


def latest_delivery() -> Query[datetime | None]:
    """Ask when the latest delivery was received: one row, None before the first."""
    return Query("SELECT MAX(received_at) FROM metering.delivery", (), lambda at: at, "latest_delivery")


def append_values(
    load_id: str, *, batch_id: str, received_at: datetime, days: Sequence[Extent], has_repeats: bool
) -> Statement:
    """Append the staged values to the delivered ones; equal repeats once.

    Args:
        load_id: which rows.
        batch_id: of the delivery.
        received_at: when the delivery counts as received.
        days: the extents of all staged market days. If there is one day, the statement names it, so that an
            engine that sorts by day need not sort.
        has_repeats: whether some intervals are repeated.
    """
    one_day = [each.first_day for each in days] if extents.are_one_day(days) else []
    return Statement(
        f"""
        INSERT INTO metering.interval_value (metering_point_id, direction, start_utc, resolution,
                                             quantity, quality, batch_id, received_at)
        SELECT {"DISTINCT" if has_repeats else ""} metering_point_id, direction, start_utc, resolution,
               quantity, quality, CAST(? AS varchar(64)), CAST(? AS datetime2(6))
        FROM metering.delivery_line
        WHERE load_id = ? {"AND delivery_date = CAST(? AS date)" if one_day else ""}
        """,  # noqa: S608  # Words of SQL are put in.
        (batch_id, received_at, load_id, *one_day),
        "append_values",
    )


def record_delivery(
    load_id: str, *, batch_id: str, received_at: datetime, arrived_at: datetime | None, source: str
) -> Statement:
    """Record that the delivery is complete; from then on it waits to be published."""
    return Statement(
        """
        INSERT INTO metering.delivery (batch_id, source, received_at, first_start_utc, last_start_utc,
                                       interval_values, arrived_at)
        SELECT CAST(? AS varchar(64)), CAST(? AS varchar(400)), CAST(? AS datetime2(6)),
               MIN(start_utc), MAX(start_utc), COUNT_BIG(*), CAST(? AS datetime2(6))
        FROM metering.delivery_line
        WHERE load_id = ?
        """,
        (batch_id, source, received_at, arrived_at, load_id),
        "record_delivery",
    )
