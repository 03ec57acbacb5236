"""Publishes the deliveries that wait and brings the watermark up to date with the warehouse."""

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import NamedTuple

from shared import periods
from shared.publishing import publish
from shared.publishing.publish import BEFORE_ALL, Place, Published
from shared.publishing.watermark import Publication, Publications
from shared.warehouse.engine import Query, Warehouse, aware
from shared.warehouse.queries import publication_log
from shared.warehouse.queries.publication_log import PublishedDays

log = logging.getLogger("metering.deliveries")


def publish_pending(
    warehouse: Warehouse,
    *,
    publications: Publications,
    clock: Callable[[], datetime],
    each: Callable[[Published], object] = lambda published: None,
) -> list[Published]:
    """Publish every delivery that waits, and bring the watermark up to date.

    The watermark is brought up to date even when nothing waits, because an earlier run may have died after
    it published. While the watermark cannot be read, nothing is published: the next number would not be
    known.

    Args:
        warehouse: where deliveries wait.
        publications: the watermark.
        clock: the time now.
        each: called with each publication before the next one begins.

    Raises:
        TablesUnavailable: the watermark cannot be read or written.
        WarehouseError: a delivery could not be published. Those before it are announced; if that fails too,
            the error is logged.
    """
    known = publications.stored()
    announced = BEFORE_ALL if known is None else Place(known.sequence, known.published_at)
    done: list[Published] = []
    try:
        for published in publish.publish_waiting(warehouse, clock=clock, announced=announced):
            done.append(published)
            each(published)
    except BaseException:
        _announce_after_failure(warehouse, publications, clock=clock)
        raise
    bring_up_to_date(warehouse, publications, clock=clock)
    return done


def _announce_after_failure(
    warehouse: Warehouse, publications: Publications, *, clock: Callable[[], datetime]
) -> None:
    """Announce what was published before a failure; a second failure must not hide the first."""
    try:
        bring_up_to_date(warehouse, publications, clock=clock)
    except Exception as error:
        log.error("What was published before is not announced yet: %s", error)


def log_results(published: Iterable[Published], *, latest: Publication | None) -> None:
    """Log a line for each publication, and until when data is available: an alert reads that line."""
    for each in published:
        log.info("Publication %d: %d market days.", each.sequence, each.days)
    if latest is None:
        log.info("Nothing is published yet.")
    else:
        log.info(
            "Data is available until %s, in each price area at least until %s.",
            *(latest.available_until.isoformat(), latest.available_everywhere_until.isoformat()),
        )


def bring_up_to_date(
    warehouse: Warehouse, publications: Publications, *, clock: Callable[[], datetime]
) -> None:
    """Store in the watermark the latest publication and when metering points were last described."""
    _announce_publications(warehouse, publications, clock=clock)
    _announce_descriptions(warehouse, publications)


def _announce_publications(
    warehouse: Warehouse, publications: Publications, *, clock: Callable[[], datetime]
) -> None:
    # Read before the warehouse: a publication of another process in between must not look like a loss.
    known = publications.stored()
    (latest,) = warehouse.fetch(publish.latest()) or [BEFORE_ALL]
    if known is not None and known.sequence > latest.sequence:
        log.error(
            "The warehouse has publications up to %d, and callers know of %d: it was restored. "
            "Deliver again what came since: docs/operations.md, Restoring the warehouse.",
            *(latest.sequence, known.sequence),
        )
    since = known.sequence if known is not None else 0
    ends = (
        _published_ends(warehouse, since=known, through=latest.sequence) if latest.sequence > since else None
    )
    if ends is not None:
        overall, areas = ends
        latest_known = Publication(latest.sequence, latest.published_at, overall, areas)
        publications.write(latest_known, clock=clock)


def _announce_descriptions(warehouse: Warehouse, publications: Publications) -> None:
    (described_at,) = warehouse.fetch(_described())
    if described_at is not None:
        publications.write_described(aware(described_at))


class _LastDay(NamedTuple):
    price_area: str | None
    last_day: date


def _described() -> Query[datetime | None]:
    return Query(
        "SELECT MAX(received_at) FROM metering.register_delivery WHERE kind = 'metering points'",
        (),
        lambda received_at: received_at,
        "last_described",
    )


def _published_ends(
    warehouse: Warehouse, *, since: Publication | None, through: int
) -> tuple[datetime, dict[str, datetime]] | None:
    """Return where data ends, overall and by price area; only publications since the watermark are read."""
    after = since.sequence if since else 0
    # Not remembered: these publications are yet to be announced (`remembered.Ranges`).
    (published,) = warehouse.fetch(publication_log.day_range(first=after + 1, last=through))
    rows = warehouse.fetch(_last_days_by_price_area(after=after, through=through, published=published))
    ends = {row.price_area: periods.market_day(row.last_day).end for row in rows}
    candidates = list(ends.values())
    areas: dict[str, datetime] = {}
    if since is not None:
        candidates.append(since.available_until)
        areas.update(since.available_until_by_price_area)
    if not candidates:
        return None
    for area, end in ends.items():
        if area is not None:
            areas[area] = max(end, areas.get(area, end))
    return max(candidates), areas


def _last_days_by_price_area(*, after: int, through: int, published: PublishedDays) -> Query[_LastDay]:
    return Query(
        """
        SELECT m.price_area, MAX(s.delivery_date)
        FROM metering.series_day AS s
        LEFT JOIN metering.metering_point AS m ON m.metering_point_id = s.metering_point_id
        WHERE s.sequence > ? AND s.sequence <= ?
          AND s.delivery_date >= ? AND s.delivery_date <= ?
        GROUP BY m.price_area
        """,
        (after, through, *published),
        _LastDay,
        "last_days_by_price_area",
    )
