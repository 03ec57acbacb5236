"""Series as JSON text."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache

import orjson

from shared import periods
from shared.api.series import templates
from shared.api.series.assembly import Run, Series, Sum
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest
from shared.api.series.templates import Form
from shared.metering import QUALITY_OF_LETTER, Direction, Resolution
from shared.periods import Period
from shared.readable import PermittedDays

_KEPT = 4_096

FORM = Form(
    value='{{"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}"}}',
    sum='{{"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}",'
    '"complete":{complete},"missing":{missing}}}',
    between=",",
)


def one(page: Page, asked: SeriesRequest) -> bytes:
    """The answer for one metering point."""
    return "".join([*_opened(page.series[0], asked), ",", _next_cursor(page, asked), "}"]).encode()


def many(page: Page, asked: SeriesRequest, *, not_found: Iterable[str]) -> bytes:
    """The answer for many metering points; `not_found` are those named that cannot be read."""
    pieces = ['{"series":[']
    for count, series in enumerate(page.series):
        pieces += ["," if count else "", *_opened(series, asked), "}"]
    refused = orjson.dumps(list(not_found)).decode()
    coarser = orjson.dumps([each.as_json() for each in page.stored_coarser]).decode()
    told = f'],"notFound":{refused},"storedCoarser":{coarser},'
    return "".join([*pieces, told, _next_cursor(page, asked), "}"]).encode()


def _next_cursor(page: Page, asked: SeriesRequest) -> str:
    cursor = page.cursor.sealed(asked.seal) if page.cursor else None
    return f'"nextCursor":{orjson.dumps(cursor).decode()}'


def _opened(series: Series, asked: SeriesRequest) -> list[str]:
    """A series up to its closing brace, in pieces: an answer of megabytes is put together once."""
    head = _head(series, asked)
    if asked.layout is Layout.DAYS:
        return [head, ',"days":[', ",".join(map(day, series.parts)), "]"]
    return [head, ',"values":[', ",".join(templates.values(part, FORM) for part in series.parts), "]"]


def _head(series: Series, asked: SeriesRequest) -> str:
    scope = series.scope
    about = _about(
        asked.direction, scope.period, series.resolution, tuple(scope.permitted), scope.available_until
    )
    return f'{{"meteringPointId":"{scope.metering_point_id}",{about}'


@lru_cache(maxsize=_KEPT)
def _about(
    direction: Direction,
    period: Period,
    resolution: Resolution | None,
    permitted: tuple[PermittedDays, ...],
    available_until: datetime | None,
) -> str:
    """What stands before the values; most series of a portfolio have it in common."""
    told = {
        "direction": direction,
        "unit": "kWh",
        "timeZone": str(periods.OSLO),
        "from": periods.local_text(period.start),
        "to": periods.local_text(period.end),
        "resolution": resolution,
        "permitted": [{"from": first, "to": end} for first, end in (days.shown for days in permitted)],
        "availableUntil": periods.local_text(available_until) if available_until else None,
    }
    return orjson.dumps(told).decode()[1:-1]


def day(part: Run | Sum) -> str:
    """A packed day, or a sum in the same form, as a JSON object."""
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
    """The quality that most of a day's values have, and the values that have another."""
    (usual, _), *_ = Counter(letters).most_common(1)
    exceptions = {
        str(position): QUALITY_OF_LETTER[letter] for position, letter in enumerate(letters) if letter != usual
    }
    return f'"quality":"{QUALITY_OF_LETTER[usual]}","exceptions":{orjson.dumps(exceptions).decode()}'
