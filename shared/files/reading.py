"""Series for files: read page by page with the queries of the API, however many metering points there are.

A page is a bounded number of market days, and a series is yielded when all its days are there, so memory
grows with the days of one metering point and not with the file.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from shared import metering, periods
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import ONE_DAY, Period
from shared.readable import Readable
from shared.series import assembly, sums
from shared.series.assembly import Scope, Series
from shared.warehouse.engine import Query, Warehouse
from shared.warehouse.queries import latest_days, published, series_days
from shared.warehouse.queries.published import PublicationSpan
from shared.warehouse.queries.series_days import DayRow, SizeRow, WantedDays

PAGE = 5_000
"""Market days that one statement returns: some 4 MB of hours, 12 MB of quarters."""
_AT_ONCE = 2_000
"""Metering points in one statement."""


@dataclass(frozen=True)
class Question:
    """What a file holds, the same for each of its metering points.

    Attributes:
        period: the instants, half-open; a value belongs to the period in which it starts.
        resolution: None means as stored.
        as_of: the moment whose data is shown.
        publications: only days that these published; None means all days of the period.
    """

    directions: tuple[Direction, ...]
    period: Period
    resolution: Resolution | None
    as_of: datetime
    publications: PublicationSpan | None = None

    @property
    def wanted(self) -> WantedDays:
        """The market days that have a value in the period, by the resolution that they are stored in."""
        return assembly.wanted_days(self.period, self.resolution)


def series(
    warehouse: Warehouse, *, readable: Readable, question: Question, page: int = PAGE
) -> Iterator[Series]:
    """Yield the series of the readable metering points that have a value, by metering point and direction.

    Raises whatever the warehouse raises.
    """
    return heapq.merge(
        *(
            _of_direction(warehouse, readable=readable, question=question, direction=each, page=page)
            for each in question.directions
        ),
        key=lambda found: (found.scope.metering_point_id, found.scope.direction),
    )


def _of_direction(
    warehouse: Warehouse, *, readable: Readable, question: Question, direction: Direction, page: int
) -> Iterator[Series]:
    if question.wanted.is_empty:
        return
    for part in readable.parts(size=_AT_ONCE):
        ends = _ends(warehouse, part, question, direction=direction)
        rows = _rows(warehouse, readable=part, question=question, direction=direction, page=page)
        for metering_point_id, days in groupby(rows, key=lambda row: row.metering_point_id):
            found = sums.assemble(
                list(days),
                Scope(
                    metering_point_id=MeteringPointId(metering_point_id),
                    direction=direction,
                    period=question.period,
                    resolution=question.resolution,
                    permitted=part.periods[MeteringPointId(metering_point_id)],
                    available_until=ends.get(metering_point_id),
                ),
            )
            if found.parts:
                yield found


def _ends(
    warehouse: Warehouse, readable: Readable, question: Question, *, direction: Direction
) -> Mapping[str, datetime]:
    """Return where summed series end: sums go no further, as in the API's responses."""
    if not metering.is_sum(question.resolution):
        return {}
    rows = warehouse.fetch(
        latest_days.in_direction(
            readable, direction=direction, since=question.period.first_day, as_of=question.as_of
        )
    )
    return {row.metering_point_id: periods.start_of(row.last_day + ONE_DAY) for row in rows}


def _rows(
    warehouse: Warehouse, *, readable: Readable, question: Question, direction: Direction, page: int
) -> Iterator[DayRow]:
    """Yield the stored days in order of metering point and day."""
    after: tuple[str, date] | None = None
    while True:
        found = sorted(
            warehouse.fetch(_days(readable, question, direction=direction, after=after, limit=page))
        )
        yield from assembly.sound(found)
        if len(found) < page:
            break
        after = (found[-1].metering_point_id, found[-1].delivery_date + ONE_DAY)


def sizes(warehouse: Warehouse, readable: Readable, question: Question) -> Iterator[SizeRow]:
    """Yield how many days each metering point has in each direction, in order of metering point."""
    wanted = question.wanted
    if wanted.is_empty:
        return
    for part in readable.parts():
        found: Iterable[list[SizeRow]] = [
            warehouse.fetch(_sizes(part, question, direction=each)) for each in question.directions
        ]
        yield from heapq.merge(*found, key=lambda row: row.metering_point_id)


def _days(
    readable: Readable,
    question: Question,
    *,
    direction: Direction,
    after: tuple[str, date] | None,
    limit: int,
) -> Query[DayRow]:
    wanted, as_of = question.wanted, question.as_of
    if question.publications is None:
        return series_days.days(
            readable, direction=direction, wanted=wanted, as_of=as_of, after=after, limit=limit
        )
    return published.days(
        readable,
        direction=direction,
        publications=question.publications,
        wanted=wanted,
        as_of=as_of,
        after=after,
        limit=limit,
    )


def _sizes(readable: Readable, question: Question, *, direction: Direction) -> Query[SizeRow]:
    wanted, as_of = question.wanted, question.as_of
    if question.publications is None:
        return series_days.sizes(readable, direction=direction, wanted=wanted, as_of=as_of)
    return published.sizes(
        readable, direction=direction, publications=question.publications, wanted=wanted, as_of=as_of
    )
