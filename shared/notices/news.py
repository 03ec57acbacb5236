"""News: begins the notices of events, one for each webhook that subscribes to the event.

Publishing and the access sync only store a sequence or a time. It is compared with what was handled last,
right after a run and by a timer. If a process dies in between, notices are only delayed: their ids are
derived from the events, so a notice that is begun twice is stored once.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from shared import periods, readable
from shared.access import grants
from shared.access.grants import Grants, NoGrants
from shared.notices import webhooks
from shared.notices.attempts import Attempts
from shared.notices.sealed_secrets import SealedByAnotherKey, SecretBox
from shared.notices.store import Store
from shared.notices.webhooks import KEPT, Event, Webhook
from shared.publishing.watermark import Publications
from shared.readable import Readable
from shared.telemetry import recording
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import publication_log
from shared.warehouse.queries.publication_log import PublishedDayRow

log = logging.getLogger("metering.notices")

PUBLISHED, ACCESS, SWEPT = "published", "access", "swept"
"""The rows of `ServiceState` that say what was handled."""

LOST_AFTER = timedelta(hours=6)
"""The message of an attempt this late is lost: it failed five times, and is in the poison queue."""

WAITS_TIMES = 1.25
"""Notices of a publication wait this many times as long as it takes to settle: clocks differ, and a message
may come two seconds early."""

DAYS_AT_ONCE = 100_000
"""Market days in one statement; WAREHOUSE_MAX_ROWS bounds every statement."""

_AT_ONCE = 8
"""Callers that are compared at the same time: the tables' client keeps more connections than that."""

Result = TypeVar("Result")

DaysOf = Mapping[str, Sequence[tuple[date, int]]]
"""Published market days by metering point, each with its number of directions."""


@dataclass(frozen=True)
class ReadableDays:
    """The days of some publications that one caller may read."""

    days: int
    first: date
    last: date

    def plus(self, other: "ReadableDays | None") -> "ReadableDays":
        """Return the days of both."""
        if other is None:
            return self
        return ReadableDays(self.days + other.days, min(self.first, other.first), max(self.last, other.last))


