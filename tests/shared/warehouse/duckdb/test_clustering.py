"""The embedded engine keeps the days of a metering point together, and no answer changes by it."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from shared.metering import Direction, MeteringPointId
from shared.warehouse import engine, opening
from shared.warehouse.duckdb import tsql
from shared.warehouse.engine import Query, Statement, Warehouse, bindable
from shared.warehouse.queries import series_days
from shared.warehouse.queries.series_days import DayRow, WantedDays
from tests.builders import warehouse as building
from tests.builders.warehouse import readable

FIRST, DAYS, POINTS = date(2021, 1, 1), 1_100, 100
SOME, NEXT = MeteringPointId("707057500000000050"), MeteringPointId("707057500000000051")
COLUMNS = (
    "metering_point_id, direction, delivery_date, resolution, quantities, qualities, total_kwh, missing, "
    "sequence, published_at, superseded_at"
)


@pytest.fixture
def warehouse(warehouse_url: str) -> Warehouse:
    """An embedded warehouse, whatever TEST_WAREHOUSE names: no other has an order of its own."""
    return opening.open_warehouse(building.settings(warehouse_url))


def publish_days(
    warehouse: Warehouse, *, first: date, days: int, points: int = POINTS, at_once: bool = False
) -> None:
    """Days of many metering points as daily publications leave them: the days of one lie far apart."""
    sequence = "CAST(DATEDIFF(day, CAST('2020-12-31' AS date), m.delivery_date) AS bigint)"
    published_at = "m.end_utc"
    if at_once:
        sequence, published_at = "1", f"CAST('{first + timedelta(days=days)}' AS datetime2(6))"
    statement = Statement(
        f"""
        INSERT INTO metering.series_day ({COLUMNS})
        SELECT CAST(707057500000000000 + p.number AS varchar(18)), 'consumption', m.delivery_date, 'PT1H',
               CAST(p.number AS varchar(20)), 'M', CAST(p.number AS decimal(18, 3)), 0,
               {sequence}, {published_at}, NULL
        FROM metering.market_day AS m
        CROSS JOIN (SELECT ones.position + 100 * hundreds.position AS number
                    FROM metering.position AS ones CROSS JOIN metering.position AS hundreds) AS p
        WHERE m.delivery_date >= ? AND m.delivery_date < ? AND p.number < ?
        ORDER BY m.delivery_date, p.number
        """,
        (first, first + timedelta(days=days), points),
        "publish_days",
    )
    with warehouse.transaction() as session:
        session.run(statement)


def question(*points: MeteringPointId, last_day: date = date(2030, 1, 1)) -> Query[DayRow]:
    return series_days.days(
        readable(*((point, None, None) for point in points)),
        direction=Direction.CONSUMPTION,
        wanted=WantedDays.every(FIRST, last_day),
        as_of=datetime(2030, 1, 1, tzinfo=UTC),
        after=None,
        limit=10_000,
    )


def rows_read(path: Path, query: Query[DayRow]) -> int:
    """How many stored days the engine looked at for an answer."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET threads = 1")
        ((_, plan),) = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {tsql.translate(query.sql)}",
            [bindable(value) for value in query.parameters],
        ).fetchall()
    return sum(int(rows) for rows in re.findall(r'"rows_scanned": (\d+)', plan))


def places(warehouse: Warehouse, where: str) -> list[tuple[date, int]]:
    """The days of a metering point in the order in which they lie, and at which place."""
    return warehouse.fetch(
        Query(
            f"SELECT delivery_date, rowid FROM series_day WHERE {where} ORDER BY rowid",
            (),
            lambda day, place: (day, place),
            "places",
        )
    )


def test_days_of_one_metering_point_lie_together_once_many_were_published(warehouse: Warehouse) -> None:
    publish_days(warehouse, first=FIRST, days=DAYS)

    of_2022 = f"metering_point_id = '{SOME}' AND YEAR(delivery_date) = 2022"
    places_of_2022 = places(warehouse, of_2022)

    assert [day for day, _ in places_of_2022] == [FIRST + timedelta(days=365 + n) for n in range(365)]
    assert places_of_2022[-1][1] - places_of_2022[0][1] == 364
    warehouse.close()


