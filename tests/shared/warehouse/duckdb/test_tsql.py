"""Every statement is T-SQL that Fabric takes, and comes out as DuckDB's."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel

from local import tools
from shared.deliveries.faults import Rejected
from shared.deliveries.interval_values import landing
from shared.metering import Direction
from shared.publishing import announce, publish
from shared.publishing.watermark import Publications
from shared.readable import Readable
from shared.warehouse import check as contract
from shared.warehouse import engine, fractions, schema, supply
from shared.warehouse.duckdb import tsql
from shared.warehouse.engine import Query, Warehouse
from shared.warehouse.queries import (
    changes,
    insights,
    latest_days,
    metering_points,
    publication_log,
    published,
    series_days,
)
from shared.warehouse.queries.series_days import WantedDays
from tests import sentsql
from tests.builders import microsoft
from tests.builders import warehouse as building
from tests.builders.warehouse import CABIN, HOUSE, Clock, Deliverer, Recorded, readable, values
from tests.shared.warehouse.queries.five_days import EVER, START

SOURCES = Path(schema.__file__).parents[1]

# What Microsoft Fabric does not have, or only in some places; sources in docs/data-onboarding.md.
UNSUPPORTED = re.compile(
    r"\b(MERGE|STRING_SPLIT|JSON_OBJECT|FOR\s+JSON|FOR\s+XML|TRIGGER|CURSOR|NVARCHAR|NCHAR|DATETIMEOFFSET"
    r"|SET\s+ROWCOUNT|RECURSIVE|NOLOCK|TOP)\b",
    re.IGNORECASE,
)
# Statements are given the time; only views and what compares the clocks ask the engine.
CLOCKS = re.compile(r"\b(GETDATE|GETUTCDATE|SYSUTCDATETIME|SYSDATETIME|CURRENT_TIMESTAMP)\b", re.IGNORECASE)


class NoTables:
    """Table Storage without anything in it, which forgets what is written."""

    def get(self, table: str, *, partition: str, row: str) -> None:
        return None

    def insert(self, table: str, entity: object) -> None:
        return None

    def replace(self, table: str, entity: object, *, etag: str) -> None:
        raise AssertionError("There is nothing to replace.")


@pytest.fixture
def statements(warehouse: Warehouse, tmp_path: Path, clock: Clock) -> dict[str, set[str]]:
    """Every statement of the package, by name, in the forms in which it was sent when everything was done.

    Deliveries of days in a row, of days far apart and of nothing new make conditions of one span, of many
    and of none.
    """
    recorded = Recorded(warehouse)
    deliverer = Deliverer(recorded, tmp_path, clock)
    for quantity in ("1", "2", "1"):
        deliverer.load(values(HOUSE, date(2026, 3, 29), [quantity]) * 2)
    for name, header, row in (
        (
            "points.csv",
            "metering_point_id,name,address,postal_code,city,price_area,grid_area,meter_serial",
            HOUSE + ",,,,,NO1,,",
        ),
        ("periods.csv", "customer_number,metering_point_id,valid_from,valid_to", f"1001,{HOUSE},2020-01-01,"),
    ):
        (tmp_path / name).write_text(f"{header}\n{row}\n", encoding="utf-8")
        building.load(recorded, tmp_path / name, clock=clock)
    for far_apart in (3, 40):
        days = [date(2020, 1, 1) + timedelta(days=30 * place) for place in range(far_apart)]
        deliverer.load([line for day in days for line in values(HOUSE, day, ["1"] * far_apart)])
    deliverer.copy(values(HOUSE, date(2026, 3, 30), ["1", "2"]))
    with pytest.raises(Rejected):
        deliverer.copy(values(HOUSE, date(2026, 3, 30), ["-1"]))
    with pytest.raises(Rejected):
        deliverer.load(
            [
                *values(HOUSE, date(2026, 3, 30), ["1"]),
                *values(HOUSE, date(2026, 3, 30), ["1"], resolution="PT15M", first=4),
            ]
        )
    replace(deliverer, values_at_once=1).publish()
    deliverer.load(values(HOUSE, date(2026, 3, 31), ["1"]))
    publish.refuse_ahead(recorded, now=datetime(2020, 1, 1, tzinfo=UTC))
    announce.publish_pending(recorded, publications=Publications(tables=NoTables()), clock=clock)
    deliverer.load(values(CABIN, date(2026, 3, 29), ["1"]))  # Nothing else knows the cabin.
    ask(recorded, readable((HOUSE, None, None)), clock)  # One span, which needs no list.
    ask(recorded, readable((HOUSE, None, None), (CABIN, None, None)), clock)
    recorded.fetch(supply.periods())
    recorded.fetch(engine.alive())
    contract.check(recorded, now=clock() + timedelta(hours=1))
    contract.latest(recorded)
    return recorded.statements


def ask(recorded: Recorded, permitted: Readable, clock: Clock) -> None:
    """Ask every question of callers about what they may read."""
    recorded.fetch(
        series_days.days(
            permitted,
            direction=Direction.CONSUMPTION,
            wanted=WantedDays.every(date(2026, 3, 1), date(2026, 4, 1)),
            as_of=clock(),
            after=None,
            limit=10,
        )
    )
    everything = WantedDays.every(date(2026, 3, 1), date(2026, 4, 1))
    recorded.fetch(
        series_days.first_metering_point(
            permitted, direction=Direction.CONSUMPTION, wanted=everything, as_of=clock()
        )
    )
    recorded.fetch(
        series_days.count_days(permitted, direction=Direction.CONSUMPTION, wanted=everything, as_of=clock())
    )
    recorded.fetch(
        series_days.stored_in_hours(
            permitted, direction=Direction.CONSUMPTION, wanted=everything, as_of=clock(), limit=10
        )
    )
    for kind in published.Kind:
        for of_publications in (partial(published.days, after=None, limit=10), published.sizes):
            wanted: Query[Any] = of_publications(
                permitted,
                direction=Direction.CONSUMPTION,
                publications=published.PublicationSpan(1, 1, kind),
                wanted=everything,
                as_of=clock(),
            )
            recorded.fetch(wanted)
    recorded.fetch(metering_points.in_price_area(permitted, price_area="NO1", limit=10))
    recorded.fetch(
        changes.count_days(permitted, after=(0, "", "", date(2026, 3, 1)), through=1, published=EVER)
    )
    recorded.fetch(changes.days(permitted, after=START, through=1, published=EVER, limit=10))
    recorded.fetch(publication_log.sizes(first=1, last=1, limit=10))
    recorded.fetch(publication_log.metering_points(first=1, last=1, published=EVER))
    recorded.fetch(publication_log.sequence_at(clock()))
    recorded.fetch(publication_log.sequence_shown(clock()))
    recorded.fetch(
        series_days.sizes(permitted, direction=Direction.CONSUMPTION, wanted=everything, as_of=clock())
    )
    recorded.fetch(publication_log.last_day(as_of=clock()))
    recorded.fetch(latest_days.with_resolution(permitted, since=date(2026, 3, 1), as_of=clock()))
    recorded.fetch(
        latest_days.in_direction(
            permitted, direction=Direction.CONSUMPTION, since=date(2026, 3, 1), as_of=clock()
        )
    )
    first, end = date(2026, 3, 1), date(2026, 4, 1)
    for of_month in (
        insights.joined_days,
        insights.joined_days_with_ids,
        insights.packed_days,
        insights.day_sums,
        insights.month_sums,
        insights.day_range,
    ):
        query: Query[Any] = of_month(
            permitted, direction=Direction.CONSUMPTION, first=first, end=end, as_of=clock()
        )
        recorded.fetch(query)
    for qualities in (insights.qualities_of_months, insights.qualities_of_days):
        recorded.fetch(qualities(permitted, first=first, end=end, as_of=clock()))
    recorded.fetch(insights.first_days(permitted, direction=Direction.CONSUMPTION, as_of=clock()))
    recorded.fetch(
        publication_log.series(first=1, last=1, published=EVER, after=("", date(2026, 3, 1)), limit=10)
    )
    recorded.fetch(metering_points.descriptions(permitted))


def names_in_sources() -> Iterator[str]:
    """The names that Query(…) and Statement(…) are given anywhere in the package."""
    for source in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"Query", "Statement"}
            ):
                name = node.args[-1]
                assert isinstance(name, ast.Constant), f"{source.name}:{node.lineno} names no statement"
                yield str(name.value)


def test_each_statement_is_tsql_that_fabric_takes(statements: dict[str, set[str]]) -> None:
    assert set(statements) == set(names_in_sources())
    for name, sql in ((name, sql) for name, texts in statements.items() for sql in texts):
        tree = sqlglot.parse_one(sql, read="fabric", error_level=ErrorLevel.RAISE)
        assert tree.sql(dialect="fabric", unsupported_level=ErrorLevel.RAISE), name
        assert not UNSUPPORTED.search(sql), name
        assert name == "server_time" or not CLOCKS.search(sql), name
        assert not (isinstance(tree, exp.Insert | exp.Update | exp.Delete) and tree.find(exp.With)), name
        assert sql.count("?") == len(list(tree.find_all(exp.Placeholder))), name


def check(folder: Path, batches: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """What Microsoft's parser for Fabric, and the documented limits of Fabric, say of some batches."""
    path = folder / "sent.sql"
    path.write_text("\nGO\n".join(sentsql.marked(batch) for batch in batches), encoding="utf-8")
    program = microsoft.needed(tools.HERE.azure_check)
    return subprocess.run([program, "tsql", path], capture_output=True, text=True, check=False)


