"""Parquet read back by DuckDB."""

from datetime import UTC
from decimal import Decimal
from pathlib import Path

import duckdb

from shared import periods
from shared.files.forms import table
from shared.files.forms.form import FileFormat, Form
from shared.metering import Direction, Resolution
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


def test_the_same_series_give_the_same_bytes() -> None:
    first, second = (b"".join(table.write(FILE, form=FORM, about=cases.ABOUT).pieces) for _ in range(2))

    assert first == second
