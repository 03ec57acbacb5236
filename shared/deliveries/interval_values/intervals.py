"""Delivered interval values: the rules for refusing, and the rows to stage. Pure."""

from collections.abc import Callable, Sequence
from datetime import MINYEAR, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from shared import periods
from shared.deliveries import rules, times
from shared.deliveries.batches import Batch
from shared.deliveries.faults import Faults
from shared.deliveries.interval_values.doubled import DoubledHour
from shared.deliveries.interval_values.ordering import StrictOrder
from shared.deliveries.rules import Context, Rule, shown
from shared.deliveries.times import Doubled, Start
from shared.metering import Direction, Quality, Resolution
from shared.periods import END_DAY, FIRST_DAY
from shared.warehouse.engine import Rows

HEADER = ("metering_point_id", "direction", "start", "resolution", "quantity", "quality")

AHEAD = timedelta(days=2)
"""How far after its receipt a value may start. A start further ahead is a fault: it cannot be measured yet,
and would move the end of available data for every reader."""

RESOLUTIONS = {"PT15M": Resolution.PT15M, "PT1H": Resolution.PT1H, "PT60M": Resolution.PT1H}
"""How a file may name a resolution."""

_FIRST_START = periods.start_of(FIRST_DAY)
_END_START = periods.start_of(END_DAY)
_MICROSECOND = timedelta(microseconds=1)

DIRECTIONS = tuple(direction.value for direction in Direction)
QUALITIES = tuple(quality.value for quality in Quality)

# The sum of a day's hundred quarters must fit decimal(18, 3).
_LIMIT = Decimal(10) ** 12
_THOUSANDTH = Decimal("0.001")
_USUAL = r"^[0-9]{1,12}(?:\.[0-9]{1,3})?$"
_USUAL_OR_EMPTY = rf"{_USUAL}|^$"
_NUMBER = r"[+-]?(?:[0-9]{1,40}[.]?[0-9]{0,40}|[.][0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?"
_MOST_PLACES = 200
"""No number that matches `_NUMBER` has more digits before or after the decimal mark. Python reads larger ones
too, but cannot compare all of them."""
_NORWEGIAN_NUMBER = _NUMBER.replace("[.]", ",")

_QUANTITY = pa.decimal128(18, 3)
_WORD = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    {
        "line": pa.int64(),
        "metering_point_id": _WORD,
        "direction": _WORD,
        "start_utc": pa.timestamp("s"),
        "delivery_date": pa.date32(),
        "resolution": _WORD,
        "quantity": _QUANTITY,
        "quality": pa.string(),
    }
)


class Checks:
    """The checks of one file, batch by batch.

    Args:
        header: the file's columns; columns of other kinds are skipped.
        context: how texts of the file are read.
        faults: where faults are added.
    """

    def __init__(self, header: Sequence[str], *, context: Context, faults: Faults) -> None:
        self._header = header
        self._context = context
        self._faults = faults
        self._doubled = DoubledHour()
        self._order = StrictOrder()

    @property
    def are_in_order(self) -> bool:
        """Whether the rows to stage are in a strict order, so that no interval is repeated."""
        return self._order.holds

    def check(self, batch: Batch) -> Rows | None:
        """Return the rows of a batch to stage; None once any row is refused."""
        columns = batch.named(self._header, among=HEADER)
        rules.apply(RULES, columns, lines=batch.lines, context=self._context, faults=self._faults)
        if self._faults:
            return None
        rows = _to_rows(columns, batch.lines, self._context)
        if self._context.is_norwegian:
            rows = self._doubled.without(rows, columns["start"], faults=self._faults)
        self._order.follow(rows)
        return Rows(rows)

    def rest(self) -> Rows | None:
        """Return the rows whose starts are only known at the end of the file; None if there are none."""
        rest = self._doubled.rest(_SCHEMA, faults=self._faults)
        if self._faults or rest is None:
            return None
        self._order.follow(rest)
        return Rows(rest)


# --- starts


def _read(context: Context, text: str) -> Start | Doubled | None:
    return times.read(text, is_norwegian=context.is_norwegian)


def _moment(context: Context, text: str) -> int | None:
    start = _read(context, text)
    return start.earlier.microseconds if isinstance(start, Doubled) else start and start.microseconds


def _refuses_moments(is_refused: Callable[[int, datetime], bool]) -> Callable[[Context, str], bool]:
    def refuses(context: Context, text: str) -> bool:
        moment = _moment(context, text)
        return moment is not None and is_refused(moment, context.received_at)

    return refuses


def _is_outside(moment: int, _: datetime) -> bool:
    return not _since_epoch(_FIRST_START) <= moment < _since_epoch(_END_START)


def _is_ahead(moment: int, received_at: datetime) -> bool:
    return moment > _since_epoch(received_at + AHEAD)


def _is_day(_: Context, text: str) -> bool:
    return times.day_of(text, is_norwegian=True) is not None


