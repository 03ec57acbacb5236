"""Values of series as text: only the date and the quantities differ from day to day.

A year of hours is 8 760 values of one shape, so the text of a market day is made from a cached
template that serves all days with the same offset from UTC. Quantities go from the warehouse's
decimal text to the response unchanged.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from shared import periods
from shared.api.formats import Times
from shared.metering import QUALITY_OF_LETTER, Resolution
from shared.periods import ONE_DAY
from shared.series.assembly import Run, Series, Sum

_TEMPLATES_KEPT = 1_024
"""One for each pattern of qualities and each form, dated and dateless; some 3 to 15 kB each."""
_DAYS_KEPT = 20_000

_WINTER, _SUMMER = date(2001, 1, 1), date(2001, 7, 1)
# Placeholders for the date of a day and of the next one; they never occur in a response.
_DAY, _NEXT_DAY = "\2", "\3"
_DATE_LENGTH, _OFFSET_LENGTH = len("2001-01-01"), len("+01:00")


@dataclass(frozen=True)
class ValueTemplate:
    """How values are written.

    Attributes:
        value: with places {start}, {end}, {resolution}, {quality}, and %s for the quantity; where times are
            written as clocks show them, {start_offset} and {end_offset} besides.
        sum: the same for a sum, with {complete} and {missing} besides.
        between: the text between two values.
        null: how a missing quantity is written.
        decimal_mark: of quantities.
        times: how start and end are written.
    """

    value: str
    sum: str
    between: str
    null: str = "null"
    decimal_mark: str = "."
    times: Times = Times.ISO


def values(part: Run | Sum, template: ValueTemplate) -> str:
    """Return the text of a run's values, or of a sum."""
    quantities = part.quantity if isinstance(part, Sum) else part.quantities
    texts = quantities.replace("null", template.null).split(",")
    if template.decimal_mark != ".":
        texts = [text.replace(".", template.decimal_mark) for text in texts]
    if isinstance(part, Sum):
        return _sum_template(part, template) % tuple(texts)
    return _template(part.day, part.resolution, part.first, part.qualities, template) % tuple(texts)


def count(series: Series) -> int:
    """Return how many values a series has."""
    return sum(1 if isinstance(part, Sum) else len(part.qualities) for part in series.parts)


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _template(day: date, resolution: Resolution, first: int, qualities: str, template: ValueTemplate) -> str:
    """Return the text of a run's values with a place for each quantity."""
    dateless = _dateless(_day_alike(day), resolution, first, qualities, template)
    written = template.times.date
    return dateless.replace(_DAY, written(day)).replace(_NEXT_DAY, written(day + ONE_DAY))


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
    """Return the template of a day, with marks in place of its date and the next day's."""
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


class _Edge(NamedTuple):
    """Where a value starts or ends, written."""

    text: str
    offset: str


def _edges(day: date, resolution: Resolution, times: Times) -> list[_Edge]:
    """Return where the values of a market day start, and where the last one ends."""
    starts = periods.starts(day, resolution.step)
    end = periods.market_day(day).end.astimezone(periods.OSLO)
    return [
        *(_Edge(_DAY + times.clock(each), _offset(each)) for each in starts),
        _Edge(_NEXT_DAY + times.clock(end), _offset(end)),
    ]


def _edge(instant: datetime, times: Times) -> _Edge:
    local = instant.astimezone(periods.OSLO)
    return _Edge(times.date(local.date()) + times.clock(local), _offset(local))


def _offset(local: datetime) -> str:
    return local.isoformat()[-_OFFSET_LENGTH:]


def _sum_template(part: Sum, template: ValueTemplate) -> str:
    start, end = _edge(part.period.start, template.times), _edge(part.period.end, template.times)
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