def test_a_history_that_is_published_at_once_is_sorted_but_for_its_last_month(
    warehouse: Warehouse,
) -> None:
    publish_days(warehouse, first=FIRST, days=DAYS, at_once=True)

    of_2022 = places(warehouse, f"metering_point_id = '{SOME}' AND YEAR(delivery_date) = 2022")
    of_the_last = places(warehouse, f"delivery_date >= CAST('{FIRST + timedelta(days=DAYS - 30)}' AS DATE)")

    assert of_2022[-1][1] - of_2022[0][1] == 364
    assert [day for day, _ in of_the_last] == sorted(day for day, _ in of_the_last)
    warehouse.close()


def test_days_of_what_is_no_metering_point_id_are_read_by_nobody(warehouse: Warehouse) -> None:
    publish_days(warehouse, first=FIRST, days=1)
    copied = (
        f"INSERT INTO metering.series_day ({COLUMNS}) SELECT ' ' || SUBSTRING(metering_point_id, 2, 17), "
    )
    columns = COLUMNS.removeprefix("metering_point_id, ")
    with warehouse.transaction() as session:
        session.run(Statement(f"{copied}{columns} FROM metering.series_day", (), "copied"))

    assert building.count(warehouse, "series_day") == 2 * POINTS
    assert warehouse.fetch(question(MeteringPointId("0" + SOME[1:]))) == []
    assert len(warehouse.fetch(question(SOME))) == 1
    warehouse.close()


def test_the_days_published_lately_stay_in_the_order_of_publication(warehouse: Warehouse) -> None:
    publish_days(warehouse, first=FIRST, days=DAYS)

    of_the_last = places(warehouse, f"sequence > {DAYS - 31}")

    assert [day for day, _ in of_the_last] == sorted(day for day, _ in of_the_last)
    assert of_the_last[-1][1] - of_the_last[0][1] == 31 * POINTS - 1
    warehouse.close()


def test_no_answer_changes_by_the_order(warehouse: Warehouse) -> None:
    publish_days(warehouse, first=FIRST, days=300)  # Too few to be sorted.
    before = sorted(warehouse.fetch(question(SOME)))

    publish_days(warehouse, first=FIRST + timedelta(days=300), days=DAYS - 300)
    after = sorted(warehouse.fetch(question(SOME)))

    assert after[:300] == before
    assert [row.delivery_date for row in after] == [FIRST + timedelta(days=n) for n in range(DAYS)]
    assert {row.metering_point_id for row in after} == {SOME}
    assert building.count(warehouse, "series_day") == DAYS * POINTS
    warehouse.close()


def test_days_in_order_are_not_sorted_again(warehouse: Warehouse) -> None:
    publish_days(warehouse, first=FIRST, days=DAYS)
    ordered = places(warehouse, f"metering_point_id = '{SOME}'")

    publish_days(warehouse, first=FIRST + timedelta(days=DAYS), days=40)

    assert places(warehouse, f"metering_point_id = '{SOME}'")[:DAYS] == ordered
    warehouse.close()


def test_the_order_outlives_the_process(warehouse: Warehouse, warehouse_url: str) -> None:
    publish_days(warehouse, first=FIRST, days=DAYS)
    ordered = places(warehouse, f"metering_point_id = '{SOME}'")
    warehouse.close()

    again = opening.open_warehouse(building.settings(warehouse_url))

    assert places(again, f"metering_point_id = '{SOME}'") == ordered
    again.close()


def test_a_question_about_metering_points_passes_over_the_rows_of_others(
    warehouse: Warehouse, warehouse_url: str
) -> None:
    publish_days(warehouse, first=FIRST, days=100, points=10_000)
    stored = building.count(warehouse, "series_day")
    warehouse.close()

    path, last_day = Path(warehouse_url.removeprefix("duckdb:")), FIRST + timedelta(days=60)
    read = [rows_read(path, question(*some, last_day=last_day)) for some in ((SOME,), (SOME, NEXT))]

    assert stored == 1_000_000
    assert max(read) <= 2 * 122_880  # Two groups of rows at most: where one ends and the next begins.


def test_one_metering_point_is_compared_by_number() -> None:
    assert tsql.translate("SELECT 1 FROM metering.series_day AS s WHERE s.metering_point_id = ?") == (
        "SELECT 1 FROM series_day AS s "
        "WHERE s.metering_point_number = TRY_CAST(REGEXP_EXTRACT(?, '^[0-9]{18}$') AS BIGINT)"
    )


