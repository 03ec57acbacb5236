"""Cells as programs and spreadsheets read them."""

import csv
import io

import pytest

from shared.api import delimited
from shared.api.formats import Dialect

STANDARD, NORWEGIAN = Dialect.STANDARD, Dialect.NORWEGIAN


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Bakeriet", "Bakeriet"),
        (None, ""),
        (10001, "10001"),
        ("Bakeri, utsalg", '"Bakeri, utsalg"'),
        ("Bakeri; utsalg", '"Bakeri; utsalg"'),
        ('Bakeriet "Solsiden"', '"Bakeriet ""Solsiden"""'),
        ("to\nlinjer", '"to\nlinjer"'),
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("=1,2", '"\'=1,2"'),
        ("+47 55 00 00 00", "'+47 55 00 00 00"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("a=b", "a=b"),
        ("707057500000000018", "707057500000000018"),
    ],
)
def test_a_cell_is_a_text_to_every_reader(value: object, cell: str) -> None:
    assert delimited.cell(value, STANDARD) == cell


def test_excel_with_norwegian_settings_keeps_every_digit() -> None:
    row = delimited.row(["707057500000000018", "0150", 10001, "Øst"], NORWEGIAN)

    assert row == '"=""707057500000000018""";"=""0150""";10001;Øst\r\n'


def test_only_excels_dialect_begins_with_a_byte_order_mark() -> None:
    assert delimited.header(["a", "b"], STANDARD) == "a,b\r\n"
    assert delimited.header(["a", "b"], NORWEGIAN) == "\ufeffa;b\r\n"


def test_python_reads_back_what_was_written() -> None:
    values = ["Øst, ære", 'sa "nei"', "a;b", "x\r\ny", ""]

    text = delimited.row(values, STANDARD) + delimited.row(values, STANDARD)

    assert list(csv.reader(io.StringIO(text, newline=""))) == [values, values]
