"""Checks whether staged values are in an order in which none can be repeated. Pure."""

import pyarrow as pa
import pyarrow.compute as pc

from shared.metering import Direction

_DIRECTIONS = len(Direction)


class StrictOrder:
    """Checks the order of a file's rows, batch by batch.

    Most files are in order of series and time, or of time and series. In a strict order no interval is
    repeated, so the warehouse need not compare all staged rows with each other.
    """

    def __init__(self) -> None:
        self._by_series: _Rising | None = _Rising()
        self._by_start: _Rising | None = _Rising()

    @property
    def holds(self) -> bool:
        """Whether all rows so far are in one of the orders."""
        return self._by_series is not None or self._by_start is not None

    def follow(self, rows: pa.RecordBatch) -> None:
        """Look at the next rows, in the order in which they are staged."""
        if not self.holds or not rows.num_rows:
            return
        series, starts = _series(rows), rows["start_utc"].cast(pa.int64())
        if self._by_series is not None and not self._by_series.goes_on(series, starts):
            self._by_series = None
        if self._by_start is not None and not self._by_start.goes_on(starts, series):
            self._by_start = None


class _Rising:
    """Checks that each pair of numbers is greater than the one before."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def goes_on(self, first: pa.Int64Array, second: pa.Int64Array) -> bool:
        """Return whether the next pairs rise, and are greater than those before."""
        begin, end = ((first[place].as_py(), second[place].as_py()) for place in (0, -1))
        follows = self._last is None or self._last < begin
        self._last = end
        return follows and _rise(first, second)


def _rise(first: pa.Int64Array, second: pa.Int64Array) -> bool:
    (before, after), (minor_before, minor_after) = ((each[:-1], each[1:]) for each in (first, second))
    is_later = pc.and_(pc.equal(after, before), pc.greater(minor_after, minor_before))
    return bool(pc.all(pc.or_(pc.greater(after, before), is_later), min_count=0).as_py())


def _series(rows: pa.RecordBatch) -> pa.Int64Array:
    """Return a number for each metering point and direction: ids have 18 digits."""
    ids, directions = rows["metering_point_id"], rows["direction"]
    numbers = ids.dictionary.cast(pa.int64()).take(ids.indices)
    known = pc.index_in(directions.dictionary, pa.array(list(Direction), pa.string()))
    return pc.add(pc.multiply(numbers, _DIRECTIONS), known.cast(pa.int64()).take(directions.indices))
