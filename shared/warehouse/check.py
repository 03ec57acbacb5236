"""Checks the contract between the data team and the API: what the queries need, in the warehouse in use.

Fabric enforces no keys, and data may be written without `shared.deliveries`. So this reads what is stored,
and reports what is wrong and where.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from shared import periods
from shared.warehouse import fractions, whole, words
from shared.warehouse.engine import WORK_LIMIT, Query, Row, Warehouse, WarehouseError, aware

SHOWN = 10
"""The most examples of a fault in a finding."""
FRESH_FOR = timedelta(hours=36)
"""New data comes every day; if publications or the data end longer ago than this, something is late. At noon,
the day before has ended 12 hours ago, and the one before that 36."""


@dataclass(frozen=True)
class Finding:
    """A condition of the queries that the warehouse does not meet.

    Attributes:
        where: the table, or the table and column.
        fault: what is wrong, and what to do.
        examples: some of the rows, at most `SHOWN`.
    """

    where: str
    fault: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Latest:
    """How fresh the data is.

    Attributes:
        published_at: the time of the last publication, in UTC.
        available_until: the end of the last published market day, in UTC.
        series: how many series have that day. One series is enough to move the end of the data.
        series_before: how many series have the day before it.
    """

    published_at: datetime
    available_until: datetime
    series: int
    series_before: int


class _Column(NamedTuple):
    table: str
    column: str
    kind: str
    digits: int | None
    decimals: int | None
    of_second: int | None

    @property
    def type(self) -> str:
        """The type with its digits, of decimals and times; DuckDB has them in the kind already."""
        match self.kind.lower():
            case "decimal" | "numeric":
                return f"decimal({self.digits},{self.decimals})"
            case "datetime2":
                return f"datetime2({self.of_second})"
            case kind:
                return kind


# The columns that the statements use. DuckDB calls datetime2 a timestamp.
_TEXT, _DATE = {"varchar", "char"}, {"date"}
_WHOLE, _DECIMAL = {"smallint", "int", "integer", "bigint"}, {"decimal(18,3)"}
# Microseconds decide which value is newest.
_MICROSECOND = {"datetime2(6)", "timestamp"}
_SECOND = {*(f"datetime2({digits})" for digits in range(7)), "timestamp", "timestamp_s"}
_NEEDED: dict[str, dict[str, set[str]]] = {
    "metering_point": dict.fromkeys(
        (
            "metering_point_id",
            "name",
            "address",
            "postal_code",
            "city",
            "price_area",
            "grid_area",
            "meter_serial",
        ),
        _TEXT,
    ),
    "supply_period": {
        "customer_number": _WHOLE,
        "metering_point_id": _TEXT,
        "valid_from": _DATE,
        "valid_to": _DATE,
    },
    "interval_value": {
        "metering_point_id": _TEXT,
        "direction": _TEXT,
        "start_utc": _SECOND,
        "resolution": _TEXT,
        "quantity": _DECIMAL,
        "quality": _TEXT,
        "batch_id": _TEXT,
        "received_at": _MICROSECOND,
    },
    "delivery": {
        "batch_id": _TEXT,
        "source": _TEXT,
        "received_at": _MICROSECOND,
        "first_start_utc": _SECOND,
        "last_start_utc": _SECOND,
        "interval_values": _WHOLE,
        "arrived_at": _MICROSECOND,
    },
    "register_delivery": {
        "kind": _TEXT,
        "source": _TEXT,
        "received_at": _MICROSECOND,
        "records": _WHOLE,
        "arrived_at": _MICROSECOND,
    },
    "series_day": {
        "metering_point_id": _TEXT,
        "direction": _TEXT,
        "delivery_date": _DATE,
        "resolution": _TEXT,
        "quantities": _TEXT,
        "qualities": _TEXT,
        "total_kwh": _DECIMAL,
        "missing": _WHOLE,
        "sequence": _WHOLE,
        "published_at": _MICROSECOND,
        "superseded_at": _MICROSECOND,
    },
    "publication": {
        "sequence": _WHOLE,
        "published_at": _MICROSECOND,
        "batch_id": _TEXT,
        "days": _WHOLE,
        "values": _WHOLE,
        "first_day": _DATE,
        "last_day": _DATE,
    },
    "market_day": {"delivery_date": _DATE, "start_utc": _SECOND, "end_utc": _SECOND},
    "publishing_day": {
        "sequence": _WHOLE,
        "metering_point_id": _TEXT,
        "direction": _TEXT,
        "delivery_date": _DATE,
        "resolution": _TEXT,
        "minutes": _WHOLE,
        "is_whole": _WHOLE,
    },
    "landed_line": {"line": _TEXT, "rest": _TEXT},
    # Other working tables and views: only the scripts define them, so it is enough that they exist.
    **{
        name: {}
        for name in (
            "delivery_line",
            "write_lock",
            "position",
            "delivered_value",
            "unpublished_delivery",
            "current_day",
            "metering_point_line",
            "supply_period_line",
        )
    },
}


_NOTHING_PUBLISHED = (
    "Nothing has been published yet. Deliver a file (docs/data-onboarding.md), or publish what was "
    "delivered: python3 dev.py publish."
)
_DATA_LATE = "See data-late in docs/operations.md."
_AS_DEFINED = (
    "Correct the table: the scripts in infra/warehouse define it, and do not change one that is there."
)


def check(warehouse: Warehouse, *, now: datetime) -> list[Finding]:
    """Return everything that is wrong with the warehouse; empty if the API can rely on it.

    This reads all published days: it is for operators. A probe has `require_structure`, the quick part.
    """
    (keeps_fractions,) = warehouse.fetch(fractions.read_back())
    if not keeps_fractions:
        return [Finding("metering", fractions.LOST)]
    wrong = structure(warehouse)
    if wrong:
        return wrong  # The other checks need these tables and columns.
    return [finding for finding in _of_content(warehouse, now=now) if finding is not None]


def latest(warehouse: Warehouse) -> Latest | None:
    """Return how fresh the data is; None before the first publication of a day.

    The warehouse must have passed `structure`.
    """
    published_at, last_day = _last_published_at(warehouse), _last_day(warehouse)
    if published_at is None or last_day is None:
        return None
    (series,) = _fetch(warehouse, _series_of(last_day))
    (series_before,) = _fetch(warehouse, _series_of(last_day - periods.ONE_DAY))
    return Latest(published_at, periods.market_day(last_day).end, series, series_before)


class NotAsNeeded(WarehouseError):
    """The warehouse lacks what the queries need, or the app may not read it."""


def require_structure(warehouse: Warehouse) -> None:
    """Raise NotAsNeeded if a table or column is missing, has the wrong type, or may not be read."""
    wrong = structure(warehouse)
    if wrong:
        found = "; ".join(f"{each.where}: {each.fault}" for each in wrong[:SHOWN])
        raise NotAsNeeded(f"The warehouse lacks what the queries need, or the app may not read it: {found}")


def structure(warehouse: Warehouse) -> list[Finding]:
    """Return the tables and columns that are missing or have the wrong type."""
    stored: dict[str, dict[str, str]] = {}
    for each in warehouse.fetch(_columns()):
        stored.setdefault(each.table, {})[each.column] = each.type
    return [finding for table in _NEEDED for finding in _table(table, stored.get(table))]


def _table(table: str, columns: dict[str, str] | None) -> Iterator[Finding]:
    if columns is None:
        yield Finding(f"metering.{table}", "The table is missing. Run the scripts in infra/warehouse.")
        return
    for column, kinds in _NEEDED[table].items():
        if column not in columns:
            yield Finding(f"metering.{table}.{column}", "The column is missing. " + _AS_DEFINED)
        elif columns[column] not in kinds:
            yield Finding(
                f"metering.{table}.{column}",
                f"The type is {columns[column]}; it must be {min(kinds)}. {_AS_DEFINED}",
            )


def _of_content(warehouse: Warehouse, *, now: datetime) -> Iterator[Finding | None]:
    yield _collation(warehouse)
    yield _market_days(warehouse)
    yield _found(
        "metering.metering_point",
        "A metering point is described more than once, and any of the rows may be shown. Delete all of its "
        "rows but one, and correct what added a row instead of replacing it.",
        _fetch(warehouse, _described_twice()),
    )
    yield _found(
        "metering.series_day",
        "A market day has more than one version that is not superseded. Find out what writes to the table "
        "besides publishing, and set superseded_at in all of these versions but the newest.",
        _fetch(warehouse, _several_current_versions()),
    )
    yield _found(
        "metering.series_day",
        "A market day is not whole: its values, qualities, resolution or direction are not as publishing "
        "writes them, and answers leave the day out. Find out what writes to the table besides publishing, "
        "and deliver these days again.",
        _fetch(warehouse, _not_whole()),
    )
    yield _found(
        "metering.publication",
        "A publication left days outside of its first and last day, so /changes leaves them out. Set its "
        "first_day and last_day to those of its days in metering.series_day.",
        _fetch(warehouse, _publications_of_other_days()),
    )
    yield _found(
        "metering.interval_value",
        "Values have no row in metering.delivery, so they are never published. If the batch is complete, add "
        "its row; otherwise delete its values and deliver them again.",
        _fetch(warehouse, _values_without_delivery()),
    )
    yield _found(
        "metering.interval_value",
        "Values do not start with an interval of their resolution, so they are never published. Delete them, "
        "and deliver them again with the right start or resolution.",
        _fetch(warehouse, _values_beside_intervals()),
    )
    yield _freshness(warehouse, now=now)


def _fetch(warehouse: Warehouse, query: Query[Row]) -> list[Row]:
    """Return the rows of a query that may read all that is stored: it may take longer than a caller's."""
    return warehouse.fetch(replace(query, within=WORK_LIMIT))


