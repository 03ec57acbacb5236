"""Pages of series as the content of an answer, in the format asked for."""

from collections.abc import Iterator, Sequence

from shared.api.contents import Content
from shared.api.formats import Kind
from shared.api.series import as_json, as_lines, resolutions, templates
from shared.api.series.assembly import Series
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest


def one(page: Page, asked: SeriesRequest) -> Content:
    """The answer for one metering point.

    Raises:
        InvalidRequest: values finer than those stored are asked for.
    """
    resolutions.refuse(page.stored_coarser)
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
        cursor=page.cursor.sealed(asked.seal) if page.cursor else None,
        is_more=page.cursor is not None,
        not_found=not_found,
        stored_coarser=sorted({each.metering_point_id for each in page.stored_coarser}),
    )


def _rows(series: Series, layout: Layout) -> int:
    return len(series.parts) if layout is Layout.DAYS else templates.count(series)


def _lines(page: Page, asked: SeriesRequest) -> bytes:
    """Encoded piece by piece, so that an answer of megabytes is never there as text as well."""
    return b"".join(piece.encode() for piece in _pieces(page, asked))


def _pieces(page: Page, asked: SeriesRequest) -> Iterator[str]:
    if asked.format.kind is Kind.CSV:
        yield as_lines.csv_header(asked.resolution, asked.format.dialect)
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
