"""Publishes deliveries: lays the newest value of each interval on market days, as set-based SQL.

One delivery is one publication, in one transaction: readers see all of it or none of it. A day
that comes out as it was is left alone, so publishing again changes nothing.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.warehouse import turns
from shared.warehouse.engine import WORK_LIMIT, Query, Session, Statement, Warehouse, aware

LONGEST = 6 * WORK_LIMIT
"""How much later than its `published_at` a publication can become visible: the five statements that follow
the look at the clock, and the commit, each take at most WORK_LIMIT."""


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


@dataclass(frozen=True)
class Published:
    """A publication: how many market days came to be or changed, and how many values they hold."""

    sequence: int
    published_at: datetime
    batch_id: str
    days: int
    values: int


def pending(warehouse: Warehouse, *, clock: Callable[[], datetime]) -> Iterator[Published]:
    """Publish every delivery that waits, the oldest first, one after the other as the result is read."""
    for delivery in waiting(warehouse):
        published = publish(warehouse, delivery, clock=clock)
        if published is not None:
            yield published


def _received_until(session: Session, delivery: Delivery) -> datetime:
    """When the latest delivery came that may be seen with this one.

    A later delivery that waits as well is not anticipated, so that a correction is a publication of
    its own; one that was published before its turn is not taken back.
    """
    (latest,) = session.fetch(
        Query(
            """
            SELECT MAX(d.received_at)
            FROM metering.delivery AS d
            JOIN metering.publication AS p ON p.batch_id = d.batch_id
            """,
            (),
            lambda received_at: received_at,
            "latest_published_delivery",
        )
    )
    return delivery.received_at if latest is None else max(delivery.received_at, aware(latest))


def waiting(warehouse: Warehouse) -> list[Delivery]:
    """The deliveries that no publication has taken in yet, the oldest first."""
    return warehouse.fetch(_waiting())


def publish(warehouse: Warehouse, delivery: Delivery, *, clock: Callable[[], datetime]) -> Published | None:
    """Publish one delivery; None when somebody else has published it meanwhile.

    Raises:
        WarehouseConflict: others loaded or published every time that it was tried.
    """
    return turns.retried(_publish_once, warehouse, delivery, clock=clock)


def _publish_once(
    warehouse: Warehouse, delivery: Delivery, *, clock: Callable[[], datetime]
) -> Published | None:
    with warehouse.transaction() as session:
        session.run(turns.take())
        if session.fetch(_publication(delivery.batch_id)):
            return None
        sequence, earliest = _next(session)
        session.run(_touched_days(delivery, sequence=sequence))
        _leave_out_contradictions(session, delivery, sequence=sequence)
        received_until = _received_until(session, delivery)
        # As late as can be: readers see the publication at the commit, and not at this time.
        published_at = max(clock(), earliest)
        session.run(
            _new_versions(
                delivery, sequence=sequence, published_at=published_at, received_until=received_until
            )
        )
        session.run(_superseded(sequence=sequence, published_at=published_at))
        session.run(_publication_row(delivery, sequence=sequence, published_at=published_at))
        session.run(_done(sequence))
        (published,) = session.fetch(_publication(delivery.batch_id))
    return published


def _next(session: Session) -> tuple[int, datetime]:
    """The next sequence, and the earliest time for it: after every publication before, whatever the clock."""
    latest = session.fetch(
        Query(
            "SELECT sequence, published_at FROM metering.publication ORDER BY sequence DESC "
            "OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY",
            (),
            lambda sequence, published_at: (sequence, aware(published_at)),
            "latest_publication",
        )
    )
    if not latest:
        return 1, datetime.min.replace(tzinfo=UTC)
    sequence, published_at = latest[0]
    return sequence + 1, published_at + timedelta(microseconds=1)


def _waiting() -> Query[Delivery]:
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


def _publication(batch_id: str) -> Query[Published]:
    return Query(
        "SELECT sequence, published_at, batch_id, [days], [values] "
        "FROM metering.publication WHERE batch_id = ?",
        (batch_id,),
        lambda sequence, published_at, batch, days, values: Published(
            sequence, aware(published_at), batch, days, values
        ),
        "publication",
    )


def _touched_days(delivery: Delivery, *, sequence: int) -> Statement:
    """The market days that a delivery has values of; it may hold only the changed hours of a day."""
    return Statement(
        """
        INSERT INTO metering.publishing_day (sequence, metering_point_id, direction, delivery_date,
                                             resolution, minutes)
        SELECT CAST(? AS bigint), metering_point_id, direction, delivery_date, resolution,
               CASE resolution WHEN 'PT15M' THEN 15 ELSE 60 END
        FROM metering.delivered_value
        WHERE batch_id = ?
          AND received_at = CAST(? AS datetime2(6))
          AND start_utc >= CAST(? AS datetime2(0)) AND start_utc <= CAST(? AS datetime2(0))
        GROUP BY metering_point_id, direction, delivery_date, resolution
        """,
        (sequence, delivery.batch_id, delivery.received_at, delivery.first_start, delivery.last_start),
        "touched_days",
    )


def _leave_out_contradictions(session: Session, delivery: Delivery, *, sequence: int) -> None:
    """Leave out touched days that are published in another resolution, or that the delivery has in two.

    The loader takes no such day in, but a delivery may have come by other ways. Laid on the grid of one
    resolution, the values of the other would vanish; so the day stays as it is, and the log tells of it.
    """
    (left_out,) = session.fetch(_contradictions(sequence))
    session.run(_without_contradictions(sequence))
    if left_out:
        log.error(
            "Publication %d leaves out %d market days of the delivery %a: it has them in another resolution "
            "than they are published in, or in two.",
            *(sequence, left_out, delivery.source),
        )


_CONTRADICTED = """
        sequence = ?
          AND (EXISTS (SELECT 1 FROM metering.current_day AS c
                       WHERE c.metering_point_id = publishing_day.metering_point_id
                         AND c.direction = publishing_day.direction
                         AND c.delivery_date = publishing_day.delivery_date
                         AND c.resolution <> publishing_day.resolution)
               OR EXISTS (SELECT 1 FROM metering.publishing_day AS other
                          WHERE other.sequence = publishing_day.sequence
                            AND other.metering_point_id = publishing_day.metering_point_id
                            AND other.direction = publishing_day.direction
                            AND other.delivery_date = publishing_day.delivery_date
                            AND other.resolution <> publishing_day.resolution))
