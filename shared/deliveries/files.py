"""Delivered files as chunks of text columns, whatever their format. Memory is flat in their size."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _csv import Reader

CHUNK = 50_000
"""Rows that are read, checked and staged at a time."""
MAX_FAULTS = 20
"""Faults after which a file is read no further."""
_NOT_TEXT = "This is not a CSV file in UTF-8."


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, and where; `line` counts from 1 (for Parquet: the row)."""

    line: int
    reason: str


class Rejected(Exception):
    """A file has faults; nothing of it was loaded."""

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        super().__init__(f"{path.name}: {len(faults)} faults, the first in line {faults[0].line}")
        self.path = path
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, column by column, as text.

    Attributes:
        lines: where each row stands.
        columns: one sequence of texts for each column, in the order of the header.
        share: how much of the file has been read, 0 to 1.
    """

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]
    share: float


@dataclass(frozen=True)
class File:
    """A delivered file: what its columns are called, and its rows."""

    path: Path
    header: tuple[str, ...]

    def chunks(self) -> Iterator[Chunk]:
        """The rows in chunks.

        Raises:
            Rejected: rows that cannot be taken apart.
        """
        return _parquet_chunks(self) if _is_parquet(self.path) else _csv_chunks(self)


def open_file(path: Path) -> File:
    """A CSV file (UTF-8, header, comma) or a Parquet file.

    Raises:
        Rejected: the file is empty or cannot be taken apart.
        OSError: the file cannot be read.
    """
    if _is_parquet(path):
        return File(path, _parquet_header(path))
    header = _csv_header(path)
    if not header:
        raise Rejected(path, [Fault(1, "The file is empty; a header was expected.")])
    return File(path, header)


def digest(path: Path) -> str:
    """SHA-256 of the file's content, in hexadecimal: the same content is the same delivery."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(4) == b"PAR1"


def _csv_header(path: Path) -> tuple[str, ...]:
    try:
        with _csv_text(path) as text:
            header = tuple(next(csv.reader(text), ()))
        "".join(header).encode()  # Here a byte that is no UTF-8 comes to light.
    except (csv.Error, UnicodeEncodeError) as error:
        raise Rejected(path, [Fault(1, _NOT_TEXT)]) from error
    if any("\0" in name for name in header):
        raise Rejected(path, [Fault(1, _NOT_TEXT)])
    return header


def _csv_chunks(file: File) -> Iterator[Chunk]:
    """The rows; as long as nothing but commas and line breaks parts the fields, in a third of the time."""
    size = file.path.stat().st_size
    with _csv_text(file.path) as text:
        header = csv.reader(text, strict=True)
        next(header)
        line = header.line_num
        while lines := list(islice(text, CHUNK)):
            columns = _plain_columns(lines, width=len(file.header))
            if columns is None:
                yield from _quoted_chunks(file, text, chain(lines, text), before=line)
                return
            numbers = range(line + 1, line + len(lines) + 1)
            yield Chunk(numbers, columns, min(1.0, text.buffer.tell() / size))
            line += len(lines)


def _plain_columns(lines: Sequence[str], *, width: int) -> list[list[str]] | None:
    """The columns of lines that all have `width` fields; None where that takes the rules of CSV to say."""
    body = "".join(lines).replace("\r\n", "\n")
    if '"' in body or "\r" in body or max(map(len, lines)) > csv.field_size_limit():
        return None
    if set(map(str.count, lines, repeat(","))) != {width - 1}:
        return None
    fields = body.removesuffix("\n").replace("\n", ",").split(",")
    return [fields[place::width] for place in range(width)]


def _quoted_chunks(file: File, text: TextIO, lines: Iterator[str], *, before: int) -> Iterator[Chunk]:
    """What follows the line `before`, of which some fields may be quoted and some rows may be faulty."""
    size = file.path.stat().st_size
    reader = csv.reader(lines, strict=True)
    line = before
    while rows := _take(file, reader, before=before):
        numbers = _lines(rows, before=line, after=before + reader.line_num)
        line = before + reader.line_num
        filled = [place for place, row in enumerate(rows) if row]
        if len(filled) < len(rows):  # Blank lines are no rows.
            numbers, rows = [numbers[place] for place in filled], [rows[place] for place in filled]
        _refuse_ragged(file, numbers, rows)
        if rows:
            yield Chunk(numbers, tuple(zip(*rows, strict=True)), min(1.0, text.buffer.tell() / size))


def _csv_text(path: Path) -> TextIO:
    # A byte that is no UTF-8 becomes a lone surrogate, which no check lets through: so the fault
    # is found in its line, and not somewhere in the block that was decoded.
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _take(file: File, reader: "Reader", *, before: int) -> list[list[str]]:
    try:
        return list(islice(reader, CHUNK))
    except csv.Error as error:
        raise Rejected(file.path, [Fault(before + reader.line_num, f"Not CSV: {error}.")]) from error


def _lines(rows: Sequence[Sequence[str]], *, before: int, after: int) -> Sequence[int]:
    """The line on which each row ends; a quoted field may have line breaks in it."""
    if after - before == len(rows):
        return range(before + 1, after + 1)
    lengths = (1 + sum(field.count("\n") for field in row) for row in rows)
    return list(accumulate(lengths, initial=before))[1:]


def _refuse_ragged(file: File, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
    width = len(file.header)
    if set(map(len, rows)) <= {width}:
        return
    faults = [
        Fault(line, f"{len(row)} columns, where the header has {width}.")
        for line, row in zip(lines, rows, strict=True)
        if len(row) != width
    ]
    raise Rejected(file.path, faults[:MAX_FAULTS])


def _parquet_header(path: Path) -> tuple[str, ...]:
    try:
        from shared.deliveries import parquet
    except ImportError as error:
        reason = "Parquet is read with DuckDB, which is not installed here; deliver CSV or install duckdb."
        raise Rejected(path, [Fault(1, reason)]) from error
    try:
        return parquet.header(path)
    except parquet.NotParquet as error:
        raise Rejected(path, [Fault(1, f"Not Parquet: {error}")]) from error


def _parquet_chunks(file: File) -> Iterator[Chunk]:
    from shared.deliveries import parquet

    line = 0
    for columns, share in parquet.chunks(file.path, size=CHUNK):
        count = len(columns[0])
        yield Chunk(range(line + 1, line + count + 1), columns, share)
        line += count
