"""Feeds in Table Storage: files that are made after each publication, for one receiver.

All feeds are rows of one partition, by owner and id, so all feeds are one range and the feeds of an owner are
one too. The runs of feeds are in the ledger.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, time
from enum import StrEnum
from functools import partial
from typing import Any

from shared import periods, tables
from shared.files.feeds.receivers import Receiver
from shared.files.forms.about import Gaps
from shared.files.sweeping import ComparedGrants
from shared.metering import Direction, Resolution
from shared.periods import ONE_DAY
from shared.tables import Tables

MAX_FEEDS = 50
EACH_PUBLICATION = "each-publication"

_PARTITION = "feeds"
_BETWEEN = "~"


class Split(StrEnum):
    """How a run is split into files."""

    ONE_FILE = "one-file"
    PER_METERING_POINT = "per-metering-point"
    PER_CUSTOMER = "per-customer"


class Content(StrEnum):
    """What a run contains."""

    NEW_AND_CORRECTED = "new-and-corrected"
    """Each day that was published or corrected since the run before, once."""
    LAST_DAYS = "last-days"
    """The last days whole, for receivers that only overwrite."""


class Corrections(StrEnum):
    """Which files contain corrected days."""

    WITH_NEW = "with-new"
    OWN_FILE = "own-file"


class TooManyFeeds(Exception):
    """The caller has `MAX_FEEDS` feeds."""


class SentForOneCustomer(Exception):
    """The customer of a feed with a server cannot change: the operator checked the server for it."""


class BeingDeleted(Exception):
    """A feed with this id is not completely deleted yet."""

    def __init__(self, feed: "Feed") -> None:
        super().__init__(feed.id)
        self.feed = feed


@dataclass(frozen=True)
class Spec:
    """What a feed sends.

    Attributes:
        customer_number: None means all metering points that its owner may read.
        resolution: None means as stored.
        form: of its files, as JSON of `Form`.
        days: how many market days a run has with `Content.LAST_DAYS`.
        when: `EACH_PUBLICATION`, or the time in Europe/Oslo after which the day's run is made.
    """

    name: str
    customer_number: int | None
    directions: tuple[Direction, ...]
    resolution: Resolution | None
    form: Mapping[str, Any]
    split: Split
    content: Content
    days: int
    corrections: Corrections
    when: str
    gaps: Gaps

    def as_json(self) -> str:
        """Return the spec as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> "Spec":
        """Return the spec that `as_json` wrote."""
        given = json.loads(text)
        return cls(
            **{
                **given,
                "directions": tuple(Direction(each) for each in given["directions"]),
                "resolution": Resolution(given["resolution"]) if given["resolution"] else None,
                "split": Split(given["split"]),
                "content": Content(given["content"]),
                "corrections": Corrections(given["corrections"]),
                "gaps": Gaps(given["gaps"]),
            }
        )


@dataclass(frozen=True)
class Span:
    """The publications of one run, decided once.

    Attributes:
        first: sequence of the first one.
        through: sequence of the last one.
        as_of: when the last one was published; all files show this moment.
        until: the end of the data at that moment.
        planned_at: when it was decided.
    """

    first: int
    through: int
    as_of: datetime
    until: datetime
    planned_at: datetime

    @property
    def name(self) -> str:
        """Return the name of the run, with fixed digits, since spreadsheets read `2-3` as a date."""
        return f"{self.first:06d}-{self.through:06d}"


