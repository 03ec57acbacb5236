"""The wide layout: a row for each interval, a column for each metering point and direction.

Series come one metering point after the other and rows need all of them, so the packed days of a whole file
are held in memory: 6 to 9 bytes a value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from shared.files.forms import delimited, templates
from shared.files.forms.about import Counts
from shared.files.forms.rows import Style
from shared.files.forms.templates import Edge, ValueTemplate
from shared.metering import Direction, MeteringPointId
from shared.series.assembly import Series, Sum, Values

_NULL = "null"


class ColumnKey(NamedTuple):
    """What a column holds."""

    metering_point_id: MeteringPointId
    direction: Direction


class Interval(NamedTuple):
    """The interval of a row; values of several resolutions may start at the same instant."""

    start: datetime
    end: datetime


class Shape(NamedTuple):
    """Consecutive intervals of one length."""

    start: datetime
    end: datetime
    step: timedelta

    def intervals(self) -> list[Interval]:
        """Return the intervals in order of time."""
        count = (self.end - self.start) // self.step
        edges = (self.start + number * self.step for number in range(count + 1))
        return [Interval(*each) for each in pairwise(edges)]


class Stretch(NamedTuple):
    """Consecutive rows.

    Attributes:
        intervals: in order of time.
        quantities: packed, one for each interval, by the number of the column; some columns may have none.
    """

    intervals: Sequence[Interval]
    quantities: Mapping[int, str]


@dataclass
class Grid:
    """All values of a file.

    Attributes:
        columns: in the order of the series.
        blocks: for each stretch of values or sums, the packed quantities by the number of the column.
    """

    columns: list[ColumnKey] = field(default_factory=list)
    blocks: dict[Shape, dict[int, str]] = field(default_factory=dict)

    def stretches(self) -> Iterator[Stretch]:
        """Yield all rows in order of time, usually one market day at a time."""
        for shapes in _overlapping(sorted(self.blocks)):
            if len(shapes) == 1:
                yield Stretch(shapes[0].intervals(), self.blocks[shapes[0]])
            else:
                yield self._merged(shapes)

    def _merged(self, shapes: Sequence[Shape]) -> Stretch:
        """Return the rows of several resolutions, or of parts of a day."""
        rows: dict[Interval, dict[int, str]] = {}
        for shape in shapes:
            intervals = shape.intervals()
            for column, packed in self.blocks[shape].items():
                for interval, quantity in zip(intervals, packed.split(","), strict=True):
                    rows.setdefault(interval, {})[column] = quantity
        ordered = sorted(rows)
        columns = sorted({column for shape in shapes for column in self.blocks[shape]})
        return Stretch(
            ordered,
            {column: ",".join([rows[each].get(column, _NULL) for each in ordered]) for column in columns},
        )


def grid_of(series: Iterable[Series]) -> Grid:
    """Return all values of series by interval and column."""
    grid, numbers = Grid(), dict[ColumnKey, int]()
    known: dict[tuple[object, ...], Shape] = {}
    for each in series:
        key = ColumnKey(each.scope.metering_point_id, each.scope.direction)
        number = numbers.setdefault(key, len(numbers))
        for part in each.parts:
            name, packed = _named(part)
            shape = known.get(name)
            if shape is None:
                shape = known[name] = _shape(part)
            grid.blocks.setdefault(shape, {})[number] = packed
    grid.columns = list(numbers)
    return grid


def headings(columns: Sequence[ColumnKey]) -> list[str]:
    """Return the headings: the metering point, and its direction where a file has both."""
    both = len({each.direction for each in columns}) > 1
    return [f"{point} {direction}" if both else point for point, direction in columns]


def rows_of(series: Iterable[Series], *, style: Style, counts: Counts) -> Iterator[str]:
    """Yield the rows of CSV, with the time columns of a style."""
    grid, template = grid_of(series), _template(style)
    times = [each for each in style.columns if each.field in _PLACES]
    cells = [style.cell(each) for each in [*(each.heading for each in times), *headings(grid.columns)]]
    yield (
        (delimited.BYTE_ORDER_MARK if style.has_mark else "")
        + style.separator.join(cells)
        + (delimited.LINE_END)
    )
    for stretch in grid.stretches():
        counts.rows += len(stretch.intervals)
        yield _text(stretch, columns=len(grid.columns), style=style, template=template)


_PLACES = ("start", "startOffset", "end", "endOffset", "time", "timeOffset")


def _text(stretch: Stretch, *, columns: int, style: Style, template: ValueTemplate) -> str:
    empty = [template.null] * len(stretch.intervals)
    packed = [stretch.quantities.get(number) for number in range(columns)]
    texts = [empty if each is None else templates.quantities(each, template) for each in packed]
    lines = map(style.separator.join, zip(_times(stretch.intervals, style), *texts, strict=True))
    return "".join([f"{line}{delimited.LINE_END}" for line in lines])


def _times(intervals: Sequence[Interval], style: Style) -> Iterator[str]:
    """Yield the time columns of each row."""
    instants = {instant for interval in intervals for instant in interval}
    edges = {instant: templates.edge(instant, style.times) for instant in instants}
    for start, end in intervals:
        yield style.separator.join(_time_cells(edges[start], edges[end], style))


def _time_cells(start: Edge, end: Edge, style: Style) -> Iterator[str]:
    stamped = start if style.stamp == "start" else end
    edges = {"start": start, "end": end, "time": stamped}
    for column in style.columns:
        if column.field in edges:
            yield edges[column.field].text
        elif column.field in _PLACES:
            offset = edges[column.field.removesuffix("Offset")].offset
            yield delimited.as_text(offset) if style.guards_ids else offset


def _overlapping(shapes: Iterable[Shape]) -> Iterator[list[Shape]]:
    """Yield sorted shapes in groups that overlap; most are alone."""
    group: list[Shape] = []
    end = None
    for shape in shapes:
        if end is not None and shape.start >= end:
            yield group
            group = []
        group.append(shape)
        end = max(each.end for each in group)
    if group:
        yield group


def _template(style: Style) -> ValueTemplate:
    return ValueTemplate("", "", "", null="", decimal_mark=style.decimal_mark, is_in_wh=style.is_in_wh)


def _named(part: Values | Sum) -> tuple[tuple[object, ...], str]:
    """Return a key for the shape of a part, and its packed quantities."""
    if isinstance(part, Sum):
        return (part.period,), part.quantity
    return (part.day, part.resolution, part.first, len(part.qualities)), part.quantities


def _shape(part: Values | Sum) -> Shape:
    if isinstance(part, Sum):
        return Shape(part.period.start, part.period.end, part.period.end - part.period.start)
    start, step = part.start, part.resolution.step
    return Shape(start, start + len(part.qualities) * step, step)
