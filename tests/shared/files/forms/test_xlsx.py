"""Workbooks read back by openpyxl: dates are dates, quantities numbers, ids texts."""

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime

import openpyxl
import pytest

from shared import periods
from shared.files.forms import table, xlsx
from shared.files.forms.form import FileFormat, FileLayout, Form
from shared.files.forms.xlsx import TooLargeForXlsx
from shared.metering import Resolution
from shared.periods import Period
from shared.series.assembly import Sum
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


def test_a_sheet_lists_the_metering_points() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(FileLayout.ROWS)))

    assert list(book["Metering points"].iter_rows(values_only=True)) == [
        ("meteringPointId", "direction"),
        (cases.POINT, "consumption"),
        (cases.OTHER_POINT, "consumption"),
    ]


def test_a_wide_sheet_has_a_column_for_each_metering_point() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(FileLayout.WIDE)))
    rows = list(book["Values"].iter_rows(values_only=True))

    assert rows[0][4:] == (cases.POINT, cases.OTHER_POINT)
    assert len(rows) == 26
    assert rows[5][4:] == (None, 0.148)


def test_a_sheet_says_how_large_it_is_and_has_every_digit() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FileLayout.ROWS))) as parts:
        sheet = parts.read("xl/worksheets/sheet2.xml").decode()
        is_small = parts.getinfo("xl/worksheets/sheet2.xml").compress_size < len(sheet) / 5

    assert '<dimension ref="A1:H51"/>' in sheet
    assert '<c r="G3" s="3"><v>0.037</v></c>' in sheet
    assert 'r="G6"' not in sheet
    assert sheet.count("<row ") == 51
    assert is_small


def test_sums_have_two_more_columns() -> None:
    month = Period(periods.start_of(date(2026, 10, 1)), periods.start_of(date(2026, 11, 1)))
    total = Sum(date(2026, 10, 1), Resolution.P1M, month, "707.500", "E", False, 3, cases.PUBLISHED)
    about = replace(cases.ABOUT, resolution=Resolution.P1M)
    file = table.write([cases.series(total)], form=Form(format=FileFormat.XLSX), about=about)

    heading, row = openpyxl.load_workbook(io.BytesIO(b"".join(file.pieces)))["Values"].iter_rows(
        values_only=True
    )

    assert heading[6:] == ("quantityKWh", "quality", "complete", "missing")
    assert row[2:] == (
        *(datetime.fromisoformat("2026-10-01"), "+02:00", datetime.fromisoformat("2026-11-01"), "+01:00"),
        *(707.5, "estimated", False, 3),
    )


def test_a_file_without_values_has_its_headings() -> None:
    file = table.write([cases.series()], form=Form(format=FileFormat.XLSX), about=cases.ABOUT)
    book = openpyxl.load_workbook(io.BytesIO(b"".join(file.pieces)))

    assert book["Values"].dimensions == "A1:H1"
    assert [row[0].value for row in book["Metering points"].rows] == ["meteringPointId", cases.POINT]


def test_more_rows_than_a_sheet_has_are_refused() -> None:
    with pytest.raises(TooLargeForXlsx, match="Parquet"):
        xlsx._row(xlsx.MAX_ROWS + 1)


def test_the_same_series_give_the_same_bytes() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FileLayout.ROWS))) as parts:
        dates = {each.date_time[:3] for each in parts.infolist()}

    assert written(FileLayout.ROWS) == written(FileLayout.ROWS)
    assert {year for year, *_ in dates} == {1980}  # Never the clock.


def test_what_a_sheet_cannot_hold_is_refused_before_any_work() -> None:
    xlsx.refuse_too_large(values=1_000_000, series=1, layout=FileLayout.ROWS)
    xlsx.refuse_too_large(values=16_000_000, series=16, layout=FileLayout.WIDE)

    with pytest.raises(TooLargeForXlsx, match="Parquet"):
        xlsx.refuse_too_large(values=1_000_001, series=1, layout=FileLayout.ROWS)
    with pytest.raises(TooLargeForXlsx, match="layout rows"):
        xlsx.refuse_too_large(values=16_001, series=16_001, layout=FileLayout.WIDE)
