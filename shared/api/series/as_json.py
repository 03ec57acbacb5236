"""Series as JSON text."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import chain

import orjson

from shared import periods
from shared.api.series import as_lines, packed, templates
from shared.api.series.assembly import Series
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest
from shared.api.series.templates import ValueTemplate
from shared.metering import Direction, Resolution
from shared.periods import Period
from shared.readable import PermittedDays

_KEPT = 4_096

TEMPLATE = ValueTemplate(
    value='{{"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}"}}',
    sum='{{"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}",'
    '"complete":{complete},"missing":{missing}}}',
    between=",",
)


def one(page: Page, request: SeriesRequest) -> bytes:
    """The answer for one metering point."""
    (series,) = page.series
    return "".join([*_opened(series, request), ",", _next_cursor(page, request), "}"]).encode()


def many(page: Page, request: SeriesRequest, *, not_found: Iterable[str]) -> bytes:
    """The answer for many metering points; `not_found` are those named that cannot be read."""
    if request.layout is Layout.ROWS:
        pieces = ['{"rows":[', ",".join(chain.from_iterable(_rows(each, request) for each in page.series))]
    else:
        pieces = ['{"series":[']
        for count, series in enumerate(page.series):
            pieces += ["," if count else "", *_opened(series, request), "}"]
    about = orjson.dumps(
        {
            "notFound": list(not_found),
            "storedCoarser": page.stored_coarser.as_json(),
            "storedCoarserCount": page.stored_coarser.count if page.is_first else None,
        }
    ).decode()
    return "".join([*pieces, "],", about[1:-1], ",", _next_cursor(page, request), "}"]).encode()


def _next_cursor(page: Page, request: SeriesRequest) -> str:
    cursor = page.cursor.sealed(request.seal) if page.cursor else None
    return f'"nextCursor":{orjson.dumps(cursor).decode()}'


def _opened(series: Series, request: SeriesRequest) -> list[str]:
    """A series up to its closing brace, in pieces: an answer of megabytes is put together once."""
    head = _head(series, request)
    if request.layout is Layout.DAYS:
        return [head, ',"days":[', ",".join(map(packed.day, series.parts)), "]"]
    if request.layout is Layout.ROWS:
        return [head, ',"rows":[', ",".join(_rows(series, request)), "]"]
    return [head, ',"values":[', ",".join(templates.values(part, TEMPLATE) for part in series.parts), "]"]


def _rows(series: Series, request: SeriesRequest) -> Iterator[str]:
    return as_lines.rows(
        series.parts, metering_point_id=series.scope.metering_point_id, direction=request.direction
    )


def _head(series: Series, request: SeriesRequest) -> str:
    scope = series.scope
    about = _about(
        request.direction, scope.period, series.resolution, tuple(scope.permitted), scope.available_until
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
