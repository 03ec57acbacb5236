"""The API's queries to the warehouse: one readable statement each. Pure.

What a caller may read is bound as one JSON text, since a statement has at most 2 100 parameters. Each
statement joins it, so that no statement can return a market day which the caller may not read. One span of
one metering point needs no list: its bounds are the condition (`PermittedRows`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

import orjson

from shared import limits, periods
from shared.metering import Direction, MeteringPointId
from shared.readable import Readable
from shared.warehouse.engine import LONGEST_PUBLICATION, Json, Query

_LATELY = timedelta(days=31)

SHOWN = """s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))"""
"""The condition of the versions of `s` that are shown at a moment, which is bound twice."""

_WANTED = """AND (s.resolution = 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?
               OR s.resolution <> 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?)"""


def starts_of_search(as_of: datetime) -> tuple[date, date]:
    """Return the days from which to search for the last day of a series: a month ago, then the first of all.

    Most series have a day within the last month, and a search of all years reads much more.
    """
    return periods.day_of(as_of) - _LATELY, periods.FIRST_DAY


class DayRow(NamedTuple):
    """One version of a published market day.

    `quantities` and `qualities` are packed, `total_kwh` is text, `published_at` is UTC without a zone. There
    are thousands of these rows, and to convert them would take as long as to fetch them.
    """

    metering_point_id: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str
    total_kwh: str
    published_at: datetime


class PackedRow(NamedTuple):
    """A published market day with its packed values."""

    metering_point_id: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str


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


class StoredInHoursRow(NamedTuple):
    """The first and the last day of a metering point that are stored in hours.

    Attributes:
        metering_points: how many metering points have such days.
    """

    metering_point_id: str
    first_day: date
    last_day: date
    metering_points: int


class SizeRow(NamedTuple):
    """How many market days of one resolution a metering point has."""

    metering_point_id: str
    resolution: str
    days: int


class ChangeRow(NamedTuple):
    """A market day as a publication left it, in the form of `DayRow`."""

    metering_point_id: str
    direction: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str
    sequence: int
    published_at: datetime


class PublishedDays(NamedTuple):
    """The first and the last market day that some publications left; the last is before the first if none."""

    first_day: date
    last_day: date


class PublicationRow(NamedTuple):
    """A publication, and how many market days it left."""

    sequence: int
    days: int


class PublishedDayRow(NamedTuple):
    """A market day of a metering point that some publications left, in `series` directions."""

    metering_point_id: str
    delivery_date: date
    series: int


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


class MeteringPointRow(NamedTuple):
    """The description of a metering point."""

    metering_point_id: str
    name: str | None
    address: str | None
    postal_code: str | None
    city: str | None
    price_area: str | None
    grid_area: str | None
    meter_serial: str | None


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


def changes(
    readable: Readable,
    *,
    after: tuple[int, str, str, date],
    through: int,
    published: PublishedDays,
    limit: int,
) -> Query[ChangeRow]:
    """Readable market days whose current version came after a key, in order of publication.

    A day that was published more than once since then is returned once, in its current version.

    Args:
        readable: what the caller may read.
        after: the key (sequence, metering point, direction, day) of the last day that the caller has.
        through: the sequence of the last publication to return.
        published: the range of the days of these publications.
        limit: the largest number of days.
    """
    sequence, metering_point_id, direction, day = after
    permitted = _permitted_in(readable, published)
    return Query(
        f"""
        SELECT s.metering_point_id, s.direction, s.delivery_date, s.resolution, s.quantities, s.qualities,
               s.sequence, s.published_at
        FROM {permitted.source}
        WHERE s.superseded_at IS NULL
          AND {permitted.bounds}
          AND s.sequence >= ? AND s.sequence <= ?
          AND (s.sequence > ?
               OR (s.sequence = ? AND (s.metering_point_id > ?
                   OR (s.metering_point_id = ? AND (s.direction > ?
                       OR (s.direction = ? AND s.delivery_date > ?))))))
        ORDER BY s.sequence, s.metering_point_id, s.direction, s.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (
            *(*permitted.joined, *permitted.bound),
            *(sequence, through),
            *(sequence, sequence, metering_point_id, metering_point_id, direction, direction, day),
            limit,
        ),
        ChangeRow,
        "changes",
    )


