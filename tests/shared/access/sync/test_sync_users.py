"""Who changes addresses in Entra gains nothing: from Severa and Graph to what is granted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from local import demo
from local.standins import data
from shared import services, settings
from shared.access import runs
from shared.access.entra import directory
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault, contact_email
from shared.access.severa import client
from shared.access.sync import stages
from shared.access.sync.guard import Limits
from shared.access.sync.reports import InvitingFailed, Outcome, SyncReport
from shared.access.sync.stages import Rules, Sources
from shared.access.sync.supply_by_customer import SupplyPeriod
from shared.tables import Tables
from tests.builders.access import guid, point, rules, stored_grants, user
from tests.builders.outside import FixedToken
from tests.builders.standins import Service

KARI_ADDRESS = "kari@fjord.example"
KARI, INTRUDER, NEW_KARI = guid(70), guid(66), guid(71)


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    employ(running, role=data.CONTACT_ROLE)
    return running


def employ(service: Service, *, role: str | None, address: str = KARI_ADDRESS) -> None:
    """A customer in Severa with one metering point and one contact person."""
    service.put_severa(
        customers=[data.customer(guid=guid(1), number=10001)],
        contactPersons=[
            data.contact_person(guid=guid(7), customer_guid=guid(1), emails=[address], role=role)
        ],
        customProperties=[
            data.custom_property(name=name) for name in (data.CLIENT_IDS, data.METERING_POINTS)
        ],
        customValues=[
            data.custom_value(guid=guid(8), customer_guid=guid(1), name=data.METERING_POINTS, value=point(1))
        ],
    )


def people(service: Service, **mails: str) -> None:
    """Users in Entra: `u66=…` is the user with `guid(66)`."""
    users = [data.user(object_id=guid(int(name[1:])), mail=mail) for name, mail in mails.items()]
    service.put_graph(**{**data.demo_graph(), "users": users})


def synced(
    service: Service,
    storage: Tables,
    *,
    inviting: bool = False,
    supply: Callable[[], Sequence[SupplyPeriod]] | None = None,
    wanted: Rules | None = None,
) -> SyncReport:
    """One sync, an hour after the last."""
    service.time.sleep(timedelta(hours=1).total_seconds())

    def resolve(
        wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str], *, provisioning: str
    ) -> Directory:
        return directory.resolve(
            wanted,
            known=bound,
            settings=service.directory_settings(provisioning),
            token=lambda: "token",
            clock=service.time.clock,
            sleep=service.time.sleep,
        )

    sources = Sources(
        lambda: client.fetch(
            service.severa_settings(),
            clock=service.time.clock,
            sleep=service.time.sleep,
            monotonic=service.time.monotonic,
        ),
        partial(resolve, provisioning="report"),
        supply,
        partial(resolve, provisioning="invite") if inviting else None,
    )
    return stages.run(sources, storage=storage, rules=wanted or rules(storage), clock=service.time.clock)


def changes_in_entra(service: Service) -> int:
    """How many requests changed anything in Entra: invitations and assignments of the role."""
    return sum(
        each["method"] == "POST" and each["target"].startswith("/graph")
        for each in service.requests()["requests"]
    )


def with_access(storage: Tables) -> set[str]:
    return {each.principal for each in stored_grants(storage)}


def test_who_takes_over_an_address_gains_nothing_and_its_owner_loses_nothing(
    service: Service, storage: Tables
) -> None:
    people(service, u70=KARI_ADDRESS)
    synced(service, storage)

    people(service, u70="kari@home.example", u66=KARI_ADDRESS)
    synced(service, storage)

    assert with_access(storage) == {user(70)}


def test_who_claims_an_address_before_its_owner_was_found_gains_nothing(
    service: Service, storage: Tables
) -> None:
    service.put_graph(
        users=[data.user(object_id=INTRUDER, mail="intruder@elsewhere.example", otherMails=[KARI_ADDRESS])]
    )

    report = synced(service, storage)

    assert with_access(storage) == set()
    assert DirectoryFault.UNPROVEN in report.text()


def test_two_claims_to_an_address_are_a_persons_to_settle(service: Service, storage: Tables) -> None:
    service.put_graph(
        users=[
            data.user(object_id=KARI, mail=KARI_ADDRESS),
            data.user(object_id=INTRUDER, mail="intruder@elsewhere.example", otherMails=[KARI_ADDRESS]),
        ]
    )

    report = synced(service, storage)

    assert with_access(storage) == set()
    assert DirectoryFault.AMBIGUOUS in report.text()


def test_an_address_that_is_used_again_gives_the_new_user_nothing_until_the_role_is_given_again(
    service: Service, storage: Tables
) -> None:
    people(service, u70=KARI_ADDRESS)
    synced(service, storage)

    people(service, u71=KARI_ADDRESS)
    assert DirectoryFault.GONE in synced(service, storage).text()
    assert with_access(storage) == set()

    employ(service, role=None)
    synced(service, storage)
    employ(service, role=data.CONTACT_ROLE)
    synced(service, storage)
    assert with_access(storage) == {user(71)}


def test_a_disabled_user_has_nothing_and_is_the_same_user_when_enabled(
    service: Service, storage: Tables
) -> None:
    people(service, u70=KARI_ADDRESS)
    synced(service, storage)

    service.put_graph(
        users=[
            data.user(object_id=KARI, mail="kari@home.example", accountEnabled=False),
            data.user(object_id=NEW_KARI, mail=KARI_ADDRESS),
        ]
    )
    synced(service, storage)
    assert with_access(storage) == set()

    people(service, u70="kari@home.example", u71=KARI_ADDRESS)
    synced(service, storage)
    assert with_access(storage) == {user(70)}


def test_a_first_sync_that_is_held_back_invites_nobody(service: Service, storage: Tables) -> None:
    people(service)

    report = synced(service, storage, inviting=True, wanted=Rules())

    assert (report.outcome, report.invited) == (Outcome.REFUSED, ())
    assert (changes_in_entra(service), service.graph()["users"]) == (0, [])


def test_a_sync_that_fails_after_the_users_were_found_invites_nobody(
    service: Service, storage: Tables
) -> None:
    people(service)

    def out_of_reach() -> Sequence[SupplyPeriod]:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        synced(service, storage, inviting=True, supply=out_of_reach)

    assert (changes_in_entra(service), service.graph()["users"]) == (0, [])


def test_a_sync_invites_after_it_is_done_and_the_next_one_gives_access(
    service: Service, storage: Tables
) -> None:
    people(service)

    first = synced(service, storage, inviting=True)
    [guest] = service.graph()["users"]
    stored = runs.latest(storage)

    assert (first.outcome, first.invited, with_access(storage)) == (
        Outcome.COMPLETE,
        (KARI_ADDRESS,),
        set(),
    )
    assert stored is not None
    assert (stored.report, stored.completed_at) == (first.text(), first.started_at)
    assert stored.mode is not None
    assert first.text().splitlines()[-4:] == [
        "1 invited to Entra, with access from the next sync:",
        f"- {KARI_ADDRESS}",
        "1 record that gives no access:",
        f"- {first.faults[0].whose}: {KARI_ADDRESS}: {DirectoryFault.INVITED}",
    ]

    second = synced(service, storage, inviting=True)

    assert (second.invited, second.faults) == ((), ())
    assert with_access(storage) == {f"user:{guest['id']}"}
    assert changes_in_entra(service) == 2


def test_the_access_of_invited_users_is_weighed_by_the_guard(service: Service, storage: Tables) -> None:
    people(service)
    synced(service, storage, inviting=True)

    report = synced(service, storage, inviting=True, wanted=Rules(limits=Limits(max_granted_per_principal=0)))

    assert (report.outcome, with_access(storage)) == (Outcome.REFUSED, set())


def test_an_address_that_entra_does_not_invite_is_reported_as_that(service: Service, storage: Tables) -> None:
    employ(service, role=data.CONTACT_ROLE, address="kari+api@fjord.example")
    people(service)

    report = synced(service, storage, inviting=True)

    assert (report.outcome, report.invited) == (Outcome.COMPLETE, ())
    assert DirectoryFault.NOT_INVITED in report.text()
    assert DirectoryFault.NOT_FOUND not in report.text()


def test_an_invitation_that_fails_leaves_the_applied_run_complete_with_its_report(
    service: Service, storage: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    people(service, u70=KARI_ADDRESS)
    service.put_graph(**{**service.graph(), "servicePrincipals": []})

    report = synced(service, storage, inviting=True)

    error = (
        f"Access was applied; inviting failed: The enterprise application {demo.API_CLIENT_ID} "
        "(ENTRA_API_APP_ID) has no enabled app role Metering.Read for users."
    )
    lines = report.text().splitlines()
    assert lines[0].startswith(f"Access sync {report.run_id}: complete; granted 1, changed 0, revoked 0;")
    assert lines[-3:] == [
        f"! {error}",
        "Changes:",
        f"- granted: {user(70)} for customer 10001, metering point {point(1)} in .. "
        "(contact role API; API metering points)",
    ]
    latest = runs.latest(storage)
    assert latest is not None
    assert (latest.outcome, latest.completed_at, latest.counts, latest.report) == (
        "complete",
        report.started_at,
        report.counts,
        report.text(),
    )
    assert [each.levelname for each in caplog.records if each.message == report.text()] == ["ERROR"]
    assert with_access(storage) == {user(70)}
    with pytest.raises(InvitingFailed) as raised:
        report.raise_for_failure()
    assert str(raised.value) == error


def test_the_app_finds_users_without_inviting_them(
    service: Service, table_storage: str, tmp_path: Path
) -> None:
    people(service)
    environment = {
        **demo.ACCESS_SETTINGS,
        "METERING_POINT_SOURCE": "severa",
        "ENTRA_PROVISIONING": "invite",
        "ENTRA_INVITE_REDIRECT_URL": "https://portal.example",
        "ENTRA_API_APP_ID": demo.API_CLIENT_ID,
        "GRAPH_BASE_URL": f"{service.url}/graph/v1.0",
        "SEVERA_BASE_URL": f"{service.url}/severa/rest-api",
        "SEVERA_CLIENT_ID": demo.SEVERA_CLIENT_ID,
        "SEVERA_CLIENT_SECRET": demo.SEVERA_CLIENT_SECRET,
        "SEALING_KEY": demo.SEALING_KEY,
        "TABLE_STORAGE": table_storage,
        "WAREHOUSE": f"duckdb:{tmp_path / 'unused.duckdb'}",
        "GATEWAY_PRINCIPAL_ID": guid(90),
        "WEBSITE_AUTH_ENABLED": "True",
    }
    opened = services.start(settings.from_environment(environment), clock=lambda: datetime.now(UTC))
    sources = replace(opened, credential=FixedToken()).access_sources()
    kari = contact_email(contact_guid=guid(7), email=KARI_ADDRESS)

    assert sources.find_users([kari], {}).faults == {kari: DirectoryFault.NOT_FOUND}
    assert (changes_in_entra(service), service.graph()["users"]) == (0, [])

    assert sources.invite_users is not None
    assert sources.invite_users([kari], {}).invited == {kari}