@dataclass(frozen=True)
class Feed:
    """A feed of a caller.

    Attributes:
        covered: sequence of the last publication that a run has, or that the feed need not send.
        latest: the latest run; None before the first.
        owed: first publication of runs that could not be made; the next run begins there.
        reopenings: counts how often a run was handed out or made again.
        settled: runs up to this sequence need nothing more.
        receiver: None means a list with links.
        is_deleted: whether it is being deleted.
    """

    principal: str
    id: str
    spec: Spec
    created_at: datetime
    covered: int
    latest: Span | None = None
    settled: int = 0
    is_paused: bool = False
    receiver: Receiver | None = None
    owed: int | None = None
    reopenings: int = 0
    is_deleted: bool = False
    etag: str = field(default="", compare=False)

    @property
    def first(self) -> int:
        """The first publication of the next run."""
        return self.covered + 1 if self.owed is None else self.owed

    def receiver_of(self, through: int) -> Receiver | None:
        """Return the server for a run that ends with a publication; None if it is fetched by links."""
        return self.receiver if self.receiver is not None and through > self.receiver.after else None

    def is_due(self, *, through: int, now: datetime) -> bool:
        """Return whether a run of the publications up to `through` is due."""
        if self.is_paused or through <= self.covered:
            return False
        if self.spec.when == EACH_PUBLICATION:
            return True
        since = self.created_at if self.latest is None else self.latest.planned_at
        return since < self._last_due(now)

    def _last_due(self, now: datetime) -> datetime:
        """Return when a run of a feed with a time of day was last due."""
        today, at = periods.day_of(now), time.fromisoformat(self.spec.when)
        due = [datetime.combine(day, at, tzinfo=periods.OSLO) for day in (today, today - ONE_DAY)]
        return next(moment for moment in due if moment <= now)


class Feeds:
    """The feeds of all callers. Every method may raise `tables.TablesUnavailable`."""

    def __init__(self, storage: Tables) -> None:
        self._tables = storage
        self.compared = ComparedGrants(storage, kind="feeds")

    def get(self, principal: str, feed_id: str) -> Feed | None:
        """Return a feed of a caller; None if it does not exist or is another caller's."""
        found = self._stored(principal, feed_id)
        return None if found is None or found.is_deleted else found

    def _stored(self, principal: str, feed_id: str) -> Feed | None:
        entity = self._tables.get(
            tables.FILE_WORK, partition=_PARTITION, row=f"{principal}{_BETWEEN}{feed_id}"
        )
        return None if entity is None else _feed(entity)

    def of(self, principal: str) -> Iterator[Feed]:
        """Yield the feeds of a caller, by id; one that cannot be read is logged and left out."""
        return (feed for feed in self._understood(f"{principal}{_BETWEEN}") if not feed.is_deleted)

    def everything(self) -> Iterator[Feed]:
        """Yield the feeds of all callers, by owner and id; one that cannot be read is logged and left out."""
        return (feed for feed in self._understood("") if not feed.is_deleted)

    def deleted(self) -> Iterator[Feed]:
        """Yield the feeds that are not completely deleted yet."""
        return (feed for feed in self._understood("") if feed.is_deleted)

    def _understood(self, prefix: str) -> Iterator[Feed]:
        return tables.readable(self._range(prefix), _feed, what="feed")

    def _range(self, prefix: str) -> Iterator[tables.Entity]:
        # Rows that begin with `_BETWEEN`, which serialise new feeds, come after all feeds.
        return self._tables.range(
            tables.FILE_WORK, partition=_PARTITION, rows_from=prefix, rows_before=f"{prefix}{_BETWEEN}"
        )

    def put(
        self, principal: str, feed_id: str, spec: Spec, *, sequence: int, now: datetime
    ) -> tuple[Feed, bool]:
        """Create or change a feed; return it, and whether it is new.

        A new feed begins with what is published after `sequence`. A change applies from the next run on.

        Raises:
            TooManyFeeds: the caller has as many as it may.
            SentForOneCustomer: it goes to a server, and its customer would change.
            BeingDeleted: a feed with this id is not completely deleted yet.
        """

        def change(stored: Feed) -> Feed:
            if stored.receiver is not None and stored.spec.customer_number != spec.customer_number:
                raise SentForOneCustomer
            return replace(stored, spec=spec)

        changed = self.change(principal, feed_id, change)
        if changed is not None:
            return changed, False
        made = Feed(principal, feed_id, spec, created_at=now, covered=sequence, settled=sequence)
        try:
            etag = self._tables.insert_in_turn(
                tables.FILE_WORK,
                _entity(made),
                turn=f"{_BETWEEN}{principal}",
                check=partial(self._refuse_too_many, principal),
            )
        except tables.AlreadyExists:
            found = self._stored(principal, feed_id)
            if found is not None and found.is_deleted:
                raise BeingDeleted(found) from None
            # Another request made it at the same moment: the later one changes it.
            changed = self.change(principal, feed_id, change)
            if changed is None:  # It has been deleted completely since.
                return self.put(principal, feed_id, spec, sequence=sequence, now=now)
            return changed, False
        return replace(made, etag=etag), True

    def _refuse_too_many(self, principal: str) -> None:
        if sum(1 for _ in self.of(principal)) >= MAX_FEEDS:
            raise TooManyFeeds

    def write(self, feed: Feed) -> Feed:
        """Write a feed over the version that was read.

        Raises:
            tables.ChangedMeanwhile: it was changed or deleted meanwhile.
        """
        etag = self._tables.replace(tables.FILE_WORK, _entity(feed), etag=feed.etag)
        return replace(feed, etag=etag)

    @tables.retry_when_changed
    def change(self, principal: str, feed_id: str, change: Callable[[Feed], Feed]) -> Feed | None:
        """Change a feed, even if others change it at the same time; return None if it does not exist."""
        stored = self.get(principal, feed_id)
        if stored is None:
            return None
        changed = change(stored)
        return stored if changed == stored else self.write(changed)

    def forget(self, principal: str, feed_id: str) -> None:
        """Delete the row of a deleted feed, once nothing else is left of it."""
        found = self._stored(principal, feed_id)
        if found is not None and found.is_deleted:
            row = f"{principal}{_BETWEEN}{feed_id}"
            self._tables.delete(tables.FILE_WORK, partition=_PARTITION, row=row, etag=found.etag)


