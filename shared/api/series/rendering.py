"""Pages of series as the content of an answer, in the format asked for."""

from collections.abc import Iterator, Sequence

from shared.api.contents import NOTHING_LEFT_OUT, LeftOut, Rendered
from shared.api.formats import Kind
from shared.api.series import as_json, as_lines, templates
from shared.api.series.assembly import Series
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest

LISTED, LISTED_BESIDE_NAMES = 40, 20
"""Metering points that a header lists: fewer where `Link` repeats those that are named."""


def one(page: Page, request: SeriesRequest) -> Rendered:
    """The answer for one metering point."""
    if request.format.kind is Kind.JSON:
        return _content(as_json.one(page, request), page, request)
    return _content(_lines(page, request), page, request)


def many(page: Page, request: SeriesRequest, *, not_found: Sequence[str]) -> Rendered:
    """The answer for many metering points; `not_found` are those named that cannot be read."""
    if request.format.kind is Kind.JSON:
        return _content(as_json.many(page, request, not_found=not_found), page, request)
    return _content(_lines(page, request), page, request, not_found=not_found)


def _content(body: bytes, page: Page, request: SeriesRequest, *, not_found: Sequence[str] = ()) -> Rendered:
    return Rendered(
        body,
        kind=request.format.kind,
        rows=sum(_rows(series, request.layout) for series in page.series),
        next_cursor=page.cursor.sealed(request.seal) if page.cursor else None,
        left_out=_left_out(page, request, not_found=not_found),
    )


def _left_out(page: Page, request: SeriesRequest, *, not_found: Sequence[str]) -> LeftOut:
    """What the headers of the first page say; JSON has a place of its own for it."""
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


def _lines(page: Page, request: SeriesRequest) -> bytes:
    """Encoded piece by piece, so that an answer of megabytes is never there as text as well."""
    return b"".join(piece.encode() for piece in _pieces(page, request))


def _pieces(page: Page, request: SeriesRequest) -> Iterator[str]:
    if request.format.kind is Kind.CSV:
        yield as_lines.csv_header(request.resolution, request.format)
    for series in page.series:
        yield from _lines_of(series, request)


def _lines_of(series: Series, request: SeriesRequest) -> Iterator[str]:
    metering_point_id = series.scope.metering_point_id
    if request.layout is Layout.DAYS:
        return as_lines.days(
            iter(series.parts), metering_point_id=metering_point_id, direction=request.direction
        )
    return as_lines.values(
        iter(series.parts),
        metering_point_id=metering_point_id,
        direction=request.direction,
        written=request.format,
    )
