"""CSV files as columns of text: the rows and lines that the standard library has, in flat memory."""

import csv
import gzip
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest

from shared.deliveries import delimited, files
from shared.deliveries.batches import Batch
from shared.deliveries.faults import Fault, Rejected

Numbered = list[tuple[int, tuple[str, ...]]]

ROWS = delimited.BLOCK_BYTES // 1_000
"""More rows of a thousand bytes and some than a block has."""
PLAIN = ["a,b"] + [f"{number:01000},end" for number in range(ROWS)]


def read(path: Path) -> list[Batch]:
    """The batches of a file."""
    return list(files.open_file(path).batches())


def rows(path: Path) -> Numbered:
    """The rows of a file, with the line of each."""
    return [
        (line, tuple(row))
        for batch in read(path)
        for line, *row in zip(
            batch.lines.to_pylist(), *(each.to_pylist() for each in batch.columns), strict=True
        )
    ]


def misfits(path: Path) -> list[tuple[str, list[int]]]:
    """The lines that are no rows."""
    return [(each.reason, list(each.lines)) for batch in read(path) for each in batch.misfits]


def as_csv_says(path: Path) -> Numbered:
    """The same, row by row with the standard library."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        next(reader)
        return [(reader.line_num, tuple(row)) for row in reader if row]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(PLAIN),
        "\n".join(PLAIN) + "\n",
        "\r\n".join(PLAIN) + "\r\n",
        "\r".join(PLAIN) + "\r",
        "\n".join([*PLAIN, "", "x,y"]),
        "\n".join([*PLAIN, '"quoted, and ""twice""",y', "x,y"]),
        "\n".join(PLAIN) + "\rold,line\rbreaks,here",
        "a,b\n" + "ends\u2028in,no\x85line\x0b\n",
        "\ufeffa,b\nx,y",
        "a,b\n,\n",
        'a,b\n"",""\n',
        "a,b\n\n\n",
        "a,b",
    ],
    ids=[
        "no line break at the end",
        "one at the end",
        "CRLF",
        "CR",
        "a blank line in the second block",
        "a quoted field in the second block",
        "other line breaks in the second block",
        "what parts lines in Unicode",
        "byte order mark",
        "empty fields",
        "empty quoted fields",
        "blank lines only",
        "a header only",
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_rows_and_their_lines_are_those_that_csv_has(tmp_path: Path, content: str, *, packed: bool) -> None:
    path, plain = tmp_path / "some.csv.gz", tmp_path / "plain.csv"
    plain.write_bytes(content.encode())
    path.write_bytes(gzip.compress(content.encode(), 1) if packed else content.encode())

    assert rows(path) == as_csv_says(plain)
    assert misfits(path) == []


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (b"x", "1 columns, where the header has 2."),
        (
            b"x,y,z",
            "3 columns, where the header has 2. A decimal comma needs semicolons between the columns.",
        ),
        (b'"x"y,z', "A quotation mark is inside a field, or is not closed on its line."),
        (b'x,"y', "A quotation mark is inside a field, or is not closed on its line."),
        (b'x,6" pipe', "A quotation mark is inside a field, or is not closed on its line."),
        (b"x,\xe5", "The text is not in UTF-8; Excel writes it as 'CSV UTF-8'."),
    ],
)
def test_a_line_that_is_no_row_is_reported_and_those_around_it_keep_their_lines(
    tmp_path: Path, last: bytes, reason: str
) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes("\n".join([*PLAIN, "", "before,it", ""]).encode() + last + b"\nafter,it")

    assert misfits(path) == [(reason, [ROWS + 4])]
    assert rows(path)[-2:] == [(ROWS + 3, ("before", "it")), (ROWS + 5, ("after", "it"))]