def count_changes(
    readable: Readable, *, after: tuple[int, str, str, date], through: int, published: PublishedDays
) -> Query[int]:
    """The number of readable market days in a known direction that came after a key; see `changes`."""
    sequence, metering_point_id, direction, day = after
    permitted = _permitted_in(readable, published)
    return Query(
        f"""
        SELECT COUNT(*)
        FROM {permitted.source}
        WHERE s.superseded_at IS NULL AND s.direction IN ('consumption', 'production')
          AND {permitted.bounds}
          AND s.sequence >= ? AND s.sequence <= ?
          AND (s.sequence > ?
               OR (s.sequence = ? AND (s.metering_point_id > ?
                   OR (s.metering_point_id = ? AND (s.direction > ?
                       OR (s.direction = ? AND s.delivery_date > ?))))))
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (
            *(*permitted.joined, *permitted.bound),
            *(sequence, through),
            *(sequence, sequence, metering_point_id, metering_point_id, direction, direction, day),
        ),
        lambda count: int(count),
        "count_changes",
    )


def metering_points_in(readable: Readable, *, price_area: str, limit: int) -> Query[MeteringPointId]:
    """The first readable metering points of a price area."""
    ids = sorted({permission.metering_point_id for permission in readable.permissions})
    return Query(
        """
        SELECT DISTINCT m.metering_point_id
        FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS permitted
        JOIN metering.metering_point AS m ON m.metering_point_id = permitted.metering_point_id
        WHERE m.price_area = ?
        ORDER BY m.metering_point_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (Json(orjson.dumps([{"metering_point_id": id_} for id_ in ids]).decode()), price_area, limit),
        lambda metering_point_id: metering_point_id,
        "metering_points_in",
    )


def publications(*, first: int, last: int, limit: int) -> Query[PublicationRow]:
    """The publications with the sequences `first` to `last`, in order: at most `limit`."""
    return Query(
        """
        SELECT sequence, [days] FROM metering.publication
        WHERE sequence >= ? AND sequence <= ?
        ORDER BY sequence
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (first, last, limit),
        PublicationRow,
        "publications",
    )


def published_days(*, first: int, last: int) -> Query[PublishedDays]:
    """The range of the market days that the publications from `first` to `last` left: one row.

    Days are stored by metering point and day, so a query by sequence alone would read all of them. If none of
    the publications left a day, as when the same values came again, the range is empty: its last day is
    before its first. If one of the sequences has no publication, as after a restore, or one that left days
    does not have their range, the range is every day.
    """

    def within(known: int, first_day: date | None, last_day: date | None) -> PublishedDays:
        if known <= last - first:
            return PublishedDays(periods.FIRST_DAY, periods.END_DAY)
        if first_day is None or last_day is None:
            return PublishedDays(periods.FIRST_DAY, periods.FIRST_DAY - periods.ONE_DAY)
        return PublishedDays(first_day, last_day)

    return Query(
        """
        SELECT COUNT_BIG(*), MIN(first_day), MAX(last_day) FROM metering.publication
        WHERE sequence >= ? AND sequence <= ? AND ([days] = 0 OR first_day IS NOT NULL)
        """,
        (first, last),
        within,
        "published_days",
    )


def published_metering_points(*, first: int, last: int, published: PublishedDays) -> Query[str]:
    """All metering points of which the publications from `first` to `last` left a day, of every customer.

    They limit a query to what can have changed, and must not be returned to a caller.
    """
    return Query(
        """
        SELECT DISTINCT metering_point_id FROM metering.series_day
        WHERE sequence >= ? AND sequence <= ?
          AND delivery_date >= ? AND delivery_date <= ?
        """,
        (first, last, *published),
        str,
        "published_metering_points",
    )


def published_series(
    *, first: int, last: int, published: PublishedDays, after: tuple[str, date], limit: int
) -> Query[PublishedDayRow]:
    """The market days that the publications from `first` to `last` left, of every customer, after a key.

    They decide which callers are notified, and must not be returned to a caller. A day that was published
    again later is left out: it belongs to the later publication.

    Args:
        published: the range of the days of these publications.
        after: the key (metering point, day) of the last row of the page before.
        limit: the largest number of rows.
    """
    metering_point_id, day = after
    return Query(
        """
        SELECT metering_point_id, delivery_date, COUNT(*)
        FROM metering.series_day
        WHERE superseded_at IS NULL
          AND sequence >= ? AND sequence <= ?
          AND delivery_date >= ? AND delivery_date <= ?
          AND metering_point_id >= ?
          AND (metering_point_id > ? OR delivery_date > ?)
        GROUP BY metering_point_id, delivery_date
        ORDER BY metering_point_id, delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (
            *(first, last, *published),
            *(metering_point_id, metering_point_id, day, limit),
        ),
        PublishedDayRow,
        "published_series",
    )


