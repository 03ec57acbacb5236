"""The hour that is repeated in autumn, in files with times in Oslo. Pure.

Lines of both hours say 02:00. If the lines of a series are in order of time that night, forwards or
backwards, the order distinguishes the hours: the second one begins where the times start again. So the lines
of that night are kept until the end of the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shared.deliveries import times
from shared.deliveries.faults import Faults
from shared.deliveries.times import Around

MOST = 500_000
"""The most lines of such nights that are kept, so that memory stays bounded."""

_BEGINS, _ENDS = 120, 180
"""Minutes after midnight, on the clock, between which times are repeated."""
_KIND = "start comes twice in the night when clocks are set back"


class _Series(NamedTuple):
    metering_point_id: str
    direction: str
    day: date


@dataclass(frozen=True)
class _Line:
    """A line of the night: minutes after midnight on the clock, and the row if its time is repeated."""

    minutes: int
    line: int
    row: dict[str, object] | None


@dataclass
class DoubledHour:
    """The rows of one file that are kept until its end."""

    _nights: dict[_Series, list[_Line]] = field(default_factory=dict)
    _count: int = 0

    def without(self, rows: pa.RecordBatch, texts: pa.DictionaryArray, *, faults: Faults) -> pa.RecordBatch:
        """Return the rows whose times are not repeated, and keep the others until the end of the file.

        Args:
            rows: the rows to stage, in the order of the file.
            texts: the text of each row's start.
            faults: where a fault is added if more than MOST rows would have to be kept.
        """
        around = [times.around_doubled(text) for text in texts.dictionary.to_pylist()]
        if not any(around):
            return rows
        is_near = pa.array([each is not None for each in around]).take(texts.indices)
        near = pc.indices_nonzero(is_near)
        places = texts.indices.take(near).to_pylist()
        self._count += len(places)
        if self._count > MOST:
            reason = (
                f"More than {MOST:,} lines are of nights when clocks are set back; "
                "write their times with offsets from UTC."
            )
            faults.add(_KIND, reason, [rows["line"][near[0].as_py()].as_py()])
            return rows
        for place, row in zip(places, rows.take(near).to_pylist(), strict=True):
            self._keep(around[place], row)
        is_doubled = [each is not None and _is_doubled(each.minutes) for each in around]
        return rows.filter(pc.invert(pa.array(is_doubled).take(texts.indices)))

    def rest(self, schema: pa.Schema, *, faults: Faults) -> pa.RecordBatch | None:
        """Return the kept rows with their starts; None if there are none."""
        rows = [row for series, night in self._nights.items() for row in _distinguish(series, night, faults)]
        return pa.RecordBatch.from_pylist(rows, schema=schema) if rows else None

    def _keep(self, around: Around | None, row: dict[str, object]) -> None:
        assert around is not None  # Only rows near the hour are kept.  # noqa: S101
        series = _Series(str(row["metering_point_id"]), str(row["direction"]), around.day)
        kept = row if _is_doubled(around.minutes) else None
        line = int(str(row["line"]))
        self._nights.setdefault(series, []).append(_Line(around.minutes, line, kept))


def _is_doubled(minutes: int) -> bool:
    return _BEGINS <= minutes < _ENDS


def _distinguish(series: _Series, night: Sequence[_Line], faults: Faults) -> list[dict[str, object]]:
    """Return the rows of a night whose times are repeated, each with its start."""
    doubled = [line for line in night if line.row is not None]
    if not doubled:
        return []
    split = _split(night, doubled)
    if split is None:
        _add_fault(series, doubled, faults)
        return []
    place, is_forwards = split
    return [
        {**line.row, "start_utc": _instant(series.day, line, is_later=(number >= place) == is_forwards)}
        for number, line in enumerate(doubled)
        if line.row is not None
    ]


def _split(night: Sequence[_Line], doubled: Sequence[_Line]) -> tuple[int, bool] | None:
    """Return where the second hour begins among the doubled lines, and whether time goes forwards."""
    is_forwards = _direction(night, doubled)
    if is_forwards is None:
        return None
    sign = 1 if is_forwards else -1
    begins_again = [
        place
        for place, (before, after) in enumerate(pairwise(doubled), 1)
        if (after.minutes - before.minutes) * sign <= 0
    ]
    return (begins_again[0], is_forwards) if len(begins_again) == 1 else None


def _direction(night: Sequence[_Line], doubled: Sequence[_Line]) -> bool | None:
    """Return whether the lines go forwards in time; None if that is not clear."""
    first, last = night.index(doubled[0]), len(night) - 1 - night[::-1].index(doubled[-1])
    before, after = night[:first], night[last + 1 :]
    forwards = sum(each.minutes < _BEGINS for each in before) + sum(each.minutes >= _ENDS for each in after)
    backwards = sum(each.minutes >= _ENDS for each in before) + sum(each.minutes < _BEGINS for each in after)
    if not forwards and not backwards:
        steps = [after.minutes - before.minutes for before, after in pairwise(doubled)]
        forwards, backwards = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
        # If both hours are in order, only the step between them goes the other way.
        forwards, backwards = (forwards, 0) if backwards <= 1 < forwards else (forwards, backwards)
        forwards, backwards = (0, backwards) if forwards <= 1 < backwards else (forwards, backwards)
    if bool(forwards) == bool(backwards):
        return None
    return forwards > 0


def _instant(day: date, line: _Line, *, is_later: bool) -> datetime:
    """Return the start in UTC without zone."""
    earlier, later = times.instants(times.on_the_clock(day, line.minutes))
    return times.without_zone(later if is_later else earlier)


def _add_fault(series: _Series, doubled: Sequence[_Line], faults: Faults) -> None:
    for line in doubled:
        local = times.on_the_clock(series.day, line.minutes)
        ways = " or ".join(each.isoformat() for each in times.instants(local))
        reason = (
            f"start '{local:%d.%m.%Y %H:%M}' comes twice that night, and the order of the lines does "
            f"not show which one it is: write {ways}."
        )
        faults.add(_KIND, reason, [line.line])
