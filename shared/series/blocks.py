"""The values of thousands of packed market days at once, as columns of whole Wh. Pure.

A portfolio's month has more than a million values. Arrow reads them from the packed text into one column for
each hour of the day, in a fifteenth of the time that Python's own numbers take. Whole Wh keep sums exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from shared.metering import Resolution
from shared.series import assembly
from shared.warehouse.queries import PackedRow

if TYPE_CHECKING:
    import pyarrow as pa

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_QUARTERS = 4


@dataclass(frozen=True)
class Block:
    """Market days that have equally many values of one resolution.

    Attributes:
        columns: a column for each interval of the day, with the Wh of each row; null where missing.
    """

    rows: Sequence[PackedRow]
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
        return Block(self.rows, Resolution.PT1H, hours)


class _Unsound(Exception):
    """Some of the rows are no whole market days."""


def blocks(rows: Sequence[PackedRow]) -> Iterator[Block]:
    """Yield the sound rows in blocks; `assembly` logs the others."""
    for group in _groups(rows).values():
        try:
            yield _parsed(group)
        except _Unsound:
            for part in _groups(assembly.sound(group)).values():
                yield _parsed(part)


def hours_of(row: PackedRow) -> list[int | None]:
    """Return the Wh of each hour of one day; None where a value is missing."""
    values = [None if each == "null" else assembly.watt_hours_of(each) for each in row.quantities.split(",")]
    if row.resolution != Resolution.PT15M:
        return values
    return [_added(values[at : at + _QUARTERS]) for at in range(0, len(values), _QUARTERS)]


def _added(values: Sequence[int | None]) -> int | None:
    known = [each for each in values if each is not None]
    return sum(known) if len(known) == len(values) else None


def _groups(rows: Sequence[PackedRow]) -> dict[tuple[str, int], list[PackedRow]]:
    found: dict[tuple[str, int], list[PackedRow]] = defaultdict(list)
    for row in rows:
        found[row[2], len(row[4])].append(row)
    return found


def _parsed(rows: Sequence[PackedRow]) -> Block:
    """Read rows that have equally many letters.

    Raises:
        _Unsound: a row is no whole market day, or a value is not as publishing writes it.
    """
    import pyarrow as pa  # Here, so that an instance's first request does not wait for it.
    from pyarrow import csv

    width = len(rows[0].qualities)
    if any(not assembly.is_as_long(row) for row in _one_of_each_day(rows)):
        raise _Unsound
    text = "\n".join([row[3] for row in rows]).encode()
    letters = "".join([row[4] for row in rows])
    _check(text, letters)
    names = [str(each) for each in range(width)]
    plain = text.translate(None, b".")
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
    block = Block(rows, Resolution(rows[0].resolution), cast(list[Any], table.columns))
    _check_missing(block, letters)
    return block


def _one_of_each_day(rows: Sequence[PackedRow]) -> list[PackedRow]:
    return list({row[1]: row for row in rows}.values())


def _check(text: bytes, letters: str) -> None:
    """Check that the text has a number with three decimals, or null, for each letter."""
    missing = letters.count(assembly.MISSING)
    as_zeros = text.translate(_ZEROS).replace(b"\n", b",") + b","
    is_plain = (
        as_zeros.count(b",") == len(letters)
        and as_zeros.count(b"0.000,") == len(letters) - missing
        and as_zeros.count(b".") == len(letters) - missing
        and (as_zeros.count(b"null,") == missing if missing else b"n" not in as_zeros)
        and not as_zeros.translate(None, b"0.,nul")
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
