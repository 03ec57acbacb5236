"""The limits of what a run may end or open by itself, to the last grant."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from shared.access import runs
from shared.access.grant import ALWAYS, Grant, Span, Spans
from shared.access.mode import Mode
from shared.access.sync import changes, guard
from shared.access.sync.guard import Allowance, Limits, Objection
from shared.access.sync.mapping import Fields
from tests.builders.access import (
    CLIENT_IDS,
    METERING_POINTS,
    NOW,
    Client,
    Person,
    app,
    guid,
    point,
    register,
    user,
)

SETTINGS = Mode("severa", "report", CLIENT_IDS, METERING_POINTS, "API")
COMPLETE = runs.LastComplete(NOW, restriction_defined=True, mode=SETTINGS)
CLIENT = Client(10001, apps=guid(1), points=point(1))
UNDEFINED = (
    "The custom property 'API metering points' is no longer defined in Severa, so {}. "
    "Was it renamed? Then correct SEVERA_METERING_POINTS_PROPERTY."
)


def grants(numbers: Iterable[int], *, principal: str = app(1), spans: Spans = ALWAYS) -> list[Grant]:
    return [Grant(principal, point(each), 10001, "Kunde", spans, "field") for each in numbers]


def objections(
    *,
    stored: Sequence[Grant],
    wanted: Sequence[Grant] | None = None,
    clients: Sequence[Client] = (CLIENT,),
    property_names: Sequence[str] = (CLIENT_IDS, METERING_POINTS),
    last_complete: runs.LastComplete | None = COMPLETE,
    by_supply: bool = False,
    limits: Limits | None = None,
) -> list[str]:
    """What the guard says to a run from the stored to the wanted grants, by default the same."""
    before = {each.key: each for each in stored}
    after = before if wanted is None else {each.key: each for each in wanted}
    found = guard.objections(
        changes.plan(stored=before, wanted=after),
        before=guard.Before(before, last_complete),
        register=register(clients, property_names=property_names),
        fields=Fields(),
        by_supply=by_supply,
        limits=limits or Limits(),
    )
    return [each.text for each in found]


@pytest.mark.parametrize(
    ("stored", "lost", "is_held_back"),
    [(9, 9, False), (10, 10, True), (99, 10, True), (100, 10, False), (100, 11, True)],
)
def test_fewer_than_ten_grants_or_a_tenth_of_them_may_end(stored: int, lost: int, is_held_back: bool) -> None:
    found = objections(stored=grants(range(stored)), wanted=grants(range(lost, stored)))

    assert [each.partition(" grants")[0] for each in found] == (
        [f"{lost} of {stored}"] if is_held_back else []
    )


@pytest.mark.parametrize(
    ("stored", "gained", "is_held_back"),
    [(1, 199, False), (1, 200, True), (1999, 200, True), (2000, 200, False), (2000, 201, True)],
)
def test_fewer_than_two_hundred_grants_or_a_tenth_more_may_open(
    stored: int, gained: int, is_held_back: bool
) -> None:
    found = objections(stored=grants(range(stored)), wanted=grants(range(stored + gained)))

    assert [each.partition(" that there are")[0] for each in found] == (
        [f"{gained} grants would be new or extended, beside {stored}"] if is_held_back else []
    )


def test_losses_and_gains_have_a_limit_each() -> None:
    before, after = grants(range(1000)), grants(range(200, 1300))

    def held_back(limits: Limits) -> list[str]:
        return [each.split()[0] for each in objections(stored=before, wanted=after, limits=limits)]

    assert held_back(Limits(max_revoked_share=0.2, max_granted_share=0.3)) == []
    assert held_back(Limits(max_revoked_share=0.1, max_granted_share=0.3)) == ["200"]
    assert held_back(Limits(max_revoked_share=0.2, max_granted_share=0.2)) == ["300"]


@pytest.mark.parametrize(("gained", "is_held_back"), [(500, False), (501, True)])
def test_one_principal_may_gain_five_hundred_grants(gained: int, is_held_back: bool) -> None:
    stored = grants(range(10_000))

    found = objections(stored=stored, wanted=[*stored, *grants(range(gained), principal=app(2))])

    assert [each.rpartition(" would go to ")[2] for each in found] == (
        [f"{app(2)} (501)."] if is_held_back else []
    )


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_of_many_principals_that_gain_too_much_five_are_named(count: int, more: str) -> None:
    wanted = [each for number in range(count) for each in grants(range(3), principal=app(number))]

    [found] = objections(stored=[], wanted=wanted, limits=Limits(max_granted_per_principal=2))

    named = ", ".join(f"{app(number)} (3)" for number in range(5))
    assert found.endswith(f" would go to {named}{more}.")


def test_days_that_are_added_are_a_gain_and_a_new_name_or_fewer_days_are_none() -> None:
    stored = grants(range(300), spans=(Span(None, NOW.date()),))
    renamed = [replace(each, customer_name="Kunde AS") for each in stored]

    assert objections(stored=stored, wanted=renamed) == []
    [longer] = objections(stored=stored, wanted=grants(range(300)))
    assert longer.startswith("300 grants would be new or extended, beside 300")
    [shorter] = objections(stored=grants(range(300)), wanted=stored)
    assert shorter.startswith("300 of 300 grants would be revoked or shortened")


@pytest.mark.parametrize(
    ("users", "roles", "objection"),
    [
        (0, (), None),
        (0, (None,), None),
        (1, (), "Severa answered without a single contact person."),
        (1, ("Sales",), None),
        (2, ("Sales", "API"), None),
        (
            2,
            ("Sales", None),
            "No contact person has the role 'API' any more, so all 2 users would lose access. "
            "Was it renamed? Then correct SEVERA_CONTACT_ROLE.",
        ),
    ],
)
def test_users_of_a_role_that_has_disappeared_keep_their_access(
    users: int, roles: Sequence[str | None], objection: str | None
) -> None:
    stored = [each for number in range(users) for each in grants([1], principal=user(number))]
    persons = tuple(Person(number, role=role) for number, role in enumerate(roles))

    found = objections(stored=stored or grants([1]), clients=[replace(CLIENT, persons=persons)])

    assert found == ([objection] if objection else [])


@pytest.mark.parametrize(("principal", "is_held_back"), [(app(1), True), (user(1), False)])
def test_a_client_id_property_that_is_gone_ends_no_applications_access(
    principal: str, is_held_back: bool
) -> None:
    found = objections(
        stored=grants([1], principal=principal),
        clients=[replace(CLIENT, persons=(Person(7),))],
        property_names=[METERING_POINTS],
    )

    assert [each.partition(" is no longer")[0] for each in found] == (
        ["The custom property 'API client id'"] if is_held_back else []
    )


@pytest.mark.parametrize(
    ("by_supply", "was_defined", "effect"),
    [
        (True, True, "no customer could be restricted by it"),
        (True, False, None),
        (False, True, "all access would end"),
        (False, False, "all access would end"),
    ],
)
def test_a_property_with_metering_points_that_is_gone_is_objected_to_where_it_decides(
    by_supply: bool, was_defined: bool, effect: str | None
) -> None:
    found = objections(
        stored=grants([1]),
        property_names=[CLIENT_IDS],
        last_complete=replace(COMPLETE, restriction_defined=was_defined),
        by_supply=by_supply,
    )

    assert found == ([UNDEFINED.format(effect)] if effect else [])


def test_nothing_can_be_lost_where_nothing_is_stored() -> None:
    assert objections(stored=[], clients=[], property_names=[]) == []


@pytest.mark.parametrize("clients", [[], [replace(CLIENT, is_active=False)]])
def test_a_register_without_an_active_customer_is_objected_to(clients: Sequence[Client]) -> None:
    assert objections(stored=grants([1]), clients=clients) == [
        "Severa answered without a single active customer."
    ]


def test_without_a_complete_sync_before_it_every_run_is_objected_to_and_only_as_the_first() -> None:
    [first] = objections(stored=[], wanted=grants([1]), last_complete=None)
    [lost] = objections(stored=grants([1]), property_names=[CLIENT_IDS], last_complete=None, by_supply=True)
    [no_time] = objections(stored=grants([1]), last_complete=replace(COMPLETE, completed_at=None))

    assert first.startswith("No sync has been completed before")
    assert lost.startswith("No completed sync is stored, but 1 grant:")
    assert no_time.startswith("The time of the last complete sync is missing or unreadable")


def test_a_lost_time_does_not_hide_another_mode() -> None:
    last = replace(COMPLETE, completed_at=None)

    assert guard.other_mode(SETTINGS, last_complete=last) == ()
    assert guard.other_mode(replace(SETTINGS, metering_point_source="warehouse"), last_complete=last) == (
        Objection(
            "METERING_POINT_SOURCE is 'warehouse' and was 'severa' at the last complete sync.",
            Allowance.SOURCE,
        ),
    )


def test_an_allowance_lets_through_what_it_names_and_nothing_else() -> None:
    every = [Objection(each.name, each) for each in Allowance]

    for allowed in Allowance:
        held_back = guard.held_back(every, allowed={allowed})
        assert [each.allowance for each in held_back] == [each for each in Allowance if each is not allowed]
    assert guard.held_back(every, allowed=set()) == tuple(every)
    assert guard.held_back(every, allowed=set(Allowance)) == ()


def test_losses_need_the_allowance_of_revocations_and_gains_that_of_grants() -> None:
    before, after = grants(range(300)), grants(range(300, 600))
    stored, wanted = ({each.key: each for each in side} for side in (before, after))

    found = guard.objections(
        changes.plan(stored=stored, wanted=wanted),
        before=guard.Before(stored, COMPLETE),
        register=register([CLIENT]),
        fields=Fields(),
        by_supply=False,
        limits=Limits(),
    )

    assert [(each.text[:10], each.allowance) for each in found] == [
        ("300 of 300", Allowance.REVOCATIONS),
        ("300 grants", Allowance.GRANTS),
    ]
