"""The questions of the API to the warehouse: one readable statement each. Pure.

What a caller may read travels as one JSON text, so that its length is not limited by the
number of parameters of a statement (2 100), and is joined, so that no statement can return
a market day outside of it.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

import orjson

from shared import limits, periods
from shared.metering import Direction, MeteringPointId
from shared.readable import Readable
from shared.warehouse.engine import LONGEST_PUBLICATION, Json, Query

_LATELY = timedelta(days=31)


def lately_then_ever(as_of: datetime) -> tuple[date, date]:
    """Since when to look for the latest days: first a month back, as most series reach so far, then ever."""
    return periods.day_of(as_of) - _LATELY, periods.FIRST_DAY


class DayRow(NamedTuple):
    """One version of a published market day.

    `quantities` and `qualities` are packed, `total_kwh` is text, `published_at` is UTC without a zone: there
    are thousands of these rows, and making more of each would cost as much as fetching it.
    """

    metering_point_id: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str
    total_kwh: str
    sequence: int
    published_at: datetime


class WantedDays(NamedTuple):
    """The market days that are wanted, `[first, end)`, by the resolution in which they are stored."""

    quarters: tuple[date, date]
    hours: tuple[date, date]

    @classmethod
    def every(cls, first: date, end: date) -> "WantedDays":
        """The days of a range in any resolution."""
        return cls((first, end), (first, end))

    @property
    def first(self) -> date:
        """The first of them."""
        return min(first for first, end in self if first < end) if not self.is_empty else self.hours[0]

    @property
    def end(self) -> date:
        """The day after the last of them."""
        return max(end for first, end in self if first < end) if not self.is_empty else self.hours[0]

    @property
    def is_empty(self) -> bool:
        """Whether no day is wanted."""
        return all(first >= end for first, end in self)


class StoredInHoursRow(NamedTuple):
    """The first and the last day of a metering point that are stored in hours.

    Attributes:
        metering_points: how many have such days.
    """

    metering_point_id: str
    first_day: date
    last_day: date
    metering_points: int


class ChangeRow(NamedTuple):
    """A market day as a publication left it, in the same form."""

    metering_point_id: str
    direction: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str
    sequence: int
    published_at: datetime


class PublishedDays(NamedTuple):
    """The first and the last market day that some publications left."""

    first_day: date
    last_day: date


class PublicationRow(NamedTuple):
    """A publication, and how many market days it left."""

    sequence: int
    days: int


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
    """What is known of a metering point."""

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
    """Readable market days that are wanted, by metering point and day, as they were at `as_of`.

    Args:
        readable: what the caller may read.
        direction: of the series.
        wanted: the market days asked for.
        as_of: the moment whose versions are wanted.
        after: the key (metering point, day) at which the page starts, included.
        limit: at most so many days.
    """
    permitted = _permitted(readable, first_day=wanted.first, last_day=wanted.end, after=after)
    return Query(
        """
        SELECT s.metering_point_id, s.delivery_date, s.resolution, s.quantities, s.qualities,
               CAST(s.total_kwh AS varchar(20)), s.sequence, s.published_at
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.direction = ?
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.delivery_date >= ? AND s.delivery_date < ?
          AND (s.resolution = 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?
               OR s.resolution <> 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?)
          AND s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
        ORDER BY s.metering_point_id, s.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (
            *(permitted.rows, direction.value, *permitted.ids),
            *(wanted.first, wanted.end, *wanted.quarters, *wanted.hours),
            *(as_of, as_of, limit),
        ),
        DayRow,
        "days",
    )


def first_metering_point(
    readable: Readable, *, direction: Direction, wanted: WantedDays, as_of: datetime
) -> Query[MeteringPointId | None]:
    """The first metering point with a readable market day that is wanted; None where none has any."""
    permitted = _permitted(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        """
        SELECT MIN(s.metering_point_id)
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.direction = ?
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.delivery_date >= ? AND s.delivery_date < ?
          AND (s.resolution = 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?
               OR s.resolution <> 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?)
          AND s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
        """,
        (
            *(permitted.rows, direction.value, *permitted.ids),
            *(wanted.first, wanted.end, *wanted.quarters, *wanted.hours),
            *(as_of, as_of),
        ),
        lambda metering_point_id: metering_point_id,
        "first_metering_point",
    )


