"""What LibreOffice with Norwegian settings makes of our files: dates, numbers and texts.

LibreOffice has to be installed (Debian: `libreoffice-calc-nogui`).
"""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shared.files.forms import rows, table, wide
from shared.files.forms.about import Counts
from shared.files.forms.delimited import Dialect
from shared.files.forms.form import FileFormat, FileLayout, Form
from shared.files.forms.templates import Times
from tests.shared.files.forms import cases

SOFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")

NORWEGIAN = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>nb-NO</value></prop></item>
</oor:items>"""
CSV = "CSV:59,34,76,1,,1044,false,true"
"""Semicolon, quotes, UTF-8, from the first line, Norwegian Bokmål, and special numbers are detected, as one
chooses them when the file is opened."""
SERIES = [
    cases.series(cases.run(cases.AUTUMN, missing=[4])),
    cases.series(cases.run(cases.AUTUMN), point=cases.OTHER_POINT),
]
STYLE = rows.style_of(Dialect.NORWEGIAN, Times.LOCAL)
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p"

Cell = tuple[str | None, str | None]
"""The type of a cell in OpenDocument, and its value."""


def read(content: bytes, folder: Path, *, name: str) -> dict[str, list[list[Cell]]]:
    """Return the cells of each sheet, as LibreOffice opens a file."""
    settings = folder / "profile" / "user"
    settings.mkdir(parents=True)
    (settings / "registrymodifications.xcu").write_text(NORWEGIAN, encoding="utf-8")
    path = folder / name
    path.write_bytes(content)
    options = [f"--infilter={CSV}"] if path.suffix == ".csv" else []
    subprocess.run(
        [
            *(str(SOFFICE), f"-env:UserInstallation={settings.parent.as_uri()}", "--headless", *options),
            *("--convert-to", "fods", "--outdir", str(folder), str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    spreadsheet = ElementTree.parse(path.with_suffix(".fods")).find(f".//{OFFICE}spreadsheet")
    assert spreadsheet is not None
    return {
        str(sheet.get(f"{TABLE}name")): [
            [_cell(cell) for cell in row.findall(f"{TABLE}table-cell")]
            for row in sheet.iter(f"{TABLE}table-row")
        ]
        for sheet in spreadsheet.findall(f"{TABLE}table")
    }


def _cell(cell: ElementTree.Element) -> Cell:
    kind = cell.get(f"{OFFICE}value-type")
    text = "".join("".join(each.itertext()) for each in cell.iter(TEXT))
    return kind, cell.get(f"{OFFICE}date-value") or cell.get(f"{OFFICE}value") or text or None


def test_norwegian_csv_has_dates_numbers_and_texts(tmp_path: Path) -> None:
    texts = [
        text
        for each in SERIES
        for text in rows.of_series(
            each.parts,
            metering_point_id=each.scope.metering_point_id,
            direction=each.scope.direction,
            style=STYLE,
        )
    ]

    sheets = read((rows.header(None, STYLE) + "".join(texts)).encode(), tmp_path, name="values.csv")

    heading, _, second, third, *others = sheets["values"]
    assert [value for _, value in heading[:3]] == ["meteringPointId", "direction", "start"]
    assert second[:8] == [
        ("string", cases.POINT),
        ("string", "consumption"),
        ("date", "2026-10-25T01:00:00"),
        ("string", "+02:00"),
        ("date", "2026-10-25T02:00:00"),
        ("string", "+02:00"),
        ("float", "0.037"),
        ("string", "measured"),
    ]
    assert third[2:6] == [
        ("date", "2026-10-25T02:00:00"),
        ("string", "+02:00"),
        ("date", "2026-10-25T02:00:00"),
        ("string", "+01:00"),
    ]
    assert len(others) == 47


def test_norwegian_csv_in_columns_has_dates_numbers_and_texts(tmp_path: Path) -> None:
    text = "".join(wide.rows_of(SERIES, style=STYLE, counts=Counts()))

    sheets = read(text.encode(), tmp_path, name="wide.csv")

    heading, _, second, *_ = sheets["wide"]
    assert heading[4:6] == [("string", cases.POINT), ("string", cases.OTHER_POINT)]
    assert second[0] == ("date", "2026-10-25T01:00:00")
    assert second[2] == ("date", "2026-10-25T02:00:00")


@pytest.mark.parametrize("layout", FileLayout)
def test_a_workbook_has_dates_numbers_and_texts(layout: FileLayout, tmp_path: Path) -> None:
    form = Form(format=FileFormat.XLSX, layout=layout)
    content = b"".join(table.write(SERIES, form=form, about=cases.ABOUT).pieces)

    sheets = read(content, tmp_path, name="book.xlsx")

    heading, _, second, *_ = sheets["Values"]
    start = 0 if layout is FileLayout.WIDE else 2
    assert second[start : start + 4] == [
        ("date", "2026-10-25T01:00:00"),
        ("string", "+02:00"),
        ("date", "2026-10-25T02:00:00"),
        ("string", "+02:00"),
    ]
    assert second[start + 4] == ("float", "0.037")
    ids = heading[4:6] if layout is FileLayout.WIDE else [second[0], sheets["Values"][27][0]]
    assert ids == [("string", cases.POINT), ("string", cases.OTHER_POINT)]
    assert sheets["Months"][1][0] == ("date", "2026-10-01")
    assert sheets["Months"][1][1][0] == "float"
