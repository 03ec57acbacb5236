"""A write that fails, at every place where one can: never too much access, and mended by the next run.

Every third place is tried, and every single one where TEST_ACCESS_FULL is set.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from shared import tables
from shared.access import runs
from shared.access.grant import Grant, Span
from shared.access.grants import Grants, NoGrants
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import stages
from shared.access.sync.reports import Outcome, SyncReport
from shared.access.sync.stages import Sources
from shared.tables import Tables, TablesUnavailable
from tests.builders.access import (
    Client,
    Clock,
    Days,
    Entra,
    Person,
    app,
    days,
    disagreements,
    guid,
    point,
    register,
    rules,
    stored_grants,
    unlisted,
    user,
)

USERS = {"kari@fjord.example": guid(70), "ola@fjord.example": guid(71)}
KARI = Person(7, emails=("kari@fjord.example",))
OLA = Person(8, emails=("ola@fjord.example",))

# Between the two: a customer goes and one comes, a period moves, one is split, a vendor is replaced,
# a user goes and one comes, a metering point changes hands, a name changes.
ONE = register(
    [
        Client(1, apps=guid(1), points=f"{point(1)} 2024-02-01..2025-02-01 {point(2)}", persons=(KARI,)),
        Client(2, apps=f"{guid(1)} {guid(2)}", points=f"{point(3)} {point(4)} ..2025-01-01"),
        Client(3, apps=guid(1), points=point(5)),
    ]
)
OTHER = register(
    [
        Client(1, apps=guid(1), persons=(OLA,), name="A new name",
               points=f"{point(1)} 2024-08-01..2026-01-01 {point(2)} ..2024-06-01 2025-01-01.."),
        Client(2, apps=guid(3), points=point(3)),
        Client(4, apps=guid(1), points=f"{point(4)} 2025-01-01.. {point(6)}"),
    ]
)  # fmt: skip
STEP = 1 if "TEST_ACCESS_FULL" in os.environ else 3
PRINCIPALS = (app(1), app(2), app(3), user(70), user(71))


class Failing(Tables):
    """Tables of which the write with number `at` fails, with its effect or without."""

    def __init__(self, inner: Tables, *, at: int, with_effect: bool) -> None:
        self._inner = inner
        self._left = at
        self._with_effect = with_effect
        self.get, self.range, self.everything = inner.get, inner.range, inner.everything  # type: ignore[method-assign]

    def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        with self._writing():
            return self._inner.insert(table, entity)

    def replace(self, table: str, entity: Mapping[str, Any], *, etag: str) -> str:
        with self._writing():
            return self._inner.replace(table, entity, etag=etag)

    def transact(self, table: str, operations: Sequence[tables.Operation]) -> list[str | None]:
        with self._writing():
            return self._inner.transact(table, operations)

    @property
    def has_failed(self) -> bool:
        return self._left <= 0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._left -= 1
        if self._left == 0 and not self._with_effect:
            raise TablesUnavailable("no answer")
        yield
        if self._left == 0:
            raise TablesUnavailable("no answer")


def run(severa: SeveraRegister, storage: Tables, clock: Clock) -> SyncReport:
    clock.pass_time(timedelta(hours=1))
    sources = Sources(lambda: severa, Entra(USERS).find)
    return stages.run(sources, storage=storage, rules=rules(storage), clock=clock)


def read_by_callers(storage: Tables, clock: Clock) -> Days:
    """What the request path answers to every principal, in both of its ways."""
    grants = Grants(tables=storage, max_age=timedelta(days=365), clock=clock)
    return frozenset(each for principal in PRINCIPALS for each in _read_by(grants, principal))


def _read_by(grants: Grants, principal: str) -> Days:
    try:
        portfolio = grants.portfolio(principal).permissions
    except NoGrants:
        return frozenset()
    one_by_one = [
        permission
        for point_id in {permission.metering_point_id for permission in portfolio}
        for permission in grants.of(principal, metering_point_id=point_id).permissions
    ]
    assert sorted(one_by_one, key=repr) == sorted(portfolio, key=repr)
    return days(
        Grant(
            principal,
            each.metering_point_id,
            each.customer_number,
            each.customer_name,
            (Span(each.valid_from, each.valid_to),),
            "",
        )
        for each in portfolio
    )


@pytest.mark.parametrize("with_effect", [False, True], ids=["without effect", "with effect"])
def test_a_failing_write_never_shows_too_much_and_is_mended_by_the_next_run(
    storage: Tables, with_effect: bool
) -> None:
    clock = Clock()
    before, after = Mapped(ONE, storage, clock), Mapped(OTHER, storage, clock)
    assert not before.days <= after.days
    assert not after.days <= before.days

    for at in itertools.count(2 if with_effect else 1, STEP):
        before, after = after, before
        failing = Failing(storage, at=at, with_effect=with_effect)
        with contextlib.suppress(TablesUnavailable):
            run(after.severa, failing, clock)
        if not failing.has_failed:
            break
        shown = days(stored_grants(storage))
        assert shown <= before.days or shown <= after.days, f"write {at}"
        assert read_by_callers(storage, clock) == shown
        assert unlisted(storage) == []

        assert run(after.severa, storage, clock).outcome is Outcome.COMPLETE
        assert read_by_callers(storage, clock) == after.days
        assert disagreements(storage) == []

    assert at > 15
    assert disagreements(storage) == []


class Mapped:
    """A Severa, and what callers may read once it is synchronised, as it is now."""

    def __init__(self, severa: SeveraRegister, storage: Tables, clock: Clock) -> None:
        run(severa, storage, clock)
        self.severa = severa
        self.days = days(stored_grants(storage))


def test_a_failed_run_is_noted_where_operators_look(storage: Tables) -> None:
    clock = Clock()
    run(ONE, storage, clock)

    with pytest.raises(TablesUnavailable):
        run(OTHER, Failing(storage, at=3, with_effect=False), clock)

    latest = runs.latest(storage)
    assert latest is not None
    assert latest.outcome == "failed"
    assert "TablesUnavailable: no answer" in latest.report
