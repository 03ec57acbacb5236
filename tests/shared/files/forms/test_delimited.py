"""Cells as programs and spreadsheets read them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.files.forms import delimited
from shared.files.forms.delimited import Dialect

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
        ("\t=1", "'\t'=1"),
        ("x;=1", '"x;\'=1"'),
        ("x,-1", '"x,\'-1"'),
        ("x\ty\t@a", "x\ty\t'@a"),
        ("x\r\n=1", '"x\r\n\'=1"'),
        ('x;"=1"', '"x;\'""=1"""'),
        ("x; =1", '"x;\' =1"'),
        ("a;b=c", '"a;b=c"'),
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


@pytest.mark.parametrize("written", [STANDARD, NORWEGIAN])
@pytest.mark.parametrize("opened", [",", ";", "|", "\t"])
@given(st.lists(st.text("ab;,|\t\r\n\"' =+-@＝", max_size=12), min_size=1, max_size=3))
def test_no_cell_is_a_formula_whatever_the_separator(
    written: Dialect, opened: str, values: list[str]
) -> None:
    line = delimited.row(["name", *values], written)

    cells = [cell for row in csv.reader(io.StringIO(line, newline=""), delimiter=opened) for cell in row]

    assert [cell for cell in cells if cell.lstrip('" ').startswith(("=", "+", "-", "@", "＝"))] == []


def test_python_reads_back_what_was_written() -> None:
    values = ["Øst, ære", 'sa "nei"', "a;b", "x\r\ny", ""]

    text = delimited.row(values, STANDARD) + delimited.row(values, STANDARD)

    assert list(csv.reader(io.StringIO(text, newline=""))) == [values, values]