def test_microsofts_parser_takes_each_statement_that_is_sent(
    statements: dict[str, set[str]], tmp_path: Path
) -> None:
    signin = pytest.importorskip("shared.warehouse.fabric.signin", exc_type=ImportError)
    texts = [text for each in statements.values() for text in sorted(each)]

    done = check(tmp_path, [*texts, signin.LOCK_TIMEOUT, fractions.read_back().sql])

    assert len(texts) > len(statements)
    assert (done.returncode, done.stdout) == (0, "")
    assert "0 faults" in done.stderr


def test_microsofts_parser_takes_each_script(tmp_path: Path) -> None:
    scripts = [path for path in schema.SCRIPTS.glob("*.sql") if path.name != "exasol_export.sql"]

    done = check(tmp_path, [path.read_text("utf-8").removesuffix("GO\n") for path in sorted(scripts)])

    assert len(scripts) == 4
    assert (done.returncode, done.stdout) == (0, "")


def test_microsofts_parser_finds_a_type_that_fabric_does_not_have(tmp_path: Path) -> None:
    right = (schema.SCRIPTS / "001_tables.sql").read_text("utf-8")

    done = check(tmp_path, [right.replace("batch_id varchar(64)", "batch_id nvarchar(64)", 1)])

    assert done.returncode == 1
    assert "A column cannot be stored as nvarchar." in done.stdout


