"""Workbooks read back by openpyxl: dates are dates, quantities numbers, ids texts."""

import io
import zipfile
from dataclasses import replace
from datetime import datetime

import openpyxl
import pytest

from shared.files.forms import table, xlsx
from shared.files.forms.form import FileFormat, FileLayout, Form
from shared.files.forms.xlsx import TooLargeForXlsx
from tests.shared.files.forms import cases

FILE = [
    cases.series(cases.run(cases.AUTUMN, missing=[4])),
    cases.series(cases.run(cases.AUTUMN), point=cases.OTHER_POINT),
]


def written(layout: FileLayout) -> bytes:
    form = Form(format=FileFormat.XLSX, layout=layout)
    return b"".join(table.write(FILE, form=form, about=cases.ABOUT).pieces)


def test_dates_are_dates_in_local_time_and_ids_are_texts() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(FileLayout.ROWS)))
    rows = list(book["Values"].iter_rows(values_only=True))

    assert len(rows) == 51
    assert [row[2:4] for row in rows[3:5]] == [
        (datetime.fromisoformat("2026-10-25T02:00"), "+02:00"),
        (datetime.fromisoformat("2026-10-25T02:00"), "+01:00"),
    ]
    assert rows[1][0] == cases.POINT
    assert (rows[2][6], rows[5][6]) == (0.037, None)
    assert rows[5][7] == "missing"
    assert [row[0] for row in book["Metering points"].iter_rows(values_only=True)][1:] == [
        cases.POINT,
        cases.OTHER_POINT,
    ]


def test_months_are_summed() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(FileLayout.ROWS)))
    file = table.write(FILE, form=Form(format=FileFormat.CSV), about=cases.ABOUT)
    assert list(file.pieces)

    (heading, sums) = book["Months"].iter_rows(values_only=True, max_col=2)

    assert heading == ("month", "consumption kWh")
    assert sums == (datetime.fromisoformat("2026-10-01"), file.counts.watt_hours / 1000)


def test_the_chart_has_months_on_its_axis() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FileLayout.ROWS))) as parts:
        chart = parts.read("xl/charts/chart1.xml").decode()

    assert "<c:f>Months!$A$2</c:f>" in chart
    assert "<c:f>Months!$B$2</c:f>" in chart
    axis = chart[chart.index("<c:dateAx>") : chart.index("</c:dateAx>")]
    assert '<c:numFmt formatCode="mm.yyyy"' in axis


def test_names_of_metering_points_are_shown_where_one_is_known() -> None:
    about = replace(cases.ABOUT, descriptions={cases.OTHER_POINT: "Varehus, Oslo"})
    file = table.write(FILE, form=Form(format=FileFormat.XLSX), about=about)
    book = openpyxl.load_workbook(io.BytesIO(b"".join(file.pieces)))

    assert list(book["Metering points"].iter_rows(values_only=True)) == [
        ("meteringPointId", "direction", "name"),
        (cases.POINT, "consumption", None),
        (cases.OTHER_POINT, "consumption", "Varehus, Oslo"),
    ]


def test_a_wide_sheet_has_a_column_for_each_metering_point() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(FileLayout.WIDE)))
    rows = list(book["Values"].iter_rows(values_only=True))

    assert rows[0][4:] == (cases.POINT, cases.OTHER_POINT)
    assert len(rows) == 26
    assert rows[5][4:] == (None, 0.148)


def test_the_same_series_give_the_same_bytes() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FileLayout.ROWS))) as parts:
        dates = {each.date_time[:3] for each in parts.infolist()}

    assert written(FileLayout.ROWS) == written(FileLayout.ROWS)
    assert dates == {(1980, 1, 31)}  # Never the clock.


def test_what_a_sheet_cannot_hold_is_refused_before_any_work() -> None:
    xlsx.refuse_too_large(values=1_000_000, series=1, layout=FileLayout.ROWS)
    xlsx.refuse_too_large(values=16_000_000, series=16, layout=FileLayout.WIDE)

    with pytest.raises(TooLargeForXlsx, match="Parquet"):
        xlsx.refuse_too_large(values=1_000_001, series=1, layout=FileLayout.ROWS)
    with pytest.raises(TooLargeForXlsx, match="layout rows"):
        xlsx.refuse_too_large(values=16_001, series=16_001, layout=FileLayout.WIDE)
