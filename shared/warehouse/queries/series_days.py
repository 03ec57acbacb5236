"""Queries for the days of series, and the part that all queries for days share. Pure.

What a caller may read is bound as one JSON text, since a statement has at most 2 100 parameters. Each
statement joins it, so that no statement can return a market day which the caller may not read. One span of
one metering point needs no list: its bounds are the condition (`PermittedRows`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import orjson

from shared.metering import Direction, MeteringPointId
from shared.readable import Readable
from shared.warehouse.engine import Json, Query

SHOWN = """s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))"""
"""The condition of the versions of `s` that are shown at a moment, which is bound twice."""

_WANTED = """AND (s.resolution = 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?
               OR s.resolution <> 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?)"""

_JOINED_WITH_LIST = """
             OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day"""

_ORDERED = """ORDER BY s.metering_point_id, s.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY"""


class DayRow(NamedTuple):
    """One version of a published market day.

    `quantities` and `qualities` are packed, `total_kwh` is text, `published_at` is UTC without a zone. There
    are thousands of these rows, and converting them would take as long as fetching them.
    """

    metering_point_id: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str
    total_kwh: str
    published_at: datetime


class WantedDays(NamedTuple):
    """The wanted market days, `[first, end)`, for each resolution in which days are stored."""

    quarters: tuple[date, date]
    hours: tuple[date, date]

    @classmethod
    def every(cls, first: date, end: date) -> "WantedDays":
        """Return the days of a range in any resolution."""
        return cls((first, end), (first, end))

    @property
    def first(self) -> date:
        """The first wanted day."""
        return min(first for first, end in self if first < end) if not self.is_empty else self.hours[0]

    @property
    def end(self) -> date:
        """The day after the last wanted day."""
        return max(end for first, end in self if first < end) if not self.is_empty else self.hours[0]

    @property
    def is_empty(self) -> bool:
        """Whether no day is wanted."""
        return all(first >= end for first, end in self)

    @property
    def and_wanted(self) -> str:
        """What a statement adds to the bounds of `s`: nothing if all resolutions have the same days."""
        return "" if self.quarters == self.hours else _WANTED

    @property
    def bound(self) -> tuple[date, ...]:
        """The parameters of `and_wanted`."""
        return () if self.quarters == self.hours else (*self.quarters, *self.hours)


class SizeRow(NamedTuple):
    """How many market days of one resolution a metering point has."""

    metering_point_id: str
    resolution: str
    days: int


class StoredInHoursRow(NamedTuple):
    """The first and the last day of a metering point that are stored in hours.

    Attributes:
        metering_points: how many metering points have such days.
    """

    metering_point_id: str
    first_day: date
    last_day: date
    metering_points: int


def days(
    readable: Readable,
    *,
    direction: Direction,
    wanted: WantedDays,
    as_of: datetime,
    after: tuple[str, date] | None,
    limit: int,
) -> Query[DayRow]:
    """Wanted market days that are readable, as they were at `as_of`: the first by metering point and day.

    Sort the rows: they come unordered if one span fits on the page.

    Args:
        readable: what the caller may read.
        direction: of the series.
        wanted: the requested market days.
        as_of: the moment whose versions are returned.
        after: the key (metering point, day) at which the page starts, inclusive.
        limit: the largest number of days.
    """
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=after)
    ending = permitted.ending(limit)
    return Query(
        f"""
        SELECT s.metering_point_id, s.delivery_date, s.resolution, s.quantities, s.qualities,
               CAST(s.total_kwh AS varchar(20)), s.published_at
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          {wanted.and_wanted}
          AND {SHOWN}
        {ending.sql}
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, direction.value, *permitted.bound, *wanted.bound, as_of, as_of, *ending.bound),
        DayRow,
        "days",
    )


def first_metering_point(
    readable: Readable, *, direction: Direction, wanted: WantedDays, as_of: datetime
) -> Query[MeteringPointId | None]:
    """The first metering point with a wanted market day that is readable; None if there is none."""
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        f"""
        SELECT MIN(s.metering_point_id)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          {wanted.and_wanted}
          AND {SHOWN}
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, direction.value, *permitted.bound, *wanted.bound, as_of, as_of),
        lambda metering_point_id: metering_point_id,
        "first_metering_point",
    )


def count_days(
    readable: Readable,
    *,
    direction: Direction,
    wanted: WantedDays,
    as_of: datetime,
    after: tuple[str, date] | None = None,
) -> Query[int]:
    """The number of wanted market days that are readable, from the key `after` on; see `days`."""
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=after)
    return Query(
        f"""
        SELECT COUNT(*)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          {wanted.and_wanted}
          AND {SHOWN}
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, direction.value, *permitted.bound, *wanted.bound, as_of, as_of),
        lambda count: int(count),
        "count_days",
    )


