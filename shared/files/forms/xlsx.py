"""The form `xlsx`: a workbook for people, with dates in local time, ids as text, and months in a chart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from tempfile import TemporaryFile
from typing import IO, Any

from shared import periods
from shared.files.forms import energy, sheet_rows, wide
from shared.files.forms.about import About, Counts
from shared.files.forms.form import FileLayout, Form
from shared.files.forms.templates import Edge
from shared.files.forms.wide import ColumnKey, Stretch
from shared.metering import QUALITY_OF_LETTER, Resolution
from shared.series.assembly import Series, Sum, Values

MAX_ROWS = 1_000_000
"""Excel has 1 048 576 rows a sheet."""
MAX_COLUMNS = 16_000
"""Excel has 16 384 columns a sheet."""
_PIECE = 256 * 1024
_VALUES = "xl/worksheets/sheet2.xml"
_SHAPES_KEPT, _EDGES_KEPT = 4_096, 20_000
_OFFSET_LENGTH = len("+01:00")
_EPOCH = date(1899, 12, 30)
_NULL = "null"
_MONTH = "mm.yyyy"
_ROW_HEADINGS = (
    "meteringPointId", "direction", "start", "startOffset", "end", "endOffset", "quantityKWh", "quality",
)  # fmt: skip
_TEXTS = ("meteringPointId", "direction", "startOffset", "endOffset", "quality")
_OF_SUMS = ("complete", "missing")
_WIDE_HEADINGS = ("start", "startOffset", "end", "endOffset")


class TooLargeForXlsx(Exception):
    """A workbook cannot hold the values; the message says why and what to ask for instead."""


def refuse_too_large(*, values: int, series: int, layout: FileLayout) -> None:
    """Refuse what a workbook cannot hold, before any work starts.

    Args:
        values: intervals of all series together.
        series: metering points, each direction by itself.

    Raises:
        TooLargeForXlsx: there are more rows or columns than a sheet can hold.
    """
    rows = values if layout is FileLayout.ROWS else -(-values // max(series, 1))
    if rows > MAX_ROWS:
        raise TooLargeForXlsx(
            f"A sheet holds {MAX_ROWS} rows, and these are {rows}. Ask for fewer days or metering points, "
            "for sums (resolution P1D), or for Parquet or CSV."
        )
    if layout is FileLayout.WIDE and series > MAX_COLUMNS:
        raise TooLargeForXlsx(
            f"A sheet holds {MAX_COLUMNS} columns, and these are {series}. Ask for fewer metering points, "
            "or for the layout rows."
        )


@dataclass
class _Months:
    """Sums in Wh by column and month."""

    of: dict[ColumnKey, dict[date, int]] = field(default_factory=dict)

    def add(self, key: ColumnKey, part: Values | Sum) -> None:
        """Add a part to its month; a year is added to its first month."""
        packed = part.quantity if isinstance(part, Sum) else part.quantities
        sums = self.of.setdefault(key, {})
        month = part.day.replace(day=1)
        sums[month] = sums.get(month, 0) + energy.watt_hours(packed)


def pieces(series: Iterable[Series], *, form: Form, about: About, counts: Counts) -> Iterator[bytes]:
    """Yield the workbook in pieces, once it is written.

    Raises:
        TooLargeForXlsx: there are more rows or columns than a sheet can hold.
    """
    sums = _Months()
    seen = _seen(series, sums)
    # A workbook in memory would take some 50 bytes a cell.
    with TemporaryFile() as file:
        write = _wide if form.layout is FileLayout.WIDE else _rows
        write(file, seen, sums, about=about, counts=counts)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


@dataclass(frozen=True)
class _Book:
    """A workbook that is being written: XlsxWriter's sheets and formats."""

    book: Any
    points: Any
    values: Any
    months: Any
    formats: "_Formats"


@contextmanager
def _book(file: IO[bytes], about: About) -> Iterator[_Book]:
    import xlsxwriter  # Loaded with the first workbook: a cold start should not wait for it.

    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        book.set_properties({"created": about.as_of.replace(tzinfo=None), "title": about.name})
        points, values, months = (
            book.add_worksheet(each) for each in ("Metering points", "Values", "Months")
        )
        formats = _Formats(
            bold=book.add_format({"bold": True}),
            time=book.add_format({"num_format": "dd.mm.yyyy hh:mm"}),
            month=book.add_format({"num_format": _MONTH}),
            quantity=book.add_format({"num_format": "0.000"}),
        )
        yield _Book(book, points, values, months, formats)


