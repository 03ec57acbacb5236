"""What a caller may read: refused by default, quick from memory, never older than allowed."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, timedelta

import pytest

from shared import tables
from shared.access import runs
from shared.access.grant import ALWAYS, MANIFEST, Grant, Span, Spans
from shared.access.grants import ROWS_FOR_ONE, SETTLED_AFTER, AccessTooOld, Grants, NoGrants
from shared.access.sync import store
from shared.access.sync.changes import Change
from shared.readable import Permission
from shared.tables import Tables
from tests.builders.access import NOW, Clock, app, point

ALICE, BOB = app(1), app(2)
MAY, NEW_YEAR = date(2024, 5, 1), date(2025, 1, 1)


class Counting(Tables):
    """Notes what is read."""

    def __init__(self, inner: Tables) -> None:
        self._inner = inner
        self.reads: list[str] = []

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        """Noted by its row."""
        self.reads.append(row)
        return self._inner.get(table, partition=partition, row=row)

    def range(
        self,
        table: str,
        *,
        partition: str,
        rows_from: str = "",
        rows_before: str | None = None,
        select: Sequence[str] | None = None,
    ) -> Iterator[tables.Entity]:
        """Noted by the first row that is asked for."""
        self.reads.append(rows_from or "portfolio")
        return self._inner.range(
            table, partition=partition, rows_from=rows_from, rows_before=rows_before, select=select
        )


def grant(number: int, held: Spans = ALWAYS, *, customer: int = 10001, principal: str = ALICE) -> Grant:
    return Grant(principal, point(number), customer, "Kunde", held, "field")


def permission(number: int, held: Span = ALWAYS[0], *, customer: int = 10001) -> Permission:
    return Permission(point(number), customer, "Kunde", held.valid_from, held.valid_to)


def write(storage: Tables, batch: Sequence[Change]) -> None:
    principal = batch[0].subject.principal
    writer = store.Writer(storage, store.read_partition(storage, principal), run_id=runs.new_run_id(NOW))
    writer.write(batch, now=NOW)
    writer.finish()


def give(storage: Tables, *grants: Grant) -> None:
    write(storage, [Change(None, each) for each in grants])


def complete(storage: Tables, clock: Clock) -> None:
    runs.record(
        storage,
        runs.Run(runs.new_run_id(clock()), "complete", clock(), clock(), clock(), {}, "", True),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counting(storage: Tables, clock: Clock) -> Counting:
    complete(storage, clock)
    return Counting(storage)


@pytest.fixture
def grants(counting: Counting, clock: Clock) -> Grants:
    return Grants(tables=counting, max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic)


def test_one_metering_point_is_one_range_read(storage: Tables, grants: Grants, counting: Counting) -> None:
    give(storage, grant(1), grant(2, (Span(MAY, NEW_YEAR),)), grant(3))
    grants.synced_at()
    counting.reads.clear()

    readable = grants.of(ALICE, metering_point_id=point(2))

    assert readable.principal == ALICE
    assert readable.permissions == (permission(2, Span(MAY, NEW_YEAR)),)
    assert counting.reads == [f"{point(2)}:"]


def test_a_metering_point_of_two_customers_has_a_permission_for_each_period(
    storage: Tables, grants: Grants
) -> None:
    came_back = (Span(date(2020, 1, 1), date(2021, 1, 1)), Span(NEW_YEAR, None))
    give(storage, grant(1, came_back, customer=10001), grant(1, (Span(MAY, NEW_YEAR),), customer=9))

    readable = grants.of(ALICE, metering_point_id=point(1))

    assert readable.permissions == (
        permission(1, Span(MAY, NEW_YEAR), customer=9),
        permission(1, came_back[0]),
        permission(1, came_back[1]),
    )
    assert grants.portfolio(ALICE).permissions == readable.permissions


def test_a_foreign_metering_point_gives_nothing(storage: Tables, grants: Grants) -> None:
    give(storage, grant(1))
    give(storage, grant(2, principal=BOB))

    assert grants.of(ALICE, metering_point_id=point(2)).permissions == ()


@pytest.mark.parametrize("emptied", [True, False])
def test_a_caller_without_any_grant_is_refused(storage: Tables, grants: Grants, emptied: bool) -> None:
    if emptied:
        give(storage, grant(1))
        write(storage, [Change(grant(1), None)])

    with pytest.raises(NoGrants):
        grants.of(ALICE, metering_point_id=point(1))
    with pytest.raises(NoGrants):
        grants.some(ALICE, metering_point_ids=[point(1), point(2)])
    with pytest.raises(NoGrants):
        grants.portfolio(ALICE)


def test_a_portfolio_is_sorted_and_only_the_callers(storage: Tables, grants: Grants) -> None:
    give(storage, grant(2, customer=10), grant(2, customer=9), grant(1))
    give(storage, grant(3, principal=BOB))

    permissions = grants.portfolio(ALICE).permissions

    assert permissions == (permission(1), permission(2, customer=9), permission(2, customer=10))


def test_a_portfolio_is_read_once_and_its_manifest_every_half_minute(
    storage: Tables, grants: Grants, counting: Counting, clock: Clock
) -> None:
    give(storage, grant(1))
    first = grants.portfolio(ALICE)
    counting.reads.clear()

    grants.portfolio(ALICE)
    clock.pass_time(timedelta(seconds=29))
    grants.portfolio(ALICE)
    assert counting.reads == []
    clock.pass_time(timedelta(seconds=1))

    assert grants.portfolio(ALICE) == first
    assert grants.portfolio(ALICE) == first
    assert counting.reads == ["latest", "~manifest"]


@pytest.mark.parametrize("passed", [timedelta(seconds=30), SETTLED_AFTER])
def test_a_revocation_is_seen_within_half_a_minute(
    storage: Tables, grants: Grants, clock: Clock, passed: timedelta
) -> None:
    give(storage, grant(1), grant(2))
    before = grants.portfolio(ALICE)
    write(storage, [Change(grant(1), None)])

    clock.pass_time(passed)

    after = grants.portfolio(ALICE)
    assert after.permissions == (permission(2),)
    assert after.version != before.version


def test_the_half_minute_begins_before_a_portfolio_is_read(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    give(storage, grant(1), grant(2))

    class Slow(Counting):
        """Takes 20 seconds to read the rows, and has them all at the beginning."""

        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            rows = list(super().range(*args, **kwargs))  # type: ignore[arg-type]
            if kwargs["partition"] == ALICE:
                clock.pass_time(timedelta(seconds=20))
            yield from rows

    grants = Grants(tables=Slow(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic)
    grants.portfolio(ALICE)
    write(storage, [Change(grant(1), None)])

    clock.pass_time(timedelta(seconds=10))

    assert grants.portfolio(ALICE).permissions == (permission(2),)


def test_the_last_revocation_is_seen_too(storage: Tables, grants: Grants, clock: Clock) -> None:
    give(storage, grant(1))
    grants.portfolio(ALICE)
    write(storage, [Change(grant(1), None)])

    clock.pass_time(timedelta(seconds=30))

    with pytest.raises(NoGrants):
        grants.portfolio(ALICE)


def test_the_stored_version_is_that_of_the_portfolio_as_the_table_has_it_now(
    storage: Tables, grants: Grants
) -> None:
    assert grants.version(ALICE) is None
    give(storage, grant(1), grant(2))
    before = grants.portfolio(ALICE).version
    assert grants.version(ALICE) == before

    write(storage, [Change(grant(2), None)])

    assert grants.version(ALICE) == grants.read_uncached(ALICE).version != before


def test_the_version_of_one_metering_point_is_that_of_its_permissions(
    storage: Tables, grants: Grants
) -> None:
    give(storage, grant(1))
    first = grants.of(ALICE, metering_point_id=point(1)).version
    give(storage, grant(2))
    assert grants.of(ALICE, metering_point_id=point(1)).version == first

    write(storage, [Change(grant(1), grant(1, (Span(MAY, None),)))])

    assert grants.of(ALICE, metering_point_id=point(1)).version != first


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_one_metering_point_of_a_portfolio_in_memory_costs_no_read_and_is_the_same(
    storage: Tables, grants: Grants, counting: Counting, number: int
) -> None:
    give(storage, grant(1), grant(2, customer=10001), grant(2, customer=10002), grant(3))
    read = grants.of(ALICE, metering_point_id=point(number))
    grants.portfolio(ALICE)
    counting.reads.clear()

    remembered = grants.of(ALICE, metering_point_id=point(number))

    assert remembered == read
    assert counting.reads == []


def large(storage: Tables) -> None:
    """So many metering points that two of them are read sooner than all."""
    rows = 2 * ROWS_FOR_ONE + 10
    for start in range(0, rows, store.CHANGES_IN_TRANSACTION):
        give(
            storage, *(grant(each) for each in range(start, min(rows, start + store.CHANGES_IN_TRANSACTION)))
        )


def test_of_a_large_portfolio_only_the_metering_points_named_are_read(
    storage: Tables, grants: Grants, counting: Counting
) -> None:
    large(storage)
    give(storage, grant(7, customer=9))
    give(storage, grant(900, principal=BOB))
    grants.synced_at()
    counting.reads.clear()

    readable = grants.some(ALICE, metering_point_ids=[point(900), point(7)])

    assert readable.permissions == (permission(7, customer=9), permission(7))
    assert sorted(counting.reads) == [f"{point(7)}:", f"{point(900)}:", "~manifest", "~manifest"]


def test_a_metering_point_that_is_named_twice_is_answered_once(storage: Tables, grants: Grants) -> None:
    large(storage)

    once = grants.some(ALICE, metering_point_ids=[point(7)])

    assert grants.some(ALICE, metering_point_ids=[point(7), point(7)]) == once


def test_of_a_small_portfolio_all_is_read_and_kept(
    storage: Tables, grants: Grants, counting: Counting
) -> None:
    give(storage, grant(1), grant(2), grant(3))

    first = grants.some(ALICE, metering_point_ids=[point(3), point(1)])
    counting.reads.clear()
    again = grants.some(ALICE, metering_point_ids=[point(3), point(1)])

    assert first.permissions == (permission(1), permission(3))
    assert (again, counting.reads) == (first, [])


def test_some_of_a_portfolio_are_the_same_from_memory_and_by_themselves(
    storage: Tables, grants: Grants, counting: Counting
) -> None:
    large(storage)
    named = [point(1), point(900)]
    read = grants.some(ALICE, metering_point_ids=named)
    grants.portfolio(ALICE)
    counting.reads.clear()

    remembered = grants.some(ALICE, metering_point_ids=named)

    assert (remembered, counting.reads) == (read, [])
    assert read.version == grants.of(ALICE, metering_point_id=point(1)).version


def test_the_version_of_some_changes_with_their_permissions_only(storage: Tables, grants: Grants) -> None:
    large(storage)
    named = [point(1), point(2)]
    first = grants.some(ALICE, metering_point_ids=named).version
    write(storage, [Change(grant(3), None)])
    assert grants.some(ALICE, metering_point_ids=named).version == first

    write(storage, [Change(grant(2), None)])

    assert grants.some(ALICE, metering_point_ids=named).version != first


def test_some_that_are_rewritten_while_they_are_read_are_read_again(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    large(storage)
    changes = [[Change(grant(1), None), Change(None, grant(900))]]

    class Meanwhile(Counting):
        """Gives the rows of before a change, once."""

        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            rows = list(self._inner.range(*args, **kwargs))  # type: ignore[arg-type]
            if kwargs["rows_from"] == f"{point(1)}:" and changes:
                write(self._inner, changes.pop())
            yield from rows

    grants = Grants(
        tables=Meanwhile(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic
    )

    found = grants.some(ALICE, metering_point_ids=[point(1), point(900)])

    assert found.permissions == (permission(900),)


def test_some_that_never_stand_still_are_unavailable(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    large(storage)

    class Restless(Counting):
        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            write(self._inner, [Change(grant(1), grant(1))])
            yield from self._inner.range(*args, **kwargs)  # type: ignore[arg-type]

    grants = Grants(
        tables=Restless(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic
    )

    with pytest.raises(tables.TablesUnavailable):
        grants.some(ALICE, metering_point_ids=[point(1)])


def test_a_caller_who_loses_everything_while_some_are_read_is_refused(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    large(storage)

    class Ended(Counting):
        """Has no manifest after the first look at it."""

        def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
            found = super().get(table, partition=partition, row=row)
            return found if self.reads.count(MANIFEST) <= 1 else None

    grants = Grants(
        tables=Ended(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic
    )

    with pytest.raises(NoGrants):
        grants.some(ALICE, metering_point_ids=[point(1)])


def test_a_table_that_fails_for_one_of_many_is_not_mistaken_for_no_access(
    storage: Tables, clock: Clock
) -> None:
    complete(storage, clock)
    large(storage)

    class Failing(Counting):
        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            if kwargs["rows_from"] == f"{point(2)}:":
                raise tables.TablesUnavailable("gone")
            return self._inner.range(*args, **kwargs)  # type: ignore[arg-type]

    grants = Grants(
        tables=Failing(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic
    )

    with pytest.raises(tables.TablesUnavailable):
        grants.some(ALICE, metering_point_ids=[point(1), point(2)])


def test_a_metering_point_revoked_from_a_portfolio_in_memory_is_gone_within_half_a_minute(
    storage: Tables, grants: Grants, clock: Clock
) -> None:
    give(storage, grant(1), grant(2))
    grants.portfolio(ALICE)
    write(storage, [Change(grant(2), None)])

    clock.pass_time(timedelta(seconds=30))

    assert grants.of(ALICE, metering_point_id=point(2)).permissions == ()


def test_a_portfolio_that_is_rewritten_while_it_is_read_is_read_again(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    give(storage, grant(1), grant(2))
    changes = [[Change(grant(1), None), Change(None, grant(3))]]

    class LateManifest(Counting):
        """Gives the rows of before a change with the manifest of after it, once."""

        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            rows = list(self._inner.range(*args, **kwargs))  # type: ignore[arg-type]
            if len(rows) > 1 and changes:
                write(self._inner, changes.pop())
                rows[-1] = list(self._inner.range(*args, **kwargs))[-1]  # type: ignore[arg-type]
            yield from rows

    grants = Grants(
        tables=LateManifest(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic
    )

    assert grants.portfolio(ALICE).permissions == (permission(2), permission(3))


def test_a_portfolio_that_never_stands_still_is_unavailable(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    give(storage, grant(1))

    class Restless(Counting):
        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            write(self._inner, [Change(grant(1), grant(1))])
            yield from self._inner.range(*args, **kwargs)  # type: ignore[arg-type]

    grants = Grants(
        tables=Restless(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic
    )

    with pytest.raises(tables.TablesUnavailable):
        grants.portfolio(ALICE)


@pytest.mark.parametrize(
    "columns",
    [{"validTo": "never"}, {"validFrom": ""}, {"validFrom": 0}, {"laterPeriods": 7}, {"customerName": 7}],
)
def test_a_row_that_is_no_grant_gives_nothing(
    storage: Tables, grants: Grants, caplog: pytest.LogCaptureFixture, columns: dict[str, object]
) -> None:
    give(storage, grant(1))
    storage.upsert(
        tables.ACCESS_GRANTS,
        {"PartitionKey": ALICE, "RowKey": f"{point(2)}:10001", "customerName": "x", **columns},
    )

    assert grants.of(ALICE, metering_point_id=point(2)).permissions == ()
    assert grants.portfolio(ALICE).permissions == (permission(1),)
    assert "is unreadable and grants nothing. The next sync replaces or removes it." in caplog.text


def test_access_that_was_never_synchronised_is_not_trusted(storage: Tables, clock: Clock) -> None:
    give(storage, grant(1))
    grants = Grants(tables=storage, max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic)

    assert grants.synced_at() is None
    with pytest.raises(AccessTooOld):
        grants.of(ALICE, metering_point_id=point(1))
    with pytest.raises(AccessTooOld):
        grants.some(ALICE, metering_point_ids=[point(1)])
    with pytest.raises(AccessTooOld):
        grants.portfolio(ALICE)
    with pytest.raises(AccessTooOld):
        grants.read_uncached(ALICE)
    with pytest.raises(AccessTooOld):
        grants.readers_of(10001)

    complete(storage, clock)
    assert grants.portfolio(ALICE).permissions == (permission(1),)


def test_access_is_trusted_until_its_age_and_again_after_a_sync(
    storage: Tables, grants: Grants, clock: Clock
) -> None:
    give(storage, grant(1))
    clock.pass_time(timedelta(hours=72))
    assert grants.portfolio(ALICE).permissions == (permission(1),)

    clock.pass_time(timedelta(seconds=1))
    with pytest.raises(
        AccessTooOld, match=r", 72\.0 hours ago, and ACCESS_MAX_AGE_HOURS is 72; see sync-too-old"
    ):
        grants.portfolio(ALICE)
    with pytest.raises(AccessTooOld):
        grants.of(ALICE, metering_point_id=point(1))
    with pytest.raises(AccessTooOld):
        grants.some(ALICE, metering_point_ids=[point(1)])

    complete(storage, clock)
    clock.pass_time(timedelta(seconds=30))
    assert grants.portfolio(ALICE).permissions == (permission(1),)


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(days=365)])
def test_a_sync_that_is_noted_ahead_of_now_is_unknown_and_not_fresh(
    storage: Tables, grants: Grants, clock: Clock, ahead: timedelta
) -> None:
    give(storage, grant(1))
    clock.set_by(ahead)
    complete(storage, clock)
    clock.set_by(-ahead)

    assert grants.synced_at() is None
    with pytest.raises(AccessTooOld, match="ahead of this clock"):
        grants.portfolio(ALICE)

    complete(storage, clock)
    clock.pass_time(timedelta(seconds=30))
    assert grants.portfolio(ALICE).permissions == (permission(1),)


def test_a_sync_that_another_machine_noted_a_little_ahead_of_now_counts(
    storage: Tables, grants: Grants, clock: Clock
) -> None:
    give(storage, grant(1))
    clock.set_by(timedelta(minutes=-4))

    assert grants.synced_at() == NOW
    assert grants.portfolio(ALICE).permissions == (permission(1),)


def test_a_table_that_does_not_answer_is_not_mistaken_for_no_access(storage: Tables, clock: Clock) -> None:
    class Gone(Counting):
        def range(self, *args: object, **kwargs: object) -> Iterator[tables.Entity]:
            raise tables.TablesUnavailable("gone")

    grants = Grants(tables=Gone(storage), max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic)

    with pytest.raises(tables.TablesUnavailable):
        grants.portfolio(ALICE)


def test_memory_is_bounded_by_letting_go_of_who_was_away_longest(
    storage: Tables, counting: Counting, clock: Clock
) -> None:
    for principal in (1, 2, 3):
        give(storage, *[grant(number, principal=app(principal)) for number in range(4)])
    grants = Grants(
        tables=counting,
        max_age=timedelta(hours=72),
        clock=clock,
        monotonic=clock.monotonic,
        max_permissions_kept=8,
    )
    for principal in (1, 2, 1, 3):
        grants.portfolio(app(principal))
    counting.reads.clear()

    grants.portfolio(app(1))
    grants.portfolio(app(3))
    assert counting.reads == []
    grants.portfolio(app(2))

    assert counting.reads == ["~manifest", "portfolio"]


def test_a_portfolio_larger_than_the_memory_is_answered_and_kept_alone(
    storage: Tables, counting: Counting, clock: Clock
) -> None:
    for principal in (ALICE, BOB):
        give(storage, *[grant(number, principal=principal) for number in range(5)])
    grants = Grants(
        tables=counting,
        max_age=timedelta(hours=72),
        clock=clock,
        monotonic=clock.monotonic,
        max_permissions_kept=3,
    )

    assert len(grants.portfolio(ALICE).permissions) == 5
    assert len(grants.portfolio(BOB).permissions) == 5
    counting.reads.clear()
    grants.portfolio(BOB)
    assert counting.reads == []
    grants.portfolio(ALICE)
    assert counting.reads == ["~manifest", "portfolio"]


class Held(Counting):
    """Holds up the readings of one principal's portfolio, which then fail."""

    def __init__(self, inner: Tables) -> None:
        super().__init__(inner)
        self.principal: str | None = None
        self.began, self.ends = threading.Event(), threading.Event()

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        """Held up if it is of that principal."""
        if partition == self.principal:
            self.began.set()
            assert self.ends.wait(20)
            raise tables.TablesUnavailable("away")
        return super().get(table, partition=partition, row=row)