"""


def _contradictions(sequence: int) -> Query[int]:
    return Query(
        f"""
        SELECT COUNT(*)
        FROM (SELECT DISTINCT metering_point_id, direction, delivery_date
              FROM metering.publishing_day
              WHERE {_CONTRADICTED}) AS contradicted
        """,  # noqa: S608  # Nothing but the text above is put in.
        (sequence,),
        int,
        "contradicted_days",
    )


def _without_contradictions(sequence: int) -> Statement:
    return Statement(
        f"DELETE FROM metering.publishing_day WHERE {_CONTRADICTED}",  # noqa: S608  # As above.
        (sequence,),
        "leave_out_contradictions",
    )


def _new_versions(
    delivery: Delivery, *, sequence: int, published_at: datetime, received_until: datetime
) -> Statement:
    """The touched days that differ from what is published, packed.

    Inside out: the full grid of each touched day; the newest value of each of its intervals; the
    day packed in order of time; kept where it is new or differs.
    """
    return Statement(
        """
        INSERT INTO metering.series_day (metering_point_id, direction, delivery_date, resolution,
                                         quantities, qualities, total_kwh, missing,
                                         sequence, published_at, superseded_at)
        SELECT packed.metering_point_id, packed.direction, packed.delivery_date, packed.resolution,
               packed.quantities, packed.qualities, packed.total_kwh, packed.missing,
               CAST(? AS bigint), CAST(? AS datetime2(6)), CAST(NULL AS datetime2(6))
        FROM (
            SELECT metering_point_id, direction, delivery_date, resolution,
                   STRING_AGG(COALESCE(CAST(quantity AS varchar(20)), 'null'), ',')
                       WITHIN GROUP (ORDER BY start_utc) AS quantities,
                   STRING_AGG(CASE WHEN quantity IS NULL THEN 'X'
                                   WHEN quality = 'measured' THEN 'M'
                                   WHEN quality = 'estimated' THEN 'E'
                                   WHEN quality = 'final-estimated' THEN 'F'
                                   WHEN quality = 'temporary' THEN 'T'
                                   WHEN quality = 'calculated' THEN 'C'
                                   ELSE 'X' END, '')
                       WITHIN GROUP (ORDER BY start_utc) AS qualities,
                   CAST(COALESCE(SUM(quantity), 0) AS decimal(18, 3)) AS total_kwh,
                   CAST(SUM(CASE WHEN quantity IS NULL THEN 1 ELSE 0 END) AS smallint) AS missing
            FROM (
                SELECT grid.metering_point_id, grid.direction, grid.delivery_date, grid.resolution,
                       grid.start_utc, v.quantity, v.quality,
                       ROW_NUMBER() OVER (PARTITION BY grid.metering_point_id, grid.direction, grid.start_utc
                                          ORDER BY v.received_at DESC, v.batch_id DESC) AS age
                FROM (
                    SELECT d.metering_point_id, d.direction, d.delivery_date, d.resolution,
                           DATEADD(minute, p.position * d.minutes, m.start_utc) AS start_utc
                    FROM metering.publishing_day AS d
                    JOIN metering.market_day AS m ON m.delivery_date = d.delivery_date
                    JOIN metering.position AS p
                      ON p.position * d.minutes < DATEDIFF(minute, m.start_utc, m.end_utc)
                    WHERE d.sequence = ?
                ) AS grid
                LEFT JOIN (
                    SELECT metering_point_id, direction, start_utc, resolution, quantity, quality,
                           received_at, batch_id
                    FROM metering.interval_value
                    WHERE start_utc >= CAST(? AS datetime2(0)) AND start_utc < CAST(? AS datetime2(0))
                      AND received_at <= CAST(? AS datetime2(6))
                ) AS v
                  ON v.metering_point_id = grid.metering_point_id
                 AND v.direction = grid.direction
                 AND v.start_utc = grid.start_utc
                 AND v.resolution = grid.resolution
            ) AS delivered
            WHERE age = 1
            GROUP BY metering_point_id, direction, delivery_date, resolution
        ) AS packed
        LEFT JOIN metering.current_day AS c
          ON c.metering_point_id = packed.metering_point_id
         AND c.direction = packed.direction
         AND c.delivery_date = packed.delivery_date
        WHERE c.metering_point_id IS NULL
           OR c.resolution <> packed.resolution
           OR c.quantities <> packed.quantities
           OR c.qualities <> packed.qualities
        """,
        (
            sequence,
            published_at,
            sequence,
            # The other hours of the first and last day lie up to 25 hours around the delivered ones.
            delivery.first_start - timedelta(hours=25),
            delivery.last_start + timedelta(hours=25),
            received_until,
        ),
        "new_versions",
    )


def _superseded(*, sequence: int, published_at: datetime) -> Statement:
    return Statement(
        """
        UPDATE metering.series_day
        SET superseded_at = CAST(? AS datetime2(6))
        WHERE superseded_at IS NULL
          AND sequence < ?
          AND EXISTS (SELECT 1 FROM metering.series_day AS newer
                      WHERE newer.sequence = ?
                        AND newer.metering_point_id = series_day.metering_point_id
                        AND newer.direction = series_day.direction
                        AND newer.delivery_date = series_day.delivery_date)
        """,
        (published_at, sequence, sequence),
        "supersede",
    )


def _publication_row(delivery: Delivery, *, sequence: int, published_at: datetime) -> Statement:
    return Statement(
        """
        INSERT INTO metering.publication (sequence, published_at, batch_id, [days], [values])
        SELECT CAST(? AS bigint), CAST(? AS datetime2(6)), CAST(? AS varchar(64)),
               COUNT(*), COALESCE(SUM(CAST(LEN(qualities) AS bigint)), 0)
        FROM metering.series_day
        WHERE sequence = ?
        """,
        (sequence, published_at, delivery.batch_id, sequence),
        "record_publication",
    )


def _done(sequence: int) -> Statement:
    return Statement("DELETE FROM metering.publishing_day WHERE sequence <= ?", (sequence,), "forget_days")
