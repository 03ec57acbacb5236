"""What a publication starts from: the deliveries that wait, and the market days that a delivery affects."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from shared.warehouse import extents, words
from shared.warehouse.engine import Query, Session, Statement, aware
from shared.warehouse.extents import Condition, Day, Extent

log = logging.getLogger("metering.deliveries")


@dataclass(frozen=True)
class Delivery:
    """A delivery that waits to be published; its values start within `[first_start, last_start]`."""

    batch_id: str
    source: str
    received_at: datetime
    first_start: datetime
    last_start: datetime
    values: int


def unpublished_deliveries() -> Query[Delivery]:
    """Ask for the deliveries without a publication, the oldest first."""
    return Query(
        """
        SELECT batch_id, source, received_at, first_start_utc, last_start_utc, interval_values
        FROM metering.unpublished_delivery
        ORDER BY received_at, batch_id
        """,
        (),
        lambda batch_id, source, received_at, first, last, values: Delivery(
            batch_id, source, aware(received_at), aware(first), aware(last), values
        ),
        "waiting_deliveries",
    )


VALUES_AT_ONCE = 5_000_000
"""Values that one statement packs: the embedded engine keeps them all in memory until it ends."""

_MINUTES_A_DAY = 24 * 60
"""Of a usual day: the number of values only has to be roughly right."""


class _Part(NamedTuple):
    """A range of metering points, both ends included, and how many values their days have."""

    first_id: str
    last_id: str
    values: int


class AffectedDays(NamedTuple):
    """The extents of all affected days, and of those that the delivery has only in part.

    Attributes:
        values: roughly how many values all of these days have.
    """

    days: list[Extent]
    days_in_part: list[Extent]
    values: int


def store(session: Session, delivery: Delivery, *, sequence: int, is_latest: bool) -> AffectedDays:
    """Store the affected days in `publishing_day` until they are published.

    Args:
        session: the transaction of the publication.
        delivery: the delivery that is published.
        sequence: the number of the publication.
        is_latest: whether no later delivery is published yet, so that this one has the newest values.
    """
    session.run(_insert_days(delivery, sequence=sequence, is_latest=is_latest))
    dates = session.fetch(_dates(sequence))
    affected = AffectedDays(
        extents.cover([each.of_all for each in dates]),
        extents.cover([each.of_days_in_part for each in dates if each.of_days_in_part is not None]),
        sum(each.values for each in dates),
    )
    _leave_out_contradictions(session, delivery, sequence=sequence, days=affected.days)
    return affected


def split(
    session: Session, affected: AffectedDays, *, sequence: int, values_at_once: int
) -> list[AffectedDays]:
    """Return the affected days in parts of metering points, with about `values_at_once` values each."""
    if affected.values <= values_at_once:
        return [affected]
    return [
        AffectedDays(
            extents.within(affected.days, first_id=each.first_id, last_id=each.last_id),
            extents.within(affected.days_in_part, first_id=each.first_id, last_id=each.last_id),
            each.values,
        )
        for each in session.fetch(_parts(sequence, values_at_once=values_at_once))
    ]


def delete(sequence: int) -> Statement:
    """Delete the affected days once they are published."""
    return Statement(
        "DELETE FROM metering.publishing_day WHERE sequence <= ?", (sequence,), "delete_affected_days"
    )


def _insert_days(delivery: Delivery, *, sequence: int, is_latest: bool) -> Statement:
    """Insert the days that a delivery has values of; it may have only the changed hours of a day."""
    return Statement(
        f"""
        INSERT INTO metering.publishing_day (sequence, metering_point_id, direction, delivery_date,
                                             resolution, minutes, is_whole)
        SELECT CAST(? AS bigint), delivered.metering_point_id, delivered.direction, delivered.delivery_date,
               delivered.resolution, delivered.minutes,
               CASE WHEN ? = 1
                     AND delivered.interval_values = delivered.intervals
                     AND delivered.intervals * delivered.minutes = DATEDIFF(minute, m.start_utc, m.end_utc)
                    THEN 1 ELSE 0 END
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution,
                   CASE resolution WHEN 'PT15M' THEN 15 ELSE 60 END AS minutes,
                   SUM(interval_values) AS interval_values,
                   COUNT_BIG(*) AS intervals
            FROM (
                SELECT metering_point_id, direction, delivery_date, resolution, start_utc,
                       COUNT_BIG(*) AS interval_values
                FROM metering.delivered_value
                WHERE batch_id = ?
                  AND received_at = CAST(? AS datetime2(6))
                  AND start_utc >= CAST(? AS datetime2(0)) AND start_utc <= CAST(? AS datetime2(0))
                GROUP BY metering_point_id, direction, delivery_date, resolution, start_utc
            ) AS by_interval
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS delivered
        JOIN metering.market_day AS m ON m.delivery_date = delivered.delivery_date
        WHERE {words.is_one_of("delivered.direction", words.DIRECTIONS)}
          AND {words.is_one_of("delivered.resolution", words.STORED_RESOLUTIONS)}
        """,  # noqa: S608  # Nothing but the words of a fixed list is put in.
        (
            sequence,
            int(is_latest),
            delivery.batch_id,
            delivery.received_at,
            delivery.first_start,
            delivery.last_start,
        ),
        "affected_days",
    )


class _Date(NamedTuple):
    """A market day with all affected metering points, and those of which the delivery has only a part."""

    of_all: Day
    of_days_in_part: Day | None
    values: int


def _dates(sequence: int) -> Query[_Date]:
    return Query(
        f"""
        SELECT delivery_date, MIN(metering_point_id), MAX(metering_point_id),
               MIN(CASE WHEN is_whole = 0 THEN metering_point_id END),
               MAX(CASE WHEN is_whole = 0 THEN metering_point_id END),
               SUM(CAST({_MINUTES_A_DAY} / minutes AS bigint))
        FROM metering.publishing_day
        WHERE sequence = ?
        GROUP BY delivery_date
        ORDER BY delivery_date
        """,  # noqa: S608  # Nothing but a number of ours is put in.
        (sequence,),
        lambda day, first, last, first_in_part, last_in_part, values: _Date(
            Day(day, first, last), first_in_part and Day(day, first_in_part, last_in_part), int(values)
        ),
        "affected_dates",
    )


def _parts(sequence: int, *, values_at_once: int) -> Query[_Part]:
    return Query(
        f"""
        SELECT MIN(metering_point_id), MAX(metering_point_id), SUM(interval_values)
        FROM (SELECT metering_point_id, interval_values,
                     FLOOR((SUM(interval_values) OVER (ORDER BY metering_point_id) - 1.0)
                           / CAST(? AS bigint)) AS part
              FROM (SELECT metering_point_id,
                           SUM(CAST({_MINUTES_A_DAY} / minutes AS bigint)) AS interval_values
                    FROM metering.publishing_day
                    WHERE sequence = ?
                    GROUP BY metering_point_id) AS affected) AS numbered
        GROUP BY part
        ORDER BY part
        """,  # noqa: S608  # As above.
        (values_at_once, sequence),
        lambda first_id, last_id, values: _Part(first_id, last_id, int(values)),
        "parts_of_affected_days",
    )


def _leave_out_contradictions(
    session: Session, delivery: Delivery, *, sequence: int, days: Sequence[Extent]
) -> None:
    """Leave out days in two resolutions, and days in part in a resolution other than the published one.

    The loader rejects such days, but other ways of delivery do not. On the grid of one resolution the values
    of the other would be lost, so the day stays as published and an error is logged. A day that the delivery
    has whole replaces the published day, whatever its resolution.
    """
    contradicted = _contradicted(sequence, days)
    (left_out,) = session.fetch(_count_contradictions(contradicted))
    session.run(_delete_contradictions(contradicted))
    if left_out:
        log.error(
            "Publication %d leaves out %d market days of the delivery %a: it has them in two resolutions, or "
            "in part in a resolution other than the published one.",
            *(sequence, left_out, delivery.source),
        )


def _contradicted(sequence: int, days: Sequence[Extent]) -> Condition:
    there = extents.day_condition(days, table="c")
    return Condition(
        f"""
        sequence = ?
          AND (is_whole = 0
               AND EXISTS (SELECT 1 FROM metering.current_day AS c
                           WHERE c.metering_point_id = publishing_day.metering_point_id
                             AND c.direction = publishing_day.direction
                             AND c.delivery_date = publishing_day.delivery_date
                             AND {there.sql}
                             AND c.resolution <> publishing_day.resolution)
               OR EXISTS (SELECT 1 FROM metering.publishing_day AS other
                          WHERE other.sequence = publishing_day.sequence
                            AND other.metering_point_id = publishing_day.metering_point_id
                            AND other.direction = publishing_day.direction
                            AND other.delivery_date = publishing_day.delivery_date
                            AND other.resolution <> publishing_day.resolution))
        """,  # noqa: S608  # Nothing but the names of `extents` is put in.
        (sequence, *there.parameters),
    )


def _count_contradictions(contradicted: Condition) -> Query[int]:
    return Query(
        f"""
        SELECT COUNT_BIG(*)
        FROM (SELECT DISTINCT metering_point_id, direction, delivery_date
              FROM metering.publishing_day
              WHERE {contradicted.sql}) AS contradicted
        """,  # noqa: S608  # Nothing but the text above is put in.
        contradicted.parameters,
        int,
        "contradicted_days",
    )


def _delete_contradictions(contradicted: Condition) -> Statement:
    return Statement(
        f"DELETE FROM metering.publishing_day WHERE {contradicted.sql}",  # noqa: S608  # As above.
        contradicted.parameters,
        "delete_contradictions",
    )