class Colliding(str):
    """A principal with the same hash as every other."""

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_failing_reading_of_a_principal_delays_and_fails_no_other(
    storage: Tables, clock: Clock, in_memory: bool
) -> None:
    complete(storage, clock)
    give(storage, grant(1, principal=BOB))
    held, bob = Held(storage), Colliding(BOB)
    grants = Grants(tables=held, max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic)
    if in_memory:
        grants.portfolio(bob)
    held.principal = Colliding(ALICE)

    with ThreadPoolExecutor(2) as pool:
        failing = pool.submit(grants.portfolio, held.principal)
        assert held.began.wait(20)
        answered = pool.submit(grants.portfolio, bob)
        done, _ = wait([answered], timeout=20)
        held.ends.set()

    assert done == {answered}
    assert len(answered.result().permissions) == 1
    assert isinstance(failing.exception(), tables.TablesUnavailable)


class Emptied(Counting):
    """Holds up the readings of ALICE, who has no grants; those of another principal fail."""

    def __init__(self, inner: Tables, *, failing: str) -> None:
        super().__init__(inner)
        self.failing = failing
        self.began, self.ends = threading.Event(), threading.Event()

    def get(self, table: str, *, partition: str, row: str) -> tables.Entity | None:
        """Return nothing of ALICE, late."""
        if partition == self.failing:
            raise tables.TablesUnavailable("away")
        if partition == ALICE:
            self.began.set()
            assert self.ends.wait(20)
            return None
        return super().get(table, partition=partition, row=row)


