"""Values of series as text: only the date and the quantities differ from day to day.

A year of hours is 8 760 values of one shape, so the text of a market day is made from cached pieces, with the
quantities between them. Quantities go from the warehouse's decimal text to the file unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from shared import periods
from shared.metering import QUALITY_OF_LETTER, Resolution
from shared.periods import ONE_DAY
from shared.series.assembly import Series, Sum, Values

_TEMPLATES_KEPT = 2_048
"""One for each pattern of qualities and each form, dated and dateless; some 4 to 16 kB each. A series of five
years has 1 826 dated ones."""
_DAYS_KEPT = 20_000

_WINTER, _SUMMER = date(2001, 1, 1), date(2001, 7, 1)
# Placeholders for the dates of the day before, a day and the next one; they never occur in a text.
_DAY, _NEXT_DAY, _DAY_BEFORE = "\2", "\3", "\4"
_MARKS = {-ONE_DAY: _DAY_BEFORE, timedelta(): _DAY, ONE_DAY: _NEXT_DAY}
_DATE_LENGTH, _OFFSET_LENGTH = len("2001-01-01"), len("+01:00")
_NULL = "null"
_QUANTITY = "%s"


class Times(StrEnum):
    """How start and end are written.

    `iso` has the offset of Europe/Oslo in the time. `local` is what Excel with Norwegian settings reads as a
    time; the offset has a column of its own, since one hour occurs twice in autumn.
    """

    ISO = "iso"
    UTC = "utc"
    LOCAL = "local"
    EPOCH_MS = "epoch-ms"

    def date(self, day: date) -> str:
        """Write a date."""
        # A tenth of the time that strftime takes.
        return f"{day.day:02}.{day.month:02}.{day.year:04}" if self is Times.LOCAL else day.isoformat()

    def clock(self, shown: datetime) -> str:
        """Write what comes after the date."""
        if self is Times.UTC:
            return f"T{shown:%H:%M:%S}Z"
        return (
            f" {shown.hour:02}:{shown.minute:02}" if self is Times.LOCAL else shown.isoformat()[_DATE_LENGTH:]
        )


@dataclass(frozen=True, eq=False)  # Compared by identity: hashing eight texts takes as long as writing a day.
class ValueTemplate:
    """How values are written.

    Attributes:
        value: with places {start}, {end}, {start_offset}, {end_offset}, {resolution}, {quality}, and %s for
            the quantity.
        sum: the same for a sum, with {complete} and {missing} as well.
        between: the text between two values.
        null: how a missing quantity is written.
        decimal_mark: of quantities.
        is_in_wh: quantities are whole Wh instead of kWh with three decimals.
        times: how start and end are written.
    """

    value: str
    sum: str
    between: str
    null: str = _NULL
    decimal_mark: str = "."
    is_in_wh: bool = False
    times: Times = Times.ISO


def values(part: Values | Sum, template: ValueTemplate) -> str:
    """Return the text of consecutive values, or of a sum."""
    if isinstance(part, Sum):
        return _sum_template(part, template) % tuple(quantities(part.quantity, template))
    pieces = _pieces(part.day, part.resolution, part.first, part.qualities, template)
    texts = [""] * (2 * len(pieces) - 1)
    texts[::2] = pieces
    texts[1::2] = quantities(part.quantities, template)
    return "".join(texts)


def quantities(packed: str, template: ValueTemplate) -> list[str]:
    """Return packed quantities one by one, as a template writes them."""
    if template.is_in_wh:
        return [_wh(text, template.null) for text in packed.replace(".", "").split(",")]
    if _NULL in packed:
        packed = packed.replace(_NULL, template.null)
    if template.decimal_mark == ",":
        return packed.replace(",", ";").replace(".", ",").split(";")
    return packed.split(",")


def count(series: Series) -> int:
    """Return how many values a series has."""
    return sum(1 if isinstance(part, Sum) else len(part.qualities) for part in series.parts)


class Edge(NamedTuple):
    """The start or end of a value, as text."""

    text: str
    offset: str


def edge(instant: datetime, times: Times) -> Edge:
    """Return an instant as written, with the offset of Europe/Oslo."""
    local = instant.astimezone(periods.OSLO)
    iso = local.isoformat()
    if times is Times.ISO:
        return Edge(iso, iso[-_OFFSET_LENGTH:])
    shown = local.astimezone(UTC) if times is Times.UTC else local
    text = _epoch_ms(local) if times is Times.EPOCH_MS else times.date(shown.date()) + times.clock(shown)
    return Edge(text, iso[-_OFFSET_LENGTH:])


def _wh(digits: str, null: str) -> str:
    return null if digits == _NULL else digits.lstrip("0") or "0"


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _pieces(
    day: date, resolution: Resolution, first: int, qualities: str, template: ValueTemplate
) -> Sequence[str]:
    """Return the text of consecutive values before, between and after the quantities."""
    model = day if template.times is Times.EPOCH_MS else _day_alike(day)
    dateless = _dateless(model, resolution, first, qualities, template)
    return _dated(dateless, day, template.times).split(_QUANTITY)


def _dated(text: str, day: date, times: Times) -> str:
    dated = text.replace(_DAY, times.date(day)).replace(_NEXT_DAY, times.date(day + ONE_DAY))
    return dated.replace(_DAY_BEFORE, times.date(day - ONE_DAY)) if times is Times.UTC else dated


@lru_cache(maxsize=_DAYS_KEPT)
def _day_alike(day: date) -> date:
    """Return a day with the same times and offsets: a winter day, a summer day, or the day itself."""
    whole = periods.market_day(day)
    if whole.end - whole.start == ONE_DAY:
        for model in (_WINTER, _SUMMER):
            if whole.start.astimezone(periods.OSLO).utcoffset() == _offset_of(model):
                return model
    return day


def _offset_of(day: date) -> timedelta | None:
    return periods.start_of(day).astimezone(periods.OSLO).utcoffset()


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _dateless(day: date, resolution: Resolution, first: int, qualities: str, template: ValueTemplate) -> str:
    """Return the template of a day, with marks in place of its date and its neighbours'."""
    edges = _edges(day, resolution, template.times)[first : first + len(qualities) + 1]
    return template.between.join(
        template.value.format(
            start=start.text,
            end=end.text,
            start_offset=start.offset,
            end_offset=end.offset,
            resolution=resolution,
            quality=QUALITY_OF_LETTER[letter],
        )
        for (start, end), letter in zip(pairwise(edges), qualities, strict=True)
    )


