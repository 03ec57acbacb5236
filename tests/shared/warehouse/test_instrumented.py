"""A warehouse whose statements are measured."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.warehouse import deadlines
from shared.warehouse.engine import (
    InstrumentedWarehouse,
    Query,
    Row,
    Session,
    Statement,
    TooManyRows,
    WarehouseTimeout,
)
from tests.builders.telemetry import Recorded

LIMIT = timedelta(seconds=30)
TWO_ROWS = Query("SELECT 1 WHERE 'secret' = ?", ("secret",), int, "two_rows")
CHANGE = Statement("DELETE FROM secret WHERE id = ?", ("secret",), "forget")


class Fake:
    """A warehouse with two rows, which forgets nothing."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.done: list[str] = []
        self.limits: list[timedelta | None] = []

    def fetch(self, query: Query[Row]) -> list[Row]:
        self.done.append(query.name)
        self.limits.append(query.within)
        if self.failure:
            raise self.failure
        return [query.row(1), query.row(2)]

    def run(self, statement: Statement) -> None:
        self.done.append(statement.name)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self.done.append("begin")
        try:
            yield self
        except BaseException:
            self.done.append("undo")
            raise
        self.done.append("commit")

    def define(self, batch: str) -> None:
        self.done.append(batch)

    def close(self) -> None:
        self.done.append("close")


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def measured(
    fake: Fake, recorded: Recorded, *, url: str = "duckdb:/secret/metering.duckdb"
) -> InstrumentedWarehouse:
    return InstrumentedWarehouse(fake, limit=LIMIT, telemetry=recorded.telemetry, url=url)


def test_a_measured_warehouse_does_what_the_other_does(recorded: Recorded) -> None:
    fake = Fake()
    warehouse = measured(fake, recorded)

    rows = warehouse.fetch(TWO_ROWS)
    with warehouse.transaction() as session:
        read = session.fetch(TWO_ROWS)
        session.run(CHANGE)
    warehouse.define("CREATE")
    warehouse.close()

    assert rows == read == [1, 2]
    assert fake.done == ["two_rows", "begin", "two_rows", "forget", "commit", "CREATE", "close"]


def test_queries_within_a_deadline_have_no_longer_than_it_leaves(recorded: Recorded) -> None:
    fake = Fake()
    warehouse = measured(fake, recorded)

    with deadlines.within(2 * LIMIT):
        warehouse.fetch(TWO_ROWS)
        warehouse.fetch(replace(TWO_ROWS, within=timedelta(seconds=2)))
        warehouse.fetch(replace(TWO_ROWS, within=timedelta(minutes=2)))
        with ThreadPoolExecutor(1) as another:
            another.submit(warehouse.fetch, TWO_ROWS).result()
    warehouse.fetch(TWO_ROWS)

    usual, own, longer, of_another_thread, after = fake.limits
    assert (usual, own) == (LIMIT, timedelta(seconds=2))
    assert LIMIT < longer <= 2 * LIMIT  # type: ignore[operator]
    assert (of_another_thread, after) == (None, None)


@pytest.mark.parametrize("limit", [timedelta(), LIMIT - timedelta(seconds=1)])
def test_no_query_begins_that_the_deadline_would_cut_short(recorded: Recorded, limit: timedelta) -> None:
    fake = Fake()
    warehouse = measured(fake, recorded)

    with deadlines.within(limit), pytest.raises(WarehouseTimeout, match="two_rows was not begun"):
        warehouse.fetch(TWO_ROWS)

    assert fake.done == []


def test_an_error_within_a_transaction_undoes_it(recorded: Recorded) -> None:
    fake = Fake()

    with pytest.raises(ZeroDivisionError), measured(fake, recorded).transaction():
        raise ZeroDivisionError

    assert fake.done == ["begin", "undo"]


def test_every_statement_is_measured_by_its_name(recorded: Recorded) -> None:
    warehouse = measured(Fake(), recorded)

    warehouse.fetch(TWO_ROWS)
    with warehouse.transaction() as session:
        session.fetch(TWO_ROWS)
        session.run(CHANGE)
    warehouse.define("CREATE")

    durations = recorded.points("db.client.operation.duration")
    assert [(named["db.query.summary"], count) for named, count in durations] == [
        ("two_rows", 2),
        ("forget", 1),
        ("define", 1),
    ]


def test_a_failed_statement_has_no_rows_and_its_error_passes(recorded: Recorded) -> None:
    warehouse = measured(Fake(TooManyRows("two_rows has more than 1 rows.")), recorded)

    with pytest.raises(TooManyRows, match="two_rows has more"), recorded.telemetry.run("check"):
        warehouse.fetch(TWO_ROWS)

    ((named, count),) = recorded.points("db.client.operation.duration")
    assert (named["error.type"], count) == ("TooManyRows", 1)
    assert "metering.rows" not in (recorded.spans[0].attributes or {})


@pytest.mark.parametrize(
    ("url", "attributes"),
    [
        ("duckdb:/secret/metering.duckdb", {"db.system.name": "duckdb"}),
        (
            "fabric://abc.datawarehouse.fabric.microsoft.com/metering",
            {
                "db.system.name": "microsoft.sql_server",
                "server.address": "abc.datawarehouse.fabric.microsoft.com",
                "db.namespace": "metering",
            },
        ),
        (
            "mssql://sa:secret@127.0.0.1:1433/metering",
            {
                "db.system.name": "microsoft.sql_server",
                "server.address": "127.0.0.1",
                "db.namespace": "metering",
            },
        ),
    ],
)
def test_a_span_says_where_the_warehouse_is_and_nothing_secret(
    recorded: Recorded, url: str, attributes: dict[str, str]
) -> None:
    with recorded.telemetry.run("check"):
        measured(Fake(), recorded, url=url).fetch(TWO_ROWS)

    statement = recorded.spans[0]
    assert "secret" not in statement.to_json()
    assert dict(statement.attributes or {}) == {
        **attributes,
        "db.query.summary": "two_rows",
        "metering.rows": 2,
    }
