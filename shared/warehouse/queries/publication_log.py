"""Queries for publications, and for the days of all customers that they changed: one statement each. Pure."""

from datetime import date, datetime
from typing import NamedTuple

from shared import periods
from shared.warehouse.engine import LONGEST_PUBLICATION, Query

_LAST_SEQUENCE = (
    "SELECT COALESCE(MAX(sequence), 0) FROM metering.publication "
    "WHERE published_at <= CAST(? AS datetime2(6))"
)


class PublicationRow(NamedTuple):
    """A publication, and how many market days it changed."""

    sequence: int
    days: int


class PublishedDays(NamedTuple):
    """The first and last market day that some publications changed; if none, the last is before the first."""

    first_day: date
    last_day: date


class PublishedDayRow(NamedTuple):
    """A market day of a metering point that some publications changed, in `series` directions."""

    metering_point_id: str
    delivery_date: date
    series: int


def sizes(*, first: int, last: int, limit: int) -> Query[PublicationRow]:
    """How many days the publications `first` to `last` changed, in order: at most `limit` publications."""
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


def last_day(*, as_of: datetime) -> Query[date | None]:
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


def day_range(*, first: int, last: int) -> Query[PublishedDays]:
    """The range of the market days that the publications from `first` to `last` changed: one row.

    Days are stored by metering point and day, so a query by sequence alone would read all of them. If none of
    the publications changed a day, as when the same values came again, the range is empty: its last day is
    before its first. If one of the sequences has no publication, as after a restore, or a publication that
    changed days does not have their range, the range is every day.
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


def metering_points(*, first: int, last: int, published: PublishedDays) -> Query[str]:
    """All metering points, of every customer, with a day that the publications `first` to `last` changed.

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


def series(
    *, first: int, last: int, published: PublishedDays, after: tuple[str, date], limit: int
) -> Query[PublishedDayRow]:
    """The market days, of every customer, that the publications `first` to `last` changed, after a key.

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
