"""The statements that stage interval values, ask what they say about each other, and take them in. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.deliveries.files import MAX_FAULTS, Fault
from shared.warehouse import spans
from shared.warehouse.engine import Query, Rows, Statement
from shared.warehouse.spans import Day, Span


class Known(NamedTuple):
    """A delivery that was loaded before, and how many values it has."""

    rows: int


def loaded(batch_id: str) -> Query[Known]:
    """Whether this content was loaded before: one row or none."""
    return Query(
        "SELECT interval_values FROM metering.delivery WHERE batch_id = ?", (batch_id,), Known, "loaded"
    )


def staged(rows: Rows, *, load_id: str, now: datetime) -> Statement:
    """Stage checked rows."""
    return Statement(
        """
        INSERT INTO metering.delivery_line (load_id, staged_at, line, metering_point_id, direction,
                                            start_utc, delivery_date, resolution, quantity, quality)
        SELECT CAST(? AS varchar(32)), CAST(? AS datetime2(6)), line, metering_point_id, direction,
               start_utc, delivery_date, resolution, quantity, quality
        FROM OPENJSON(?) WITH (line bigint, metering_point_id varchar(18), direction varchar(11),
                               start_utc datetime2(0), delivery_date date, resolution varchar(5),
                               quantity decimal(18, 3), quality varchar(15)) AS delivered
        """,
        (load_id, now, rows),
        "stage",
    )


def forget(load_id: str, *, staged_before: datetime) -> Statement:
    """Delete what a load staged, and what was staged so long ago that its load has died."""
    return Statement(
        "DELETE FROM metering.delivery_line WHERE load_id = ? OR staged_at < CAST(? AS datetime2(6))",
        (load_id, staged_before),
        "forget_staged",
    )


def days(load_id: str) -> Query[Day]:
    """The market days that have staged values, in order."""
    return Query(
        """
        SELECT delivery_date, MIN(metering_point_id), MAX(metering_point_id)
        FROM metering.delivery_line
        WHERE load_id = ?
        GROUP BY delivery_date
        ORDER BY delivery_date
        """,
        (load_id,),
        Day,
        "staged_days",
    )


def repeated(load_id: str) -> Query[int]:
    """How many intervals the file has twice or more."""
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


def repeated_with_two_values(load_id: str) -> Query[Fault]:
    """Intervals that the file has twice or more with different values; equal repeats are harmless."""

    def fault(id_: str, direction: str, start: datetime, first: int, last: int) -> Fault:
        interval = f"{direction} of {id_} at {start.isoformat()}Z"
        return Fault(last, f"the interval ({interval}) has another value than in line {first}.")

    return Query(
        """
        SELECT metering_point_id, direction, start_utc, MIN(line), MAX(line)
        FROM metering.delivery_line
        WHERE load_id = ?
        GROUP BY metering_point_id, direction, start_utc, resolution
        HAVING MIN(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
            <> MAX(CONCAT(COALESCE(CAST(quantity AS varchar(20)), 'null'), quality))
        ORDER BY MAX(line)
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (load_id, MAX_FAULTS),
        fault,
        "repeated_with_two_values",
    )


def two_resolutions_in_a_day(load_id: str) -> Query[Fault]:
    """Days that the file has in two resolutions."""

    def fault(id_: str, day: object, first: int, second: int) -> Fault:
        return Fault(second, f"the day {day} of {id_} has another resolution than in line {first}.")

    return Query(
        """
        SELECT metering_point_id, delivery_date, MIN(first_line), MAX(first_line)
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
        (load_id, MAX_FAULTS),
        fault,
        "two_resolutions_in_a_day",
    )


def _stored_fault(first_line: int, id_: str, day: object, resolution: str, stored: str) -> Fault:
    return Fault(first_line, f"the day {day} of {id_} is stored in {stored}, and here in {resolution}.")


def published_in_another_resolution(load_id: str, days: Sequence[Span]) -> Query[Fault]:
    """Staged days that are published in another resolution."""
    there = spans.days_within(days, table="c")
    return Query(
        f"""
        SELECT staged.first_line, staged.metering_point_id, staged.delivery_date,
               staged.resolution, c.resolution
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS staged
        JOIN metering.current_day AS c
          ON c.metering_point_id = staged.metering_point_id
         AND c.direction = staged.direction
         AND c.delivery_date = staged.delivery_date
        WHERE c.resolution <> staged.resolution
          AND {there.sql}
        ORDER BY staged.first_line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # Nothing but the names of `spans` is put in.
        (load_id, *there.parameters, MAX_FAULTS),
        _stored_fault,
        "published_in_another_resolution",
    )


def waiting_in_another_resolution(load_id: str, days: Sequence[Span]) -> Query[Fault]:
    """Staged days that a delivery not yet published has in another resolution."""
    there = spans.starts_within(days, table="v")
    return Query(
        f"""
        SELECT DISTINCT staged.first_line, staged.metering_point_id, staged.delivery_date,
               staged.resolution, v.resolution
        FROM metering.unpublished_delivery AS waiting
        JOIN metering.delivered_value AS v
          ON v.batch_id = waiting.batch_id AND v.received_at = waiting.received_at
        JOIN (
            SELECT metering_point_id, direction, delivery_date, resolution, MIN(line) AS first_line
            FROM metering.delivery_line
            WHERE load_id = ?
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS staged
          ON staged.metering_point_id = v.metering_point_id
         AND staged.direction = v.direction
         AND staged.delivery_date = v.delivery_date
        WHERE v.resolution <> staged.resolution
          AND {there.sql}
        ORDER BY staged.first_line
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # As above.
        (load_id, *there.parameters, MAX_FAULTS),
        _stored_fault,
        "waiting_in_another_resolution",
    )


def taken_in(load_id: str, *, batch_id: str, received_at: datetime, has_repeats: bool) -> Statement:
    """Append the staged values to what was delivered, equal repeats once."""
    return Statement(
        f"""
        INSERT INTO metering.interval_value (metering_point_id, direction, start_utc, resolution,
                                             quantity, quality, batch_id, received_at)
        SELECT {"DISTINCT" if has_repeats else ""} metering_point_id, direction, start_utc, resolution,
               quantity, quality, CAST(? AS varchar(64)), CAST(? AS datetime2(6))
        FROM metering.delivery_line
        WHERE load_id = ?
        """,  # noqa: S608  # A word of SQL is put in.
        (batch_id, received_at, load_id),
        "take_in",
    )


def delivery(load_id: str, *, batch_id: str, received_at: datetime, source: str) -> Statement:
    """Record that the delivery is complete; from now on it waits to be published."""
    return Statement(
        """
        INSERT INTO metering.delivery (batch_id, source, received_at, first_start_utc, last_start_utc,
                                       interval_values)
        SELECT CAST(? AS varchar(64)), CAST(? AS varchar(400)), CAST(? AS datetime2(6)),
               MIN(start_utc), MAX(start_utc), COUNT_BIG(*)
        FROM metering.delivery_line
        WHERE load_id = ?
        """,
        (batch_id, source, received_at, load_id),
        "record_delivery",
    )
