"""The adapter through Microsoft's driver: what it sends arrives, and what the server answers comes whole."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shared.warehouse import check, opening, schema
from shared.warehouse.engine import (
    Query,
    Rows,
    Statement,
    TooManyRows,
    Warehouse,
    WarehouseConflict,
    WarehouseMisconfigured,
)
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.doubles.tds.faults import Fault
from tests.doubles.tds.server import Server

pyodbc = pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)

from shared.warehouse.fabric.binding import ROWS_AT_A_TIME  # noqa: E402  # It imports pyodbc.

AT = datetime(2026, 3, 29, 1, 2, 3, 456789, tzinfo=UTC)


@pytest.fixture
def fabric(server: Server) -> Iterator[Warehouse]:
    opened = opening.open_warehouse(building.settings(server.url))
    yield opened
    opened.close()


def ask(warehouse: Warehouse, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    return warehouse.fetch(Query(sql, parameters, lambda *row: row, "asked"))


def test_the_tables_are_made_by_the_scripts_once(tmp_path: Path) -> None:
    elsewhere.skip_without_driver()
    with Server(tmp_path / "new.duckdb") as server:
        warehouse = opening.open_warehouse(building.settings(server.url))
        schema.apply(warehouse)
        schema.apply(warehouse)
        counts = {
            table: building.count(warehouse, table) for table in ("market_day", "position", "write_lock")
        }
        views = building.count(warehouse, "unpublished_delivery")
        warehouse.close()

    assert (counts, views) == ({"market_day": 14975, "position": 100, "write_lock": 1}, 0)


def test_many_rows_of_one_statement_all_arrive(fabric: Warehouse) -> None:
    count = ROWS_AT_A_TIME + 1
    rows = Rows(
        pa.record_batch({"line": range(count), "metering_point_id": [f"{n:018}" for n in range(count)]})
    )
    statement = Statement(
        "INSERT INTO metering.metering_point_line (load_id, staged_at, line, metering_point_id) "
        "SELECT 'many', CAST(? AS datetime2(6)), line, metering_point_id "
        "FROM OPENJSON(?) WITH (line bigint, metering_point_id varchar(18)) AS delivered",
        (AT, rows),
        "stage",
    )

    with fabric.transaction() as session:
        session.run(statement)

    found = ask(
        fabric, "SELECT COUNT_BIG(*), COUNT(DISTINCT line), MAX(line) FROM metering.metering_point_line"
    )
    assert found == [(count, count, count - 1)]


def test_parameters_arrive_as_what_they_are(fabric: Warehouse) -> None:
    parameters = (
        "707057500000010017",
        "",
        "x" * 8_000,
        2**40,
        -1,
        date(2026, 3, 29),
        AT,
        Decimal("-1.250"),
        None,
    )
    marks = ", ".join("CAST(? AS datetime2(6))" if each is AT else "?" for each in parameters)

    (row,) = ask(fabric, f"SELECT {marks}", *parameters)

    assert row == (*parameters[:6], AT.replace(tzinfo=None), *parameters[7:])


def test_times_keep_their_microseconds_though_the_server_never_said_how_long_they_may_be(
    server: Server, fabric: Warehouse
) -> None:
    server.faults.order(Fault("error", matching="data_type = 93", number=24801, text="at its limit"))

    ((at,),) = ask(fabric, "SELECT CAST(? AS datetime2(6))", AT)

    assert at == AT.replace(tzinfo=None)


def test_a_server_that_cuts_times_to_whole_seconds_is_not_used(server: Server, fabric: Warehouse) -> None:
    server.faults.order(Fault("whole seconds", matching="AS datetime2(6))"))

    with pytest.raises(WarehouseMisconfigured, match="without its microseconds"):
        ask(fabric, "SELECT 1")


def test_a_warehouse_that_cuts_times_to_whole_seconds_is_found_by_the_check(
    server: Server, fabric: Warehouse
) -> None:
    ask(fabric, "SELECT 1")
    server.faults.order(Fault("whole seconds", matching="AS datetime2(6))"))

    findings = check.check(fabric, now=AT)

    assert "without its microseconds" in findings[0].fault


@pytest.mark.parametrize("length", [8_000, 8_001, 3_000_000])
def test_long_texts_go_and_come_whole(fabric: Warehouse, length: int) -> None:
    text = ("0123456789" * (length // 10 + 1))[:length]

    ((gone, come),) = ask(
        fabric, "SELECT LEN(sent), sent FROM (SELECT CAST(? AS varchar(max)) AS sent) AS it", text
    )

    assert gone == length
    assert come == text


def test_texts_of_places_come_whole_whatever_the_machines_character_set(fabric: Warehouse) -> None:
    names = [("Blåbærstien 12",), ("Čáhcesuolu",), ("東京",), ("",), (None,)]
    with fabric.transaction() as session:
        for (name,) in names:
            literal = "NULL" if name is None else f"'{name}'"
            session.run(
                Statement(
                    f"INSERT INTO metering.metering_point (metering_point_id, name) SELECT '1', {literal}",
                    (),
                    "add",
                )
            )

    assert ask(fabric, "SELECT name FROM metering.metering_point") == names


def test_every_type_of_a_column_comes_as_what_it_is_and_so_does_its_absence(fabric: Warehouse) -> None:
    columns = (
        ("CAST(-5 AS smallint)", -5),
        ("CAST(7 AS int)", 7),
        ("CAST(-1099511627776 AS bigint)", -(2**40)),
        ("CAST(-12.345 AS decimal(18, 3))", Decimal("-12.345")),
        ("CAST(0.001 AS decimal(9, 3))", Decimal("0.001")),
        ("CAST('2050-12-31' AS date)", date(2050, 12, 31)),
        ("CAST('2026-03-29T01:02:03' AS datetime2(0))", datetime(2026, 3, 29, 1, 2, 3)),  # noqa: DTZ001
        (
            "CAST('2026-03-29T23:59:59.999999' AS datetime2(6))",
            AT.replace(hour=23, minute=59, second=59, microsecond=999999, tzinfo=None),
        ),
        ("CAST('a' AS varchar(18))", "a"),
    )
    values = ", ".join(sql for sql, _ in columns)
    nulls = ", ".join(f"CASE WHEN 1 = 0 THEN {sql} END" for sql, _ in columns)

    ((*present,), (*absent,)) = ask(fabric, f"SELECT {values} UNION ALL SELECT {nulls}")

    assert present == [value for _, value in columns]
    assert absent == [None] * len(columns)


def test_answers_of_many_packets_come_whole_and_in_order(fabric: Warehouse) -> None:
    days = ask(
        fabric, "SELECT delivery_date, start_utc, end_utc FROM metering.market_day ORDER BY delivery_date"
    )

    assert len(days) == 14_975
    assert [day for day, *_ in days] == sorted({day for day, *_ in days})


def test_a_query_with_more_rows_than_an_answer_may_hold_is_refused(server: Server) -> None:
    fabric = opening.open_warehouse(building.settings(server.url, max_rows=99))

    with pytest.raises(TooManyRows, match="asked has more than 99 rows"):
        ask(fabric, "SELECT position FROM metering.position")

    assert len(ask(fabric, "SELECT position FROM metering.position WHERE position < 99")) == 99
    assert server.settles_at(1)
    fabric.close()


def test_a_transaction_is_committed_at_its_end_and_undone_by_an_exception(fabric: Warehouse) -> None:
    delete = Statement("DELETE FROM metering.position WHERE position >= ?", (50,), "delete")

    def fail_after_a_change() -> None:
        with fabric.transaction() as failing:
            failing.run(delete)
            raise LookupError

    with pytest.raises(LookupError):
        fail_after_a_change()
    undone = building.count(fabric, "position")
    with fabric.transaction() as session:
        session.run(delete)
        during = building.count(fabric, "position")

    assert (undone, during, building.count(fabric, "position")) == (100, 100, 50)


def test_the_second_of_two_that_change_the_same_row_gets_the_conflict(fabric: Warehouse) -> None:
    lock = Statement("UPDATE metering.write_lock SET taken = taken + 1", (), "lock_writes")

    def take_both() -> None:
        with fabric.transaction() as first, fabric.transaction() as second:
            first.run(lock)
            second.run(lock)

    with pytest.raises(WarehouseConflict, match="lock_writes conflicted with another change"):
        take_both()


def test_a_fault_of_ours_is_not_taken_for_one_of_the_warehouse(fabric: Warehouse) -> None:
    with pytest.raises(pyodbc.ProgrammingError, match=r"42S02.*nowhere.*\(208\)"):
        ask(fabric, "SELECT 1 FROM nowhere")


def test_a_column_may_be_a_long_expression_without_a_name(fabric: Warehouse) -> None:
    is_one = " AND ".join(["1 = 1"] * 100)

    assert fabric.fetch(Query(f"SELECT CASE WHEN {is_one} THEN 1 ELSE 0 END", (), int, "long")) == [1]