def test_a_line_that_does_not_fit_into_a_block_is_refused_before_it_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"a,b\n" + b"x" * (3 * delimited.BLOCK_BYTES))

    with pytest.raises(delimited.NotDelimited, match=r"^A line is longer than 12,582,912 bytes\.$"):
        read(path)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"x," * 20_000_000, "The first line is longer than 8,192 bytes; it must be the header."),
        (b"x," * 60 + b"\n", "The header has more than 50 columns."),
        (b"\na,b\nx,y\n", "The first line is blank; it must be the header."),
        (b" \r\na,b\n", "The first line is blank; it must be the header."),
        (b"", "The file is empty; a header was expected."),
        (b"\xef\xbb\xbf", "The file is empty; a header was expected."),
        (b"m\xe5ler,b\n", "The text is not in UTF-8; Excel writes it as 'CSV UTF-8'."),
    ],
)
def test_a_file_without_a_header_is_refused(tmp_path: Path, header: bytes, reason: str) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(header)

    with pytest.raises(Rejected) as caught:
        files.open_file(path)

    assert caught.value.faults == (Fault(1, reason),)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"PK\x03\x04\x14\x00", "This is an Excel workbook (xlsx) or another ZIP archive. "),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "This is an Excel workbook (xls). "),
        ("a,b".encode("utf-16"), "This is text in UTF-16. "),
        (b'<?xml version="1.0"?>', "This is XML or HTML. "),
        (b"\xef\xbb\xbf\r\n<html>", "This is XML or HTML. "),
        (b'{"values": []}', "This is JSON. "),
        (b' [{"id": 1}]', "This is JSON. "),
        (b"%PDF-1.7", "This is a PDF document. "),
        (b"BZh91AY", "This is compressed with bzip2. "),
        (b"\x28\xb5\x2f\xfd\x04", "This is compressed with zstd. "),
        (b"ab\0\0\0", "This is neither CSV in UTF-8 nor Parquet."),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_what_is_no_csv_is_named_as_what_it_is(
    tmp_path: Path, start: bytes, reason: str, *, packed: bool
) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(gzip.compress(start) if packed else start)

    with pytest.raises(Rejected) as caught:
        files.open_file(path)

    assert caught.value.faults[0].reason.startswith(reason)


@pytest.mark.parametrize("kept", [11, -20])
def test_a_damaged_gzip_file_is_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "some.csv.gz"
    path.write_bytes(gzip.compress("\n".join(PLAIN).encode())[:kept])

    with pytest.raises((Rejected, delimited.NotDelimited), match=r"(1 faults, the first in line 1|damaged)"):
        read(path)


def test_a_gzip_file_that_unpacks_to_too_much_is_refused_and_a_plain_one_is_not(tmp_path: Path) -> None:
    content = b"a,b\n" + b"1,2\n" * 4_500_000
    packed, plain = tmp_path / "values.csv.gz", tmp_path / "values.csv"
    packed.write_bytes(gzip.compress(content, 1))
    plain.write_bytes(content)

    reading = delimited.batches(packed, width=2, separator=",", most_unpacked=len(content) - 1)
    done = [len(next(reading).lines)]
    with pytest.raises(delimited.NotDelimited, match=r"^The file unpacks to more than 18,000,003 bytes\. "):
        done += [len(batch.lines) for batch in reading]

    assert 0 < sum(done) < 4_500_000
    whole = delimited.batches(packed, width=2, separator=",", most_unpacked=len(content))
    assert sum(len(batch.lines) for batch in whole) == 4_500_000
    unpacked = delimited.batches(plain, width=2, separator=",", most_unpacked=1)
    assert sum(len(batch.lines) for batch in unpacked) == 4_500_000


def test_parquet_in_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1 and more"))

    with pytest.raises(Rejected) as caught:
        files.open_file(path)

    assert caught.value.faults[0].reason.startswith("This is Parquet compressed with gzip.")


def test_lines_of_thousands_of_commas_take_no_memory_for_each_comma(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(b"a,b\n" + (b"," * 10_000 + b"\n") * 2_000)
    before = pa.total_allocated_bytes()
    tracemalloc.start()

    found = [len(batch.misfits) for batch in files.open_file(path).batches()]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(found) == 2_000
    assert most < 5 * delimited.BLOCK_BYTES  # They took 1.6 GB as fields.
    assert pa.total_allocated_bytes() - before < 1_000_000
