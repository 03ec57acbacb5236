"""Parquet read back by DuckDB."""

from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from shared import periods
from shared.files.forms import table
from shared.files.forms.form import FileFormat, Form
from shared.metering import Direction, Resolution
from shared.periods import Period
from shared.series.assembly import Sum
from tests.shared.files.forms import cases

FORM = Form(format=FileFormat.PARQUET)
FILE = [
    cases.series(cases.run(cases.SPRING), cases.run(cases.AUTUMN, missing=[4])),
    cases.series(
        cases.run(cases.SUMMER_DAY, resolution=Resolution.PT15M),
        point=cases.OTHER_POINT,
        direction=Direction.PRODUCTION,
    ),
]


def test_duckdb_reads_the_same_values(tmp_path: Path) -> None:
    file, path = table.write(FILE, form=FORM, about=cases.ABOUT), tmp_path / "file.parquet"
    path.write_bytes(b"".join(file.pieces))

    with duckdb.connect() as database:
        types = database.execute(f"SELECT typeof(start), typeof(quantityKWh) FROM '{path}'").fetchone()
        counts = database.execute(
            "SELECT direction, count(*), count(quantityKWh), sum(quantityKWh) "
            f"FROM '{path}' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        first = database.execute(
            f"SELECT meteringPointId, start AT TIME ZONE 'UTC', quality FROM '{path}' LIMIT 3"
        ).fetchall()

    assert types == ("TIMESTAMP WITH TIME ZONE", "DECIMAL(18,3)")
    assert [each[:3] for each in counts] == [("consumption", 48, 47), ("production", 96, 96)]
    assert sum(each[3] for each in counts) == Decimal(file.counts.watt_hours) / 1000
    assert first[0] == (cases.POINT, periods.start_of(cases.SPRING).replace(tzinfo=None), "measured")
    assert first[2][2] == "estimated"
    assert periods.start_of(cases.SPRING).tzinfo is UTC


def test_sums_have_their_completeness(tmp_path: Path) -> None:
    first, end = date(2026, 10, 1), date(2026, 11, 1)
    month = Period(periods.start_of(first), periods.start_of(end))
    total = Sum(first, Resolution.P1M, month, "707.500", "E", False, 3, cases.PUBLISHED)
    about, path = replace(cases.ABOUT, resolution=Resolution.P1M), tmp_path / "file.parquet"
    path.write_bytes(b"".join(table.write([cases.series(total)], form=FORM, about=about).pieces))

    with duckdb.connect() as database:
        found = database.execute(
            "SELECT resolution, quantityKWh, complete, missing, "
            f"start AT TIME ZONE 'UTC', \"end\" AT TIME ZONE 'UTC' FROM '{path}'"
        ).fetchall()

    edges = [each.replace(tzinfo=None) for each in (month.start, month.end)]
    assert found == [("P1M", Decimal("707.500"), False, 3, *edges)]


def test_a_row_group_ends_within_a_series_that_is_too_long_for_it(tmp_path: Path) -> None:
    days = cases.days(cases.SUMMER_DAY, 100)
    runs = [cases.run(day, resolution=Resolution.PT15M, missing=[1]) for day in days]
    long, path = [runs[number % 100] for number in range(2_700)], tmp_path / "file.parquet"
    file = table.write([cases.series(*long)], form=FORM, about=cases.ABOUT)
    path.write_bytes(b"".join(file.pieces))

    groups = pq.ParquetFile(path).metadata
    with duckdb.connect() as database:
        (found,) = database.execute(
            "SELECT count(*), count(quantityKWh), sum(quantityKWh), count(DISTINCT meteringPointId) "
            f"FROM '{path}'"
        ).fetchall()

    assert [groups.row_group(each).num_rows for each in range(groups.num_row_groups)] == [250_080, 9_120]
    assert found == (259_200, 256_500, Decimal(file.counts.watt_hours) / 1000, 1)


def test_the_same_series_give_the_same_bytes() -> None:
    first, second = (b"".join(table.write(FILE, form=FORM, about=cases.ABOUT).pieces) for _ in range(2))

    assert first == second
