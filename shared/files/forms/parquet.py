"""The form `parquet`: typed columns with zstd, for DuckDB, pandas, Power BI and Fabric."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from shared import periods
from shared.files.forms.about import About, Counts
from shared.files.forms.form import Form
from shared.metering import Direction, Quality, Resolution
from shared.series.assembly import Series, Sum, Values

_GROUP = 250_000
"""Values of a row group: a reader of one metering point skips other groups by their statistics."""
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
_WHOLE = pa.decimal128(19, 0)
_READ = csv.ReadOptions(use_threads=False, column_names=["Wh"], block_size=1 << 22)
_PARSE = csv.ParseOptions(quote_char=False)
_CONVERT = csv.ConvertOptions(column_types={"Wh": pa.int64()}, null_values=["null"], check_utf8=False)


@dataclass
class _Sink:
    """A file that pyarrow writes to; its bytes are taken piece by piece."""

    written: list[bytes] = field(default_factory=list)
    closed: bool = False

    def write(self, content: Any) -> int:
        """Keep bytes until they are taken."""
        self.written.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def close(self) -> None:
        """Mark the file as closed."""
        self.closed = True

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        content, self.written = b"".join(self.written), []
        return content


@dataclass
class _Group:
    """A row group that is being collected, a list for each column.

    Attributes:
        points, directions, lengths: of each series, or of its part in the group.
        resolutions: pairs of a resolution's number and how many consecutive values have it.
        starts, ends: buffers of milliseconds.
        quantities, letters: packed, as in the warehouse.
        complete, missing: of sums.
    """

    points: list[str] = field(default_factory=list)
    directions: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    resolutions: list[list[int]] = field(default_factory=list)
    starts: list[bytes] = field(default_factory=list)
    ends: list[bytes] = field(default_factory=list)
    quantities: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    values: int = 0

    def begin(self, series: Series) -> None:
        """Begin a series, to which the parts that follow belong."""
        self.points.append(series.scope.metering_point_id)
        self.directions.append(_DIRECTIONS.index(series.scope.direction))
        self.lengths.append(0)

    def add(self, part: Values | Sum) -> None:
        """Add a part of the series."""
        if isinstance(part, Sum):
            letters, quantities = part.quality, part.quantity
            edges = [int(each.timestamp()) * 1000 for each in (part.period.start, part.period.end)]
            starts, ends = (array("q", [each]).tobytes() for each in edges)
            self.complete.append(part.complete)
            self.missing.append(part.missing)
        else:
            _, _, _, quantities, letters, _ = part
            starts, ends = _stamps(part.day, part.resolution, part.first, len(letters))
        count = len(letters)
        resolution = _RESOLUTIONS.index(part.resolution)
        if self.resolutions and self.resolutions[-1][0] == resolution:
            self.resolutions[-1][1] += count
        else:
            self.resolutions.append([resolution, count])
        self.starts.append(starts)
        self.ends.append(ends)
        self.quantities.append(quantities)
        self.letters.append(letters)
        self.lengths[-1] += count
        self.values += count


def pieces(series: Iterable[Series], *, form: Form, about: About, counts: Counts) -> Iterator[bytes]:
    """Yield the file in pieces, one for each row group."""
    schema = pa.schema(_COLUMNS + (_OF_SUMS if about.is_sum else []))
    sink = _Sink()
    with pq.ParquetWriter(
        pa.PythonFile(sink, mode="w"),
        schema,
        compression="zstd",
        store_schema=False,
        write_statistics=["meteringPointId", "start"],  # Readers filter by these; others only cost time.
    ) as writer:
        for group in _groups(series):
            counts.rows += group.values
            writer.write_table(_table(group, schema), row_group_size=group.values)
            yield sink.taken()
    yield sink.taken()


def _groups(series: Iterable[Series]) -> Iterator[_Group]:
    group = _Group()
    for each in series:
        group.begin(each)
        for part in each.parts:
            if group.values >= _GROUP:
                yield group
                group = _Group()
                group.begin(each)
            group.add(part)
    if group.values:
        yield group


@lru_cache(maxsize=_SHAPES_KEPT)
def _stamps(day: date, resolution: Resolution, first: int, count: int) -> tuple[bytes, bytes]:
    """Return starts and ends of consecutive values in milliseconds since 1970."""
    step = int(resolution.step.total_seconds()) * 1000
    start = int(periods.start_of(day).timestamp()) * 1000 + first * step
    edges = array("q", range(start, start + (count + 1) * step, step))
    return edges[:-1].tobytes(), edges[1:].tobytes()


def _table(group: _Group, schema: Any) -> Any:
    points = zip(range(len(group.points)), group.lengths, strict=True)
    directions = zip(group.directions, group.lengths, strict=True)
    columns = [
        _words(_repeated(points), group.points),
        _words(_repeated(directions), _DIRECTIONS),
        _numbers(_INSTANT, b"".join(group.starts)),
        _numbers(_INSTANT, b"".join(group.ends)),
        _words(_repeated(group.resolutions), _RESOLUTIONS),
        _quantities(group.quantities),
        _words(_numbers(pa.int8(), "".join(group.letters).encode().translate(_NUMBER_OF_LETTER)), _QUALITIES),
    ]
    if len(schema) > len(columns):
        columns += [pa.array(group.complete, pa.bool_()), pa.array(group.missing, pa.int32())]
    return pa.Table.from_arrays(columns, schema=schema)


def _repeated(runs: Iterable[Iterable[int]]) -> Any:
    """Return each number repeated as often as the count beside it says."""
    return _numbers(pa.int32(), b"".join([array("i", [number]).tobytes() * count for number, count in runs]))


def _words(indices: Any, words: Sequence[str]) -> Any:
    dictionary = pa.array([str(each) for each in words], pa.string())
    return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), dictionary)


def _numbers(kind: Any, content: bytes) -> Any:
    return pa.Array.from_buffers(kind, len(content) * 8 // kind.bit_width, [None, pa.py_buffer(content)])


def _quantities(packed: Sequence[str]) -> Any:
    """Return packed quantities as decimals.

    Whole Wh are parsed in one go, and their bytes are then read as decimals with three digits.
    """
    text = "\n".join(packed).replace(".", "").replace(",", "\n").encode()
    column = csv.read_csv(pa.py_buffer(text), _READ, _PARSE, _CONVERT).column(0)
    watt_hours = column.combine_chunks().cast(_WHOLE)
    return pa.Array.from_buffers(_QUANTITY, len(watt_hours), watt_hours.buffers())
