"""A lease lets one process at a time work, and a process that may have lost it stops."""

from datetime import timedelta

import pytest

from shared import leases, tables
from shared.leases import HeldByAnother, Lease, Work
from shared.tables import Tables
from tests.builders.access import Clock

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
