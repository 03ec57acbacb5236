"""Rows of CSV: one value each, in the API's two dialects or in the columns of a profile.

Every row has its metering point and direction, so that rows of many files can be put into one table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from shared import metering, periods
from shared.files.forms import delimited, templates
from shared.files.forms.delimited import Dialect
from shared.files.forms.templates import Times, ValueTemplate
from shared.metering import Direction, Resolution
from shared.series.assembly import Sum, Values

_POINT = "\0"
"""A placeholder for the metering point; it never occurs in a file."""
_TAIL = "\1"
"""A placeholder for what the rows of a published day end with."""
_TIMES = {Times.ISO: ("start", "end"), Times.LOCAL: ("start", "startOffset", "end", "endOffset")}
_OF_SUMS = ("complete", "missing")
_OF_PUBLICATION = ("sequence", "publishedAt")


@dataclass(frozen=True)
class Column:
    """What a column shows, in the words of a profile, and its heading."""

    field: str
    heading: str


@dataclass(frozen=True)
class Style:
    """How rows are written.

    Attributes:
        guards_ids: ids and offsets are written so that a spreadsheet keeps them as text.
        stamp: whether the field `time` is the `start` or the `end` of the interval.
    """

    columns: tuple[Column, ...]
    separator: str = ","
    decimal_mark: str = "."
    times: Times = Times.ISO
    stamp: str = "start"
    is_in_wh: bool = False
    guards_ids: bool = False
    has_mark: bool = False

    def cell(self, text: str) -> str:
        """Return a text as a cell."""
        return delimited.cell(text, Dialect.NORWEGIAN if self.guards_ids else Dialect.STANDARD)


@lru_cache
def style_of(dialect: Dialect, times: Times) -> Style:
    """Return how the API writes CSV."""
    fields = ("meteringPointId", "direction", *_TIMES[times], "quantity", "quality")
    is_norwegian = dialect is Dialect.NORWEGIAN
    return Style(
        columns=tuple(Column(each, "quantityKWh" if each == "quantity" else each) for each in fields),
        separator=delimited.separator(dialect),
        decimal_mark="," if is_norwegian else ".",
        times=times,
        guards_ids=is_norwegian,
        has_mark=is_norwegian,
    )


def header(resolution: Resolution | None, style: Style) -> str:
    """Return the header row of series; sums have two more columns."""
    return _header(style, _OF_SUMS if metering.is_sum(resolution) else ())


def header_of_changes(style: Style) -> str:
    """Return the header row of changes."""
    return _header(style, _OF_PUBLICATION)


def of_change(part: Values, *, metering_point_id: str, direction: str, sequence: int, style: Style) -> str:
    """Return the rows of a published market day."""
    tail = f"{sequence}{style.separator}{periods.utc_text(part.published_at)}"
    text = templates.values(part, _template(style, direction, more=style.separator + _TAIL))
    return text.replace(_POINT, style.cell(metering_point_id)).replace(_TAIL, tail)


def of_series(
    parts: Iterable[Values | Sum], *, metering_point_id: str, direction: str, style: Style
) -> Iterator[str]:
    """Yield the rows of a series, one text for each market day or sum."""
    template, point = _template(style, direction), style.cell(metering_point_id)
    for part in parts:
        yield templates.values(part, template).replace(_POINT, point)


def _header(style: Style, more: tuple[str, ...]) -> str:
    cells = [style.cell(each.heading) for each in style.columns]
    mark = delimited.BYTE_ORDER_MARK if style.has_mark else ""
    return mark + style.separator.join((*cells, *more)) + delimited.LINE_END


@lru_cache
def _template(style: Style, direction: Direction | str, more: str = "") -> ValueTemplate:
    places = {
        "meteringPointId": _POINT,
        "direction": str(direction),
        "start": "{start}",
        "startOffset": _offset("{start_offset}", style),
        "end": "{end}",
        "endOffset": _offset("{end_offset}", style),
        "time": f"{{{style.stamp}}}",
        "timeOffset": _offset(f"{{{style.stamp}_offset}}", style),
        "resolution": "{resolution}",
        "quantity": "%s",
        "unit": "Wh" if style.is_in_wh else "kWh",
        "quality": "{quality}",
    }
    value = style.separator.join(places[each.field] for each in style.columns)
    return ValueTemplate(
        value=value + more + delimited.LINE_END,
        sum=style.separator.join((value, "{complete}", "{missing}")) + delimited.LINE_END,
        between="",
        null="",
        decimal_mark=style.decimal_mark,
        is_in_wh=style.is_in_wh,
        times=style.times,
    )


def _offset(place: str, style: Style) -> str:
    """Return the place of an offset: Excel would read a bare +01:00 as one o'clock."""
    return delimited.as_text(place) if style.guards_ids else place