def _has_no_offset(context: Context, text: str) -> bool:
    return _read(context, text) is None and _without_zone(text) is not None


def _without_zone(text: str) -> datetime | None:
    local = times.iso(text) or times.norwegian(text)
    return local if local is not None and local.tzinfo is None else None


def _starts_within_an_interval(context: Context, text: str, resolution: str) -> bool:
    moment = _moment(context, text)
    return moment is not None and moment % (_minutes(resolution) * 60_000_000) != 0


def _minutes(resolution: str) -> int:
    # An unknown resolution is reported by another rule.
    return 15 if RESOLUTIONS.get(resolution) is Resolution.PT15M else 60


def _since_epoch(moment: datetime) -> int:
    return (moment - times.EPOCH) // _MICROSECOND


def _fault_of_day(_: Context, text: str) -> str:
    day = times.day_of(text, is_norwegian=True)
    assert day is not None  # The rule has read the same text.  # noqa: S101
    return f"start {shown(text)} is a day and not a time. {times.both_ways(times.on_the_clock(day, 0))}"


def _fault_of_offset(context: Context, text: str) -> str:
    local = _without_zone(text)
    assert local is not None  # The rule has read the same text.  # noqa: S101
    if local.year == MINYEAR:
        return f"start {shown(text)} is outside the calendar."
    if context.is_norwegian and not times.instants(local):
        return f"start {shown(text)} does not exist in Oslo: clocks go from 02:00 to 03:00 that night."
    return f"start {shown(text)} has no offset from UTC. {times.both_ways(local)}"


def _fault_of_start(_: Context, text: str) -> str:
    if times.iso(text) is not None:
        return f"start {shown(text)} is outside the calendar."
    return f"start {shown(text)} is not an ISO 8601 time with an offset, such as 2026-03-29T00:00:00+01:00."


# --- quantities


