"""Publishes deliveries: lays the newest value of each interval on market days, as set-based SQL.

One delivery is one publication, in one transaction: readers see all of it or none of it. A day
that comes out as it was is left alone, so publishing again changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared import periods
from shared.publishing import affected_days, versions
from shared.publishing import waiting as queue
from shared.publishing.waiting import Delivery
from shared.warehouse import extents, turns
from shared.warehouse.engine import Query, Session, Statement, Warehouse, WarehouseError, aware
from shared.warehouse.extents import Extent

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Published:
    """A publication: how many market days came to be or changed, and how many values they hold."""

    sequence: int
    published_at: datetime
    batch_id: str
    days: int
    values: int


class Place(NamedTuple):
    """The place of a publication in the order of all of them."""

    sequence: int
    published_at: datetime


BEFORE_ALL = Place(0, _EVER)


def pending(
    warehouse: Warehouse, *, clock: Callable[[], datetime], told: Place = BEFORE_ALL
) -> Iterator[Published]:
    """Publish every delivery that waits, the oldest first, one after the other as the result is read.

    Args:
        warehouse: where deliveries wait.
        clock: the time now.
        told: the last publication that callers were told of. A restored warehouse has lost it, and would
            give its number to something else, which nobody who has read up to that number would be told of.
    """
    for delivery in waiting(warehouse):
        published = publish(warehouse, delivery, clock=clock, told=told)
        if published is not None:
            yield published


class ClockAhead(WarehouseError):
    """This machine's clock is far ahead of the warehouse's: it would date publications in the future."""


def refuse_ahead(warehouse: Warehouse, *, now: datetime) -> None:
    """Compare a clock with that of the warehouse before anything is published by it.

    Raises:
        ClockAhead: it is far ahead.
    """
    (there,) = warehouse.fetch(_server_time())
    if periods.is_ahead(now, now=there):
        raise ClockAhead(
            f"This machine's clock says {now.isoformat(timespec='seconds')} and the warehouse's "
            f"{there.isoformat(timespec='seconds')}: nothing is published by it. Set the clock right."
        )


def _server_time() -> Query[datetime]:
    return Query("SELECT SYSUTCDATETIME()", (), aware, "server_time")


def waiting(warehouse: Warehouse) -> list[Delivery]:
    """The deliveries that no publication has taken in yet, the oldest first."""
    return warehouse.fetch(queue.deliveries())


def latest() -> Query[Place]:
    """The latest publication in the warehouse; no row before the first."""
    return Query(
        "SELECT sequence, published_at FROM metering.publication ORDER BY sequence DESC "
        "OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY",
        (),
        lambda sequence, published_at: Place(sequence, aware(published_at)),
        "latest_publication",
    )


def publish(
    warehouse: Warehouse, delivery: Delivery, *, clock: Callable[[], datetime], told: Place = BEFORE_ALL
) -> Published | None:
    """Publish one delivery, after `told`; None when somebody else has published it meanwhile.

    Raises:
        WarehouseConflict: others loaded or published every time that it was tried.
    """
    return turns.retried(_publish_once, warehouse, delivery, clock=clock, told=told)


def _publish_once(
    warehouse: Warehouse, delivery: Delivery, *, clock: Callable[[], datetime], told: Place
) -> Published | None:
    with warehouse.transaction() as session:
        session.run(turns.take())
        if session.fetch(_publication(delivery.batch_id)):
            return None
        sequence, earliest = _next(session, told)
        before = _latest_published(session)
        # A later delivery that waits as well is not anticipated, so that a correction is a publication of its
        # own; one that was published before its turn is not taken back.
        received_until = max(before, delivery.received_at)
        is_latest = before < delivery.received_at
        days = affected_days.note(session, delivery, sequence=sequence, is_latest=is_latest)
        # As late as can be: readers see the publication at the commit, and not at this time.
        published_at = max(clock(), earliest)
        new_versions = versions.new(
            *(delivery, days), sequence=sequence, published_at=published_at, received_until=received_until
        )
        # In this order, though Fabric's compaction can conflict at the commit with a transaction that inserts
        # before it updates: what is superseded is known only from the new versions, and to keep these apart
        # first would write every day twice. Such a conflict is tried again from the start like any other.
        session.run(new_versions)
        session.run(versions.superseded(days.days, sequence=sequence, published_at=published_at))
        session.run(_publication_row(delivery, days.days, sequence=sequence, published_at=published_at))
        session.run(affected_days.forget(sequence))
        (published,) = session.fetch(_publication(delivery.batch_id))
    return published


def _latest_published(session: Session) -> datetime:
    """When the latest delivery came of those that are published."""
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
    return _EVER if latest is None else aware(latest)


def _next(session: Session, told: Place) -> Place:
    """The next sequence, and the earliest time for it: after every publication before, whatever the clock."""
    before = [told, *session.fetch(latest())]
    return Place(
        max(each.sequence for each in before) + 1,
        max(each.published_at for each in before) + timedelta(microseconds=1),
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


def _publication_row(
    delivery: Delivery, days: Sequence[Extent], *, sequence: int, published_at: datetime
) -> Statement:
    there = extents.day_condition(days, table="s")
    return Statement(
        f"""
        INSERT INTO metering.publication (sequence, published_at, batch_id, [days], [values],
                                          first_day, last_day)
        SELECT CAST(? AS bigint), CAST(? AS datetime2(6)), CAST(? AS varchar(64)),
               COUNT_BIG(*), COALESCE(SUM(CAST(LEN(s.qualities) AS bigint)), 0),
               MIN(s.delivery_date), MAX(s.delivery_date)
        FROM metering.series_day AS s
        WHERE s.sequence = ? AND {there.sql}
        """,  # noqa: S608  # Nothing but the names of `extents` is put in.
        (sequence, published_at, delivery.batch_id, sequence, *there.parameters),
        "record_publication",
    )
