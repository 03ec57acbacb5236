"""A lease lets one process at a time work, and a process that may have lost it stops."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import leases, tables
from shared.leases import HeldByAnother, Lease, Work
from shared.tables import Tables
from tests.builders.access import Clock
from tests.doubles.faulty import Faulty

WORK = Work(tables.SERVICE_STATE, "work")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lease(storage: Tables, clock: Clock) -> Lease:
    return leases.take(storage, WORK, holder="ours", now=clock())


def test_a_lease_is_confirmed_until_it_ends(lease: Lease, clock: Clock) -> None:
    with lease.held(clock):
        clock.pass_time(leases.LASTS - timedelta(seconds=1))
        lease.confirm()
        clock.pass_time(timedelta(seconds=1))

        with pytest.raises(HeldByAnother, match="the lease ended at 2026-11-22T05:02:00"):
            lease.confirm()


def test_a_renewed_lease_is_confirmed_from_then_on(lease: Lease, clock: Clock) -> None:
    with lease.held(clock):
        clock.pass_time(leases.LASTS - timedelta(seconds=1))
        lease.renew(clock())
        clock.pass_time(leases.LASTS - timedelta(seconds=1))

        lease.confirm()


def test_a_renewed_lease_is_held_against_others_too(storage: Tables, lease: Lease, clock: Clock) -> None:
    with lease.held(clock):
        clock.pass_time(leases.LASTS - timedelta(seconds=1))
        lease.renew(clock())
        clock.pass_time(leases.LASTS - timedelta(seconds=1))

        with pytest.raises(HeldByAnother, match="run ours is under way"):
            leases.take(storage, WORK, holder="theirs", now=clock())


def test_a_lease_is_renewed_again_and_again_while_it_is_held(lease: Lease, clock: Clock) -> None:
    renewals = threading.Semaphore(0)

    def noted_clock() -> datetime:
        renewals.release()
        return clock()

    clock.pass_time(2 * leases.LASTS)
    with lease.held(noted_clock, renew_seconds=0.01):
        for _ in range(2):  # The second renewal begins when the first is written.
            assert renewals.acquire(timeout=20)

        lease.confirm()


def test_a_lease_that_ended_is_ours_again_if_nobody_took_it(lease: Lease, clock: Clock) -> None:
    with lease.held(clock):
        clock.pass_time(2 * leases.LASTS)
        lease.renew(clock())

        lease.confirm()


def test_a_lease_that_another_process_took_is_lost_for_good(
    storage: Tables, lease: Lease, clock: Clock
) -> None:
    with lease.held(clock):
        clock.pass_time(2 * leases.LASTS)
        leases.take(storage, WORK, holder="theirs", now=clock())
        lease.renew(clock())

        with pytest.raises(HeldByAnother, match="another run took over"):
            lease.confirm()


def test_a_renewal_whose_answer_was_lost_keeps_the_lease(
    reached_storage: Tables, before_tables: Faulty, clock: Clock
) -> None:
    lease = leases.take(reached_storage, WORK, holder="ours", now=clock())

    with lease.held(clock):
        clock.pass_time(leases.LASTS - timedelta(seconds=1))
        before_tables.lose_answers(1)
        lease.renew(clock())
        clock.pass_time(leases.LASTS - timedelta(seconds=1))

        lease.confirm()


def test_a_renewal_that_was_never_answered_is_made_up_for_by_the_next(
    reached_storage: Tables, before_tables: Faulty, clock: Clock
) -> None:
    lease = leases.take(reached_storage, WORK, holder="ours", now=clock())

    with lease.held(clock):
        before_tables.lose_answers(2)
        lease.renew(clock())
        clock.pass_time(timedelta(seconds=30))
        lease.renew(clock())
        clock.pass_time(leases.LASTS - timedelta(seconds=1))

        lease.confirm()


def test_of_two_processes_that_take_a_lease_at_the_same_moment_one_gets_it(
    storage: Tables, clock: Clock
) -> None:
    with leases.take(storage, WORK, holder="ours", now=clock()).held(clock):
        pass

    with pytest.raises(HeldByAnother, match="at the same moment"):
        leases.take(Overtaken(storage, clock), WORK, holder="ours", now=clock())


class Overtaken(Tables):
    """Tables on which another process takes the lease just before this one does."""

    def __init__(self, inner: Tables, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self.get = inner.get  # type: ignore[method-assign]

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> str:
        """Write what another process has written with the same clock and the same holder before."""
        leases.take(self._inner, WORK, holder="ours", now=self._clock())
        return self._inner.replace(table, entity, etag=etag)


def test_a_lease_that_nobody_needs_any_more_leaves_no_row(
    storage: Tables, lease: Lease, clock: Clock
) -> None:
    with lease.held(clock):
        pass

    lease.forget()

    assert storage.get(WORK.table, partition=WORK.partition, row=leases.ROW) is None


def test_a_released_lease_that_another_process_took_stays(
    storage: Tables, lease: Lease, clock: Clock
) -> None:
    with lease.held(clock):
        pass
    leases.take(storage, WORK, holder="theirs", now=clock())

    lease.forget()

    with pytest.raises(HeldByAnother, match="run theirs is under way"):
        leases.take(storage, WORK, holder="third", now=clock())
