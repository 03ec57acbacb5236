"""Queries for the days that some publications changed, as of the last of them: one statement each. Pure.

Each statement joins what the caller may read (`series_days.permitted_rows`).
"""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse.engine import Query
from shared.warehouse.queries.series_days import DayRow, SizeRow, WantedDays, permitted_rows


class Kind(StrEnum):
    """Which of the days that some publications changed."""

    ALL = "all"
    NEW = "new"
    """Days that had not been published before."""
    CORRECTED = "corrected"
    """Days that had been published before."""


class PublicationSpan(NamedTuple):
    """The publications from `first` to `through`, and which of their days."""

    first: int
    through: int
    kind: Kind = Kind.ALL


_EARLIER = """EXISTS (
              SELECT 1 FROM metering.series_day AS earlier
              WHERE earlier.metering_point_id = s.metering_point_id
                AND earlier.direction = s.direction
                AND earlier.delivery_date = s.delivery_date
                AND earlier.sequence < ?)"""
_OF_KIND = {Kind.ALL: "", Kind.NEW: f"AND NOT {_EARLIER}", Kind.CORRECTED: f"AND {_EARLIER}"}


def days(
    readable: Readable,
    *,
    direction: Direction,
    publications: PublicationSpan,
    wanted: WantedDays,
    as_of: datetime,
    after: tuple[str, date] | None,
    limit: int,
) -> Query[DayRow]:
    """Readable market days that the publications changed, as they were at `as_of`; see `series_days.days`."""
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=after)
    ending = permitted.ending(limit)
    return Query(
        f"""
        SELECT s.metering_point_id, s.delivery_date, s.resolution, s.quantities, s.qualities,
               CAST(s.total_kwh AS varchar(20)), s.published_at
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND s.sequence >= ? AND s.sequence <= ?
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
          {_OF_KIND[publications.kind]}
        {ending.sql}
        """,  # noqa: S608  # Nothing but texts of this package is put in.
        (
            *(*permitted.joined, direction.value, *permitted.bound),
            *(publications.first, publications.through, as_of),
            *_bound(publications),
            *ending.bound,
        ),
        DayRow,
        "days_published",
    )


def sizes(
    readable: Readable,
    *,
    direction: Direction,
    publications: PublicationSpan,
    wanted: WantedDays,
    as_of: datetime,
) -> Query[SizeRow]:
    """How many of these days each readable metering point has, by resolution; see `days`."""
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, s.resolution, COUNT(*)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND s.sequence >= ? AND s.sequence <= ?
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
          {_OF_KIND[publications.kind]}
        GROUP BY s.metering_point_id, s.resolution
        ORDER BY s.metering_point_id, s.resolution
        """,  # noqa: S608  # Nothing but texts of this package is put in.
        (
            *(*permitted.joined, direction.value, *permitted.bound),
            *(publications.first, publications.through, as_of),
            *_bound(publications),
        ),
        SizeRow,
        "sizes_published",
    )


def _bound(publications: PublicationSpan) -> tuple[int, ...]:
    return () if publications.kind is Kind.ALL else (publications.first,)
