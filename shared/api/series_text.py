"""Values of series as text, in whatever form: what differs from day to day is only the quantities.

A year of hours is 8 760 values of one shape, so the text of a market day is made from a template
that is kept. Quantities go from the warehouse's decimal text to the answer untouched.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

from shared import periods
from shared.api.series import Run, Series, Sum
from shared.metering import QUALITY_OF_LETTER, Resolution

_TEMPLATES_KEPT = 4_096
"""About eleven years of days of one shape; some 10 MB with hourly values."""


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
    template = (
        _sum_template(part, form)
        if isinstance(part, Sum)
        else _template(part.day, part.resolution, part.first, part.qualities, form)
    )
    return template % tuple(texts)


def count(series: Series) -> int:
    """How many values a series has."""
    return sum(1 if isinstance(part, Sum) else len(part.qualities) for part in series.parts)


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _template(day: date, resolution: Resolution, first: int, qualities: str, form: Form) -> str:
    """The text of a run's values with a place for each quantity."""
    edges = _edges(day, resolution)[first : first + len(qualities) + 1]
    return form.between.join(
        form.value.format(start=start, end=end, quality=QUALITY_OF_LETTER[letter])
        for (start, end), letter in zip(pairwise(edges), qualities, strict=True)
    )


def _edges(day: date, resolution: Resolution) -> list[str]:
    """Where the values of a market day start, and where the last one ends, as local times with offset."""
    starts = periods.starts(day, resolution.step)
    return [each.isoformat() for each in [*starts, periods.market_day(day).end.astimezone(periods.OSLO)]]


def _sum_template(part: Sum, form: Form) -> str:
    return form.sum.format(
        start=periods.local_text(part.period.start),
        end=periods.local_text(part.period.end),
        quality=QUALITY_OF_LETTER[part.quality],
        complete="true" if part.complete else "false",
        missing=part.missing,
    )