@pytest.mark.parametrize(
    "batch",
    [
        batch
        for script in sorted(schema.SCRIPTS.glob("[0-9]*.sql"))
        for batch in schema.batches(script.read_text(encoding="utf-8"))
    ],
)
def test_each_batch_of_the_scripts_is_tsql_that_fabric_takes(batch: str) -> None:
    statement = re.sub(
        r"^IF (SCHEMA|OBJECT)_ID\('[\w.]+'\) IS NULL\n", "", schema.without_clustering(batch), flags=re.M
    )
    assert not UNSUPPORTED.search(re.sub(r"--.*", "", statement))
    if statement.endswith("EXEC('CREATE SCHEMA metering')"):
        return

    tree = sqlglot.parse_one(statement, read="fabric", error_level=ErrorLevel.RAISE)

    assert isinstance(tree, exp.Create | exp.Insert)


def test_a_list_of_permissions_becomes_rows_of_a_list_of_structs() -> None:
    sql = """
        SELECT p.id FROM OPENJSON(?) WITH (id varchar(18), valid_from date) AS p
        WHERE p.valid_from <= CAST(? AS datetime2(6))
    """

    assert tsql.translate(sql) == (
        'SELECT p.id FROM (SELECT UNNEST(FROM_JSON(?, \'[{"id": "TEXT(18)", "valid_from": "DATE"}]\'), '
        "recursive := TRUE)) AS p WHERE p.valid_from <= CAST(? AS TIMESTAMP(6))"
    )


