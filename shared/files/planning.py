"""How exports and runs of feeds are divided into parts, each built at once. Pure.

A part has whole metering points in their order, at most `max_values` values of at most
`max_points` metering points. A metering point is never cut: one that is too large is a part of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from shared import metering, tables
from shared.files.exports.store import Wanted
from shared.files.forms.form import FileFormat, FileLayout, Form
from shared.metering import MeteringPointId, Resolution
from shared.periods import Period
from shared.readable import Days, Permission, Readable, clip
from shared.warehouse.queries.series_days import SizeRow

MAX_VALUES = 2_000_000
"""Values of a file: 10 MB of Parquet, 20 of GS2, 35 of NDJSON."""
MAX_VALUES_OF_CSV = 500_000
"""Values of a CSV file, which has some 100 bytes a value: about 50 MB before it is compressed."""
MAX_POINTS = 4_000
"""Metering points of a part: their permitted days fit into a column of a table."""
MAX_SPANS = 4_000
"""Spans of permitted days in a part, over all its metering points: they fit into a column, too."""
MAX_CELLS = 10_000_000
"""Cells of a file with a column for each metering point, the empty ones included."""

_VALUES_A_DAY = {Resolution.PT15M.value: 96, Resolution.PT1H.value: 24}

Spans = Sequence[Days]
"""Spans of market days, in order."""


@dataclass(frozen=True)
class Part:
    """A part of an export or of a feed's run.

    Attributes:
        permitted: its metering points in order, each with the permitted days within its period.
        days: how many market days it holds.
    """

    permitted: Mapping[MeteringPointId, Spans]
    days: int


def parts(
    sizes: Iterable[SizeRow],
    *,
    resolution: Resolution | None,
    permitted: Mapping[MeteringPointId, Spans],
    max_values: int,
    max_points: int = MAX_POINTS,
) -> Iterator[Part]:
    """Yield parts of the metering points that have days; `sizes` are in order of metering point."""
    waiting: dict[MeteringPointId, Spans] = {}
    days = total = spans = 0
    for name, group in groupby(sizes, key=lambda row: row.metering_point_id):
        metering_point_id = MeteringPointId(name)
        rows = list(group)
        more = sum(values(row, resolution) for row in rows)
        more_spans = len(permitted[metering_point_id])
        is_full = total + more > max_values or len(waiting) == max_points or spans + more_spans > MAX_SPANS
        if waiting and is_full:
            yield Part(waiting, days)
            waiting, days, total, spans = {}, 0, 0, 0
        waiting[metering_point_id] = permitted[metering_point_id]
        spans += more_spans
        days += sum(row.days for row in rows)
        total += more
    if waiting:
        yield Part(waiting, days)


def most_values(form: Form) -> int:
    """Return the most values of a file of a form; one metering point alone may have more."""
    return MAX_VALUES_OF_CSV if form.format is FileFormat.CSV else MAX_VALUES


def most_points(form: Form, period: Period, resolution: Resolution | None) -> int:
    """Return the most metering points of a file; a wide file has a row for each interval."""
    if form.layout is not FileLayout.WIDE:
        return MAX_POINTS
    rows_a_day = 1 if metering.is_sum(resolution) else _VALUES_A_DAY[(resolution or Resolution.PT15M).value]
    rows = rows_a_day * max(1, (period.end_day - period.first_day).days)
    return max(1, min(MAX_POINTS, MAX_CELLS // rows))


def select(readable: Readable, wanted: Wanted) -> Readable:
    """Return the readable metering points of an export: the named ones, one customer's, or all."""
    found = readable.only(wanted.metering_point_ids) if wanted.metering_point_ids else readable
    return found if wanted.customer_number is None else of_customer(found, wanted.customer_number)


def of_customer(readable: Readable, customer_number: int) -> Readable:
    """Return the readable metering points of one customer."""
    found = (each for each in readable.permissions if each.customer_number == customer_number)
    return Readable(readable.principal, tuple(found), readable.version)


def values(row: SizeRow, resolution: Resolution | None) -> int:
    """Return how many values these days have at most in a resolution; a day or longer counts as one."""
    if metering.is_sum(resolution):
        return row.days
    stored = _VALUES_A_DAY.get(row.resolution, 24)
    return row.days * (stored if resolution is None else min(stored, _VALUES_A_DAY[resolution.value]))


def within(readable: Readable, period: Period) -> dict[MeteringPointId, Spans]:
    """Return the permitted days of each metering point within the period's market days."""
    first_day, end_day = period.first_day, period.end_day
    found = {
        metering_point_id: tuple(clip(permitted, (first_day, end_day)))
        for metering_point_id, permitted in readable.periods.items()
    }
    return {metering_point_id: days for metering_point_id, days in found.items() if days}


def covers(held: Mapping[MeteringPointId, Spans], wanted: Mapping[MeteringPointId, Spans]) -> bool:
    """Return whether everything wanted is still permitted."""
    return all(
        any(first <= start and end <= last for first, last in held.get(metering_point_id, ()))
        for metering_point_id, days in wanted.items()
        for start, end in days
    )


def narrow(readable: Readable, permitted: Mapping[MeteringPointId, Spans]) -> Readable:
    """Return what a principal may read, narrowed to these days; `covers` must be true of them."""
    permissions = tuple(
        Permission(metering_point_id, 0, "", first, end)
        for metering_point_id, days in permitted.items()
        for first, end in days
    )
    return Readable(readable.principal, permissions, readable.version)


def pack(permitted: Mapping[MeteringPointId, Spans]) -> bytes:
    """Return permitted days in few bytes: most metering points have the same days."""
    spans: dict[Spans, int] = {}
    points = [
        [metering_point_id, spans.setdefault(tuple(days), len(spans))]
        for metering_point_id, days in permitted.items()
    ]
    dates = [[[first.isoformat(), end.isoformat()] for first, end in days] for days in spans]
    return tables.pack_json([dates, points])


@tables.as_written("list of permitted days")
def unpack(content: bytes) -> dict[MeteringPointId, Spans]:
    """Return the permitted days that `pack` wrote."""
    dates, points = tables.unpack_json(content)
    spans = [
        tuple((date.fromisoformat(first), date.fromisoformat(end)) for first, end in days) for days in dates
    ]
    return {MeteringPointId(point): spans[number] for point, number in points}
