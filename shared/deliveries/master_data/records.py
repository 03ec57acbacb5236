"""Delivered metering points and supply periods: the rules for refusing, and the rows to stage. Pure."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from shared.deliveries import rules, times
from shared.deliveries.batches import Batch
from shared.deliveries.faults import Faults
from shared.deliveries.rules import Context, Rule, shown
from shared.metering import PRICE_AREAS
from shared.warehouse.engine import Rows

METERING_POINTS = (
    "metering_point_id",
    "name",
    "address",
    "postal_code",
    "city",
    "price_area",
    "grid_area",
    "meter_serial",
)
SUPPLY_PERIODS = ("customer_number", "metering_point_id", "valid_from", "valid_to")

_LENGTHS = {
    "name": 200,
    "address": 200,
    "postal_code": 10,
    "city": 100,
    "grid_area": 50,
    "meter_serial": 50,
}
"""The lengths of text columns in bytes of UTF-8."""
_CONTROL = r"[\p{Cc}\p{Zl}\p{Zp}]"
"""Line breaks and other control characters."""


class Checks:
    """The checks of one file, batch by batch.

    Args:
        header: the file's columns; columns of other kinds are skipped.
        kind: the columns of the kind of file.
        context: how texts of the file are read.
        faults: where faults are added.
    """

    def __init__(
        self, header: Sequence[str], *, kind: Sequence[str], context: Context, faults: Faults
    ) -> None:
        self._header = header
        self._kind = kind
        self._context = context
        self._faults = faults

    def check(self, batch: Batch) -> Rows | None:
        """Return the rows of a batch to stage; None once any row is refused."""
        columns = batch.named(self._header, among=self._kind)
        rules.apply(RULES, columns, lines=batch.lines, context=self._context, faults=self._faults)
        if self._faults:
            return None
        stored = {name: _to_stored(name, columns[name], self._context) for name in self._kind}
        return Rows(pa.record_batch({"line": batch.lines, **stored}))

    def rest(self) -> Rows | None:
        """Return None: no row needs the end of the file."""
        return None


def _to_stored(name: str, column: pa.DictionaryArray, context: Context) -> pa.Array:
    texts = column.dictionary
    if name == "customer_number":
        return texts.cast(pa.int64()).take(column.indices)
    if name in ("valid_from", "valid_to"):
        return pa.array([_day(context, text) for text in texts.to_pylist()], pa.date32()).take(column.indices)
    return pc.if_else(pc.equal(texts, ""), None, texts).take(column.indices)


def _day(context: Context, text: str) -> date | None:
    return times.day_of(text, is_norwegian=context.is_norwegian)


def _ends_before_it_begins(context: Context, valid_from: str, valid_to: str) -> bool:
    first, end = _day(context, valid_from), _day(context, valid_to)
    return first is not None and end is not None and end <= first


def _is_longer_than(length: int) -> rules.Refuses:
    return lambda _, texts: pc.greater(pc.binary_length(texts), length)


def _too_long(name: str, length: int) -> Rule:
    reason = f"{name} is longer than {length} bytes"
    return Rule(
        reason,
        (name,),
        _is_longer_than(length),
        lambda _, __: f"{name} is longer than {length} bytes.",
    )


def _control_character(name: str) -> Rule:
    return Rule(
        f"{name} has a line break or another control character",
        (name,),
        rules.has(_CONTROL),
        lambda _, text: f"{name} {shown(text)} has a line break or another control character.",
    )


def _no_day(name: str) -> Rule:
    def refuses(context: Context, text: str) -> bool:
        return (text != "" or name == "valid_from") and _day(context, text) is None

    def message(context: Context, text: str) -> str:
        example = "29.03.2026" if context.is_norwegian else "2026-03-29"
        return f"{name} {shown(text)} is not a date such as {example}."

    return Rule(f"{name} is not a date", (name,), rules.each(refuses), message)


RULES = (
    *rules.METERING_POINT_ID,
    *(
        rule
        for name, length in _LENGTHS.items()
        for rule in (_too_long(name, length), _control_character(name))
    ),
    Rule(
        "price_area is unknown",
        ("price_area",),
        rules.is_none_of(("", *PRICE_AREAS)),
        lambda _, text: f"price_area {shown(text)} is not one of {', '.join(PRICE_AREAS)}, and not empty.",
    ),
    Rule(
        "customer_number is not a positive whole number",
        ("customer_number",),
        rules.differs("[1-9][0-9]{0,17}"),
        lambda _, text: f"customer_number {shown(text)} is not a positive whole number.",
    ),
    _no_day("valid_from"),
    _no_day("valid_to"),
    Rule(
        "valid_to is not after valid_from",
        ("valid_from", "valid_to"),
        rules.each(_ends_before_it_begins),
        lambda _, valid_from, valid_to: f"valid_to {valid_to} is not after valid_from {valid_from}.",
    ),
)
"""The rules for metering points and for supply periods, which share only the column of the id."""