def test_what_somebody_else_supersedes_meanwhile_stays_superseded(warehouse: Warehouse) -> None:
    publish_days(warehouse, first=FIRST, days=300)  # Too few to be sorted.
    supersede = Statement(
        "UPDATE metering.series_day SET superseded_at = published_at WHERE sequence = ?", (1,), "supersede"
    )

    with warehouse.transaction() as session:
        session.run(engine.lock_writes())
        session.run(supersede)
        publish_days(warehouse, first=FIRST + timedelta(days=300), days=DAYS - 300)
    publish_days(warehouse, first=FIRST + timedelta(days=DAYS), days=1)

    assert building.count(warehouse, "series_day") == (DAYS + 1) * POINTS
    assert building.count(warehouse, "current_day") == DAYS * POINTS
    assert len(places(warehouse, "superseded_at IS NOT NULL")) == POINTS
    of_2022 = places(warehouse, f"metering_point_id = '{SOME}' AND YEAR(delivery_date) = 2022")
    assert [day for day, _ in of_2022] == [FIRST + timedelta(days=365 + n) for n in range(365)]
    assert of_2022[-1][1] - of_2022[0][1] == 364
    warehouse.close()


def test_days_that_cannot_be_sorted_are_published_all_the_same(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.define("CREATE TABLE metering.series_day_order (another_column int)")

    publish_days(warehouse, first=FIRST, days=DAYS)

    assert building.count(warehouse, "series_day") == DAYS * POINTS
    assert "The published days could not be sorted." in caplog.messages
    warehouse.close()


def test_statements_store_and_compare_the_number_of_the_metering_point() -> None:
    assert tsql.translate("INSERT INTO metering.series_day (metering_point_id, direction) VALUES (?, ?)") == (
        "INSERT INTO series_day (metering_point_id, direction, metering_point_number) "
        "SELECT *, CASE WHEN REGEXP_FULL_MATCH(days.metering_point_id, '[0-9]{18}') "
        "THEN CAST(days.metering_point_id AS BIGINT) END "
        "FROM (VALUES (?, ?)) AS days(metering_point_id, direction)"
    )
    assert tsql.translate(
        "SELECT 1 FROM metering.x AS x "
        "JOIN metering.series_day AS s ON s.metering_point_id = x.metering_point_id"
    ) == (
        "SELECT 1 FROM x AS x "
        "JOIN series_day AS s ON s.metering_point_number = TRY_CAST(x.metering_point_id AS BIGINT)"
    )


JOINED = (
    "SELECT 1 FROM OPENJSON(?) WITH (metering_point_id varchar(18)) AS p "
    "JOIN metering.series_day AS s ON s.metering_point_id = p.metering_point_id "
)


def test_a_range_beside_a_join_to_json_rows_is_not_planned_again() -> None:
    translated = tsql.translate(
        f"{JOINED}WHERE s.metering_point_id >= ? AND s.metering_point_id <= ? AND s.missing = ?"
    )

    assert translated.endswith(
        "AS p JOIN series_day AS s ON s.metering_point_number = TRY_CAST(p.metering_point_id AS BIGINT) "
        "WHERE NOT ? IS NULL AND NOT ? IS NULL AND s.missing = ?"
    )


@pytest.mark.parametrize(
    "statement",
    [
        f"{JOINED}WHERE s.missing = ? OR s.metering_point_id >= ?",
        f"{JOINED}WHERE (s.metering_point_id >= ? OR s.metering_point_id <= ?)",
        "SELECT 1 FROM metering.x AS p JOIN metering.series_day AS s "
        "ON s.metering_point_id = p.metering_point_id WHERE s.metering_point_id >= ?",
        "SELECT 1 FROM metering.series_day AS s WHERE s.metering_point_id >= ?",
    ],
)
def test_any_other_range_is_one_of_numbers(statement: str) -> None:
    translated = tsql.translate(statement)

    assert (
        "s.metering_point_number >= COALESCE(TRY_CAST(REGEXP_EXTRACT(?, '^[0-9]{18}$') AS BIGINT), 0)"
        in translated
    )
    assert " IS NULL" not in translated


def test_other_tables_are_left_alone() -> None:
    joined = "SELECT 1 FROM x AS x JOIN y AS y ON y.metering_point_id = x.metering_point_id"

    assert tsql.translate(joined) == joined


def test_an_insert_that_does_not_name_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="names its columns, metering_point_id first"):
        tsql.translate("INSERT INTO metering.series_day VALUES (1)")
