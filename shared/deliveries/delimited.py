"""Delimited text (CSV) in blocks of whole lines, which pyarrow parses.

A block has some megabytes, whatever the size of the file, and every line fits into a block. If all lines of a
block are rows, the number of a row gives its line; otherwise lines are counted.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from shared.deliveries import formats
from shared.deliveries.batches import Batch, Misfit

BLOCK_BYTES = 12 * 1024 * 1024
"""About as many values as the embedded engine writes in one group; rows of all kinds of files are shorter."""
MOST_UNPACKED = 4 * 1024**3
"""The most bytes that a gzip file may unpack to, some 50 million values: otherwise a small file could keep a
run busy for hours."""

RAGGED = "a line has another number of columns than the header"
BAD_QUOTES = "A quotation mark is inside a field, or is not closed on its line."
_NOT_UTF_8 = "The text is not in UTF-8; Excel writes it as 'CSV UTF-8'."
_DAMAGED = "The file is compressed with gzip and is damaged, or ends early."
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TEXT = pa.dictionary(pa.int32(), pa.string())


class NotDelimited(ValueError):
    """The file cannot be parsed; the message says why."""


def first_line(path: Path, *, most_bytes: int) -> str:
    """Return the first line without its line break.

    Raises:
        NotDelimited: the line is longer than `most_bytes` or not UTF-8, or the file is damaged.
    """
    with _open(path) as (text, _):
        start = text.read(most_bytes)
    reason = formats.fault(start)
    if start.startswith(formats.PARQUET):
        reason = "This is Parquet compressed with gzip. Deliver it as it is: it is compressed inside."
    if reason is not None:
        raise NotDelimited(reason)
    line, *rest = re.split(rb"\r\n?|\n", start.removeprefix(_BYTE_ORDER_MARK), maxsplit=1)
    if not rest and len(start) == most_bytes:
        raise NotDelimited(f"The first line is longer than {most_bytes:,} bytes; it must be the header.")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise NotDelimited(_NOT_UTF_8) from error


def fields(line: str, separator: str) -> list[str]:
    """Return the fields of a line."""
    return next(csv.reader([line], delimiter=separator), [])


def batches(path: Path, *, width: int, separator: str, most_unpacked: int = MOST_UNPACKED) -> Iterator[Batch]:
    """Yield the rows after the header.

    Args:
        path: the file.
        width: how many columns the header has.
        separator: the character between columns.
        most_unpacked: bytes that a file in gzip may unpack to.

    Raises:
        NotDelimited: the file is damaged or unpacks to too much (gzip), or a line does not fit into a block.
    """
    size = max(path.stat().st_size, 1)
    with _open(path) as (text, compressed):
        line, unpacked = 1, 0
        for number, block in enumerate(_blocks(text)):
            unpacked += len(block)
            if text is not compressed and unpacked > most_unpacked:
                raise NotDelimited(
                    f"The file unpacks to more than {most_unpacked:,} bytes. Deliver it in smaller files, or "
                    "have the warehouse read it: DELIVERY_COPY_ABOVE_MB."
                )
            body = block.removeprefix(_BYTE_ORDER_MARK) if number == 0 else block
            if b"\r" in body:
                body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if number == 0:
                body = body[body.index(b"\n") + 1 :]
                line += 1
            lines = _Block(body, line, body.count(b"\n"))
            share = min(1.0, compressed.tell() / size)
            yield _batch(lines, width=width, separator=separator, share=share)
            line += lines.count


@dataclass(frozen=True)
class _Block:
    """The text of whole lines, each with its `\\n`, the number of the first line, and their count."""

    text: bytes
    first_line: int
    count: int


@contextmanager
def _open(path: Path) -> Iterator[tuple[IO[bytes], BinaryIO]]:
    """Open a file; yield its text, unpacked if it is in gzip, and the file itself."""
    with path.open("rb") as file:
        is_packed = file.read(2) == formats.GZIP
        file.seek(0)
        try:
            yield (cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_packed else file), file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise NotDelimited(_DAMAGED) from error


def _blocks(text: IO[bytes]) -> Iterator[bytes]:
    """Yield blocks of whole lines."""
    rest = b""
    while piece := text.read(BLOCK_BYTES):
        block = rest + piece
        # A `\r` at the end may be half of a line break.
        end = max(block.rfind(b"\n"), block.rfind(b"\r", 0, -1)) + 1
        rest = block[end:]
        if len(rest) > BLOCK_BYTES:
            raise NotDelimited(f"A line is longer than {BLOCK_BYTES:,} bytes.")
        if end:
            yield block[:end]
    if rest:
        yield rest if rest.endswith((b"\n", b"\r")) else rest + b"\n"


def _batch(block: _Block, *, width: int, separator: str, share: float) -> Batch:
    misfits: list[Misfit] = []
    for kind, is_misfit in ((_NOT_UTF_8, _is_not_utf_8), (BAD_QUOTES, _has_bad_quotes)):
        bad = is_misfit(block.text, separator)
        if bad:
            misfits.append(Misfit(kind, kind, [block.first_line + place for place in bad]))
            block = _without(block, bad)
    table, ragged = _rows(block, width=width, separator=separator)
    lines = _lines(block, rows=table.num_rows, ragged=[row.number for row in ragged])
    misfits += [
        Misfit(
            RAGGED,
            describe_ragged(row.actual_columns, width=width, separator=separator),
            [lines.of(row.number)],
        )
        for row in ragged
    ]
    columns = [_one(column) for column in table.columns]
    return Batch(columns, lines.of_rows, misfits, share)


def _is_not_utf_8(text: bytes, _: str) -> list[int]:
    """Return the places of lines that are not in UTF-8."""
    if text.isascii() or _decodes(text):
        return []
    return [place for place, line in enumerate(text.split(b"\n")) if not _decodes(line)]


def _decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_bad_quotes(text: bytes, separator: str) -> list[int]:
    """Return the places of lines whose quotation marks do not enclose whole fields (RFC 4180).

    A field with a line break counts as one of them: no field of a delivery may have a line break.
    """
    if b'"' not in text:
        return []
    other = re.escape(separator)
    field = f'([^"{other}]*|"([^"]|"")*")'
    lines = pa.array(text.decode().removesuffix("\n").split("\n"))
    well_formed = pc.match_substring_regex(lines, f"^{field}({other}{field})*$")
    return cast(list[int], pc.indices_nonzero(pc.invert(well_formed)).to_pylist())


def _without(block: _Block, places: Sequence[int]) -> _Block:
    """Return the block with some of its lines blank."""
    lines = block.text.split(b"\n")
    for place in places:
        lines[place] = b""
    return replace(block, text=b"\n".join(lines))


def _rows(block: _Block, *, width: int, separator: str) -> tuple[pa.Table, list[pyarrow.csv.InvalidRow]]:
    """Return the rows, and the lines that do not have `width` columns."""
    ragged: list[pyarrow.csv.InvalidRow] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    names = [str(place) for place in range(width)]
    if len(block.text) == block.count:  # All lines are blank.
        return pa.table({name: pa.array([], _TEXT) for name in names}), []
    table = pyarrow.csv.read_csv(
        pa.BufferReader(block.text),
        read_options=pyarrow.csv.ReadOptions(
            column_names=names, block_size=len(block.text) + 1, use_threads=False
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator, invalid_row_handler=skip),
        convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, _TEXT)),
    )
    return table, ragged


def describe_ragged(columns: int, *, width: int, separator: str) -> str:
    """Return what is wrong with a line that has this many columns, where the header has `width`."""
    hint = " A decimal comma needs semicolons between the columns." if columns > width else ""
    return f"{columns} columns, where the header has {width}.{hint if separator == ',' else ''}"


def _one(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.chunk(0) if column.num_chunks == 1 else pa.array([], _TEXT)


@dataclass(frozen=True)
class _Lines:
    """The lines of rows.

    Attributes:
        of_rows: the lines of rows that have as many columns as the header.
        filled: the lines of all rows, in order.
    """

    of_rows: pa.Int64Array
    filled: Sequence[int]

    def of(self, number: int) -> int:
        """Return the line of a row by its number, counted from 1 among all rows."""
        return self.filled[number - 1]


def _lines(block: _Block, *, rows: int, ragged: Sequence[int]) -> _Lines:
    first, end = block.first_line, block.first_line + block.count
    if rows == block.count:
        return _Lines(pa.arange(first, end), range(first, end))
    filled: Sequence[int] = range(first, end)
    if rows + len(ragged) < block.count:  # Blank lines are not rows.
        filled = [first + place for place, line in enumerate(block.text.split(b"\n")) if line]
    left_out = set(ragged)
    kept = [line for number, line in enumerate(filled, 1) if number not in left_out]
    return _Lines(pa.array(kept, pa.int64()), filled)