def _found(where: str, fault: str, examples: list[str]) -> Finding | None:
    return Finding(where, fault, tuple(examples)) if examples else None


def _collation(warehouse: Warehouse) -> Finding | None:
    query = Query("SELECT CASE WHEN 'PT1H' = 'pt1h' THEN 1 ELSE 0 END", (), bool, "ignores_case")
    (ignores_case,) = warehouse.fetch(query)
    if not ignores_case:
        return None
    return Finding(
        "metering", "The collation ignores case; create the warehouse with Latin1_General_100_BIN2_UTF8."
    )


def _market_days(warehouse: Warehouse) -> Finding | None:
    (days,) = warehouse.fetch(Query("SELECT COUNT_BIG(*) FROM metering.market_day", (), int, "market_days"))
    expected = (periods.END_DAY - periods.FIRST_DAY).days
    if days == expected:
        return None
    return Finding(
        "metering.market_day",
        f"{days} market days; {periods.FIRST_DAY} to {periods.END_DAY} are {expected}. Delete all rows, then "
        "run infra/warehouse/003_market_days.sql, which fills an empty table only.",
    )


def _freshness(warehouse: Warehouse, *, now: datetime) -> Finding | None:
    published_at = _last_published_at(warehouse)
    if published_at is None:
        return Finding("metering.publication", _NOTHING_PUBLISHED)
    if periods.is_ahead(published_at, now=now):
        return Finding(
            "metering.publication",
            f"The last publication has the time {published_at}, ahead of this clock. Correct the clock "
            "that is wrong: this machine's, or that of the machine that published.",
        )
    if now - published_at > FRESH_FOR:
        age = _hours(now - published_at)
        return Finding("metering.publication", f"The last publication is {age} old. {_DATA_LATE}")
    last_day = _last_day(warehouse)
    if last_day is None or now - periods.market_day(last_day).end <= FRESH_FOR:
        return None
    ended = _hours(now - periods.market_day(last_day).end)
    return Finding(
        "metering.series_day",
        f"The data ends {ended} ago: the last publications left only earlier days. {_DATA_LATE}",
    )


