"""The wide layout: a row for each interval, a column for each metering point and direction.

Series come one metering point after the other and rows need all of them, so the packed days of a whole file
are held in memory: 6 to 9 bytes a value.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from shared.files.forms import delimited, templates
from shared.files.forms.about import Counts
from shared.files.forms.rows import Style
from shared.files.forms.templates import ValueTemplate
from shared.metering import Direction, MeteringPointId
from shared.series.assembly import Run, Series, Sum


class ColumnKey(NamedTuple):
    """What a column holds."""

    metering_point_id: MeteringPointId
    direction: Direction


class Interval(NamedTuple):
    """What a row holds; the same instant may start values of several resolutions."""

    start: datetime
    end: datetime


@dataclass
class Grid:
    """All values of a file.

    Attributes:
        columns: in the order of the series.
        blocks: for each run or sum of intervals, the packed quantities by the number of the column.
    """

    columns: list[ColumnKey] = field(default_factory=list)
    blocks: dict[tuple[Interval, ...], dict[int, str]] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[Interval, dict[int, str]]]:
        """Yield each interval in order of time with its quantities by the number of the column."""
        rows: dict[Interval, dict[int, str]] = {}
        for intervals in sorted(self.blocks):
            # Blocks that overlap are merged; those that lie before this one are complete.
            done = [each for each in rows if each.start < intervals[0].start]
            for interval in sorted(done):
                yield interval, rows.pop(interval)
            for column, packed in self.blocks[intervals].items():
                for interval, quantity in zip(intervals, packed.split(","), strict=True):
                    rows.setdefault(interval, {})[column] = quantity
        for interval in sorted(rows):
            yield interval, rows[interval]


def grid_of(series: Iterable[Series]) -> Grid:
    """Return all values of series by interval and column."""
    grid, numbers = Grid(), dict[ColumnKey, int]()
    known: dict[tuple[object, ...], tuple[Interval, ...]] = {}
    for each in series:
        key = ColumnKey(each.scope.metering_point_id, each.scope.direction)
        number = numbers.setdefault(key, len(numbers))
        for part in each.parts:
            shape, packed = _shape(part)
            intervals = known.get(shape)
            if intervals is None:
                intervals = known[shape] = tuple(intervals_of(part))
            grid.blocks.setdefault(intervals, {})[number] = packed
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
    numbers = range(len(grid.columns))
    for interval, quantities in grid.rows():
        counts.rows += 1
        packed = ",".join(quantities.get(number, "null") for number in numbers)
        yield (
            style.separator.join([*_time_cells(interval, style), *templates.quantities(packed, template)])
            + delimited.LINE_END
        )


_PLACES = ("start", "startOffset", "end", "endOffset", "time", "timeOffset")


def _time_cells(interval: Interval, style: Style) -> Iterator[str]:
    start, end = templates.edge(interval.start, style.times), templates.edge(interval.end, style.times)
    stamped = start if style.stamp == "start" else end
    edges = {"start": start, "end": end, "time": stamped}
    for column in style.columns:
        if column.field in edges:
            yield edges[column.field].text
        elif column.field in _PLACES:
            offset = edges[column.field.removesuffix("Offset")].offset
            yield delimited.as_text(offset) if style.guards_ids else offset


def _template(style: Style) -> ValueTemplate:
    return ValueTemplate("", "", "", null="", decimal_mark=style.decimal_mark, is_in_wh=style.is_in_wh)


def _shape(part: Run | Sum) -> tuple[tuple[object, ...], str]:
    if isinstance(part, Sum):
        return (part.period,), part.quantity
    return (part.day, part.resolution, part.first, len(part.qualities)), part.quantities


def intervals_of(part: Run | Sum) -> Iterator[Interval]:
    """Yield the intervals of a part in order of time."""
    if isinstance(part, Sum):
        yield Interval(part.period.start, part.period.end)
        return
    start, step = part.start, part.resolution.step
    for position in range(len(part.qualities)):
        yield Interval(start + position * step, start + (position + 1) * step)