@dataclass(frozen=True)
class _Formats:
    bold: Any
    time: Any
    month: Any
    quantity: Any

    def of(self, column: str) -> Any:
        """Return the format of a column of numbers."""
        if column in ("start", "end"):
            return self.time
        return None if column == "missing" else self.quantity


def _seen(series: Iterable[Series], sums: _Months) -> Iterator[Series]:
    for each in series:
        key = ColumnKey(each.scope.metering_point_id, each.scope.direction)
        sums.of.setdefault(key, {})
        for part in each.parts:
            sums.add(key, part)
        yield each


def _headings(sheet: Any, headings: Iterable[str], formats: _Formats) -> None:
    sheet.freeze_panes(1, 0)
    for column, each in enumerate(headings):
        sheet.write_string(0, column, each, formats.bold)


def _rows(file: IO[bytes], series: Iterable[Series], sums: _Months, *, about: About, counts: Counts) -> None:
    columns = (*_ROW_HEADINGS, *_OF_SUMS) if about.is_sum else _ROW_HEADINGS
    cells = _cells(columns)
    with TemporaryFile() as rows, TemporaryFile() as around:
        for each in series:
            for text in _texts(each, cells, counts):
                rows.write(text.encode())
        _around(around, columns, sums, about)
        sheet_rows.put(rows, around, _VALUES, last=counts.rows + 1, into=file)


def _around(file: IO[bytes], columns: Sequence[str], sums: _Months, about: About) -> None:
    """Write the workbook with a model in place of its rows."""
    with _book(file, about) as book:
        _model(book, columns)
        _points(book, sums)
        _months(book, sums)


@lru_cache
def _cells(columns: tuple[str, ...]) -> Mapping[str, str]:
    """Return the text of each cell of a row, with places for the row's number and the value."""
    file = BytesIO()
    with _book(file, About(name="model", as_of=datetime(2026, 1, 1, tzinfo=UTC))) as book:
        _model(book, columns)
    return sheet_rows.templates(file, _VALUES, columns)


def _model(book: _Book, columns: Sequence[str]) -> None:
    """Write the headings and one row, whose values are replaced."""
    sheet, formats = book.values, book.formats
    sheet.set_column(0, len(columns) - 1, 18)
    _headings(sheet, columns, formats)
    row = sheet_rows.MODEL
    for column, name in enumerate(columns):
        if name in _TEXTS:
            sheet.write_string(row, column, name)
        elif name == "complete":
            sheet.write_boolean(row, column, True)
        else:
            sheet.write_number(row, column, 1, formats.of(name))


def _texts(series: Series, cells: Mapping[str, str], counts: Counts) -> Iterator[str]:
    """Yield the rows of a series, one text for each market day or sum."""
    scope = series.scope
    whole = '<row r="{n}">' + "".join(cells.values()) + "</row>"
    whole = whole.replace("{meteringPointId}", scope.metering_point_id)
    known = whole.replace("{direction}", scope.direction).format
    unknown = whole.replace("{direction}", scope.direction).replace(cells["quantityKWh"], "").format
    for part in series.parts:
        found: list[str] = []
        letters = part.quality if isinstance(part, Sum) else part.qualities
        packed = (part.quantity if isinstance(part, Sum) else part.quantities).split(",")
        for edges, quantity, letter in zip(_edges_of(part), packed, letters, strict=True):
            counts.rows += 1
            fill = unknown if quantity == _NULL else known
            found.append(
                fill(
                    n=_row(counts.rows) + 1,
                    start=edges[0].text,
                    startOffset=edges[0].offset,
                    end=edges[1].text,
                    endOffset=edges[1].offset,
                    quantityKWh=quantity,
                    quality=QUALITY_OF_LETTER[letter],
                    complete=int(part.complete) if isinstance(part, Sum) else 0,
                    missing=part.missing if isinstance(part, Sum) else 0,
                )
            )
        yield "".join(found)


def _edges_of(part: Values | Sum) -> Sequence[tuple[Edge, Edge]]:
    if isinstance(part, Sum):
        return [(_edge(part.period.start), _edge(part.period.end))]
    return _edges(part.day, part.resolution, part.first, len(part.qualities))