@lru_cache(maxsize=times.REMEMBERED)
def _number(text: str, *, is_norwegian: bool) -> Decimal | None:
    """Return the number of a text; None if it is not one."""
    try:
        number = Decimal(text.replace(",", ".") if is_norwegian else text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= _MOST_PLACES else None


def _is_no_number(context: Context, texts: pa.StringArray) -> pa.BooleanArray:
    pattern = _NORWEGIAN_NUMBER if context.is_norwegian else _NUMBER
    return pc.and_not(rules.differs(pattern)(context, texts), pc.equal(texts, ""))


def _refuses_numbers(is_refused: Callable[[Decimal], bool]) -> rules.Refuses:
    """Refuse numbers one by one, except usual ones, which a pattern recognises as good."""

    def refuses(context: Context, texts: pa.StringArray) -> pa.BooleanArray:
        usual = pc.match_substring_regex(texts, _USUAL).to_pylist()
        if all(usual):
            return pa.array([False] * len(texts), pa.bool_())
        numbers = (
            None if is_usual else _number(text, is_norwegian=context.is_norwegian)
            for text, is_usual in zip(texts.to_pylist(), usual, strict=True)
        )
        return pa.array([number is not None and is_refused(number) for number in numbers], pa.bool_())

    return refuses


def _fault_of_number(context: Context, text: str) -> str:
    if context.is_norwegian:
        return (
            f"quantity {shown(text)} is not a number with a decimal comma, as files with semicolons have it."
        )
    return f"quantity {shown(text)} is not a decimal number with a point."


def _fault_of_quantity(predicate: str) -> rules.Message:
    return lambda _, text: f"quantity {shown(text)} {predicate}."


# --- the table

RULES = (
    *rules.METERING_POINT_ID,
    Rule(
        "direction is unknown",
        ("direction",),
        rules.is_none_of(DIRECTIONS),
        lambda _, text: f"direction {shown(text)} is not {' or '.join(DIRECTIONS)}.",
        "v.direction IS NULL",
    ),
    Rule(
        "resolution is not PT15M or PT1H",
        ("resolution",),
        rules.is_none_of(RESOLUTIONS),
        lambda _, text: f"resolution {shown(text)} is not PT15M or PT1H.",
        "v.resolution IS NULL",
    ),
    Rule("start is a day and not a time", ("start",), rules.each(_is_day), _fault_of_day),
    Rule("start has no offset from UTC", ("start",), rules.each(_has_no_offset), _fault_of_offset),
    Rule(
        "start is not a time with an offset, such as 2026-03-29T00:00:00+01:00",
        ("start",),
        rules.each(lambda context, text: _read(context, text) is None),
        _fault_of_start,
        "v.start_utc IS NULL",
    ),
    Rule(
        "start is outside the market days",
        ("start",),
        rules.each(_refuses_moments(_is_outside)),
        lambda _, text: f"start {shown(text)} is outside the market days {FIRST_DAY} to {END_DAY}.",
        "v.start_utc < CAST('2009-12-31T23:00:00' AS datetime2(0)) "
        "OR v.start_utc >= CAST('2050-12-31T23:00:00' AS datetime2(0))",
    ),
    Rule(
        "start lies more than two days in the future",
        ("start",),
        rules.each(_refuses_moments(_is_ahead)),
        lambda _, text: f"start {shown(text)} lies more than {AHEAD.days} days in the future.",
        "v.start_utc > v.latest_start",
    ),
    Rule(
        "start is not the start of an interval",
        ("start", "resolution"),
        rules.each(_starts_within_an_interval),
        lambda _, text, resolution: (
            f"start {shown(text)} is not the start of an interval of {RESOLUTIONS.get(resolution, 'PT1H')}."
        ),
        "DATEPART(second, v.start_utc) <> 0 "
        "OR DATEPART(minute, v.start_utc) % CASE v.resolution WHEN 'PT15M' THEN 15 ELSE 60 END <> 0",
    ),
    Rule(
        "quantity is not a decimal number with a point",
        ("quantity",),
        _is_no_number,
        _fault_of_number,
        "CONCAT(v.quantity_text, '|') <> '|' AND v.quantity IS NULL",
    ),
    Rule(
        "quantity has more than 12 digits before the point",
        ("quantity",),
        _refuses_numbers(lambda number: abs(number) >= _LIMIT),
        _fault_of_quantity("has more than 12 digits before the point"),
        "ABS(v.quantity) >= 1000000000000",
    ),
    Rule(
        "quantity is negative",
        ("quantity",),
        _refuses_numbers(lambda number: number < 0),
        _fault_of_quantity("is negative"),
        "v.quantity < 0",
    ),
    Rule(
        "quantity has more than three decimals",
        ("quantity",),
        _refuses_numbers(lambda number: abs(number) < _LIMIT and number % _THOUSANDTH != 0),
        _fault_of_quantity("has more than three decimals"),
        "v.quantity <> CAST(v.quantity AS decimal(38, 3))",
    ),
    Rule(
        "quality is unknown",
        ("quality",),
        rules.is_none_of(QUALITIES),
        lambda _, text: f"quality {shown(text)} is not one of {', '.join(QUALITIES)}.",
        "v.quality IS NULL",
    ),
    Rule(
        "a quantity has the quality missing",
        ("quantity", "quality"),
        lambda _, quantities, qualities: pc.and_(
            pc.not_equal(quantities, ""), pc.equal(qualities, "missing")
        ),
        lambda _, quantity, __: f"quantity {shown(quantity)} has the quality missing.",
        "v.quantity IS NOT NULL AND v.quality = 'missing'",
    ),
)
"""The rules for interval values, for files that the app reads and those that the warehouse reads."""


# --- rows to stage


def _to_rows(columns: rules.Columns, lines: pa.Int64Array, context: Context) -> pa.RecordBatch:
    """Return the rows of accepted columns; a repeated time has the earlier start for now."""
    start = columns["start"]
    meant = [_start(context, text) for text in start.dictionary.to_pylist()]
    starts = pa.array([each.microseconds for each in meant], pa.timestamp("us")).cast(pa.timestamp("s"))
    days = pa.array([each.day for each in meant], pa.date32())
    quantities = _quantities(columns["quantity"], context)
    stored = (
        lines,
        columns["metering_point_id"],
        columns["direction"],
        starts.take(start.indices),
        days.take(start.indices),
        _normalise_resolutions(columns["resolution"]),
        quantities,
        _normalise_qualities(columns["quality"], quantities),
    )
    return pa.record_batch(
        [column.cast(field.type) for column, field in zip(stored, _SCHEMA, strict=True)], schema=_SCHEMA
    )


def _start(context: Context, text: str) -> Start:
    start = _read(context, text)
    assert start is not None  # A rule refuses it.  # noqa: S101
    return start.earlier if isinstance(start, Doubled) else start


def _quantities(column: pa.DictionaryArray, context: Context) -> pa.Decimal128Array:
    texts = column.dictionary
    if not pc.all(pc.match_substring_regex(texts, _USUAL_OR_EMPTY)).as_py():
        texts = pa.array([_usual(text, context) for text in texts.to_pylist()], pa.string())
    numbers = pc.if_else(pc.equal(texts, ""), None, texts).cast(_QUANTITY)
    return numbers.take(column.indices)


def _usual(text: str, context: Context) -> str:
    """Return the same number with three decimals."""
    number = _number(text, is_norwegian=context.is_norwegian) if text else None
    return "" if number is None else f"{number.quantize(_THOUSANDTH):f}"


def _normalise_resolutions(column: pa.DictionaryArray) -> pa.DictionaryArray:
    names = pa.array([RESOLUTIONS[text] for text in column.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(column.indices, names)


def _normalise_qualities(column: pa.DictionaryArray, quantities: pa.Decimal128Array) -> pa.Array:
    """Return the qualities; a value without a quantity is missing, whatever its quality says."""
    if not quantities.null_count:
        return column
    return pc.if_else(pc.is_null(quantities), Quality.MISSING.value, column.cast(pa.string()))
