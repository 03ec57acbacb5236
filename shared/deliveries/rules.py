"""The rules for refusing delivered rows: a table for each kind of file, applied to whole columns. Pure.

A rule looks once at each distinct text of a column, or at each distinct pair of texts of two columns. Lines
are looked up for refused texts only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from shared import metering
from shared.deliveries.faults import Faults

_SHOWN = 40


@dataclass(frozen=True)
class Context:
    """What the meaning of a text depends on, besides the text itself.

    Attributes:
        received_at: when the file was received.
        is_norwegian: whether the file is in the Norwegian dialect.
    """

    received_at: datetime
    is_norwegian: bool


Refuses = Callable[..., pa.BooleanArray]
"""A function of a Context and arrays of texts that returns which texts are refused."""
Message = Callable[..., str]
"""A function of a Context and the texts of a row in the rule's columns that returns the fault's sentence."""


@dataclass(frozen=True)
class Rule:
    """One reason to refuse a row.

    Attributes:
        name: the fault in a few words.
        columns: the column, or the two columns, whose texts the rule looks at.
        refuses: the check.
        message: the fault as a sentence.
        sql: the same check in SQL, on the columns of a row that `landing` computes; None if the check of a
            later rule for the same column covers it.
    """

    name: str
    columns: tuple[str, ...]
    refuses: Refuses
    message: Message
    sql: str | None = None


Columns = Mapping[str, pa.DictionaryArray]


def apply(
    rules: Sequence[Rule], columns: Columns, *, lines: pa.Int64Array, context: Context, faults: Faults
) -> None:
    """Add the faults of a batch to `faults`.

    If neighbouring rules for the same columns refuse a text, only the first one reports it. Rules for columns
    that the file does not have are skipped.
    """
    for names, of_same_columns in groupby(rules, key=lambda rule: rule.columns):
        if set(names) <= columns.keys():
            different = _different(*(columns[name] for name in names))
            _apply(list(of_same_columns), different, lines=lines, context=context, faults=faults)


@dataclass(frozen=True)
class _Different:
    """The distinct texts of a column, or pairs of texts of two columns, and the index of each row's."""

    texts: tuple[pa.StringArray, ...]
    indices: pa.Int32Array


def _different(first: pa.DictionaryArray, second: pa.DictionaryArray | None = None) -> _Different:
    if second is None:
        return _Different((first.dictionary,), first.indices)
    width = max(len(second.dictionary), 1)
    codes = pc.add(pc.multiply(first.indices.cast(pa.int64()), width), second.indices)
    encoded = codes.dictionary_encode()
    firsts = pc.divide(encoded.dictionary, width)
    seconds = pc.subtract(encoded.dictionary, pc.multiply(firsts, width))
    return _Different((first.dictionary.take(firsts), second.dictionary.take(seconds)), encoded.indices)


def _apply(
    rules: Sequence[Rule], different: _Different, *, lines: pa.Int64Array, context: Context, faults: Faults
) -> None:
    reported = pa.array([False] * len(different.texts[0]), pa.bool_())
    for rule in rules:
        refused = pc.and_not(rule.refuses(context, *different.texts), reported)
        if pc.any(refused).as_py():
            _add(rule, refused, different, lines=lines, context=context, faults=faults)
            reported = pc.or_(reported, refused)


def _add(
    rule: Rule,
    refused: pa.BooleanArray,
    different: _Different,
    *,
    lines: pa.Int64Array,
    context: Context,
    faults: Faults,
) -> None:
    rows = pc.indices_nonzero(refused.take(different.indices))
    reasons: dict[int, str] = {}
    for index, line in zip(
        different.indices.take(rows).to_pylist(), lines.take(rows).to_pylist(), strict=True
    ):
        if index not in reasons:
            reasons[index] = rule.message(context, *(texts[index].as_py() for texts in different.texts))
        faults.add(rule.name, reasons[index], [line])


# --- parts of rules


def shown(text: str, *, at_most: int = _SHOWN) -> str:
    """Return a delivered text in quotes for a message: short, and printable, so on one line."""
    return repr(text if len(text) <= at_most else text[: at_most - 3] + "...")


def differs(pattern: str) -> Refuses:
    """Refuse texts that do not match the whole pattern (RE2)."""
    return lambda _, texts: pc.invert(pc.match_substring_regex(texts, f"^(?:{pattern})$"))


def has(pattern: str) -> Refuses:
    """Refuse texts that contain the pattern (RE2)."""
    return lambda _, texts: pc.match_substring_regex(texts, pattern)


def is_none_of(words: Iterable[str]) -> Refuses:
    """Refuse texts that are not in a fixed list."""
    known = pa.array(words, pa.string())
    return lambda _, texts: pc.invert(pc.is_in(texts, known))


def each(is_refused: Callable[..., bool]) -> Refuses:
    """Refuse texts one by one, for checks that pyarrow has no function for."""

    def refuses(context: Context, *texts: pa.StringArray) -> pa.BooleanArray:
        pairs = zip(*(each.to_pylist() for each in texts), strict=True)
        return pa.array([is_refused(context, *pair) for pair in pairs], pa.bool_())

    return refuses


# --- the rules of the column that every kind of file has


def _has_other_check_digit(_: Context, ids: pa.StringArray) -> pa.BooleanArray:
    """Refuse wrong check digits (GS1): from the right, digits weigh 1 and 3 in turn; the sum ends in 0."""
    is_number = pc.match_substring_regex(ids, "^[0-9]{18}$")
    rest = pc.if_else(is_number, ids, "0").cast(pa.int64())
    total = pa.scalar(0, pa.int64())
    for place in range(metering.GSRN_LENGTH):
        tenth = pc.divide(rest, 10)
        digit = pc.subtract(rest, pc.multiply(tenth, 10))
        total = pc.add(total, pc.multiply(digit, 3 if place % 2 else 1))
        rest = tenth
    remainder = pc.subtract(total, pc.multiply(pc.divide(total, 10), 10))
    return pc.and_(is_number, pc.not_equal(remainder, 0))


def _digits(places: Iterable[int]) -> str:
    return " + ".join(f"CAST(SUBSTRING(v.digits, {place}, 1) AS int)" for place in places)


METERING_POINT_ID = (
    Rule(
        "metering_point_id has not exactly 18 digits",
        ("metering_point_id",),
        differs("[0-9]{18}"),
        lambda _, text: f"metering_point_id {shown(text)}: a metering point id has exactly 18 digits.",
        "v.digits IS NULL",
    ),
    Rule(
        "metering_point_id has another check digit",
        ("metering_point_id",),
        _has_other_check_digit,
        lambda _, text: (
            f"metering_point_id {shown(text)}: the check digit should be {metering.check_digit(text[:-1])}."
        ),
        f"(3 * ({_digits(range(1, 18, 2))}) + {_digits(range(2, 19, 2))}) % 10 <> 0",
    ),
)
