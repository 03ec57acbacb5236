"""A store that is followed holds what the API has, after every kind of change."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local import demo
from local.sampledata.readings import Reading
from metering_api import Client, Follower, ParquetStore, Run, SqliteStore, Store, errors
from metering_api.models import ChangesPage, Day, MeteringPoints, SeriesPage
from metering_api.store import Notes
from shared import periods
from shared.access.grant import Span
from shared.metering import Direction, Quality, Resolution
from tests.clients.vendor import Vendor, held

BAKERY, OUTLET, OFFICE, FARM = (demo.METERING_POINTS[place].metering_point_id for place in (0, 1, 2, 9))
ALL = {each.metering_point_id: (Span(),) for each in demo.METERING_POINTS[:9]}
SOME = {BAKERY: (Span(),), OFFICE: (Span(),)}


def hours(point: str, day: date, quantity: str) -> list[Reading]:
    return [
        Reading(point, Direction.CONSUMPTION, start, Resolution.PT1H, quantity, Quality.MEASURED)
        for start in periods.starts(day, timedelta(hours=1))
    ]


def run_once(world: Vendor, store: Store) -> Run:
    """Run as a cron job does, with a client of its own."""
    with world.client() as api:
        return Follower(api, store, sleep=world.sleep, today=lambda: world.now.date()).run_once()


@dataclass
class Interrupted:
    """An API that calls a function before it yields the page of history with this number, from 0."""

    api: Client
    before_page: Callable[[], None]
    number: int
    pages: int = field(default=0, init=False)

    def metering_points(self) -> MeteringPoints:
        return self.api.metering_points()

    def changes(self, cursor: str | None = None, *, etag: str | None = None) -> ChangesPage | None:
        return self.api.changes(cursor, etag=etag)

    def series_pages(self, direction: str, **parameters: Any) -> Iterator[SeriesPage]:
        for page in self.api.series_pages(direction, **parameters):
            if self.pages == self.number:
                self.before_page()
            self.pages += 1
            yield page


@dataclass
class Behind:
    """An API whose first answer of /changes still shows the access before, and lacks days."""

    api: Client
    access: str
    seen: int = field(default=0, init=False)

    def metering_points(self) -> MeteringPoints:
        return self.api.metering_points()

    def series_pages(self, direction: str, **parameters: Any) -> Iterator[SeriesPage]:
        return self.api.series_pages(direction, **parameters)

    def changes(self, cursor: str | None = None, *, etag: str | None = None) -> ChangesPage | None:
        page = self.api.changes(cursor)
        self.seen += 1
        return replace(page, days=(), access_version=self.access) if page and self.seen == 1 else page


class KilledAtTheEnd(SqliteStore):
    """A store whose run is killed when the history of new access is whole, before the access is noted."""

    def put(self, days: Sequence[Day], notes: Notes) -> None:
        if notes.get("access"):
            die()
        super().put(days, notes)


def die() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "metering.db")) as opened:
        yield opened


def test_the_first_run_has_the_whole_history(world: Vendor, store: SqliteStore) -> None:
    world.permit(ALL)

    run = run_once(world, store)

    assert held(store) == world.stored(ALL)
    assert run.history == len(held(store)) > 100
    assert run.gained == 9


def test_a_quiet_morning_is_one_request(world: Vendor, store: SqliteStore) -> None:
    world.permit(ALL)
    run_once(world, store)
    world.faults.seen.clear()

    run = run_once(world, store)

    assert world.faults.seen == ["/v1/changes"]
    assert (run.changed, run.history) == (0, 0)


def test_new_corrected_and_late_days_arrive(world: Vendor, store: SqliteStore) -> None:
    world.permit(ALL)
    run_once(world, store)
    world.forward(86_400)
    world.confirm_access()
    world.publish([*hours(BAKERY, date(2026, 3, 20), "9.999"), *hours(BAKERY, date(2026, 4, 1), "1.5")])

    run = run_once(world, store)

    assert held(store) == world.stored(ALL)
    assert run.changed == 2


def test_new_access_brings_its_history_and_ended_access_goes(world: Vendor, store: SqliteStore) -> None:
    world.permit(SOME)
    run_once(world, store)
    world.forward(60)
    later = {BAKERY: (Span(None, date(2026, 3, 25)),), OUTLET: (Span(date(2026, 3, 22), None),)}
    world.permit(later)
    world.forward(60)

    run = run_once(world, store)

    assert held(store) == world.stored(later)
    assert (run.gained, run.ended) == (1, 2)


def test_an_answer_that_still_shows_the_access_before_loses_nothing(
    world: Vendor, store: SqliteStore
) -> None:
    world.permit(SOME)
    run_once(world, store)
    later = {**SOME, OUTLET: (Span(),)}
    world.permit(later)
    world.publish(hours(OUTLET, date(2026, 3, 30), "7.000"))

    run_once(world, store)
    world.forward(60)
    run_once(world, store)

    assert held(store) == world.stored(later)


def test_a_run_killed_before_it_notes_new_access_loses_no_change_to_an_answer_of_before(
    world: Vendor, store: SqliteStore
) -> None:
    world.permit(SOME)
    run_once(world, store)
    before = store.remembered()["access"]
    world.forward(60)
    later = {**SOME, OUTLET: (Span(),)}
    world.permit(later)
    world.forward(60)
    with closing(KilledAtTheEnd(store.path)) as killed, pytest.raises(KeyboardInterrupt):
        run_once(world, killed)
    world.publish(hours(OUTLET, date(2026, 3, 30), "7.000"))

    with world.client() as api:
        Follower(Behind(api, before), store, sleep=world.sleep).run_once()

    assert held(store) == world.stored(later)


def test_access_that_grows_on_both_sides_is_fetched(world: Vendor, store: SqliteStore) -> None:
    world.permit({BAKERY: (Span(date(2026, 3, 22), date(2026, 3, 24)),)})
    run_once(world, store)
    world.forward(60)
    later = {BAKERY: (Span(date(2026, 3, 20), None),)}
    world.permit(later)
    world.forward(60)

    run_once(world, store)

    assert held(store) == world.stored(later)


def test_access_that_begins_later_is_no_fault(world: Vendor, store: SqliteStore) -> None:
    later = {BAKERY: (Span(date(2026, 6, 1), None),), OFFICE: (Span(),)}
    world.permit(later)

    run_once(world, store)

    assert held(store) == world.stored(later)


def test_when_all_access_ends_nothing_is_kept_and_it_may_come_back(world: Vendor, store: SqliteStore) -> None:
    world.permit(SOME)
    run_once(world, store)
    world.forward(60)
    world.permit({})
    world.forward(60)

    ended = run_once(world, store)

    assert ended.ended == 2
    assert held(store) == {}
    world.permit(SOME)
    world.forward(60)
    run_once(world, store)
    assert held(store) == world.stored(SOME)


def test_no_access_on_the_first_run_is_said(world: Vendor, store: SqliteStore) -> None:
    world.permit({})
    world.forward(60)

    with pytest.raises(errors.NotPermitted, match="no-access"):
        run_once(world, store)


def test_a_cursor_that_is_refused_begins_again(world: Vendor, store: SqliteStore) -> None:
    world.permit(SOME)
    first = run_once(world, store)
    store.put([], {"cursor": "sealed-with-a-key-that-is-lost"})

    again = run_once(world, store)

    assert held(store) == world.stored(SOME)
    assert again == first
    assert run_once(world, store) == Run()


@pytest.mark.parametrize("kind", [SqliteStore, ParquetStore])
def test_a_run_during_the_first_history_is_refused_and_nothing_is_lost(
    world: Vendor, tmp_path: Path, kind: type[SqliteStore] | type[ParquetStore]
) -> None:
    world.permit(SOME)
    path = tmp_path / "store"
    refused: list[str] = []

    def overlap() -> None:
        """Run a second time, and die before its history is whole."""
        with closing(kind(path)) as second:
            try:
                Follower(Interrupted(api, die, 0), second, sleep=world.sleep).run_once()
            except errors.StoreInUse as error:
                refused.append(str(error))
            except KeyboardInterrupt:
                pass

    with world.client() as api, closing(kind(path)) as first:
        Follower(Interrupted(api, overlap, 1), first, sleep=world.sleep).run_once()
        run_once(world, first)

    with closing(SqliteStore(path if kind is SqliteStore else path / "metering.db")) as store:
        assert held(store) == world.stored(SOME)
    assert len(refused) == 1
    assert "is being updated by another run, so this run did nothing. Run again" in refused[0]


def test_a_store_in_memory_needs_no_lock(
    world: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world.permit(SOME)

    with closing(SqliteStore(":memory:")) as store:
        run_once(world, store)
        assert held(store) == world.stored(SOME)

    assert list(tmp_path.glob("*.lock")) == []


def test_a_lock_that_cannot_be_made_is_said(world: Vendor, store: SqliteStore) -> None:
    store.path.with_name("metering.db.lock").mkdir()

    with pytest.raises(errors.StoreFailed, match=r"metering\.db\.lock cannot be opened"):
        run_once(world, store)


def test_another_refusal_leaves_the_store_as_it_is(world: Vendor, store: SqliteStore) -> None:
    world.permit(SOME)
    run_once(world, store)
    before = store.remembered()
    world.faults.refusal = {
        "status": 400,
        "code": "invalid-parameter",
        "detail": "A parameter is not as expected.",
        "errors": [{"parameter": "limit", "code": "not-in-range", "message": "Too large.", "hint": ""}],
    }

    with pytest.raises(errors.InvalidRequest, match="limit"):
        run_once(world, store)

    assert store.remembered() == before
    assert held(store) == world.stored(SOME)


def test_a_parquet_store_has_the_same_values(world: Vendor, tmp_path: Path) -> None:
    world.permit(ALL)
    with closing(ParquetStore(tmp_path / "parquet")) as store:
        run_once(world, store)
        world.permit(SOME)
        world.forward(60)
        world.publish(hours(BAKERY, date(2026, 4, 1), "1.5"))
        run_once(world, store)

    [(count, total, last)] = (
        duckdb.connect()
        .execute(f"SELECT count(*), sum(quantity), epoch(max(start)) FROM '{tmp_path}/parquet/*.parquet'")
        .fetchall()
    )
    days = world.stored(SOME).values()
    assert count == sum(len(quantities) for _, quantities, _ in days)
    assert f"{total:.3f}" == f"{sum(float(each) for _, q, _ in days for each in q if each != 'null'):.3f}"
    assert last == datetime(2026, 4, 1, 21, tzinfo=UTC).timestamp()


def test_a_month_that_cannot_be_written_holds_back_no_other(world: Vendor, tmp_path: Path) -> None:
    world.permit(SOME)
    world.publish(hours(BAKERY, date(2026, 4, 1), "1.5"))
    march, april = (tmp_path / f"values-2026-{month}.parquet" for month in ("03", "04"))
    (march / "held").mkdir(parents=True)

    with closing(ParquetStore(tmp_path)) as store:
        with pytest.raises(errors.StoreFailed, match="values-2026-03"):
            run_once(world, store)
        assert april.is_file()
        (march / "held").rmdir()
        march.rmdir()
        run_once(world, store)

    assert march.is_file()


def test_the_view_has_the_values_in_utc(world: Vendor, store: SqliteStore) -> None:
    world.permit({BAKERY: (Span(),)})
    run_once(world, store)

    rows = store._connection.execute(
        "SELECT start, end, quantity, quality FROM value WHERE date = '2026-03-29' ORDER BY start"
    ).fetchall()

    assert len(rows) == 23
    assert rows[0] == ("2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z", 10.747, "measured")


def test_a_damaged_file_is_said_with_what_to_do(world: Vendor, store: SqliteStore) -> None:
    world.permit(SOME)
    run_once(world, store)
    store.close()
    with store.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (store.path.stat().st_size - 4096))

    with closing(SqliteStore(store.path)) as damaged, pytest.raises(errors.StoreDamaged, match=r"Delete it"):
        run_once(world, damaged)


def test_a_full_disk_is_said_and_the_store_works_again_when_there_is_room(
    world: Vendor, store: SqliteStore
) -> None:
    world.permit(SOME)
    store._connection.execute("PRAGMA max_page_count = 1")

    with pytest.raises(errors.StoreFailed, match=r"metering\.db cannot be used now: .* full"):
        run_once(world, store)

    store._connection.execute("PRAGMA max_page_count = 100000")
    run_once(world, store)
    assert held(store) == world.stored(SOME)