@pytest.mark.parametrize(
    ("condition", "translated"),
    [
        (r"x LIKE '%[^0-9].%' OR x LIKE '%[^,],%'", r"REGEXP_MATCHES(x, '[^0-9]\.|[^,],')"),
        (r"x LIKE '%[0-9]n%' OR y LIKE '%[a]%'", r"REGEXP_MATCHES(x, '[0-9]n') OR REGEXP_MATCHES(y, '[a]')"),
        (r"x LIKE '%[0-9]n%' OR x LIKE '%.%'", r"REGEXP_MATCHES(x, '[0-9]n') OR x LIKE '%.%'"),
    ],
)
def test_patterns_with_ranges_become_a_regular_expression(condition: str, translated: str) -> None:
    assert (
        tsql.translate(f"SELECT 1 FROM metering.a WHERE {condition}") == f"SELECT 1 FROM a WHERE {translated}"
    )


def test_rows_are_read_by_the_name_that_they_are_registered_with() -> None:
    sql = "INSERT INTO metering.a (i, t) SELECT i, t FROM OPENJSON(?) WITH (i bigint, t varchar(5)) AS r"

    assert tsql.translate(sql, from_rows=True) == (
        "INSERT INTO a (i, t) SELECT i, t FROM "
        "(SELECT CAST(i AS BIGINT) AS i, CAST(t AS TEXT) AS t FROM delivered_rows) AS r"
    )


def test_delivered_values_are_stored_day_by_day() -> None:
    sql = "INSERT INTO metering.interval_value (start_utc, batch_id) SELECT start_utc, ? FROM metering.a"

    assert tsql.translate(sql) == (
        "INSERT INTO interval_value (start_utc, batch_id) SELECT * FROM (SELECT start_utc, ? FROM a) "
        "AS delivered(start_utc, batch_id) ORDER BY CAST(start_utc AS DATE)"
    )


def test_delivered_values_of_one_day_are_not_sorted() -> None:
    sql = (
        "INSERT INTO metering.interval_value (start_utc, batch_id) SELECT start_utc, ? FROM metering.a "
        "WHERE delivery_date = CAST(? AS date)"
    )

    assert tsql.translate(sql) == (
        "INSERT INTO interval_value (start_utc, batch_id) SELECT start_utc, ? FROM a "
        "WHERE delivery_date = CAST(? AS DATE)"
    )


def test_a_file_is_read_line_by_line() -> None:
    copy = landing.copy_lines("/folder/it's.csv.gz", is_packed=True)

    assert tsql.translate(copy.sql) == (
        "INSERT INTO landed_line SELECT line, rest "
        "FROM read_csv('/folder/it''s.csv.gz', auto_detect = false, header = false, skip = 1, "
        "columns = {'line': 'VARCHAR', 'rest': 'VARCHAR'}, null_padding = true, quote = '', escape = '', "
        "delim = '\x1c', strict_mode = false, max_line_size = 8000, compression = 'gzip')"
    )
    assert not tsql.reads_file("INSERT INTO metering.landed_line SELECT 'COPY INTO'")


def test_tables_lose_their_schema_also_where_a_column_names_it() -> None:
    sql = "UPDATE metering.a SET x = 1 WHERE EXISTS (SELECT 1 FROM metering.b AS b WHERE b.i = metering.a.i)"

    assert tsql.translate(sql) == "UPDATE a SET x = 1 WHERE EXISTS(SELECT 1 FROM b AS b WHERE b.i = a.i)"


def test_a_guarded_table_becomes_one_that_is_made_if_it_does_not_exist() -> None:
    batch = (
        "IF OBJECT_ID('metering.a') IS NULL\n"
        "CREATE TABLE metering.a (\n    i int NOT NULL\n)\n"
        "WITH (CLUSTER BY (i))"
    )

    assert tsql.translate_definition(batch) == "CREATE TABLE IF NOT EXISTS a (i INT NOT NULL)"


def test_the_engines_clock_is_in_utc() -> None:
    view = "CREATE OR ALTER VIEW metering.late AS SELECT x FROM metering.a WHERE x > SYSUTCDATETIME()"

    assert tsql.translate_definition(view) == (
        "CREATE OR REPLACE VIEW late AS SELECT x FROM a WHERE x > CURRENT_TIMESTAMP AT TIME ZONE 'UTC'"
    )


def test_the_schema_is_not_made_where_there_is_none() -> None:
    batch = "IF SCHEMA_ID('metering') IS NULL\nEXEC('CREATE SCHEMA metering')"

    assert tsql.translate_definition(batch) is None
