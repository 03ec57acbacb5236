"""What is revoked or granted shows within half a minute, for one metering point as for many."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared import periods, tables
from shared.access import runs
from shared.access.grant import ALWAYS, Grant
from shared.access.grants import CHECK_SECONDS, AccessTooOld, Grants, NoGrants
from shared.access.sync import store
from shared.access.sync.changes import Change
from shared.tables import Tables
from tests.builders.access import NOW, Clock, app, point

MAX_AGE = timedelta(hours=72)
POINTS = 3
STEPS = st.one_of(
    st.tuples(st.just("turn"), st.integers(0, POINTS - 1)),
    st.tuples(st.just("pass"), st.integers(1, 40)),
    st.tuples(st.just("set"), st.integers(-100, 100)),
)
NUMBERS = itertools.count(1)


@dataclass
class History:
    """Which metering points a principal has had, and when it was given and lost each."""

    storage: Tables
    principal: str
    clock: Clock = field(default_factory=Clock)
    held: set[int] = field(default_factory=set)
    turned: dict[int, list[float]] = field(default_factory=dict)

    def do(self, what: str, number: int) -> None:
        """Turn a grant on or off, let seconds pass, or set the wall clock by hours."""
        if what == "pass":
            self.clock.pass_time(timedelta(seconds=number))
        elif what == "set":
            self.clock.set_by(timedelta(hours=number))
        else:
            self._turn(number)

    def _turn(self, number: int) -> None:
        grant = Grant(self.principal, point(number), 10001, "Kunde", ALWAYS, "field")
        change = Change(grant, None) if number in self.held else Change(None, grant)
        partition = store.read_partition(self.storage, self.principal)
        writer = store.Writer(self.storage, partition, run_id=runs.new_run_id(NOW))
        writer.write([change], now=NOW)
        writer.finish()
        self.held ^= {number}
        self.turned.setdefault(number, []).append(self.clock.monotonic())

    def is_settled(self, number: int) -> bool:
        """Whether the last change of a metering point is longer ago than the promise."""
        last = self.turned.get(number, [])[-1:]
        return not last or self.clock.monotonic() - last[0] >= CHECK_SECONDS


@pytest.fixture(scope="module")
def shared_storage(azurite: str) -> Tables:
    opened = tables.open_tables(azurite, credential=None)
    opened.create_missing()
    runs.record(opened, runs.Run(runs.new_run_id(NOW), "complete", NOW, NOW, NOW, {}, "", True))
    return opened


@settings(max_examples=25)
@given(steps=st.lists(STEPS, min_size=4, max_size=10))
@example(steps=[("set", 3), ("set", -3), ("turn", 0), ("pass", 30)])
def test_an_answer_is_at_most_half_a_minute_behind_and_never_trusts_a_clock_that_was_set(
    shared_storage: Tables, steps: list[tuple[str, int]]
) -> None:
    history = History(shared_storage, app(next(NUMBERS)))
    clock = history.clock
    grants = Grants(tables=shared_storage, max_age=MAX_AGE, clock=clock, monotonic=clock.monotonic)

    for what, number in [("turn", 0), *steps]:
        history.do(what, number)
        age = clock() - NOW
        if age > MAX_AGE or age < -periods.CLOCK_SKEW:
            with pytest.raises(AccessTooOld):
                grants.portfolio(history.principal)
            continue
        many = shown_as_many(grants, history.principal)
        for each in range(POINTS):
            one = shown_alone(grants, history.principal, each)
            if history.is_settled(each):
                assert (each in many, one) == (each in history.held,) * 2


def shown_as_many(grants: Grants, principal: str) -> set[int]:
    try:
        permissions = grants.portfolio(principal).permissions
    except NoGrants:
        return set()
    shown = {permission.metering_point_id for permission in permissions}
    return {number for number in range(POINTS) if point(number) in shown}


def shown_alone(grants: Grants, principal: str, number: int) -> bool:
    try:
        return bool(grants.of(principal, metering_point_id=point(number)).permissions)
    except NoGrants:
        return False
