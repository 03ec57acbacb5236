"""CSV files as columns of text: the quick way for plain lines gives what the rules of CSV say."""

import csv
from pathlib import Path

import pytest

from shared.deliveries import files
from shared.deliveries.files import CHUNK, Fault, Rejected

Numbered = list[tuple[int, tuple[str, ...]]]


def read(path: Path) -> Numbered:
    """The rows of a file, with the line of each."""
    return [
        (line, row)
        for chunk in files.open_file(path).chunks()
        for line, row in zip(chunk.lines, zip(*chunk.columns, strict=True), strict=True)
    ]


def as_csv_says(path: Path) -> Numbered:
    """The same, row by row with the standard library."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text, strict=True)
        next(reader)
        return [(reader.line_num, tuple(row)) for row in reader if row]


PLAIN = ["a,b"] + [f"{number}," for number in range(CHUNK + 5)]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(PLAIN),
        "\n".join(PLAIN) + "\n",
        "\r\n".join(PLAIN) + "\r\n",
        "\n".join([*PLAIN, "", "x,y"]),
        "\n".join([*PLAIN, '"quoted, and on\ntwo lines",y', "x,y"]),
        "\n".join(PLAIN) + "\rold,line\rbreaks,here",
        "a,b\n" + "ends\u2028in,no\x85line\x0b\n",
        "\ufeffa,b\nx,y",
        "a,b\n\udce5,y",
        "a,b\n,\n",
        "a,b\n\n\n",
    ],
    ids=[
        "no line break at the end",
        "one at the end",
        "CRLF",
        "a blank line in the second chunk",
        "a quoted field in the second chunk",
        "CR",
        "what parts lines in Unicode",
        "byte order mark",
        "a byte that is no UTF-8",
        "empty fields",
        "blank lines only",
    ],
)
def test_rows_and_their_lines_are_those_that_csv_has(tmp_path: Path, content: str) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    assert read(path) == as_csv_says(path)


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ("x", Fault(CHUNK + 7, "1 columns, where the header has 2.")),
        ("x,y,z", Fault(CHUNK + 7, "3 columns, where the header has 2.")),
        ('"x"y,z', Fault(CHUNK + 7, "Not CSV: ',' expected after '\"'.")),
        ("x" * 131_073 + ",y", Fault(CHUNK + 7, "Not CSV: field larger than field limit (131072).")),
    ],
)
def test_a_fault_after_many_plain_lines_is_told_with_its_line(
    tmp_path: Path, last: str, fault: Fault
) -> None:
    path = tmp_path / "some.csv"
    path.write_text("\n".join([*PLAIN, last]), encoding="utf-8")

    with pytest.raises(Rejected) as caught:
        read(path)

    assert caught.value.faults == (fault,)
