"""Queries for totals, peaks and completeness: one readable statement each. Pure.

Sums of days, months and letters are made in the warehouse, so that one row comes back for many stored days.
Single hours need the packed values, which are read as they are stored, joined to a few texts. Each
statement joins what the caller may read (`series_days.permitted_rows`).
"""

from datetime import date, datetime
from typing import NamedTuple

from shared import periods
from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse import whole
from shared.warehouse.engine import Query
from shared.warehouse.queries.series_days import SHOWN, PermittedRows, permitted_rows

BETWEEN_DAYS = ";"
"""The separator of the packed values of two metering points in a joined text."""
FORM = "|"
"""The end of each part of a form, so that trailing blanks count."""


class PackedRow(NamedTuple):
    """A published market day with its packed values."""

    metering_point_id: str
    delivery_date: date
    resolution: str
    quantities: str
    qualities: str


class JoinedRow(NamedTuple):
    """The packed values of one market day of metering points that have the same resolution and qualities.

    Attributes:
        form: resolution and qualities, each followed by `FORM`.
        metering_points: how many have these.
        quantities: the packed values of each metering point, with `BETWEEN_DAYS` between them; where ids
            are requested, each metering point's id comes before its values, as if it were one of them.
    """

    delivery_date: date
    form: str
    metering_points: int
    quantities: str


class DaySumRow(NamedTuple):
    """The sum of one market day over metering points.

    Attributes:
        is_whole: 0 for the sum of rows that are not whole market days, which is left out.
        total_kwh: text with three decimals.
        missing: values that are missing.
        values_stored: values of all these days, the missing ones included.
        metering_points: how many metering points have the day.
    """

    delivery_date: date
    is_whole: int
    total_kwh: str
    missing: int
    values_stored: int
    metering_points: int


class MonthSumRow(NamedTuple):
    """The sum of one metering point's published days of a month that are stored in one resolution.

    Attributes:
        is_whole: 0 for the sum of rows that are not whole market days, which is left out.
        total_kwh: text with three decimals.
        missing: values that are missing.
        values_stored: values of these days, the missing ones included.
        first_day, last_day: the first and the last of these days.
    """

    metering_point_id: str
    is_whole: int
    resolution: str
    total_kwh: str
    missing: int
    values_stored: int
    days: int
    first_day: date
    last_day: date


class QualityRow(NamedTuple):
    """How many values of each quality some published days of one series have, stored in one resolution.

    Attributes:
        first_day, last_day: the first and the last of these days.
    """

    metering_point_id: str
    direction: str
    resolution: str
    first_day: date
    last_day: date
    values_stored: int
    measured: int
    estimated: int
    final_estimated: int
    temporary: int
    calculated: int


class FirstDayRow(NamedTuple):
    """The first published market day of a metering point in one direction."""

    metering_point_id: str
    first_day: date


class DayRange(NamedTuple):
    """The first and the last market day that some metering points have; None without any."""

    first_day: date | None
    last_day: date | None


def joined_days(
    readable: Readable, *, direction: Direction, first: date, end: date, as_of: datetime
) -> Query[JoinedRow]:
    """Values of the readable market days of `[first, end)`, joined by day, in any order.

    One text of a thousand days is fetched in a third of the time that a thousand rows take.
    """
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        _joined("s.quantities", permitted),
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        JoinedRow,
        "joined_days",
    )


