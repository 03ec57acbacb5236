"""Queries for the days that are new or corrected since a publication: one statement each. Pure."""

from datetime import date, datetime
from typing import NamedTuple

from shared import periods
from shared.readable import Readable
from shared.warehouse.engine import Query
from shared.warehouse.queries.publication_log import PublishedDays
from shared.warehouse.queries.series_days import PermittedRows, permitted_rows

Key = tuple[int, str, str, date]
"""A place in the order of publication: sequence, metering point, direction, market day."""

_NEWER = """s.sequence >= ? AND s.sequence <= ?
          AND (s.sequence > ?
               OR (s.sequence = ? AND (s.metering_point_id > ?
                   OR (s.metering_point_id = ? AND (s.direction > ?
                       OR (s.direction = ? AND s.delivery_date > ?))))))"""
"""The condition of the days that came after a key, in publications up to a sequence."""


class ChangeRow(NamedTuple):
    """A market day as a publication stored it, in the form of `DayRow`."""

    metering_point_id: str
    direction: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str
    sequence: int
    published_at: datetime


def days(
    readable: Readable,
    *,
    after: Key,
    through: int,
    published: PublishedDays,
    limit: int,
) -> Query[ChangeRow]:
    """Readable market days whose current version came after a key, in order of publication.

    A day that was published more than once since then is returned once, in its current version.

    Args:
        readable: what the caller may read.
        after: the key of the last day that the caller has.
        through: the sequence of the last publication to return.
        published: the range of the days of these publications.
        limit: the largest number of days.
    """
    permitted = _permitted_in(readable, published)
    return Query(
        f"""
        SELECT s.metering_point_id, s.direction, s.delivery_date, s.resolution, s.quantities, s.qualities,
               s.sequence, s.published_at
        FROM {permitted.source}
        WHERE s.superseded_at IS NULL
          AND {permitted.bounds}
          AND {_NEWER}
        ORDER BY s.sequence, s.metering_point_id, s.direction, s.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, *permitted.bound, *_newer(after, through), limit),
        ChangeRow,
        "changes",
    )


def count_days(readable: Readable, *, after: Key, through: int, published: PublishedDays) -> Query[int]:
    """The number of readable market days in a known direction that came after a key; see `days`."""
    permitted = _permitted_in(readable, published)
    return Query(
        f"""
        SELECT COUNT(*)
        FROM {permitted.source}
        WHERE s.superseded_at IS NULL AND s.direction IN ('consumption', 'production')
          AND {permitted.bounds}
          AND {_NEWER}
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, *permitted.bound, *_newer(after, through)),
        lambda count: int(count),
        "count_changes",
    )


def _permitted_in(readable: Readable, published: PublishedDays) -> PermittedRows:
    """Return the readable ones of the market days that some publications changed."""
    return permitted_rows(
        readable,
        first_day=published.first_day,
        last_day=published.last_day + periods.ONE_DAY,
        after=None,
    )


def _newer(after: Key, through: int) -> tuple[int | str | date, ...]:
    """Return the parameters of `_NEWER`."""
    sequence, metering_point_id, direction, day = after
    return (
        *(sequence, through, sequence),
        *(sequence, metering_point_id, metering_point_id, direction, direction, day),
    )