@lru_cache(maxsize=_SHAPES_KEPT)
def _edges(day: date, resolution: Resolution, first: int, count: int) -> Sequence[tuple[Edge, Edge]]:
    """Return where consecutive values start and end; cached, since metering points have the same days."""
    start, step = periods.start_of(day), resolution.step
    return list(pairwise(_edge(start + number * step) for number in range(first, first + count + 1)))


@lru_cache(maxsize=_EDGES_KEPT)
def _edge(instant: datetime) -> Edge:
    """Return an instant as Excel counts local time, in days since 1899-12-30, and its offset from UTC."""
    local = instant.astimezone(periods.OSLO)
    seconds = local.hour * 3600 + local.minute * 60
    number = (local.date() - _EPOCH).days + seconds / 86_400
    return Edge(f"{number:.16G}", local.isoformat()[-_OFFSET_LENGTH:])


def _wide(file: IO[bytes], series: Iterable[Series], sums: _Months, *, about: About, counts: Counts) -> None:
    grid = wide.grid_of(series)
    refuse_too_large(values=0, series=len(grid.columns), layout=FileLayout.WIDE)
    headings = wide.headings(grid.columns)
    columns = (*_WIDE_HEADINGS, *headings)
    with TemporaryFile() as rows, TemporaryFile() as around:
        _around(around, columns, sums, about)
        cells = sheet_rows.templates(around, _VALUES, columns)
        times = "".join(cells[each] for each in _WIDE_HEADINGS)
        places = [cells[each].replace(f"{{{each}}}", "{n}").split("{n}") for each in headings]
        for stretch in grid.stretches():
            rows.write(_wide_text(stretch, times, places, counts).encode())
        sheet_rows.put(rows, around, _VALUES, last=counts.rows + 1, into=file)


def _wide_text(stretch: Stretch, times: str, places: Sequence[Sequence[str]], counts: Counts) -> str:
    """Return the rows of a stretch; a place is the text before the row's number, after it and at the end."""
    columns = [(*places[number], packed.split(",")) for number, packed in sorted(stretch.quantities.items())]
    found: list[str] = []
    for position, interval in enumerate(stretch.intervals):
        counts.rows += 1
        n = _row(counts.rows) + 1
        start, end = _edge(interval.start), _edge(interval.end)
        cells = [
            f"{before}{n}{after}{quantities[position]}{close}"
            for before, after, close, quantities in columns
            if quantities[position] != _NULL
        ]
        edges = times.format(
            n=n, start=start.text, startOffset=start.offset, end=end.text, endOffset=end.offset
        )
        found += [f'<row r="{n}">', edges, *cells, "</row>"]
    return "".join(found)


def _row(count: int) -> int:
    if count > MAX_ROWS:
        refuse_too_large(values=count, series=1, layout=FileLayout.ROWS)
    return count


def _points(book: _Book, sums: _Months) -> None:
    sheet, formats = book.points, book.formats
    sheet.set_column(0, 1, 22)
    _headings(sheet, ("meteringPointId", "direction"), formats)
    for row, key in enumerate(sums.of, start=1):
        sheet.write_string(row, 0, key.metering_point_id)
        sheet.write_string(row, 1, key.direction)


def _months(book: _Book, sums: _Months) -> None:
    sheet, formats = book.months, book.formats
    directions = sorted({key.direction for key in sums.of})
    months = sorted({month for of in sums.of.values() for month in of})
    sheet.set_column(0, len(directions), 16)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    _headings(sheet, ["month", *(f"{each} kWh" for each in directions)], formats)
    for row, month in enumerate(months, start=1):
        sheet.write_number(row, 0, (month - _EPOCH).days, formats.month)
        for column, direction in enumerate(directions, start=1):
            total = sum(of.get(month, 0) for key, of in sums.of.items() if key.direction == direction)
            sheet.write_number(row, column, total / 1000, formats.quantity)
    if not months:
        return
    chart = book.book.add_chart({"type": "column"})
    for column in range(1, len(directions) + 1):
        chart.add_series(
            {
                "name": ["Months", 0, column],
                "categories": ["Months", 1, 0, len(months), 0],
                "values": ["Months", 1, column, len(months), column],
            }
        )
    # Without a date axis LibreOffice writes the months as numbers.
    chart.set_x_axis({"date_axis": True, "num_format": _MONTH, "major_unit": 1, "major_unit_type": "months"})
    chart.set_y_axis({"name": "kWh", "num_format": "0"})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 720, "height": 320})
    sheet.insert_chart(1, len(directions) + 2, chart)
