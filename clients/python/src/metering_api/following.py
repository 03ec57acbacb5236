"""How a store is kept current: with the history of new access and all changes, without access that ended.

The state of a run is in the store, and each step changes days and notes in one transaction. If a run is
killed, the next one continues it:

- The cursor of /changes is older than any history that is fetched, so what is published meanwhile follows.
- A metering point is noted as held once its whole history is there; until then history is fetched again.
- A page of changes is kept only if it shows the same access as the list of metering points that was applied.
  For half a minute after a change of access it may not: it would lack the days of a new metering point. While
  a list is being applied, the store shows no access as applied.

Two runs at a time would lose history: the second would take the history that the first is fetching for that
of a killed run, and delete it. A run therefore locks its store.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from metering_api import errors, spans
from metering_api.models import ChangesPage, MeteringPoint, MeteringPoints, Period, SeriesPage
from metering_api.spans import Spans
from metering_api.store import LockableStore, Store

_CURSOR, _ETAG, _ACCESS, _POINT = "cursor", "etag", "access", "point/"
_NO_LOWER_BOUND = date(2000, 1, 1)
_GROUP = 50
_PAUSE = 10.0
_TRIES = 30
"""With the pause: five minutes for access to settle, ten times as long as an answer may be behind."""


@dataclass
class Run:
    """What a run did.

    Attributes:
        changed: market days that were new or corrected.
        history: market days that were fetched because access to them is new.
        gained: metering points with access that is new, or to more days.
        ended: metering points of which days were deleted because access to them ended.
    """

    changed: int = 0
    history: int = 0
    gained: int = 0
    ended: int = 0


@dataclass(frozen=True)
class Held:
    """What the store has of a metering point; not `is_whole` while more of its history is fetched."""

    permitted: Spans = ()
    is_whole: bool = True

    def text(self) -> str:
        """Return the text of the note."""
        periods = [
            [each and each.isoformat() for each in (period.from_, period.to)] for period in self.permitted
        ]
        return json.dumps({"permitted": periods, "isWhole": self.is_whole})

    @classmethod
    def of(cls, text: str) -> "Held":
        """Read a note."""
        content = json.loads(text)
        periods = (
            (start and date.fromisoformat(start), end and date.fromisoformat(end))
            for start, end in content["permitted"]
        )
        return cls(tuple(Period(start, end) for start, end in periods), content["isWhole"])


class Source(Protocol):
    """The part of `Client` that is used here."""

    def metering_points(self) -> MeteringPoints:
        """Return all metering points that you may read."""
        ...

    def changes(self, cursor: str | None = None, *, etag: str | None = None) -> ChangesPage | None:
        """Return a page of new and corrected days; None while nothing is new."""
        ...

    def series_pages(self, direction: str, **parameters: Any) -> Iterator[SeriesPage]:
        """Yield pages of packed days."""
        ...


class Follower:
    """Keeps a store current.

    Args:
        sleep: waits between tries while access is settling.
        today: the current day; history of access that begins later is left to /changes.
        progress: called with a line after each step.
    """

    def __init__(
        self,
        api: Source,
        store: Store,
        *,
        sleep: Callable[[float], None] = time.sleep,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.api = api
        self.store = store
        self.progress = progress
        self._sleep = sleep
        self._today = today

    @property
    def has_begun(self) -> bool:
        """Whether a run, perhaps an earlier program's, has reached the API with this store."""
        return _CURSOR in self.store.remembered()

    def run_once(self) -> Run:
        """Bring the store up to what the API has now.

        Raises:
            StoreInUse: another run is updating the store; this one did nothing.
            AccessUnsettled: access changed again and again; the next run continues.
            Problem, Unreachable: the API refused or did not answer; the next run continues.
            StoreFailed: the store cannot be read or written; the next run continues.
        """
        with _locked(self.store):
            return self._run()

    def _run(self) -> Run:
        run = Run()
        try:
            self._follow(run)
        except errors.InvalidRequest as error:
            # Cursors do not expire; all are refused when the API had to replace the key that seals them.
            if error.parameter != "cursor":
                raise
            self._forget_everything()
            self._follow(run)
        except errors.NotPermitted as error:
            # All access ended. On the very first run there is none yet, which the user has to know.
            if error.code != "no-access" or not self.has_begun:
                raise
            self._forget_access()
            self._end_access(run, self._held(), wanted={})
        self.store.finish()
        return run

    def _follow(self, run: Run) -> None:
        notes = self.store.remembered()
        cursor = notes.get(_CURSOR) or self._begin()
        access, etag, tries = notes.get(_ACCESS), notes.get(_ETAG), 0
        while True:
            page = self.api.changes(cursor, etag=etag)
            if page is None:
                return
            if page.access_version != access:
                self._wait_for_access(tries)
                access, etag, tries = self._apply_access(run), None, tries + 1
                continue
            etag = page.etag if page.cursor == cursor else None
            self.store.put(page.days, {_CURSOR: page.cursor, _ETAG: etag})
            run.changed += len(page.days)
            cursor, tries = page.cursor, 0
            if page.up_to_date:
                return
            self.progress(f"{run.changed} new or corrected days")

    def _begin(self) -> str:
        page = self.api.changes()
        if page is None:
            raise errors.UnexpectedAnswer("/changes answered 304 to a request without an etag.")
        self.store.put([], {_CURSOR: page.cursor})
        return page.cursor

    def _wait_for_access(self, tries: int) -> None:
        if tries == _TRIES:
            raise errors.AccessUnsettled("Access kept changing; run again later.")
        if tries:
            self._sleep(_PAUSE)

    def _apply_access(self, run: Run) -> str | None:
        """Apply the list of metering points; return its version, or None if access changed meanwhile."""
        listed = self.api.metering_points()
        if listed.access_version is None:
            return None
        wanted = {each.metering_point_id: spans.united(each.permitted) for each in listed.points}
        self._forget_access()
        self._end_access(run, self._held(), wanted=wanted)
        held = self._held()
        missing = {
            each: left for each in listed.points if (left := _missing(each, held, wanted=wanted)) is not None
        }
        for start, group in _groups(missing):
            if not self._fetch_history(run, group, start=start, held=held, wanted=wanted):
                return None
        self.store.put([], {_ACCESS: listed.access_version})
        return listed.access_version

    def _held(self) -> dict[str, Held]:
        return {
            name.removeprefix(_POINT): Held.of(text)
            for name, text in self.store.remembered().items()
            if name.startswith(_POINT)
        }

    def _end_access(self, run: Run, held: Mapping[str, Held], *, wanted: Mapping[str, Spans]) -> None:
        for point, before in held.items():
            kept = wanted.get(point, ())
            if before.is_whole and not spans.without(before.permitted, kept):
                continue
            after = Held(spans.common(before.permitted, kept))
            self.store.keep_only(
                point, after.permitted, {_POINT + point: after.text() if point in wanted else None}
            )
            run.ended += before.is_whole

    def _fetch_history(
        self,
        run: Run,
        group: Sequence[MeteringPoint],
        *,
        start: date,
        held: Mapping[str, Held],
        wanted: Mapping[str, Spans],
    ) -> bool:
        """Fetch the missing days of some metering points; return False if the API does not show all yet."""
        ids = [each.metering_point_id for each in group]
        before = {point: held.get(point, Held()).permitted for point in ids}
        # If access ends after a kill, the next run must find, and delete, what was fetched before it.
        self.store.put([], {_POINT + each: Held(before[each], is_whole=False).text() for each in ids})
        if start <= self._today():
            for direction in ("consumption", "production"):
                named = [each.metering_point_id for each in group if direction in each.directions]
                if named and not self._fetch_days(run, direction, named, start=start, wanted=wanted):
                    return False
        self.store.put([], {_POINT + each: Held(wanted[each]).text() for each in ids})
        run.gained += len(ids)
        return True

    def _fetch_days(
        self, run: Run, direction: str, named: Sequence[str], *, start: date, wanted: Mapping[str, Spans]
    ) -> bool:
        for page in self.api.series_pages(direction, from_=start, metering_points=named):
            if page.not_found or not _shows(page, wanted):
                return False
            days = [day for part in page.series for day in part.days]
            self.store.put(days, {})
            run.history += len(days)
            self.progress(f"{run.history} days of history")
        return True

    def _forget_access(self) -> None:
        """Forget which access was applied, so that a run after a kill applies the access that it finds.

        Otherwise that run would accept an answer that still shows the earlier access, and miss days of
        metering points that are already held.
        """
        self.store.put([], {_ACCESS: None, _ETAG: None})

    def _forget_everything(self) -> None:
        self._forget_access()
        for point in self._held():
            self.store.keep_only(point, (), {_POINT + point: None})
        self.store.put([], {_CURSOR: None})


def _locked(store: Store) -> AbstractContextManager[None]:
    """Lock a store that has a lock; for any other, the caller must begin one run at a time."""
    return store.lock_for_run() if isinstance(store, LockableStore) else nullcontext()


def _missing(point: MeteringPoint, held: Mapping[str, Held], *, wanted: Mapping[str, Spans]) -> date | None:
    """Return the first day of a metering point that is permitted and not held; None when all is held."""
    name = point.metering_point_id
    left = spans.without(wanted[name], held[name].permitted if name in held else ())
    if not left and name in held:
        return None
    return (left[0].from_ if left else None) or _NO_LOWER_BOUND


def _groups(missing: Mapping[MeteringPoint, date]) -> Iterator[tuple[date, Sequence[MeteringPoint]]]:
    """Yield metering points that are requested together, with the first day to request."""
    points = sorted(missing, key=lambda each: (missing[each], each.metering_point_id))
    for begin in range(0, len(points), _GROUP):
        yield missing[points[begin]], points[begin : begin + _GROUP]


def _shows(page: SeriesPage, wanted: Mapping[str, Spans]) -> bool:
    return all(spans.united(part.permitted) == wanted[part.metering_point_id] for part in page.series)