def test_requests_that_wait_for_a_reading_end_as_it_ends(storage: Tables, clock: Clock) -> None:
    complete(storage, clock)
    emptied = Emptied(storage, failing=BOB)
    grants = Grants(tables=emptied, max_age=timedelta(hours=72), clock=clock, monotonic=clock.monotonic)

    with ThreadPoolExecutor(2) as pool:
        requests = [pool.submit(grants.portfolio, ALICE) for _ in range(2)]
        assert emptied.began.wait(20)
        wait(requests, timeout=0.5)  # Both have begun: one reads, the other waits for it.
        with pytest.raises(tables.TablesUnavailable):
            grants.portfolio(BOB)
        emptied.ends.set()

    assert [type(each.exception()) for each in requests] == [NoGrants, NoGrants]


def test_callers_at_the_same_moment_share_one_reading(
    storage: Tables, grants: Grants, counting: Counting
) -> None:
    give(storage, *[grant(number) for number in range(50)])
    together = threading.Barrier(8)

    def ask() -> int:
        together.wait()
        return len(grants.portfolio(ALICE).permissions)

    with ThreadPoolExecutor(8) as pool:
        answers = [each.result() for each in [pool.submit(ask) for _ in range(8)]]

    assert answers == [50] * 8
    assert counting.reads.count("portfolio") == 1


