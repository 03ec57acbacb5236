"""The form `parquet`: typed columns with zstd, for DuckDB, pandas, Power BI and Fabric."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shared import periods
from shared.files.forms.about import About, Counts
from shared.files.forms.form import Form
from shared.metering import Direction, Quality, Resolution
from shared.series.assembly import Run, Series, Sum

_GROUP = 250_000
"""Values of a row group: a reader that wants one metering point skips the others by their statistics."""
_INSTANT = pa.timestamp("ms", tz="UTC")
_QUANTITY = pa.decimal128(18, 3)
_WORDS = pa.dictionary(pa.int32(), pa.string())
_COLUMNS = [
    ("meteringPointId", _WORDS),
    ("direction", _WORDS),
    ("start", _INSTANT),
    ("end", _INSTANT),
    ("resolution", _WORDS),
    ("quantityKWh", _QUANTITY),
    ("quality", _WORDS),
]
_OF_SUMS = [("complete", pa.bool_()), ("missing", pa.int32())]
_DIRECTIONS, _RESOLUTIONS, _QUALITIES = list(Direction), list(Resolution), list(Quality)
_NUMBER_OF_LETTER = bytes.maketrans(
    "".join(each.letter for each in _QUALITIES).encode(), bytes(range(len(_QUALITIES)))
)
_SHAPES_KEPT = 4_096


@dataclass
class _Sink:
    """A file that pyarrow writes to, and whose bytes are taken away piece by piece."""

    written: list[bytes] = field(default_factory=list)
    closed: bool = False

    def write(self, content: Any) -> int:
        """Keep bytes until they are taken."""
        self.written.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def close(self) -> None:
        """Take note that nothing follows."""
        self.closed = True

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        content, self.written = b"".join(self.written), []
        return content


@dataclass
class _Group:
    """A row group that is being collected: buffers of numbers, and quantities as packed text."""

    points: list[str] = field(default_factory=list)
    numbers: dict[str, list[bytes]] = field(default_factory=dict)
    quantities: list[str] = field(default_factory=list)
    values: int = 0

    def add(self, column: str, numbers: bytes) -> None:
        """Append numbers to a column."""
        self.numbers.setdefault(column, []).append(numbers)


def pieces(series: Iterable[Series], *, form: Form, about: About, counts: Counts) -> Iterator[bytes]:
    """Yield the file in pieces, one for each row group."""
    is_sum = about.resolution is not None and not about.resolution.is_stored
    schema = pa.schema(_COLUMNS + (_OF_SUMS if is_sum else []))
    sink = _Sink()
    with pq.ParquetWriter(
        pa.PythonFile(sink, mode="w"), schema, compression="zstd", store_schema=False
    ) as writer:
        for group in _groups(series):
            counts.rows += group.values
            writer.write_table(_table(group, schema), row_group_size=group.values)
            yield sink.taken()
    yield sink.taken()


def _groups(series: Iterable[Series]) -> Iterator[_Group]:
    group = _Group()
    for each in series:
        scope = each.scope
        group.points.append(scope.metering_point_id)
        for part in each.parts:
            if group.values >= _GROUP:
                yield group
                group = _Group(points=[scope.metering_point_id])
            _add(group, part, _DIRECTIONS.index(scope.direction))
    if group.values:
        yield group


def _add(group: _Group, part: Run | Sum, direction: int) -> None:
    letters = part.quality if isinstance(part, Sum) else part.qualities
    count = len(letters)
    if isinstance(part, Sum):
        edges = [int(each.timestamp()) * 1000 for each in (part.period.start, part.period.end)]
        starts, ends = (array("q", [each]).tobytes() for each in edges)
        group.add("complete", bytes([part.complete]))
        group.add("missing", array("i", [part.missing]).tobytes())
    else:
        starts, ends = _stamps(part.day, part.resolution, part.first, count)
    group.add("start", starts)
    group.add("end", ends)
    group.add("meteringPointId", array("i", [len(group.points) - 1]).tobytes() * count)
    group.add("direction", bytes([direction]) * count)
    group.add("resolution", bytes([_RESOLUTIONS.index(part.resolution)]) * count)
    group.add("quality", letters.encode().translate(_NUMBER_OF_LETTER))
    group.quantities.append(part.quantity if isinstance(part, Sum) else part.quantities)
    group.values += count


@lru_cache(maxsize=_SHAPES_KEPT)
def _stamps(day: date, resolution: Resolution, first: int, count: int) -> tuple[bytes, bytes]:
    """Return starts and ends of a run in milliseconds since 1970."""
    step = int(resolution.step.total_seconds()) * 1000
    start = int(periods.start_of(day).timestamp()) * 1000 + first * step
    edges = array("q", range(start, start + (count + 1) * step, step))
    return edges[:-1].tobytes(), edges[1:].tobytes()


def _table(group: _Group, schema: Any) -> Any:
    return pa.Table.from_arrays([_column(each, group) for each in schema], schema=schema)


def _column(column: Any, group: _Group) -> Any:
    if column.name == "quantityKWh":
        return _quantities(group.quantities)
    buffer = pa.py_buffer(b"".join(group.numbers[column.name]))
    words: dict[str, Sequence[str]] = {
        "meteringPointId": group.points,
        "direction": _DIRECTIONS,
        "resolution": _RESOLUTIONS,
        "quality": _QUALITIES,
    }
    if column.name == "complete":
        return _numbers(pa.uint8(), buffer, group).cast(pa.bool_())
    if column.name not in words:
        return _numbers(column.type, buffer, group)
    kind = pa.int32() if column.name == "meteringPointId" else pa.int8()
    indices = _numbers(kind, buffer, group).cast(pa.int32())
    dictionary = pa.array([str(each) for each in words[column.name]], pa.string())
    return pa.DictionaryArray.from_arrays(indices, dictionary)


def _numbers(kind: Any, buffer: Any, group: _Group) -> Any:
    return pa.Array.from_buffers(kind, group.values, [None, buffer])


def _quantities(packed: Sequence[str]) -> Any:
    """Return packed quantities as decimals, parsed in one go."""
    texts = pc.list_flatten(pc.split_pattern(pa.array([",".join(packed)]), ","))
    known = pc.if_else(pc.equal(texts, "null"), pa.scalar(None, pa.string()), texts)
    return known.cast(_QUANTITY)