_LAST_SEQUENCE = (
    "SELECT COALESCE(MAX(sequence), 0) FROM metering.publication "
    "WHERE published_at <= CAST(? AS datetime2(6))"
)


def sequence_at(moment: datetime) -> Query[int]:
    """The sequence of the last publication that was surely visible at a moment; 0 before the first.

    A publication becomes visible up to `LONGEST_PUBLICATION` after its own time. A client that continues from
    here may get again what was published shortly before the moment, and misses nothing.
    """
    return Query(_LAST_SEQUENCE, (moment - LONGEST_PUBLICATION,), int, "sequence_at")


def sequence_shown(as_of: datetime) -> Query[int]:
    """The sequence of the last publication whose days are shown at a moment; 0 before the first.

    The moment has to be no later than the latest announced publication, so that none can still appear before
    it.
    """
    return Query(_LAST_SEQUENCE, (as_of,), int, "sequence_shown")


def latest_days(readable: Readable, *, since: date, as_of: datetime) -> Query[LatestDayRow]:
    """The latest readable market day of each series that has one from `since` on, with its resolution.

    For lists of metering points, which need both directions and the resolution of the latest day. The answers
    of series ask `last_days`: without the resolution, each series is one MAX, and no days are sorted.
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


def last_day_published(*, as_of: datetime) -> Query[date | None]:
    """The last market day of all customers that was published at a moment; None if there is none.

    Only for reporting until when data was available.
    """
    return Query(
        """
        SELECT MAX(last_day) FROM metering.publication WHERE published_at <= CAST(? AS datetime2(6))
        """,
        (as_of,),
        lambda day: day,
        "last_day_published",
    )


def last_days(readable: Readable, *, direction: Direction, since: date, as_of: datetime) -> Query[LastDayRow]:
    """The last readable market day of each series that has one from `since` on, by metering point.

    For the answers of series: each page asks it, in one direction; compare `latest_days`. Most series end
    yesterday: with a `since` of a month ago this reads a month of days, even if many years are stored.
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


def metering_points(readable: Readable) -> Query[MeteringPointRow]:
    """Descriptions of the readable metering points, by metering point; those without one are left out."""
    ids = sorted({permission.metering_point_id for permission in readable.permissions})
    return Query(
        """
        SELECT m.metering_point_id, m.name, m.address, m.postal_code, m.city,
               m.price_area, m.grid_area, m.meter_serial
        FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS permitted
        JOIN metering.metering_point AS m ON m.metering_point_id = permitted.metering_point_id
        ORDER BY m.metering_point_id
        """,
        (Json(orjson.dumps([{"metering_point_id": id_} for id_ in ids]).decode()),),
        MeteringPointRow,
        "metering_points",
    )


def alive() -> Query[int]:
    """The cheapest query, to see whether the warehouse answers in time."""
    return Query("SELECT 1", (), lambda one: int(one), "alive", within=limits.PROBE)


class Ending(NamedTuple):
    """How a statement ends that reads the first days, and the parameters of that.

    Where one span fits on a page, all its rows are read unordered: ordering takes a third of a short query.
    """

    sql: str
    bound: tuple[int, ...]


_ORDERED = """ORDER BY s.metering_point_id, s.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY"""


@dataclass(frozen=True)
class PermittedRows:
    """The readable days as a statement reads them: the source of its rows, and bounds of all of them.

    Where they are one span of one metering point, the bounds say everything, and no list is joined: the most
    frequent question takes half the time. A list has bounds as well, since Fabric skips files by a range of
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
        """Return what follows FROM: the stored days as `s`, those of a list joined with it."""
        return "metering.series_day AS s" if self.is_one else _JOINED_WITH_LIST

    @property
    def joined(self) -> tuple[Json, ...]:
        """Return the parameters of `source`."""
        return () if self.is_one else (self.rows,)

    @property
    def bounds(self) -> str:
        """Return the condition that holds for the days of every span."""
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


_JOINED_WITH_LIST = """
             OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day"""


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


def _permitted_in(readable: Readable, published: PublishedDays) -> PermittedRows:
    """Return the readable days of the market days that some publications left."""
    return permitted_rows(
        readable,
        first_day=published.first_day,
        last_day=published.last_day + periods.ONE_DAY,
        after=None,
    )