def _hours(duration: timedelta) -> str:
    return f"{duration / timedelta(hours=1):.0f} hours"


def _last_published_at(warehouse: Warehouse) -> datetime | None:
    (latest,) = warehouse.fetch(
        Query("SELECT MAX(published_at) FROM metering.publication", (), lambda at: at, "last_published")
    )
    return None if latest is None else aware(latest)


def _last_day(warehouse: Warehouse) -> date | None:
    last_day: date | None
    (last_day,) = _fetch(
        warehouse,
        Query("SELECT MAX(delivery_date) FROM metering.current_day", (), lambda day: day, "last_day"),
    )
    return last_day


def _series_of(day: date) -> Query[int]:
    return Query(
        "SELECT COUNT_BIG(*) FROM metering.current_day WHERE delivery_date = ?", (day,), int, "series_of_day"
    )


def _columns() -> Query[_Column]:
    return Query(
        """
        SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION
        FROM INFORMATION_SCHEMA.COLUMNS
        WHERE TABLE_SCHEMA IN ('metering', 'main')
        """,
        (),
        _Column,
        "columns",
    )


def _day(id_: str, direction: str, day: date) -> str:
    return f"{direction} of {id_} on {day}"


def _batch(batch_id: str, values: int) -> str:
    return f"batch {batch_id} with {values} values"


