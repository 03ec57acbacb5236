"""Values of series as text, in whatever form: what differs from day to day is only the quantities.

A year of hours is 8 760 values of one shape, so the text of a market day is made from a template
that is kept, and that serves all days with the same offset from UTC. Quantities go from the
warehouse's decimal text to the answer untouched.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from shared import periods
from shared.api.series.assembly import Run, Series, Sum
from shared.metering import QUALITY_OF_LETTER, Resolution
from shared.periods import ONE_DAY

_TEMPLATES_KEPT = 1_024
"""One for each pattern of qualities and form, of a day and of days alike; some 3 to 15 kB each."""
_DAYS_KEPT = 20_000

_WINTER, _SUMMER = date(2001, 1, 1), date(2001, 7, 1)
# Stand for the date of a day and of the next one; no text of an answer has them.
_DAY, _NEXT_DAY = "\2", "\3"
_DATE_LENGTH = len("2001-01-01")


@dataclass(frozen=True)
class Form:
    """How values are written.

    Attributes:
        value: with places {start}, {end}, {quality}, and %s for the quantity.
        sum: the same for a sum, with {complete} and {missing} besides.
        between: what stands between two values.
        null: how a quantity is written that is not there.
        decimal_mark: of quantities.
    """

    value: str
    sum: str
    between: str
    null: str = "null"
    decimal_mark: str = "."


def values(part: Run | Sum, form: Form) -> str:
    """The text of a run's values, or of a sum."""
    quantities = part.quantity if isinstance(part, Sum) else part.quantities
    texts = quantities.replace("null", form.null).split(",")
    if form.decimal_mark != ".":
        texts = [text.replace(".", form.decimal_mark) for text in texts]
    if isinstance(part, Sum):
        return _sum_template(part, form) % tuple(texts)
    return _template(part.day, part.resolution, part.first, part.qualities, form) % tuple(texts)


def count(series: Series) -> int:
    """How many values a series has."""
    return sum(1 if isinstance(part, Sum) else len(part.qualities) for part in series.parts)


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _template(day: date, resolution: Resolution, first: int, qualities: str, form: Form) -> str:
    """The text of a run's values with a place for each quantity."""
    template = _dateless(_day_alike(day), resolution, first, qualities, form)
    return template.replace(_DAY, str(day)).replace(_NEXT_DAY, str(day + ONE_DAY))


@lru_cache(maxsize=_DAYS_KEPT)
def _day_alike(day: date) -> date:
    """A day with the same times and offsets: all winter days are alike, all summer days, and no other two."""
    whole = periods.market_day(day)
    if whole.end - whole.start == ONE_DAY:
        for model in (_WINTER, _SUMMER):
            if whole.start.astimezone(periods.OSLO).utcoffset() == _offset_of(model):
                return model
    return day


def _offset_of(day: date) -> timedelta | None:
    return periods.start_of(day).astimezone(periods.OSLO).utcoffset()


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _dateless(day: date, resolution: Resolution, first: int, qualities: str, form: Form) -> str:
    """The template of a day, with marks in place of its date and of the next day's."""
    edges = _edges(day, resolution)[first : first + len(qualities) + 1]
    return form.between.join(
        form.value.format(start=start, end=end, quality=QUALITY_OF_LETTER[letter])
        for (start, end), letter in zip(pairwise(edges), qualities, strict=True)
    )


def _edges(day: date, resolution: Resolution) -> list[str]:
    """Where the values of a market day start, and where the last one ends, as local times with offset."""
    starts = periods.starts(day, resolution.step)
    end = periods.market_day(day).end.astimezone(periods.OSLO)
    return [
        *(_DAY + each.isoformat()[_DATE_LENGTH:] for each in starts),
        _NEXT_DAY + end.isoformat()[_DATE_LENGTH:],
    ]


def _sum_template(part: Sum, form: Form) -> str:
    return form.sum.format(
        start=periods.local_text(part.period.start),
        end=periods.local_text(part.period.end),
        quality=QUALITY_OF_LETTER[part.quality],
        complete="true" if part.complete else "false",
        missing=part.missing,
    )
