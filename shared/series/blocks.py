"""The values of thousands of packed market days at once, as columns of whole Wh. Pure.

A portfolio's month has more than a million values. The warehouse joins the packed texts of many days, and
Arrow reads them into one column for each hour of the day, in a fifteenth of the time that Python's own
numbers take. Whole Wh keep sums exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, cast

from shared.metering import GSRN_LENGTH, Resolution
from shared.series import assembly
from shared.warehouse.queries.insights import BETWEEN_DAYS, FORM, JoinedRow, PackedRow

if TYPE_CHECKING:
    import pyarrow as pa

_BETWEEN = BETWEEN_DAYS.encode()
_LINES = bytes.maketrans(_BETWEEN, b"\n")
_CHARACTERS = b"0123456789.," + _BETWEEN
_START = GSRN_LENGTH + 2
_PADDING = b"0" * (_START - 1)
"""Digits before the first line, so that the checks can look back from its first character."""
_QUARTERS = 4
_KNOWN = "M"
"""Any letter of a value that is not missing."""


class NotWhole(Exception):
    """Some of the rows are not whole market days; `assembly.sound` finds them."""


@dataclass(frozen=True)
class Group:
    """Consecutive rows of a block: one market day of metering points that have the same qualities.

    Attributes:
        letters: of the values of each row, in the resolution of the block.
        rows: how many metering points these are.
    """

    day: date
    letters: str
    rows: int


@dataclass(frozen=True)
class Block:
    """Market days that have equally many values of one resolution.

    Attributes:
        groups: of the rows, by day.
        metering_point_ids: of each row, as a number; None where they were not requested.
        columns: a column for each interval of the day, with the Wh of each row; null where missing.
    """

    groups: Sequence[Group]
    metering_point_ids: pa.Array | None
    resolution: Resolution
    columns: Sequence[pa.Array]

    def as_hours(self) -> Block:
        """Return the block in hours; an hour that lacks a quarter is missing."""
        if self.resolution is not Resolution.PT15M:
            return self
        import pyarrow.compute as pc

        hours = [
            reduce(pc.add, self.columns[at : at + _QUARTERS]) for at in range(0, len(self.columns), _QUARTERS)
        ]
        groups = [Group(each.day, _of_hours(each.letters), each.rows) for each in self.groups]
        return Block(groups, self.metering_point_ids, Resolution.PT1H, hours)


def blocks(rows: Iterable[JoinedRow], *, with_ids: bool) -> list[Block]:
    """Read joined days, with the ids of the metering points or without.

    Raises:
        NotWhole: some of the days are not whole market days, or a value is not as publishing writes it.
    """
    kinds: dict[tuple[Resolution, int], list[tuple[JoinedRow, str]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.delivery_date):
        resolution, letters = _form(row.form)
        if len(letters) != assembly.intervals(row.delivery_date, resolution.step):
            raise NotWhole
        kinds[resolution, len(letters)].append((row, letters))
    return [_parsed(group, resolution, with_ids=with_ids) for (resolution, _), group in kinds.items()]


def join(rows: Iterable[PackedRow], *, with_ids: bool) -> list[JoinedRow]:
    """Join packed days as the warehouse does."""
    groups: dict[tuple[date, str], list[str]] = defaultdict(list)
    for row in rows:
        values = f"{row.metering_point_id},{row.quantities}" if with_ids else row.quantities
        groups[row.delivery_date, FORM.join((row.resolution, row.qualities, ""))].append(values)
    return [
        JoinedRow(day, form, len(group), BETWEEN_DAYS.join(group)) for (day, form), group in groups.items()
    ]


def numbers(column: pa.Array) -> list[int]:
    """Return a column of whole numbers without nulls as a list, in a tenth of the time of `to_pylist`."""
    values = memoryview(column.buffers()[1]).cast("q")
    return values[column.offset : column.offset + len(column)].tolist()


@lru_cache(maxsize=40_000)
def _form(form: str) -> tuple[Resolution, str]:
    """Return the resolution and the letters of the days of a row.

    Raises:
        NotWhole: one of them is unknown.
    """
    resolution, _, letters = form.removesuffix(FORM).partition(FORM)
    if resolution not in assembly.PER_HOUR or not letters or letters.strip(assembly.LETTERS):
        raise NotWhole
    return Resolution(resolution), letters


@lru_cache(maxsize=40_000)
def _of_hours(letters: str) -> str:
    """Return letters for the hours of quarters; they only say which hours are missing."""
    quarters = (letters[at : at + _QUARTERS] for at in range(0, len(letters), _QUARTERS))
    return "".join(assembly.MISSING if assembly.MISSING in each else _KNOWN for each in quarters)


def _parsed(rows: Sequence[tuple[JoinedRow, str]], resolution: Resolution, *, with_ids: bool) -> Block:
    """Read rows that have equally many letters.

    Raises:
        NotWhole: see `blocks`.
    """
    groups = [Group(row.delivery_date, letters, row.metering_points) for row, letters in rows]
    text = _BETWEEN.join([_PADDING, *(row.quantities.encode() for row, _ in rows), b""])
    with ThreadPoolExecutor(1, "blocks") as reader:  # Arrow reads while the checks look at the same text.
        reading = reader.submit(_columns, text, with_ids + len(groups[0].letters))
        _check_characters(text, groups)
        _check_three_decimals(text, ids=with_ids * sum(each.rows for each in groups))
        columns = reading.result()
    ids = columns.pop(0) if with_ids else None
    _check_nulls(columns, groups)
    return Block(groups, ids, resolution, columns)


def _columns(text: bytes, count: int) -> list[pa.Array]:
    """Read lines of this many numbers or nulls as whole Wh.

    Raises:
        NotWhole: the lines have something else.
    """
    import pyarrow as pa  # Here, so that an instance's first request does not wait for it.
    from pyarrow import csv

    names = [str(each) for each in range(count)]
    lines = pa.py_buffer(text.translate(_LINES, b".")).slice(_START)
    try:
        table = csv.read_csv(
            lines,
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.int64()), null_values=["null"], strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise NotWhole from error
    return [cast("pa.Array", each.combine_chunks()) for each in table.columns]


def _check_characters(text: bytes, groups: Sequence[Group]) -> None:
    """Check that there are only characters of numbers, and those of `null` if a value is missing."""
    has_nulls = any(assembly.MISSING in each.letters for each in groups)
    if text.translate(None, _CHARACTERS + (b"nul" if has_nulls else b"")):
        raise NotWhole


def _check_three_decimals(text: bytes, *, ids: int) -> None:
    """Check that each value has 1 to 15 digits before its decimal point and three after it, and each id 18.

    Arrow marks the places of a character with a bit for each place of the text, and compares bits quickly.
    The `n` of a null is as far from the next comma as the decimal point of a number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    characters = pa.Array.from_buffers(pa.uint8(), len(text), [None, pa.py_buffer(text)])

    def marks(character: bytes) -> pa.Array:
        return pc.equal(characters, pa.scalar(character[0], pa.uint8()))

    def before(marked: pa.Array, *, places: int) -> pa.Array:
        return marked[_START - places : len(text) - places]

    comma, between, point = marks(b","), marks(_BETWEEN), marks(b".")
    end = pc.or_(comma, between)
    ends = end[_START:]
    if ids:
        id_ends = pc.and_(comma[_START:], before(between, places=GSRN_LENGTH + 1))
        if id_ends.true_count != ids:
            raise NotWhole
        ends = pc.and_not(ends, id_ends)
    point_or_null = pc.or_(point, marks(b"n")) if b"n" in text else point
    # The point four places before the end of a shorter value would be that of the value before.
    soon_after_end = reduce(pc.or_, [before(end, places=places) for places in (1, 2, 3)])
    too_long = pc.invert(end)
    for more in (1, 2, 4, 8, 4):  # 20 places without an end; a value has 19 at most.
        too_long = pc.and_(too_long[more:], too_long[:-more])
    if (
        not ends.equals(before(point_or_null, places=4))
        or point_or_null[-4:].true_count
        or pc.and_(ends, soon_after_end).true_count
        or pc.and_(point[_START:], before(end, places=1)).true_count
        or too_long.true_count
    ):
        raise NotWhole


def _check_nulls(columns: Sequence[pa.Array], groups: Sequence[Group]) -> None:
    """Check that there is a line for each row, and a null exactly where a value is missing."""
    first, missing = 0, [0] * len(columns)
    for group in groups:
        if assembly.MISSING in group.letters:
            for position, letter in enumerate(group.letters):
                if letter == assembly.MISSING:
                    missing[position] += group.rows
                    if columns[position].slice(first, group.rows).null_count != group.rows:
                        raise NotWhole
        first += group.rows
    if any(len(each) != first for each in columns) or [each.null_count for each in columns] != missing:
        raise NotWhole