@pytest.mark.parametrize(
    "changed", [{"count": None}, {"count": "many"}, {"version": None}], ids=["no count", "text", "no version"]
)
def test_a_manifest_of_another_shape_makes_the_tables_unavailable(
    storage: Tables, grants: Grants, changed: tables.Entity
) -> None:
    give(storage, grant(1))
    manifest = storage.get(tables.ACCESS_GRANTS, partition=ALICE, row=MANIFEST)
    assert manifest is not None
    storage.replace(tables.ACCESS_GRANTS, {**manifest, **changed}, etag=manifest["etag"])

    with pytest.raises(tables.TablesUnavailable):
        grants.portfolio(ALICE)


@pytest.mark.parametrize("noted", ["yesterday", "2026-11-01T06:00:00", 7])
def test_a_last_sync_that_is_no_time_makes_the_tables_unavailable(
    storage: Tables, grants: Grants, noted: object
) -> None:
    give(storage, grant(1))
    latest = storage.get(tables.SERVICE_STATE, partition=runs.SYNC, row=runs.LATEST)
    assert latest is not None
    storage.replace(tables.SERVICE_STATE, {**latest, "completedAt": noted}, etag=latest["etag"])

    with pytest.raises(tables.TablesUnavailable):
        grants.of(ALICE, metering_point_id=point(1))
