"""Pages of series as the content of an answer, in the format asked for."""

from collections.abc import Iterator, Sequence

from shared.api.contents import NOTHING_LEFT_OUT, Content, LeftOut
from shared.api.formats import Kind
from shared.api.series import as_json, as_lines, templates
from shared.api.series.assembly import Series
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest

LISTED, LISTED_BESIDE_NAMES = 40, 20
"""Metering points that a header lists: fewer where `Link` repeats those that are named."""


def one(page: Page, asked: SeriesRequest) -> Content:
    """The answer for one metering point."""
    if asked.format.kind is Kind.JSON:
        return _content(as_json.one(page, asked), page, asked)
    return _content(_lines(page, asked), page, asked)


def many(page: Page, asked: SeriesRequest, *, not_found: Sequence[str]) -> Content:
    """The answer for many metering points; `not_found` are those named that cannot be read."""
    if asked.format.kind is Kind.JSON:
        return _content(as_json.many(page, asked, not_found=not_found), page, asked)
    return _content(_lines(page, asked), page, asked, not_found=not_found)


def _content(body: bytes, page: Page, asked: SeriesRequest, *, not_found: Sequence[str] = ()) -> Content:
    return Content(
        body,
        kind=asked.format.kind,
        rows=sum(_rows(series, asked.layout) for series in page.series),
        next_cursor=page.cursor.sealed(asked.seal) if page.cursor else None,
        left_out=_left_out(page, asked, not_found=not_found),
    )


def _left_out(page: Page, asked: SeriesRequest, *, not_found: Sequence[str]) -> LeftOut:
    """What the headers of the first page say; JSON has a place of its own for it."""
    if asked.format.kind is Kind.JSON or not page.is_first:
        return NOTHING_LEFT_OUT
    return LeftOut(
        not_found=not_found,
        stored_coarser=[row.metering_point_id for row in page.stored_coarser.rows],
        stored_coarser_count=page.stored_coarser.count,
        listed=LISTED_BESIDE_NAMES if asked.named else LISTED,
    )


def _rows(series: Series, layout: Layout) -> int:
    return len(series.parts) if layout is Layout.DAYS else templates.count(series)


def _lines(page: Page, asked: SeriesRequest) -> bytes:
    """Encoded piece by piece, so that an answer of megabytes is never there as text as well."""
    return b"".join(piece.encode() for piece in _pieces(page, asked))


def _pieces(page: Page, asked: SeriesRequest) -> Iterator[str]:
    if asked.format.kind is Kind.CSV:
        yield as_lines.csv_header(asked.resolution, asked.format)
    for series in page.series:
        yield from _lines_of(series, asked)


def _lines_of(series: Series, asked: SeriesRequest) -> Iterator[str]:
    metering_point_id = series.scope.metering_point_id
    if asked.layout is Layout.DAYS:
        return as_lines.days(
            iter(series.parts), metering_point_id=metering_point_id, direction=asked.direction
        )
    return as_lines.values(
        iter(series.parts),
        metering_point_id=metering_point_id,
        direction=asked.direction,
        written=asked.format,
    )
