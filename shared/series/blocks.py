"""The values of thousands of packed market days at once, as columns of whole Wh. Pure.

A portfolio's month has more than a million values. Arrow reads them from the packed text into one column for
each hour of the day, in a fifteenth of the time that Python's own numbers take. Whole Wh keep sums exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from shared.metering import Resolution
from shared.series import assembly
from shared.warehouse.queries import PackedRow

if TYPE_CHECKING:
    import pyarrow as pa

_OUTLINE = bytes.maketrans(b"123456789\n", b"000000000,")
_UNUSUAL = tuple(each.encode() for each in '-+xX" \t\r')
"""What Arrow would read as a part of a number, and publishing never writes."""
_QUARTERS = 4


@dataclass(frozen=True)
class Block:
    """Market days that have equally many values of one resolution.

    Attributes:
        metering_point_ids, days: of each row.
        columns: a column for each interval of the day, with the Wh of each row; null where missing.
    """

    metering_point_ids: Sequence[str]
    days: Sequence[date]
    resolution: Resolution
    columns: Sequence[pa.ChunkedArray]

    def as_hours(self) -> Block:
        """Return the block in hours; an hour that lacks a quarter is missing."""
        if self.resolution is not Resolution.PT15M:
            return self
        import pyarrow.compute as pc

        hours = [
            reduce(pc.add, self.columns[at : at + _QUARTERS]) for at in range(0, len(self.columns), _QUARTERS)
        ]
        return Block(self.metering_point_ids, self.days, Resolution.PT1H, hours)


class _Unsound(Exception):
    """Some of the rows are no whole market days."""


def blocks(rows: Sequence[PackedRow]) -> Iterator[Block]:
    """Yield the sound rows in blocks; `assembly` logs the others."""
    for group in _groups(rows) if rows else ():
        try:
            yield _parsed(group)
        except _Unsound:
            sound = assembly.sound(group)
            if sound:
                yield _parsed(sound)


def _groups(rows: Sequence[PackedRow]) -> list[Sequence[PackedRow]]:
    """Return the rows of each resolution and number of letters."""
    found = [(row[2], len(row[4])) for row in rows]
    kinds = set(found)
    if len(kinds) == 1:
        return [rows]
    return [[row for row, each in zip(rows, found, strict=True) if each == kind] for kind in kinds]


def _parsed(rows: Sequence[PackedRow]) -> Block:
    """Read rows that have equally many letters.

    Raises:
        _Unsound: a row is no whole market day, or a value is not as publishing writes it.
    """
    import pyarrow as pa  # Here, so that an instance's first request does not wait for it.
    from pyarrow import csv

    ids, days, _, quantities, qualities = zip(*rows, strict=True)
    width = len(qualities[0])
    if any(not assembly.is_as_long(row) for row in dict(zip(days, rows, strict=True)).values()):
        raise _Unsound
    text, letters = "\n".join(quantities).encode(), "".join(qualities)
    plain = text.translate(None, b".")
    _check(text, letters, points=len(text) - len(plain))
    names = [str(each) for each in range(width)]
    try:
        table = csv.read_csv(
            pa.py_buffer(plain),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(plain) + 1),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.int64()), null_values=["null"], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _Unsound from error
    if table.num_rows != len(rows):
        raise _Unsound
    block = Block(ids, days, Resolution(rows[0].resolution), cast(list[Any], table.columns))
    _check_missing(block, letters)
    return block


def _check(text: bytes, letters: str, *, points: int) -> None:
    """Check that each value that is not missing ends in a decimal point and three digits.

    Arrow checks the rest: how many values a line has, and that without the point they are whole numbers.
    """
    known = len(letters) - letters.count(assembly.MISSING)
    is_plain = (
        points == known
        and (text + b",").translate(_OUTLINE).count(b"0.000,") == known
        and not any(each in text for each in _UNUSUAL)
        and not letters.strip(assembly.LETTERS)
    )
    if not is_plain:
        raise _Unsound


def _check_missing(block: Block, letters: str) -> None:
    """Check that values are null exactly where the letters say that they are missing."""
    if assembly.MISSING not in letters:
        return
    import pyarrow.compute as pc

    for position, column in enumerate(block.columns):
        of_column = letters[position :: len(block.columns)]
        if column.null_count != of_column.count(assembly.MISSING):
            raise _Unsound
        if column.null_count:
            is_null = pc.is_null(column).to_pylist()
            if any(
                each != (letter == assembly.MISSING) for each, letter in zip(is_null, of_column, strict=True)
            ):
                raise _Unsound