def joined_days_with_ids(
    readable: Readable, *, direction: Direction, first: date, end: date, as_of: datetime
) -> Query[JoinedRow]:
    """As `joined_days`, with each metering point's id before its values."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        _joined("CONCAT(s.metering_point_id, ',', s.quantities)", permitted),
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        JoinedRow,
        "joined_days_with_ids",
    )


def _joined(values: str, permitted: PermittedRows) -> str:
    return f"""
        SELECT s.delivery_date, CONCAT(s.resolution, '|', s.qualities, '|'), COUNT_BIG(*),
               STRING_AGG(CAST({values} AS varchar(max)), ';')
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND {SHOWN}
        GROUP BY s.delivery_date, CONCAT(s.resolution, '|', s.qualities, '|')
        """  # noqa: S608  # Nothing but texts of ours is put in.


def packed_days(
    readable: Readable, *, direction: Direction, first: date, end: date, as_of: datetime
) -> Query[PackedRow]:
    """Readable market days of `[first, end)` with their values, in any order."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, s.delivery_date, s.resolution, s.quantities, s.qualities
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND {SHOWN}
        """,  # noqa: S608  # As above.
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        PackedRow,
        "packed_days",
    )


def day_sums(
    readable: Readable, *, direction: Direction, first: date, end: date, as_of: datetime
) -> Query[DaySumRow]:
    """The sums of the readable market days of `[first, end)` over all metering points, by day."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        f"""
        SELECT d.delivery_date, d.is_whole, CAST(SUM(d.total_kwh) AS varchar(40)),
               SUM(CAST(d.missing AS bigint)), SUM(CAST(LEN(d.qualities) AS bigint)), COUNT_BIG(*)
        FROM ({_summed(permitted)}) AS d
        GROUP BY d.delivery_date, d.is_whole
        ORDER BY d.delivery_date
        """,  # noqa: S608  # As above.
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        DaySumRow,
        "day_sums",
    )


def month_sums(
    readable: Readable, *, direction: Direction, first: date, end: date, as_of: datetime
) -> Query[MonthSumRow]:
    """The sums of each metering point's readable days of `[first, end)` by month and stored resolution."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        f"""
        SELECT d.metering_point_id, d.is_whole, d.resolution, CAST(SUM(d.total_kwh) AS varchar(40)),
               SUM(CAST(d.missing AS bigint)), SUM(CAST(LEN(d.qualities) AS bigint)), COUNT_BIG(*),
               MIN(d.delivery_date), MAX(d.delivery_date)
        FROM ({_summed(permitted)}) AS d
        GROUP BY d.metering_point_id, YEAR(d.delivery_date), MONTH(d.delivery_date), d.resolution, d.is_whole
        """,  # noqa: S608  # As above.
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        MonthSumRow,
        "month_sums",
    )


def _summed(permitted: PermittedRows) -> str:
    """Return the query of the days of a sum, and whether each is whole."""
    return f"""
            SELECT s.metering_point_id, s.delivery_date, s.resolution, s.qualities, s.total_kwh, s.missing,
                   CASE WHEN {whole.condition("s", "m")} THEN 1 ELSE 0 END AS is_whole
            FROM {permitted.source}
            LEFT JOIN metering.market_day AS m ON m.delivery_date = s.delivery_date
            WHERE s.direction = ?
              AND {permitted.bounds}
              AND {SHOWN}"""  # noqa: S608  # As above.


def day_range(
    readable: Readable, *, direction: Direction, first: date, end: date, as_of: datetime
) -> Query[DayRange]:
    """The first and the last readable market day of `[first, end)`: one row."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        f"""
        SELECT MIN(s.delivery_date), MAX(s.delivery_date)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND {SHOWN}
        """,  # noqa: S608  # As above.
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        DayRange,
        "day_range",
    )


_PLACE = 2**20
"""Three counts are added up in one number, each in its own place, since sums take longer than reading.
No count reaches the next place: a month has at most 3 100 values."""


def qualities_of_months(readable: Readable, *, first: date, end: date, as_of: datetime) -> Query[QualityRow]:
    """How many values of each quality the readable days of `[first, end)` have, by series and month."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, s.direction, s.resolution, MIN(s.delivery_date), MAX(s.delivery_date),
               SUM(CASE WHEN s.qualities IN ({whole.MEASURED}) THEN CAST(LEN(s.qualities) AS bigint)
                        ELSE LEN(s.qualities)
                             + {_PLACE} * CAST(LEN(REPLACE(s.qualities, 'M', '')) AS bigint)
                             + {_PLACE} * CAST({_PLACE} AS bigint)
                               * (LEN(s.qualities) - LEN(REPLACE(s.qualities, 'E', ''))) END),
               SUM(CASE WHEN s.qualities IN ({whole.MEASURED}) THEN CAST(0 AS bigint)
                        ELSE LEN(s.qualities) - LEN(REPLACE(s.qualities, 'F', ''))
                             + {_PLACE} * CAST(LEN(s.qualities) AS bigint)
                             - {_PLACE} * CAST(LEN(REPLACE(s.qualities, 'T', '')) AS bigint)
                             + {_PLACE} * CAST({_PLACE} AS bigint)
                               * (LEN(s.qualities) - LEN(REPLACE(s.qualities, 'C', ''))) END)
        FROM {permitted.source}
        WHERE {permitted.bounds}
          AND {SHOWN}
        GROUP BY s.metering_point_id, s.direction, YEAR(s.delivery_date), MONTH(s.delivery_date), s.resolution
        """,  # noqa: S608  # As above.
        (*permitted.joined, *permitted.bound, as_of, as_of),
        _of_month,
        "qualities_of_months",
    )


def _of_month(
    metering_point_id: str,
    direction: str,
    resolution: str,
    first_day: date,
    last_day: date,
    one: int,
    other: int,
) -> QualityRow:
    """Split the counts; nearly always all values are measured."""
    one, other = int(one), int(other)
    stored = one % _PLACE
    if one == stored and not other:
        return QualityRow(
            metering_point_id, direction, resolution, first_day, last_day, stored, stored, 0, 0, 0, 0
        )
    return QualityRow(
        *(metering_point_id, direction, resolution, first_day, last_day),
        values_stored=stored,
        measured=stored - one // _PLACE % _PLACE,
        estimated=one // _PLACE**2,
        final_estimated=other % _PLACE,
        temporary=other // _PLACE % _PLACE,
        calculated=other // _PLACE**2,
    )


def qualities_of_days(readable: Readable, *, first: date, end: date, as_of: datetime) -> Query[QualityRow]:
    """How many values of each quality each readable day of `[first, end)` has; see `qualities_of_months`."""
    permitted = permitted_rows(readable, first_day=first, last_day=end, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, s.direction, s.resolution, s.delivery_date, s.delivery_date,
               LEN(s.qualities),
               LEN(s.qualities) - LEN(REPLACE(s.qualities, 'M', '')),
               LEN(s.qualities) - LEN(REPLACE(s.qualities, 'E', '')),
               LEN(s.qualities) - LEN(REPLACE(s.qualities, 'F', '')),
               LEN(s.qualities) - LEN(REPLACE(s.qualities, 'T', '')),
               LEN(s.qualities) - LEN(REPLACE(s.qualities, 'C', ''))
        FROM {permitted.source}
        WHERE {permitted.bounds}
          AND {SHOWN}
        """,  # noqa: S608  # As above.
        (*permitted.joined, *permitted.bound, as_of, as_of),
        QualityRow,
        "qualities_of_days",
    )


def first_days(readable: Readable, *, direction: Direction, as_of: datetime) -> Query[FirstDayRow]:
    """The first readable market day of each metering point that has one in a direction."""
    permitted = permitted_rows(readable, first_day=periods.FIRST_DAY, last_day=periods.END_DAY, after=None)
    return Query(
        f"""
        SELECT s.metering_point_id, MIN(s.delivery_date)
        FROM {permitted.source}
        WHERE s.direction = ?
          AND {permitted.bounds}
          AND {SHOWN}
        GROUP BY s.metering_point_id
        """,  # noqa: S608  # As above.
        (*permitted.joined, direction.value, *permitted.bound, as_of, as_of),
        FirstDayRow,
        "first_days",
    )