def sizes(readable: Readable, *, direction: Direction, wanted: WantedDays, as_of: datetime) -> Query[SizeRow]:
    """How many wanted market days of each resolution each readable metering point has, in their order."""
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, s.resolution, COUNT(*)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          {wanted.and_wanted}
          AND {SHOWN}
        GROUP BY s.metering_point_id, s.resolution
        ORDER BY s.metering_point_id, s.resolution
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (*permitted.joined, direction.value, *permitted.bound, *wanted.bound, as_of, as_of),
        SizeRow,
        "sizes",
    )


def stored_in_hours(
    readable: Readable, *, direction: Direction, wanted: WantedDays, as_of: datetime, limit: int
) -> Query[StoredInHoursRow]:
    """The first metering points with wanted days that are stored in hours, and how many have such days."""
    permitted = permitted_rows(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, MIN(s.delivery_date), MAX(s.delivery_date), COUNT(*) OVER ()
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND s.resolution = 'PT1H'
          AND {SHOWN}
        GROUP BY s.metering_point_id
        ORDER BY s.metering_point_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (
            *(*permitted.joined, direction.value, *permitted.bound),
            *(as_of, as_of, limit),
        ),
        StoredInHoursRow,
        "stored_in_hours",
    )


class Ending(NamedTuple):
    """The end of a statement that reads the first days, and its parameters.

    Where one span fits on a page, all its rows are read unordered: ordering takes a third of a short query.
    """

    sql: str
    bound: tuple[int, ...]


@dataclass(frozen=True)
class PermittedRows:
    """The readable days as a statement reads them: the source of its rows, and bounds of all of them.

    Where they are one span of one metering point, the bounds suffice, and no list is joined: the most
    frequent query takes half the time. A list has bounds as well, since Fabric skips files by a range of
    metering points, but not by a join (https://learn.microsoft.com/fabric/data-warehouse/data-clustering):
    without the range, a query for a year of one metering point would read that year of all metering points.

    Attributes:
        rows: the spans as JSON, each once.
        ids: the lowest and the highest metering point.
        days: the first day of all, and the day after the last.
        is_one: whether there is one span.
    """

    rows: Json
    ids: tuple[str, str]
    days: tuple[date, date]
    is_one: bool

    @property
    def source(self) -> str:
        """Return what follows FROM: the stored days as `s`, joined with the list if there is one."""
        return "metering.series_day AS s" if self.is_one else _JOINED_WITH_LIST

    @property
    def joined(self) -> tuple[Json, ...]:
        """Return the parameters of `source`."""
        return () if self.is_one else (self.rows,)

    @property
    def bounds(self) -> str:
        """Return the condition that the days of every span meet."""
        ids = "= ?" if self.is_one else ">= ? AND s.metering_point_id <= ?"
        return f"s.metering_point_id {ids} AND s.delivery_date >= ? AND s.delivery_date < ?"

    @property
    def bound(self) -> tuple[str | date, ...]:
        """Return the parameters of `bounds`."""
        return (*(self.ids[:1] if self.is_one else self.ids), *self.days)

    def ending(self, limit: int) -> Ending:
        """Return the end of a statement that reads at most this many days, of which each has one row."""
        first, end = self.days
        if self.is_one and (end - first).days <= limit:
            return Ending("", ())
        return Ending(_ORDERED, (limit,))


def permitted_rows(
    readable: Readable, *, first_day: date, last_day: date, after: tuple[str, date] | None
) -> PermittedRows:
    """Return the readable days within `[first_day, last_day)`, from the key `after` on."""
    rows: list[dict[str, str | date]] = []
    first, last = last_day, first_day
    for metering_point_id, permitted in readable.periods.items():
        begin = first_day
        if after is not None:
            if metering_point_id < after[0]:
                continue
            if metering_point_id == after[0]:
                begin = max(first_day, after[1])
        for period in permitted:
            start, end = max(period.first or begin, begin), min(period.end or last_day, last_day)
            if start < end:
                rows.append({"metering_point_id": metering_point_id, "first_day": start, "last_day": end})
                first, last = min(first, start), max(last, end)
    # The rows are in the order of the metering points, so the lowest comes first.
    ids = [str(row["metering_point_id"]) for row in (*rows[:1], *rows[-1:])] or [""]
    return PermittedRows(
        Json(orjson.dumps(rows).decode()), (ids[0], ids[-1]), (first, last), is_one=len(rows) == 1
    )
