"""The watermark in Table Storage, from which requests learn the latest publication without a statement."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import orjson

from shared import limits, periods, tables

PARTITION = "publication"
ROW = "latest"
DESCRIBED_ROW = "described"
REMEMBERED = 5.0
"""Seconds that a watermark is answered from memory after it was read."""
WHILE_READ = 10.0
"""Further seconds of memory while another request reads the watermark again."""
SETTLED_AFTER = timedelta(seconds=REMEMBERED + WHILE_READ + limits.TABLES.in_all + 4)
"""How long after a publication is announced every instance knows of it: the time that an instance remembers
the watermark, the time to write it, and 4 s by which the clocks of instances may differ."""
LEFT_AFTER = timedelta(days=14)
"""A price area whose data ended this long before a publication is no longer supplied; no data is expected."""


@dataclass(frozen=True)
class Publication:
    """The latest publication.

    Attributes:
        sequence: its number.
        published_at: when it began; it became visible up to some minutes later.
        available_until: the end of the newest market day that was ever published.
        available_until_by_price_area: the same for each price area whose metering points are known.
        announced: the times of announcement by sequence: of this publication, and of earlier ones that some
            instance may not have known of then. Every instance knew of the first of them.
    """

    sequence: int
    published_at: datetime
    available_until: datetime
    available_until_by_price_area: Mapping[str, datetime] = field(default_factory=dict)
    announced: Mapping[int, datetime] = field(default_factory=dict, compare=False)

    @property
    def available_everywhere_until(self) -> datetime:
        """Return the earliest end of the supplied price areas; `available_until` if there are none."""
        ends = self.available_until_by_price_area.values()
        supplied = [end for end in ends if self.published_at - end <= LEFT_AFTER]
        return min(supplied, default=self.available_until)

    def announced_by(self, moment: datetime) -> int:
        """Return the sequence of the latest publication that was announced by a moment, or of the first."""
        by_then = [sequence for sequence, at in self.announced.items() if at <= moment]
        return max(by_then, default=min(self.announced, default=self.sequence))


@dataclass(frozen=True)
class DataState:
    """The state of the data when a request is read.

    Attributes:
        now: the time of the request.
        published_at: the latest publication; None before the first.
        available_until: end of what is published; None before the first publication.
        described_at: when metering points were last described; None before the first time.
        sequence: of the latest publication; 0 before the first.
        settled: of the latest publication that every instance knows of; 0 before the first. The very first
            counts at once, since there was nothing to read before.
        available_before: looks up the end of what was available at a moment before the latest publication.
    """

    now: datetime
    published_at: datetime | None
    available_until: datetime | None
    described_at: datetime | None = None
    sequence: int = 0
    settled: int = 0
    available_before: Callable[[datetime], datetime | None] | None = None

    def available_at(self, moment: datetime) -> datetime | None:
        """Return the end of what was available at a moment; None where nothing was."""
        if self.available_before is None or self.published_at is None or moment >= self.published_at:
            return self.available_until
        return self.available_before(moment)

    @property
    def latest_moment(self) -> datetime:
        """Return the latest moment that may be requested: now, or a publication whose clock was ahead."""
        return max(self.now, self.published_at or self.now)

    @property
    def today(self) -> date:
        """Return the market day of the request."""
        return periods.day_of(self.now)

    @property
    def changed_at(self) -> datetime | None:
        """Return when days or descriptions of metering points last changed."""
        return max((at for at in (self.published_at, self.described_at) if at), default=None)


@dataclass(frozen=True)
class _Kept:
    """What was read, and until when it is answered from memory, in seconds of `monotonic`."""

    publication: Publication | None
    described_at: datetime | None
    until: float


class Tables(Protocol):
    """The part of `shared.tables.Tables` that is used here."""

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        """Return one entity with its `etag`, or None."""
        ...

    def insert(self, table: str, entity: Mapping[str, Any]) -> object:
        """Add an entity or raise AlreadyExists."""
        ...

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> object:
        """Replace the version that was read or raise ChangedMeanwhile."""
        ...


class Publications:
    """Reads and writes the watermark. Safe to use from several threads.

    Every method may raise `tables.TablesUnavailable`.

    Args:
        tables: where the watermark is stored.
        monotonic: seconds; the wall clock could be set back, and old values would stay in memory.
        settled_after: how long after a publication is announced every instance knows of it.
    """

    def __init__(
        self,
        *,
        tables: Tables,
        monotonic: Callable[[], float] = time.monotonic,
        settled_after: timedelta = SETTLED_AFTER,
    ) -> None:
        self._tables = tables
        self._monotonic = monotonic
        self.settled_after = settled_after
        self._reading = threading.Lock()
        self._kept: _Kept | None = None
        self._failures = 0

    def latest(self) -> Publication | None:
        """Return the latest publication, at most 5 s old (15 s during a read); None before the first."""
        return self._current().publication

    def described_at(self) -> datetime | None:
        """Return when a file of metering points was last loaded, as old as `latest`; None if never."""
        return self._current().described_at

    def state(
        self, *, now: datetime, available_before: Callable[[datetime], datetime | None] | None = None
    ) -> DataState:
        """Return the state of the data for a request."""
        latest = self.latest()
        return DataState(
            now=now,
            published_at=latest.published_at if latest else None,
            available_until=latest.available_until if latest else None,
            described_at=self.described_at(),
            sequence=latest.sequence if latest else 0,
            settled=latest.announced_by(now - self.settled_after) if latest else 0,
            available_before=available_before,
        )

    def _current(self) -> _Kept:
        kept, failures, now = self._kept, self._failures, self._monotonic()
        if kept is not None and now < kept.until:
            return kept
        if kept is None or now >= kept.until + WHILE_READ:
            self._reading.acquire()
        elif not self._reading.acquire(blocking=False):
            return kept
        try:
            return self._read(failures=failures)
        finally:
            self._reading.release()

    def _read(self, *, failures: int) -> _Kept:
        """Read the watermark, unless another request has just read it or failed to. Called under the lock.

        Args:
            failures: how many reads had failed when this request began to wait. A request that waited for a
                read that failed does not try again, or each request would wait for all those before it.
        """
        now = self._monotonic()
        if self._kept is not None and now < self._kept.until:
            return self._kept
        if self._failures > failures:
            raise tables.TablesUnavailable("Table Storage did not answer another request a moment ago.")
        try:
            self._kept = _Kept(self.stored(), self.stored_described_at(), until=now + REMEMBERED)
        except tables.TablesUnavailable:
            self._failures += 1
            raise
        return self._kept

    def stored(self) -> Publication | None:
        """Read the watermark from Table Storage."""
        entity = self._tables.get(tables.SERVICE_STATE, partition=PARTITION, row=ROW)
        return None if entity is None else _publication(entity)

    def stored_described_at(self) -> datetime | None:
        """Read from Table Storage when a file of metering points was last loaded."""
        entity = self._tables.get(tables.SERVICE_STATE, partition=PARTITION, row=DESCRIBED_ROW)
        return None if entity is None else tables.stored_moment(entity, "describedAt")

    def write(self, publication: Publication, *, clock: Callable[[], datetime]) -> None:
        """Store the latest publication, unless a later one is stored already; `clock` gives the time now."""

        def after(stored: tables.Entity | None) -> tables.Entity | None:
            before, now = None if stored is None else _publication(stored), clock()
            if before is not None and before.sequence >= publication.sequence:
                return None
            unsettled = {} if before is None else self._unsettled(before, now=now)
            return _entity(replace(publication, announced={**unsettled, publication.sequence: now}))

        self._advance(ROW, after)

    def _unsettled(self, before: Publication, *, now: datetime) -> dict[int, datetime]:
        """Return when the latest settled publication and those since then were announced."""
        settled = before.announced_by(now - self.settled_after)
        since = {each: at for each, at in before.announced.items() if each > settled}
        return {settled: before.announced.get(settled, now), **since}

    def write_described(self, at: datetime) -> None:
        """Store when metering points were last described, unless a later time is stored already."""

        def after(stored: tables.Entity | None) -> tables.Entity | None:
            if stored is not None and tables.stored_moment(stored, "describedAt") >= at:
                return None
            return {"PartitionKey": PARTITION, "RowKey": DESCRIBED_ROW, "describedAt": at.isoformat()}

        self._advance(DESCRIBED_ROW, after)

    @tables.retry_when_changed
    def _advance(self, row: str, after: Callable[[tables.Entity | None], tables.Entity | None]) -> None:
        """Write the entity that `after` returns for the stored one, unless it returns None."""
        stored = self._tables.get(tables.SERVICE_STATE, partition=PARTITION, row=row)
        entity = after(stored)
        if entity is None:
            pass  # It is stored already, perhaps by a try whose answer was lost.
        elif stored is None:
            self._tables.insert(tables.SERVICE_STATE, entity)
        else:
            self._tables.replace(tables.SERVICE_STATE, entity, etag=stored["etag"])
        with self._reading:
            self._kept = None


def _entity(publication: Publication) -> tables.Entity:
    areas = {area: until.isoformat() for area, until in publication.available_until_by_price_area.items()}
    announced = {str(sequence): at.isoformat() for sequence, at in publication.announced.items()}
    return {
        "PartitionKey": PARTITION,
        "RowKey": ROW,
        "sequence": publication.sequence,
        "publishedAt": publication.published_at.isoformat(),
        "availableUntil": publication.available_until.isoformat(),
        "availableUntilByPriceArea": orjson.dumps(areas).decode(),
        "announced": orjson.dumps(announced).decode(),
    }


def _publication(entity: tables.Entity) -> Publication:
    areas = tables.stored_object(entity, "availableUntilByPriceArea")
    return Publication(
        sequence=tables.stored_number(entity, "sequence"),
        published_at=tables.stored_moment(entity, "publishedAt"),
        available_until=tables.stored_moment(entity, "availableUntil"),
        available_until_by_price_area={area: tables.stored_moment(areas, area) for area in areas},
        announced=_announced(entity),
    )


def _announced(entity: tables.Entity) -> dict[int, datetime]:
    announced = tables.stored_object(entity, "announced")
    if not all(each.isdecimal() for each in announced):
        raise tables.UnreadableValue("The stored 'announced' is not by sequence.")
    return {int(each): tables.stored_moment(announced, each) for each in announced}