class News:
    """Begins the notices of events. Safe to use from several threads.

    Args:
        synced_at: returns when the access sync was last complete, as it is stored.
        cursor: returns the cursor of /changes that begins with a publication.
        clock: the time now.
        at_once: market days in one statement.
    """

    def __init__(
        self,
        *,
        store: Store,
        sending: Attempts,
        box: SecretBox,
        warehouse: Warehouse,
        grants: Grants,
        publications: Publications,
        synced_at: Callable[[], datetime | None],
        cursor: Callable[[int], str],
        clock: Callable[[], datetime],
        at_once: int = DAYS_AT_ONCE,
    ) -> None:
        self._store = store
        self._sending = sending
        self._box = box
        self._warehouse = warehouse
        self._grants = grants
        self._publications = publications
        self._synced_at = synced_at
        self._cursor = cursor
        self._clock = clock
        self._at_once = at_once

    def handle(self) -> int:
        """Begin the notices of everything that is new, and return their number.

        Raises:
            TablesUnavailable, WarehouseError, AccessTooOld: what was not handled is handled by the next run.
        """
        if not self._box.has_key:
            return 0
        begun = self.handle_publications() + self.handle_access()
        self.sweep()
        return begun

    def begin(self, principal: str, event: Event, *, data: Mapping[str, Any], key: str) -> int:
        """Begin a notice for each webhook of a caller that subscribes to an event; return how many.

        Args:
            key: identifies the event, such as the id of an export and its status: the same event has one
                notice, however often this is called.
        """
        return sum(
            self._begin(webhook, event, data=data, key=key) for webhook in self._store.webhooks_of(principal)
        )

    def handle_publications(self) -> int:
        """Begin a notice for each webhook whose owner may read a day of the publications not handled yet."""
        begun = 0
        while (publications := self._next_publications()) is not None:
            first, last = publications
            # Stored first: a repeated run handles the same publications, with the same ids.
            self._store.set_handled(PUBLISHED, f"{first - 1}/{last}")
            begun += self._begin_published(first, last)
            self._store.set_handled(PUBLISHED, f"{last}/{last}")
        return begun

    def _next_publications(self) -> tuple[int, int] | None:
        """Return the first and the last publication to handle; None when all are handled."""
        latest = self._publications.stored()
        sequence = latest.sequence if latest else 0
        handled = self._store.handled(PUBLISHED)
        if handled is None:
            # The first run: what was published before it is not news.
            self._store.set_handled(PUBLISHED, f"{sequence}/{sequence}")
            return None
        done, begun = map(int, handled.split("/"))
        last = begun if begun > done else sequence
        return (done + 1, last) if last > done else None

    def _begin_published(self, first: int, last: int) -> int:
        subscribed = self._subscribed(Event.PUBLISHED)
        readable_days = self._readable_days(list(subscribed), first=first, last=last) if subscribed else {}

        def begin(principal: str) -> int:
            of_caller = readable_days[principal]
            data = {
                "sequence": last,
                "cursor": self._cursor(first),
                "days": of_caller.days,
                "firstDate": of_caller.first.isoformat(),
                "lastDate": of_caller.last.isoformat(),
            }
            return sum(
                self._begin(
                    each,
                    Event.PUBLISHED,
                    data=data,
                    key=f"{first}-{last}",
                    after=WAITS_TIMES * self._publications.settled_after,
                )
                for each in subscribed[principal]
            )

        return sum(self._for_each(begin, list(readable_days)))

    def handle_access(self) -> int:
        """Begin a notice for each webhook whose owner's access has changed since the last notice of it."""
        synced_at = self._synced_at()
        until = synced_at.isoformat() if synced_at else ""
        if not until or self._store.handled(ACCESS) == until:
            return 0
        subscribed = self._subscribed(Event.ACCESS_CHANGED)

        def begin(principal: str) -> int:
            version = self._grants.version(principal)
            return sum(
                self._begin_access(each, version)
                for each in subscribed[principal]
                if each.access_version != version
            )

        begun = sum(self._for_each(begin, list(subscribed)))
        self._store.set_handled(ACCESS, until)
        return begun

    def sweep(self) -> None:
        """Once a day, delete old notices, send lost messages again, and seal secrets with the newest key."""
        now = self._clock()
        today = periods.day_of(now).isoformat()
        if self._store.handled(SWEPT) == today:
            return
        for message in self._store.sweep_notices(made_before=now - KEPT, due_before=now - LOST_AFTER):
            self._sending.remind(message)
        for webhook in self._store.every_webhook():
            self._seal_again(webhook)
        self._store.set_handled(SWEPT, today)

    def _begin(
        self,
        webhook: Webhook,
        event: Event,
        *,
        data: Mapping[str, Any],
        key: str,
        after: timedelta = timedelta(0),
    ) -> int:
        """Begin a notice to send after a delay, once every instance can answer the receiver's request."""
        if not webhook.subscribes_to(event):
            return 0
        now = self._clock()
        self._sending.begin(
            webhooks.new_notice(webhook, event=event, data=data, at=now, key=key, after=after)
        )
        return 1

    def _begin_access(self, webhook: Webhook, version: str | None) -> int:
        data = {"accessVersion": readable.access_version(webhook.principal, version)}
        key = f"{webhook.access_version}:{version}"
        begun = self._begin(webhook, Event.ACCESS_CHANGED, data=data, key=key, after=grants.SETTLED_AFTER)
        self._store.change_webhook(*webhook.key, lambda stored: replace(stored, access_version=version))
        return begun

    def _subscribed(self, event: Event) -> dict[str, list[Webhook]]:
        """Return the active webhooks that subscribe to an event, by owner."""
        subscribed: dict[str, list[Webhook]] = defaultdict(list)
        for webhook in self._store.every_webhook():
            if webhook.subscribes_to(event):
                subscribed[webhook.principal].append(webhook)
        return subscribed

    def _readable_days(self, principals: Sequence[str], *, first: int, last: int) -> dict[str, ReadableDays]:
        """Return the days of some publications that callers may read; callers without any are left out."""
        readable_days: dict[str, ReadableDays] = {}
        for days in self._published(first=first, last=last):

            def of(principal: str, days: DaysOf = days) -> tuple[str, ReadableDays | None]:
                return principal, readable_days_of(self._readable(principal), days)

            for principal, of_caller in self._for_each(of, principals):
                if of_caller is not None:
                    readable_days[principal] = of_caller.plus(readable_days.get(principal))
        return readable_days

    def _published(self, *, first: int, last: int) -> Iterator[DaysOf]:
        """Yield the days of some publications by metering point, those of one statement at a time."""
        (published,) = self._warehouse.fetch(publication_log.day_range(first=first, last=last))
        after = ("", periods.FIRST_DAY)
        while True:
            rows = self._warehouse.fetch(
                publication_log.series(
                    first=first, last=last, published=published, after=after, limit=self._at_once
                )
            )
            if rows:
                yield _by_metering_point(rows)
            if len(rows) < self._at_once:
                return
            after = (rows[-1].metering_point_id, rows[-1].delivery_date)

    def _readable(self, principal: str) -> Readable | None:
        try:
            return self._grants.portfolio(principal)
        except NoGrants:
            return None

    def _for_each(self, call: Callable[[str], Result], principals: Sequence[str]) -> Iterator[Result]:
        """Yield what a call returns for each caller, several at once."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="news") as pool:
            yield from pool.map(recording.carry(call), principals)

    def _seal_again(self, webhook: Webhook) -> None:
        try:
            if self._box.is_sealed_with_first_key(webhook.secret, of=webhook.key):
                return
        except SealedByAnotherKey as error:
            log.error("Webhook %s of %s: %s.", webhook.webhook_id, webhook.principal, error)
            return

        def change(stored: Webhook) -> Webhook:
            previous = None
            with suppress(SealedByAnotherKey):  # It is lost, and signs nothing.
                previous = stored.previous_secret and self._sealed_again(
                    stored.previous_secret, of=stored.key
                )
            secret = self._sealed_again(stored.secret, of=stored.key)
            return replace(stored, secret=secret, previous_secret=previous)

        self._store.change_webhook(*webhook.key, change)

    def _sealed_again(self, secret: str, *, of: tuple[str, str]) -> str:
        return self._box.seal(self._box.open(secret, of=of), of=of)


def readable_days_of(readable: Readable | None, days: DaysOf) -> ReadableDays | None:
    """Return the days of some publications that a caller may read; None if there are none.

    The cost grows with the smaller of the two.
    """
    if readable is None:
        return None
    if len(days) < len(readable.permissions):
        readable = readable.only(days.keys())
    found = [
        (day, series)
        for metering_point_id, permitted in readable.periods.items()
        for day, series in days.get(metering_point_id, ())
        if any(period.contains(day) for period in permitted)
    ]
    if not found:
        return None
    return ReadableDays(sum(series for _, series in found), min(found)[0], max(found)[0])


def _by_metering_point(rows: Sequence[PublishedDayRow]) -> DaysOf:
    days: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for row in rows:
        days[row.metering_point_id].append((row.delivery_date, row.series))
    return days