def _edges(day: date, resolution: Resolution, times: Times) -> list[Edge]:
    """Return where the values of a market day start, and where the last one ends."""
    end = periods.market_day(day).end.astimezone(periods.OSLO)
    return [_edge(each, day, times) for each in (*periods.starts(day, resolution.step), end)]


def _edge(local: datetime, day: date, times: Times) -> Edge:
    """Return an instant as written, with a mark in place of its date; `day` is the market day."""
    offset = local.isoformat()[-_OFFSET_LENGTH:]
    if times is Times.EPOCH_MS:
        return Edge(_epoch_ms(local), offset)
    shown = local.astimezone(UTC) if times is Times.UTC else local
    return Edge(_MARKS[shown.date() - day] + times.clock(shown), offset)


def _epoch_ms(instant: datetime) -> str:
    return f"{instant.timestamp():.0f}000"


def _sum_template(part: Sum, template: ValueTemplate) -> str:
    start, end = edge(part.period.start, template.times), edge(part.period.end, template.times)
    return template.sum.format(
        start=start.text,
        end=end.text,
        start_offset=start.offset,
        end_offset=end.offset,
        resolution=part.resolution,
        quality=QUALITY_OF_LETTER[part.quality],
        complete="true" if part.complete else "false",
        missing=part.missing,
    )
