"""The embedded engine: limits, threads, transactions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from shared.warehouse import opening
from shared.warehouse.engine import (
    Query,
    Rows,
    Statement,
    TooManyRows,
    Warehouse,
    WarehouseConflict,
    WarehouseMisconfigured,
    WarehouseTimeout,
    WarehouseUnavailable,
)
from tests.builders import warehouse as building

PUBLICATION = "INSERT INTO metering.publication SELECT 1, CAST(? AS datetime2(6)), 'b', 0, 0, NULL, NULL"


ENDLESS = """
    SELECT COUNT(*) FROM metering.market_day AS a CROSS JOIN metering.market_day AS b
    CROSS JOIN metering.market_day AS c WHERE a.end_utc < DATEADD(hour, 1, b.start_utc)
"""


@pytest.mark.parametrize("within", [None, 0.1, 0.4])
def test_a_statement_that_takes_too_long_is_cancelled(warehouse_url: str, within: float | None) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url, timeout=timedelta(seconds=0.2)))
    own = None if within is None else timedelta(seconds=within)

    with pytest.raises(WarehouseTimeout, match=rf"endless took longer than {within or 0.2} s\."):
        warehouse.fetch(Query(ENDLESS, (), int, "endless", within=own))

    assert warehouse.fetch(Query("SELECT 1", (), int, "one", within=timedelta(seconds=20))) == [1]
    warehouse.close()


def test_a_query_with_more_rows_than_an_answer_may_hold_is_refused(warehouse_url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url, max_rows=99))
    positions = Query("SELECT position FROM metering.position", (), int, "positions")

    with pytest.raises(TooManyRows, match="positions has more than 99 rows"):
        warehouse.fetch(positions)

    warehouse.close()


def test_as_many_rows_as_an_answer_may_hold_are_given(warehouse_url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url, max_rows=100))

    rows = warehouse.fetch(
        Query("SELECT position FROM metering.position ORDER BY position", (), int, "positions")
    )

    assert rows == list(range(100))
    warehouse.close()


def test_many_threads_ask_at_the_same_time(warehouse: Warehouse) -> None:
    with ThreadPoolExecutor(16) as threads:
        counts = list(threads.map(lambda _: building.count(warehouse, "position"), range(200)))

    assert counts == [100] * 200


def test_an_exception_undoes_a_transaction(warehouse: Warehouse) -> None:
    def fail_after_a_change() -> None:
        with warehouse.transaction() as session:
            session.run(Statement("DELETE FROM metering.position", (), "delete"))
            raise LookupError

    with pytest.raises(LookupError):
        fail_after_a_change()

    assert building.count(warehouse, "position") == 100


def test_others_do_not_see_a_transaction_before_its_end(warehouse: Warehouse) -> None:
    with warehouse.transaction() as session:
        session.run(Statement("DELETE FROM metering.position", (), "delete"))
        during = building.count(warehouse, "position")

    assert (during, building.count(warehouse, "position")) == (100, 0)


def test_the_second_of_two_that_take_their_turn_at_the_same_time_fails(warehouse_url: str) -> None:
    """At once on this engine; Fabric finds out at the commit, and other servers let the second one wait."""
    warehouse = opening.open_warehouse(building.settings(warehouse_url))
    lock = Statement("UPDATE metering.write_lock SET taken = taken + 1", (), "lock_writes")

    def take_both() -> None:
        with warehouse.transaction() as first, warehouse.transaction() as second:
            first.run(lock)
            second.run(lock)

    with pytest.raises(WarehouseConflict, match="lock_writes conflicted with another change"):
        take_both()
    warehouse.close()


def test_a_commit_that_cannot_be_written_is_no_conflict_and_undone(warehouse_url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url))
    assert building.count(warehouse, "position") == 100
    in_the_way = Path(warehouse_url.removeprefix("duckdb:") + ".wal")
    in_the_way.mkdir()

    with (
        pytest.raises(WarehouseUnavailable, match="cannot be written to"),
        warehouse.transaction() as session,
    ):
        session.run(Statement("DELETE FROM metering.position", (), "delete"))

    in_the_way.rmdir()
    assert building.count(warehouse, "position") == 100
    with warehouse.transaction() as session:
        session.run(Statement("DELETE FROM metering.position WHERE position > 10", (), "delete"))
    assert building.count(warehouse, "position") == 11
    warehouse.close()


def test_times_keep_their_microseconds_and_any_zone_is_bound_as_utc(warehouse: Warehouse) -> None:
    at = datetime.fromisoformat("2026-03-29T03:00:00.123456+02:00")
    with warehouse.transaction() as session:
        session.run(Statement(PUBLICATION, (at,), "insert"))

    (stored,) = warehouse.fetch(
        Query("SELECT published_at FROM metering.publication", (), lambda moment: moment, "published_at")
    )

    assert stored == datetime(2026, 3, 29, 1, 0, 0, 123456, tzinfo=UTC).replace(tzinfo=None)


def test_a_file_is_kept_under_its_own_name_whatever_that_is(tmp_path: Path, warehouse_template: Path) -> None:
    for name in ("metering.duckdb", "position.db", "a b.c"):
        warehouse = opening.open_warehouse(
            building.settings(building.copy_of(warehouse_template, tmp_path / name))
        )
        assert building.count(warehouse, "unpublished_delivery") == 0
        warehouse.close()


def test_closing_twice_is_harmless(warehouse: Warehouse) -> None:
    building.count(warehouse, "write_lock")

    warehouse.close()
    warehouse.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database " * 1000, encoding="utf-8")
    warehouse = opening.open_warehouse(building.settings(f"duckdb:{tmp_path / 'notes.txt'}"))

    with pytest.raises(WarehouseMisconfigured, match=r"notes\.txt cannot be opened as a DuckDB database"):
        building.count(warehouse, "write_lock")

    warehouse.close()


def test_a_statement_that_reads_no_file_is_no_unreadable_file(warehouse_url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url))
    lacks_a_value = Statement("DELETE FROM metering.delivery WHERE batch_id = ?", (), "delete")

    with pytest.raises(duckdb.InvalidInputException), warehouse.transaction() as session:
        session.run(lacks_a_value)

    warehouse.close()


def test_rows_are_not_kept_until_the_transaction_ends(warehouse_url: str) -> None:
    warehouse = opening.open_warehouse(building.settings(warehouse_url))
    before = pa.total_allocated_bytes()

    with warehouse.transaction() as session:
        for _ in range(20):
            rows = Rows(
                pa.record_batch({"batch_id": pa.array([f"{number:064}" for number in range(20_000)])})
            )
            session.run(
                Statement(
                    "INSERT INTO metering.delivery_line (load_id) "
                    "SELECT batch_id FROM OPENJSON(?) WITH (batch_id varchar(64)) AS r WHERE 1 = 0",
                    (rows,),
                    "rows",
                )
            )
            size = rows.batch.nbytes
            del rows
        kept = pa.total_allocated_bytes() - before

    warehouse.close()
    assert kept < 3 * size
