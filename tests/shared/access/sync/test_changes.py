"""The way from stored to wanted grants is allowed by one of them at every step."""

from collections.abc import Mapping
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.access.grant import Grant, GrantKey, Span, join_spans
from shared.access.sync import changes
from shared.access.sync.changes import Event
from tests.builders.access import app, point

START = date(2024, 1, 1)
Mapped = Mapping[GrantKey, Grant]


def day(number: int) -> date:
    return START + timedelta(days=number)


def grant(*given: Span, principal: int = 1, name: str = "Kunde", why: str = "field") -> Grant:
    return Grant(app(principal), point(1), 10001, name, given, why)


def mapped(*grants: Grant) -> dict[GrantKey, Grant]:
    return {each.key: each for each in grants}


@st.composite
def mappings(draw: st.DrawFn) -> dict[GrantKey, Grant]:
    sides = st.none() | st.integers(0, 8).map(day)
    spanning = st.lists(st.builds(Span, sides, sides), max_size=3).map(join_spans)
    numbers = st.integers(1, 2)
    grants = draw(
        st.lists(st.builds(
            lambda principal, where, customer, held, name: Grant(
                app(principal), point(where), customer, name, held, "field"),
            numbers, numbers, numbers, spanning, st.sampled_from("AB"),
        ), max_size=8)
    )  # fmt: skip
    return {each.key: each for each in grants if each.spans}


def days_of(mapping: Mapped) -> set[tuple[GrantKey, int]]:
    return {
        (key, number)
        for key, each in mapping.items()
        for number in range(-1, 10)
        if any(span.first <= day(number) < span.end for span in each.spans)
    }


@given(mappings(), mappings())
def test_every_step_is_allowed_by_the_old_or_by_the_new_mapping(
    stored: dict[GrantKey, Grant], wanted: dict[GrantKey, Grant]
) -> None:
    plan = changes.plan(stored=stored, wanted=wanted)

    now = dict(stored)
    for change in plan.losses:
        now = step(now, change)
        assert days_of(now) <= days_of(stored)
    assert days_of(now) == days_of(stored) & days_of(wanted)
    for change in plan.gains:
        now = step(now, change)
        assert days_of(now) <= days_of(wanted)
    assert now == wanted


def step(now: Mapped, change: changes.Change) -> dict[GrantKey, Grant]:
    key = change.subject.key
    assert now.get(key) == change.before
    rest = {other: each for other, each in now.items() if other != key}
    return rest if change.after is None else {**rest, key: change.after}


@given(mappings())
def test_nothing_is_to_be_done_when_nothing_changed(stored: dict[GrantKey, Grant]) -> None:
    assert changes.plan(stored=stored, wanted=dict(stored)).changes == ()


def test_a_period_that_moves_is_shortened_first_and_then_extended() -> None:
    old, new = grant(Span(day(0), day(10))), grant(Span(day(5), day(15)))
    both = grant(Span(day(5), day(10)))

    plan = changes.plan(stored=mapped(old), wanted=mapped(new))

    assert [(each.before, each.after) for each in plan.losses] == [(old, both)]
    assert [(each.before, each.after) for each in plan.gains] == [(both, new)]
    assert [each.event for each in plan.changes] == [Event.CHANGED, Event.CHANGED]


def test_a_period_that_moves_away_is_revoked_and_granted() -> None:
    plan = changes.plan(
        stored=mapped(grant(Span(day(0), day(5)))), wanted=mapped(grant(Span(day(5), day(9))))
    )

    assert [each.event for each in plan.changes] == [Event.REVOKED, Event.GRANTED]


def test_a_new_name_or_reason_is_no_loss_of_access() -> None:
    plan = changes.plan(
        stored=mapped(grant(Span(), name="Old", why="field")),
        wanted=mapped(grant(Span(), name="New", why="role")),
    )

    assert plan.losses == ()
    assert [each.event for each in plan.gains] == [Event.CHANGED]
    assert [each.subject.customer_name for each in plan.gains] == ["New"]


def test_changes_come_in_groups_of_one_principal_and_a_bounded_size() -> None:
    grants = [Grant(app(which), point(n), 1, "", (Span(),), "") for which in (1, 2) for n in range(5)]
    plan = changes.plan(stored={}, wanted=mapped(*grants))

    groups = [(who, len(batch)) for who, batch in changes.by_principal(plan.gains, at_most=3)]

    assert groups == [(app(1), 3), (app(1), 2), (app(2), 3), (app(2), 2)]
