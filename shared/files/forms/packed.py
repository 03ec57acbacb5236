"""Market days as JSON objects with packed values, in series and in changes alike."""

from collections import Counter
from datetime import date, datetime
from functools import lru_cache

import orjson

from shared import periods
from shared.metering import QUALITY_OF_LETTER, Resolution
from shared.series.assembly import Sum, Values

_KEPT = 4_096


def day(part: Values | Sum) -> str:
    """Return a packed day, or a sum in the same form, as a JSON object."""
    published_at = periods.utc_text(part.published_at)
    if isinstance(part, Sum):
        return (
            f"{_day_start(part.day, part.period.start, part.resolution)},{_day_qualities(part.quality)},"
            f'"quantities":[{part.quantity}],{_completeness(part)},"publishedAt":"{published_at}"}}'
        )
    return (
        f"{_run_start(part.day, part.first, part.resolution)},{_day_qualities(part.qualities)},"
        f'"quantities":[{part.quantities}],"publishedAt":"{published_at}"}}'
    )


@lru_cache(maxsize=_KEPT)
def _run_start(day: date, first: int, resolution: Resolution) -> str:
    return _day_start(day, periods.start_of(day) + first * resolution.step, resolution)


def _day_start(day: date, start: datetime, resolution: Resolution) -> str:
    return f'{{"date":"{day}","start":"{periods.local_text(start)}","resolution":"{resolution}"'


def _completeness(part: Sum) -> str:
    return f'"complete":{"true" if part.complete else "false"},"missing":{part.missing}'


@lru_cache(maxsize=_KEPT)
def _day_qualities(letters: str) -> str:
    """Return the quality that most of a day's values have, and the exceptions."""
    (usual, _), *_ = Counter(letters).most_common(1)
    exceptions = [
        {"position": position, "quality": QUALITY_OF_LETTER[letter]}
        for position, letter in enumerate(letters)
        if letter != usual
    ]
    return f'"quality":"{QUALITY_OF_LETTER[usual]}","exceptions":{orjson.dumps(exceptions).decode()}'