def _entity(feed: Feed) -> tables.Entity:
    span = feed.latest
    return {
        "PartitionKey": _PARTITION,
        "RowKey": f"{feed.principal}{_BETWEEN}{feed.id}",
        "spec": feed.spec.as_json(),
        "createdAt": feed.created_at.isoformat(),
        "covered": feed.covered,
        "settled": feed.settled,
        "owed": -1 if feed.owed is None else feed.owed,
        "reopenings": feed.reopenings,
        "isPaused": feed.is_paused,
        "isDeleted": feed.is_deleted,
        "receiver": json.dumps(feed.receiver and asdict(feed.receiver)),
        "latest": json.dumps(
            span
            and {
                "first": span.first,
                "through": span.through,
                "as_of": span.as_of.isoformat(),
                "until": span.until.isoformat(),
                "planned_at": span.planned_at.isoformat(),
            }
        ),
    }


@tables.as_written("feed")
def _feed(entity: tables.Entity) -> Feed:
    principal, _, feed_id = entity["RowKey"].partition(_BETWEEN)
    receiver, span = json.loads(entity["receiver"]), json.loads(entity["latest"])
    owed = tables.stored_number(entity, "owed")
    return Feed(
        principal=principal,
        id=feed_id,
        spec=Spec.of_json(tables.stored_text(entity, "spec")),
        created_at=tables.stored_moment(entity, "createdAt"),
        covered=tables.stored_number(entity, "covered"),
        settled=tables.stored_number(entity, "settled"),
        owed=None if owed < 0 else owed,
        reopenings=tables.stored_number(entity, "reopenings"),
        is_paused=bool(entity["isPaused"]),
        is_deleted=bool(entity["isDeleted"]),
        receiver=Receiver(**receiver) if receiver else None,
        latest=span
        and Span(
            span["first"],
            span["through"],
            *(datetime.fromisoformat(span[name]) for name in ("as_of", "until", "planned_at")),
        ),
        etag=tables.etag_of(entity),
    )
