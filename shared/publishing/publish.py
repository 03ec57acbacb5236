"""Publishes deliveries: packs the newest value of each interval into market days, as set-based SQL.

One delivery is one publication, in one transaction: readers see all of it or none of it. A day whose values
have not changed gets no new version, so publishing again changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared import periods
from shared.publishing import affected_days, versions
from shared.publishing.affected_days import Delivery
from shared.warehouse import conflicts, engine, extents
from shared.warehouse.engine import (
    Query,
    Session,
    Statement,
    Warehouse,
    WarehouseError,
    WarehouseTimeout,
    aware,
)
from shared.warehouse.extents import Extent

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Published:
    """A publication: how many market days are new or changed, and how many values they hold."""

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


def publish_waiting(
    warehouse: Warehouse,
    *,
    clock: Callable[[], datetime],
    announced: Place = BEFORE_ALL,
    values_at_once: int = affected_days.VALUES_AT_ONCE,
) -> Iterator[Published]:
    """Publish the deliveries that wait, the oldest first, each when the caller asks for the next result.

    Args:
        warehouse: where deliveries wait.
        clock: the time now.
        announced: the last publication in the watermark. A restored warehouse has lost it and would give its
            number to another publication, which callers who have read up to that number would miss.
        values_at_once: roughly how many values one statement packs.
    """
    for delivery in list_waiting(warehouse):
        published = publish(
            warehouse, delivery, clock=clock, announced=announced, values_at_once=values_at_once
        )
        if published is not None:
            yield published


class ClockAhead(WarehouseError):
    """This machine's clock is far ahead of the warehouse's and would date publications in the future."""


def refuse_ahead(warehouse: Warehouse, *, now: datetime) -> None:
    """Compare this machine's clock with the warehouse's before anything is published.

    Raises:
        ClockAhead: `now` is far ahead of the warehouse's time.
    """
    (there,) = warehouse.fetch(_server_time())
    if periods.is_ahead(now, now=there):
        raise ClockAhead(
            f"This machine's clock says {now.isoformat(timespec='seconds')} and the warehouse's "
            f"{there.isoformat(timespec='seconds')}: nothing is published by it. Set the clock right."
        )


def server_clock(warehouse: Warehouse, *, clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """Return a clock with the warehouse's time, since an operator's machine may be minutes wrong.

    Commands publish and announce by this clock; the timer uses the app's own, which Azure keeps right. The
    returned clock is never behind, and ahead by at most the time that the warehouse takes to answer.
    """
    asked_at = clock()
    (there,) = warehouse.fetch(_server_time())
    ahead = there - asked_at
    return lambda: clock() + ahead


def _server_time() -> Query[datetime]:
    return Query("SELECT SYSUTCDATETIME()", (), aware, "server_time")


def list_waiting(warehouse: Warehouse) -> list[Delivery]:
    """Return the deliveries without a publication, the oldest first."""
    return warehouse.fetch(affected_days.unpublished_deliveries())


def latest() -> Query[Place]:
    """Ask for the latest publication in the warehouse; no row before the first."""
    return Query(
        "SELECT sequence, published_at FROM metering.publication ORDER BY sequence DESC "
        "OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY",
        (),
        lambda sequence, published_at: Place(sequence, aware(published_at)),
        "latest_publication",
    )


def publish(
    warehouse: Warehouse,
    delivery: Delivery,
    *,
    clock: Callable[[], datetime],
    announced: Place = BEFORE_ALL,
    values_at_once: int = affected_days.VALUES_AT_ONCE,
) -> Published | None:
    """Publish one delivery, numbered after `announced`; None when another process has just published it.

    Raises:
        WarehouseConflict: another process loaded or published during every attempt.
        WarehouseTimeout: packing all of it took longer than one statement may take.
    """
    return conflicts.retry(
        _publish_once,
        warehouse,
        delivery,
        clock=clock,
        announced=announced,
        values_at_once=values_at_once,
    )


def _publish_once(
    warehouse: Warehouse,
    delivery: Delivery,
    *,
    clock: Callable[[], datetime],
    announced: Place,
    values_at_once: int,
) -> Published | None:
    with warehouse.transaction() as session:
        session.run(engine.lock_writes())
        if session.fetch(_publication(delivery.batch_id)):
            return None
        sequence, earliest = _next_place(session, announced)
        before = _latest_published(session)
        # A later delivery that waits as well is left for its own publication, so that a correction stays
        # visible as one; a later delivery that is already published keeps its effect.
        received_until = max(before, delivery.received_at)
        is_latest = before < delivery.received_at
        affected = affected_days.store(session, delivery, sequence=sequence, is_latest=is_latest)
        parts = affected_days.split(session, affected, sequence=sequence, values_at_once=values_at_once)
        # Read the clock as late as possible: readers see the publication only at the commit.
        begun = clock()
        published_at = max(begun, earliest)
        # Fabric's compaction can conflict at the commit with a transaction that inserts before it updates.
        # Still, insert first: what is superseded is known only from the new versions, and storing these
        # elsewhere first would write every day twice. Such a conflict is retried from the start.
        for part in parts:
            session.run(
                versions.insert_new(
                    *(delivery, part),
                    sequence=sequence,
                    published_at=published_at,
                    received_until=received_until,
                )
            )
            if clock() - begun > engine.WORK_LIMIT:  # All parts together may take as long as one statement.
                limit = engine.WORK_LIMIT.total_seconds()
                raise WarehouseTimeout(f"Packing {affected.values} values took longer than {limit:g} s.")
        session.run(versions.supersede_old(affected.days, sequence=sequence, published_at=published_at))
        session.run(
            _insert_publication(delivery, affected.days, sequence=sequence, published_at=published_at)
        )
        session.run(affected_days.delete(sequence))
        (published,) = session.fetch(_publication(delivery.batch_id))
    return published


def _latest_published(session: Session) -> datetime:
    """Return when the latest published delivery was received."""
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


def _next_place(session: Session, announced: Place) -> Place:
    """Return the next sequence and its earliest time: after all before it, even if the clock is behind."""
    before = [announced, *session.fetch(latest())]
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


def _insert_publication(
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
