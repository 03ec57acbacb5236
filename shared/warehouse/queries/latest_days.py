"""Queries for the latest day of each series: one statement each. Pure."""

from datetime import date, datetime
from typing import NamedTuple

from shared import periods
from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse.engine import Query
from shared.warehouse.queries.series_days import SHOWN, permitted_rows


class LatestDayRow(NamedTuple):
    """The latest published market day of a series, and its resolution."""

    metering_point_id: str
    direction: str
    last_day: date
    resolution: str


class LastDayRow(NamedTuple):
    """The last published market day of a metering point in one direction."""

    metering_point_id: str
    last_day: date


def with_resolution(readable: Readable, *, since: date, as_of: datetime) -> Query[LatestDayRow]:
    """The latest readable market day of each series that has one from `since` on, with its resolution.

    For lists of metering points, which need both directions and the resolution of the latest day. Responses
    with series use `in_direction`: without the resolution, each series is one MAX, and no days are sorted.
    """
    permitted = permitted_rows(readable, first_day=since, last_day=periods.END_DAY, after=None)
    return Query(
        f"""
        SELECT metering_point_id, direction, delivery_date, resolution
        FROM (
            SELECT s.metering_point_id, s.direction, s.delivery_date, s.resolution,
                   ROW_NUMBER() OVER (PARTITION BY s.metering_point_id, s.direction
                                      ORDER BY s.delivery_date DESC) AS recency
            FROM {permitted.source}
            WHERE {permitted.bounds}
              AND {SHOWN}
        ) AS readable_day
        WHERE recency = 1
        ORDER BY metering_point_id, direction
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, *permitted.bound, as_of, as_of),
        LatestDayRow,
        "latest_days",
    )


def in_direction(
    readable: Readable, *, direction: Direction, since: date, as_of: datetime
) -> Query[LastDayRow]:
    """The last readable market day of each series that has one from `since` on, by metering point.

    For responses with series: each page needs it, in one direction; compare `with_resolution`. Most series
    end yesterday: with a `since` of a month ago this reads a month of days, even if many years are stored.
    """
    permitted = permitted_rows(readable, first_day=since, last_day=periods.END_DAY, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, MAX(s.delivery_date)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND {SHOWN}
        GROUP BY s.metering_point_id
        ORDER BY s.metering_point_id
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        LastDayRow,
        "last_days",
    )