def _described_twice() -> Query[str]:
    return Query(
        """
        SELECT metering_point_id
        FROM metering.metering_point
        GROUP BY metering_point_id
        HAVING COUNT_BIG(*) > 1
        ORDER BY metering_point_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (SHOWN,),
        str,
        "described_twice",
    )


def _several_current_versions() -> Query[str]:
    return Query(
        """
        SELECT metering_point_id, direction, delivery_date
        FROM metering.current_day
        GROUP BY metering_point_id, direction, delivery_date
        HAVING COUNT_BIG(*) > 1
        ORDER BY metering_point_id, direction, delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (SHOWN,),
        _day,
        "several_current_versions",
    )


def _not_whole() -> Query[str]:
    is_known = words.is_one_of("c.direction", words.DIRECTIONS)
    return Query(
        f"""
        SELECT c.metering_point_id, c.direction, c.delivery_date
        FROM metering.current_day AS c
        LEFT JOIN metering.market_day AS m ON m.delivery_date = c.delivery_date
        WHERE CASE WHEN {is_known} AND {whole.condition("c", "m")} THEN 1 ELSE 0 END = 0
        ORDER BY c.metering_point_id, c.direction, c.delivery_date
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,  # noqa: S608  # Nothing but conditions of ours is put in.
        (SHOWN,),
        _day,
        "not_whole",
    )


def _publications_of_other_days() -> Query[str]:
    return Query(
        """
        SELECT p.sequence
        FROM metering.publication AS p
        JOIN (
            SELECT sequence, MIN(delivery_date) AS first_day, MAX(delivery_date) AS last_day
            FROM metering.series_day
            GROUP BY sequence
        ) AS left_by
          ON left_by.sequence = p.sequence
        WHERE p.first_day IS NULL OR p.last_day IS NULL
           OR left_by.first_day < p.first_day OR left_by.last_day > p.last_day
        ORDER BY p.sequence
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (SHOWN,),
        lambda sequence: f"publication {sequence}",
        "publications_of_other_days",
    )


def _values_without_delivery() -> Query[str]:
    return Query(
        """
        SELECT v.batch_id, COUNT_BIG(*)
        FROM metering.interval_value AS v
        WHERE NOT EXISTS (SELECT 1 FROM metering.delivery AS d
                          WHERE d.batch_id = v.batch_id AND d.received_at = v.received_at)
        GROUP BY v.batch_id
        ORDER BY v.batch_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (SHOWN,),
        _batch,
        "values_without_delivery",
    )


def _values_beside_intervals() -> Query[str]:
    return Query(
        """
        SELECT batch_id, COUNT_BIG(*)
        FROM metering.interval_value
        WHERE DATEPART(second, start_utc) <> 0
           OR DATEPART(minute, start_utc) % CASE resolution WHEN 'PT15M' THEN 15 ELSE 60 END <> 0
        GROUP BY batch_id
        ORDER BY batch_id
        OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY
        """,
        (SHOWN,),
        _batch,
        "values_beside_intervals",
    )
