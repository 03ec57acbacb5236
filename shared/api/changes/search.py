"""Searches a portfolio of any size for its next changes, in the order of publication.

A portfolio of up to `AT_ONCE` metering points is joined whole, in one statement. A larger one is searched in
parts, one statement each, until the page is full: in a large publication by the next metering points of the
portfolio, in small publications by the metering points that have days in them. So the cost of a page depends
on its size or on what was published, not on the portfolio. If most published days are other callers', this
would take long. So once as many metering points were searched as the portfolio has, the whole portfolio is
joined for the rest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from shared import periods
from shared.publishing.remembered import Ranges
from shared.readable import AT_ONCE, Readable
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import changes, publication_log
from shared.warehouse.queries.changes import ChangeRow, Key
from shared.warehouse.queries.publication_log import PublicationRow, PublishedDays

MOST_NAMED = 100_000
"""The most days whose metering points one statement lists; WAREHOUSE_MAX_ROWS limits its result."""

_PUBLICATIONS_LISTED = 1_000


@dataclass(frozen=True)
class _Stretch:
    """Consecutive publications and their number of days: one of any size, or several small ones."""

    first: int
    last: int
    days: int


def first(
    warehouse: Warehouse,
    *,
    ranges: Ranges,
    readable: Readable,
    after: Key,
    through: int,
    limit: int,
    at_once: int = AT_ONCE,
) -> list[ChangeRow]:
    """Return the first `limit` readable days after a place, up to the publication `through`."""
    published = ranges.of(first=after[0], last=through)
    some = partial(changes.days, published=published)
    if len(readable.permissions) <= at_once:
        return warehouse.fetch(some(readable, after=after, through=through, limit=limit))
    rows: list[ChangeRow] = []
    left = len(readable.permissions)
    for stretch in _stretches(
        _publications(warehouse, first=after[0], last=through), after, through, at_once
    ):
        start = max(after, first_of(stretch.first))
        if left <= 0:
            query = some(readable, after=start, through=through, limit=limit - len(rows))
            return rows + warehouse.fetch(query)
        affected = readable
        if stretch.days <= min(len(readable.permissions) // 2, MOST_NAMED):
            affected = _published(warehouse, readable, stretch, published)
            left -= stretch.days
        for part in _parts(affected, stretch, start=start, sizes=_sizes(limit, at_once)):
            query = some(part, after=start, through=stretch.last, limit=limit - len(rows))
            rows += warehouse.fetch(query)
            left -= len(part.permissions)
            if len(rows) == limit:
                return rows
    return rows


def count(
    warehouse: Warehouse,
    *,
    ranges: Ranges,
    readable: Readable,
    after: Key,
    through: int,
    at_once: int = AT_ONCE,
) -> int:
    """Count the readable days after a place, up to the publication `through`."""
    published = ranges.of(first=after[0], last=through)
    return sum(
        warehouse.fetch(changes.count_days(part, after=after, through=through, published=published))[0]
        for part in readable.parts(size=at_once)
    )


def first_of(sequence: int) -> Key:
    """Return the place before every day of a publication."""
    return sequence, "", "", periods.FIRST_DAY


def _sizes(limit: int, at_once: int) -> Iterator[int]:
    """Yield how many metering points each statement searches: at first as many as should fill a page."""
    yield min(at_once, limit + limit // 4)
    while True:
        yield at_once


def _publications(warehouse: Warehouse, *, first: int, last: int) -> Iterator[PublicationRow]:
    while True:
        rows = warehouse.fetch(publication_log.sizes(first=first, last=last, limit=_PUBLICATIONS_LISTED))
        yield from rows
        if len(rows) < _PUBLICATIONS_LISTED:
            return
        first = rows[-1].sequence + 1


def _stretches(
    publications: Iterable[PublicationRow], after: Key, through: int, at_once: int
) -> Iterator[_Stretch]:
    """Yield the stretches from a place on, without a gap even if publications are missing from the list."""
    first, days = after[0], 0
    for each in publications:
        if each.sequence > first and days + each.days > at_once:
            yield _Stretch(first, each.sequence - 1, days)
            first, days = each.sequence, 0
        days += each.days
        if days > at_once:
            yield _Stretch(first, each.sequence, days)
            first, days = each.sequence + 1, 0
    if first <= through:
        yield _Stretch(first, through, days)


def _published(
    warehouse: Warehouse, readable: Readable, stretch: _Stretch, published: PublishedDays
) -> Readable:
    """Return what may be read of the metering points that have a day in a stretch.

    The list stays complete: no day is added to a stretch, and a day that is superseded meanwhile moves to a
    later publication.
    """
    query = publication_log.metering_points(first=stretch.first, last=stretch.last, published=published)
    return readable.only(frozenset(warehouse.fetch(query)))


def _parts(readable: Readable, stretch: _Stretch, *, start: Key, sizes: Iterator[int]) -> Iterator[Readable]:
    """Yield what may be read in parts, in the order of the stretch's days."""
    if stretch.first != stretch.last:
        if readable.permissions:
            yield readable
        return
    following: str | None = start[1]
    while following is not None:
        part, following = readable.chunk(start=following, size=next(sizes))
        if part.permissions:
            yield part