def count_days(
    readable: Readable, *, direction: Direction, wanted: WantedDays, as_of: datetime
) -> Query[int]:
    """How many readable market days are wanted."""
    permitted = _permitted(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        """
        SELECT COUNT(*)
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.direction = ?
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.delivery_date >= ? AND s.delivery_date < ?
          AND (s.resolution = 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?
               OR s.resolution <> 'PT15M' AND s.delivery_date >= ? AND s.delivery_date < ?)
          AND s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
        """,
        (
            *(permitted.rows, direction.value, *permitted.ids),
            *(wanted.first, wanted.end, *wanted.quarters, *wanted.hours),
            *(as_of, as_of),
        ),
        lambda count: int(count),
        "count_days",
    )


def stored_in_hours(
    readable: Readable, *, direction: Direction, wanted: WantedDays, as_of: datetime, limit: int
) -> Query[StoredInHoursRow]:
    """The first metering points with wanted days that are stored in hours, and how many there are."""
    permitted = _permitted(readable, first_day=wanted.first, last_day=wanted.end, after=None)
    return Query(
        """
        SELECT s.metering_point_id, MIN(s.delivery_date), MAX(s.delivery_date), COUNT(*) OVER ()
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.direction = ?
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.resolution = 'PT1H'
          AND s.delivery_date >= ? AND s.delivery_date < ?
          AND s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
        GROUP BY s.metering_point_id
        ORDER BY s.metering_point_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (
            *(permitted.rows, direction.value, *permitted.ids),
            *(wanted.first, wanted.end, as_of, as_of, limit),
        ),
        StoredInHoursRow,
        "stored_in_hours",
    )


def changes(
    readable: Readable,
    *,
    after: tuple[int, str, str, date] | None,
    through: int,
    published: PublishedDays,
    limit: int,
) -> Query[ChangeRow]:
    """Readable market days whose valid version came after a key, in order of publication.

    A day that was published more than once since then comes once, as it is now.

    Args:
        readable: what the caller may read.
        after: the key (sequence, metering point, direction, day) of the last day already had.
        through: the sequence of the last publication to be told of.
        published: where the days of these publications lie.
        limit: at most so many days.
    """
    sequence, metering_point_id, direction, day = after or (0, "", "", periods.FIRST_DAY)
    permitted = _permitted(readable, first_day=periods.FIRST_DAY, last_day=periods.END_DAY, after=None)
    return Query(
        """
        SELECT s.metering_point_id, s.direction, s.delivery_date, s.resolution, s.quantities, s.qualities,
               s.sequence, s.published_at
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.superseded_at IS NULL
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.delivery_date >= ? AND s.delivery_date <= ?
          AND s.sequence >= ? AND s.sequence <= ?
          AND (s.sequence > ?
               OR (s.sequence = ? AND (s.metering_point_id > ?
                   OR (s.metering_point_id = ? AND (s.direction > ?
                       OR (s.direction = ? AND s.delivery_date > ?))))))
        ORDER BY s.sequence, s.metering_point_id, s.direction, s.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (
            permitted.rows,
            *permitted.ids,
            *published,
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
    """How many readable market days came after a key; see `changes`."""
    sequence, metering_point_id, direction, day = after
    permitted = _permitted(readable, first_day=periods.FIRST_DAY, last_day=periods.END_DAY, after=None)
    return Query(
        """
        SELECT COUNT(*)
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.superseded_at IS NULL
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.delivery_date >= ? AND s.delivery_date <= ?
          AND s.sequence >= ? AND s.sequence <= ?
          AND (s.sequence > ?
               OR (s.sequence = ? AND (s.metering_point_id > ?
                   OR (s.metering_point_id = ? AND (s.direction > ?
                       OR (s.direction = ? AND s.delivery_date > ?))))))
        """,
        (
            permitted.rows,
            *permitted.ids,
            *published,
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
        SELECT m.metering_point_id
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
    """The publications numbered from `first` to `last`, in order: at most `limit`."""
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
    """Where the market days lie that the publications from `first` to `last` left: one row.

    Days are stored by metering point and day: a question for a sequence alone would read all of them. They
    may lie anywhere where a number has no publication, as after a restore.
    """

    def within(publications: int, first_day: date | None, last_day: date | None) -> PublishedDays:
        if publications <= last - first or first_day is None or last_day is None:
            return PublishedDays(periods.FIRST_DAY, periods.END_DAY)
        return PublishedDays(first_day, last_day)

    return Query(
        """
        SELECT COUNT_BIG(*), MIN(first_day), MAX(last_day) FROM metering.publication
        WHERE sequence >= ? AND sequence <= ?
        """,
        (first, last),
        within,
        "published_days",
    )


def published_metering_points(*, first: int, last: int, published: PublishedDays) -> Query[str]:
    """The metering points of which the publications from `first` to `last` left a day, everybody's.

    For narrowing what a caller may read to what can have changed; no answer tells them.
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


def sequence_at(moment: datetime) -> Query[int]:
    """The sequence of the last publication that everybody could read at a moment; 0 before the first.

    A publication becomes visible up to `LONGEST_PUBLICATION` after its own time. Who goes on from here may be
    told again of what was published so shortly before, and misses nothing.
    """
    return Query(
        "SELECT COALESCE(MAX(sequence), 0) FROM metering.publication "
        "WHERE published_at <= CAST(? AS datetime2(6))",
        (moment - LONGEST_PUBLICATION,),
        lambda sequence: int(sequence),
        "sequence_at",
    )


def latest_days(readable: Readable, *, since: date, as_of: datetime) -> Query[LatestDayRow]:
    """The latest readable market day of each series that has one from `since` on, with its resolution."""
    permitted = _permitted(readable, first_day=since, last_day=periods.END_DAY, after=None)
    return Query(
        """
        SELECT metering_point_id, direction, delivery_date, resolution
        FROM (
            SELECT s.metering_point_id, s.direction, s.delivery_date, s.resolution,
                   ROW_NUMBER() OVER (PARTITION BY s.metering_point_id, s.direction
                                      ORDER BY s.delivery_date DESC) AS recency
            FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
            JOIN metering.series_day AS s
              ON s.metering_point_id = permitted.metering_point_id
             AND s.delivery_date >= permitted.first_day
             AND s.delivery_date < permitted.last_day
            WHERE s.metering_point_id >= ? AND s.metering_point_id <= ?
              AND s.delivery_date >= ?
              AND s.published_at <= CAST(? AS datetime2(6))
              AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
        ) AS readable_day
        WHERE recency = 1
        ORDER BY metering_point_id, direction
        """,
        (permitted.rows, *permitted.ids, since, as_of, as_of),
        LatestDayRow,
        "latest_days",
    )


def last_day_published(*, as_of: datetime) -> Query[date | None]:
    """The last market day that anybody had at a moment; None where there is none.

    Only for saying until when data was available.
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

    Most series reach to yesterday: asked since a month ago, this reads a month of days, however many
    years are stored.
    """
    permitted = _permitted(readable, first_day=since, last_day=periods.END_DAY, after=None)
    return Query(
        """
        SELECT s.metering_point_id, MAX(s.delivery_date)
        FROM OPENJSON(?) WITH (metering_point_id varchar(18), first_day date, last_day date) AS permitted
        JOIN metering.series_day AS s
          ON s.metering_point_id = permitted.metering_point_id
         AND s.delivery_date >= permitted.first_day
         AND s.delivery_date < permitted.last_day
        WHERE s.direction = ?
          AND s.metering_point_id >= ? AND s.metering_point_id <= ?
          AND s.delivery_date >= ?
          AND s.published_at <= CAST(? AS datetime2(6))
          AND (s.superseded_at IS NULL OR s.superseded_at > CAST(? AS datetime2(6)))
        GROUP BY s.metering_point_id
        ORDER BY s.metering_point_id
        """,
        (permitted.rows, direction.value, *permitted.ids, since, as_of, as_of),
        LastDayRow,
        "last_days",
    )


def metering_points(readable: Readable) -> Query[MeteringPointRow]:
    """What is known of the readable metering points, by metering point; unknown ones are left out."""
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
    """The cheapest question there is, to see whether the warehouse answers, and soon."""
    return Query("SELECT 1", (), lambda one: int(one), "alive", within=limits.PROBE)


class _Permitted(NamedTuple):
    """What may be read, and the least and greatest metering point in it.

    Fabric passes over files by a range of metering points, and not by a join
    (https://learn.microsoft.com/fabric/data-warehouse/data-clustering): without the range, a year of one
    metering point would read that year of all.
    """

    rows: Json
    ids: tuple[str, str]


def _permitted(
    readable: Readable, *, first_day: date, last_day: date, after: tuple[str, date] | None
) -> _Permitted:
    """The permitted days within `[first_day, last_day)` as JSON, each day once, from the key `after` on."""
    rows: list[dict[str, str | date]] = []
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
    # In the order of the metering points, so that the least comes first.
    ids = [str(row["metering_point_id"]) for row in (*rows[:1], *rows[-1:])] or [""]
    return _Permitted(Json(orjson.dumps(rows).decode()), (ids[0], ids[-1]))
