"""Delivered files as batches of text columns, whatever their format; memory does not grow with their size.

Columns are dictionary-encoded, since a few texts occur again and again: checks look at each text once.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.deliveries import delimited, formats, parquet
from shared.deliveries.batches import Batch
from shared.deliveries.faults import Fault, Rejected

MOST_COLUMNS = 50
MOST_HEADER_BYTES = 8 * 1024
"""No header is longer."""

_SEPARATORS = (",", ";", "\t", "|")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class File:
    """A delivered file: the names of its columns, and its rows.

    Attributes:
        path: the file.
        header: the names of the columns: in lower case, with `_` for blanks.
        separator: the character between columns; empty for Parquet.
        is_packed: whether it is compressed with gzip.
    """

    path: Path
    header: tuple[str, ...]
    separator: str = ""
    is_packed: bool = False

    @property
    def is_norwegian(self) -> bool:
        """Whether it is in the Norwegian dialect: semicolons, decimal commas, times in Oslo."""
        return self.separator == ";"

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in batches, in order."""
        if not self.separator:
            return parquet.batches(self.path)
        return delimited.batches(self.path, width=len(self.header), separator=self.separator)


def open_file(path: Path) -> File:
    """Open a CSV file (UTF-8, plain or in gzip) or a Parquet file.

    Raises:
        Rejected: the file has another format, is empty, or has no header.
        OSError: the file cannot be read.
    """
    with path.open("rb") as content:
        start = content.read(formats.LOOKED_AT)
    reason = formats.fault(start)
    if reason is not None:
        raise Rejected(path, [Fault(1, reason)])
    try:
        if start.startswith(formats.PARQUET):
            return _open_parquet(path)
        return _open_delimited(path, is_packed=start.startswith(formats.GZIP))
    except (parquet.NotParquet, delimited.NotDelimited) as error:
        raise Rejected(path, [Fault(1, str(error))]) from error


def digest(path: Path) -> str:
    """Return the SHA-256 of the file's content in hexadecimal: the same content is the same delivery."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _open_parquet(path: Path) -> File:
    return File(path, _normalise(parquet.header(path)))


def _open_delimited(path: Path, *, is_packed: bool) -> File:
    line = delimited.first_line(path, most_bytes=MOST_HEADER_BYTES)
    if not line.strip():
        raise delimited.NotDelimited("The first line is blank; it must be the header.")
    separator = max(_SEPARATORS, key=line.count)
    if line.count(separator) >= MOST_COLUMNS:
        raise delimited.NotDelimited(f"The header has more than {MOST_COLUMNS} columns.")
    return File(path, _normalise(delimited.fields(line, separator)), separator, is_packed)


def _normalise(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_BLANKS.sub("_", name.strip()).lower() for name in names)
