"""Pages of series written in the requested format: JSON here, lines by the forms of files."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain

import orjson

from shared import periods
from shared.api.formats import NOTHING_LEFT_OUT, Kind, LeftOut, Rendered
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest
from shared.files.forms import lines, packed, rows, templates, wide
from shared.files.forms.about import About, Counts
from shared.files.forms.form import FileFormat, FileLayout, Form
from shared.files.forms.templates import ValueTemplate
from shared.metering import Direction, Resolution
from shared.periods import Period
from shared.readable import PermittedDays
from shared.series.assembly import Series

LISTED, LISTED_BESIDE_NAMES = 40, 20
"""The most metering points that a header lists: fewer when `Link` repeats the named ones."""

_KEPT = 4_096

TEMPLATE = ValueTemplate(
    value='{{"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}"}}',
    sum='{{"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}",'
    '"complete":{complete},"missing":{missing}}}',
    between=",",
)


def one(page: Page, request: SeriesRequest) -> Rendered:
    """Write the page of one metering point."""
    if request.format.kind is Kind.JSON:
        return _content(_json_of_one(page, request), page, request)
    return _content(_file(page, request), page, request)


def many(page: Page, request: SeriesRequest, *, not_found: Sequence[str]) -> Rendered:
    """Write a page of many metering points; `not_found` are the named ones that the caller may not read."""
    if request.format.kind is Kind.JSON:
        return _content(_json_of_many(page, request, not_found=not_found), page, request)
    return _content(_file(page, request), page, request, not_found=not_found)


def _content(body: bytes, page: Page, request: SeriesRequest, *, not_found: Sequence[str] = ()) -> Rendered:
    return Rendered(
        body,
        kind=request.format.kind,
        rows=sum(_rows(series, request.layout) for series in page.series),
        next_cursor=page.cursor.as_text(request.seal) if page.cursor else None,
        left_out=_left_out(page, request, not_found=not_found),
    )


def _left_out(page: Page, request: SeriesRequest, *, not_found: Sequence[str]) -> LeftOut:
    """Return what the headers of the first page list; JSON has it in the body."""
    if request.format.kind is Kind.JSON or not page.is_first:
        return NOTHING_LEFT_OUT
    return LeftOut(
        not_found=not_found,
        stored_coarser=[row.metering_point_id for row in page.stored_coarser.rows],
        stored_coarser_count=page.stored_coarser.count,
        listed=LISTED_BESIDE_NAMES if request.named else LISTED,
    )


def _rows(series: Series, layout: Layout) -> int:
    return len(series.parts) if layout is Layout.DAYS else templates.count(series)


def _json_of_one(page: Page, request: SeriesRequest) -> bytes:
    """Write the page of one metering point."""
    (series,) = page.series
    return _encoded(chain(_json_of_series(series, request), (",", _next_cursor(page, request), "}")))


def _json_of_many(page: Page, request: SeriesRequest, *, not_found: Iterable[str]) -> bytes:
    """Write a page of many metering points; `not_found` are the named ones that the caller may not read."""
    about = orjson.dumps(
        {
            "notFound": list(not_found),
            "storedCoarser": page.stored_coarser.as_json(),
            "storedCoarserCount": page.stored_coarser.count if page.is_first else None,
        }
    ).decode()
    end = f"],{about[1:-1]},{_next_cursor(page, request)}}}"
    if request.layout is Layout.ROWS:
        of_all = chain.from_iterable(_json_rows(each, request) for each in page.series)
        return _encoded(chain(('{"rows":[',), _with_commas(of_all), (end,)))
    return _encoded(chain(('{"series":[',), _json_of_all(page, request), (end,)))


def _json_of_all(page: Page, request: SeriesRequest) -> Iterator[str]:
    for count, series in enumerate(page.series):
        yield "," if count else ""
        yield from _json_of_series(series, request)
        yield "}"


def _next_cursor(page: Page, request: SeriesRequest) -> str:
    cursor = page.cursor.as_text(request.seal) if page.cursor else None
    return f'"nextCursor":{orjson.dumps(cursor).decode()}'


def _json_of_series(series: Series, request: SeriesRequest) -> Iterator[str]:
    """Yield a series up to its closing brace, in pieces of a few kilobytes."""
    yield _head(series, request)
    if request.layout is Layout.DAYS:
        yield ',"days":['
        yield ",".join(map(packed.day, series.parts))
    elif request.layout is Layout.ROWS:
        yield ',"rows":['
        yield from _with_commas(_json_rows(series, request))
    else:
        yield ',"values":['
        yield from _with_commas(templates.values(part, TEMPLATE) for part in series.parts)
    yield "]"


def _with_commas(texts: Iterable[str]) -> Iterator[str]:
    between = ""
    for text in texts:
        yield between
        yield text
        between = ","


def _json_rows(series: Series, request: SeriesRequest) -> Iterator[str]:
    return lines.objects(
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
    """Return the properties before the values, which most series of a portfolio have in common."""
    members = {
        "direction": direction,
        "unit": "kWh",
        "timeZone": str(periods.OSLO),
        "from": periods.local_text(period.start),
        "to": periods.local_text(period.end),
        "resolution": resolution,
        "permitted": [{"from": first, "to": end} for first, end in (days.shown for days in permitted)],
        "availableUntil": periods.local_text(available_until) if available_until else None,
    }
    return orjson.dumps(members).decode()[1:-1]


def _file(page: Page, request: SeriesRequest) -> bytes:
    if request.format.kind is Kind.XLSX:
        return b"".join(_workbook(page, request))
    return _encoded(_pieces(page, request))


def _encoded(pieces: Iterable[str]) -> bytes:
    """Encode piece by piece into one buffer, so that memory never holds the whole body as text too."""
    buffer = io.BytesIO()
    buffer.writelines(piece.encode() for piece in pieces)
    return buffer.getvalue()


def _workbook(page: Page, request: SeriesRequest) -> Iterator[bytes]:
    from shared.files.forms import xlsx  # Few requests need it.

    layout = FileLayout.WIDE if request.layout is Layout.WIDE else FileLayout.ROWS
    about = About(name=request.direction, as_of=request.as_of, resolution=request.resolution)
    form = Form(format=FileFormat.XLSX, layout=layout)
    return xlsx.pieces(page.series, form=form, about=about, counts=Counts())


def _pieces(page: Page, request: SeriesRequest) -> Iterator[str]:
    if request.layout is Layout.WIDE:
        yield from wide.rows_of(page.series, style=request.format.style, counts=Counts())
        return
    if request.format.kind is Kind.CSV:
        yield rows.header(request.resolution, request.format.style)
    for series in page.series:
        yield from _lines_of(series, request)


def _lines_of(series: Series, request: SeriesRequest) -> Iterator[str]:
    metering_point_id = series.scope.metering_point_id
    if request.format.kind is Kind.CSV:
        return rows.of_series(
            series.parts,
            metering_point_id=metering_point_id,
            direction=request.direction,
            style=request.format.style,
        )
    write = lines.days if request.layout is Layout.DAYS else lines.values
    return write(series.parts, metering_point_id=metering_point_id, direction=request.direction)
