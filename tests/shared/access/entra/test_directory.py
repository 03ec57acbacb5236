"""Users of Entra for contact persons of Severa: who is found, who is refused, and what is never trusted."""

import traceback
from collections.abc import Mapping
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from local import demo
from local.standins import data
from shared.access.entra import directory
from shared.access.entra.users import ContactEmail, Directory, DirectoryFault, contact_email
from tests.builders.standins import Service

USERS = "/graph/v1.0/users"
ASSIGNED = f"/graph/v1.0/servicePrincipals/{data.SERVICE_PRINCIPAL_ID}/appRoleAssignedTo"

KARI = "11111111-1111-4111-8111-111111111111"
OLA = "22222222-2222-4222-8222-222222222222"
EMAIL = "kari@firm.example"
CONTACT = contact_email(contact_guid="p1", email=EMAIL)


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    running.time.slept.clear()
    return running


def resolve(
    service: Service,
    *wanted: ContactEmail,
    known: Mapping[ContactEmail, str] | None = None,
    provisioning: str = "report",
) -> Directory:
    return directory.resolve(
        wanted,
        known=known or {},
        settings=service.directory_settings(provisioning),
        token=lambda: "token",
        clock=service.time.clock,
        sleep=service.time.sleep,
    )


def put_users(service: Service, *users: data.Record, **other: object) -> None:
    service.put_graph(**{**data.demo_graph(), "users": list(users), **other})


# Found by an address


@pytest.mark.parametrize(
    "user",
    [
        data.user(object_id=KARI, mail="Kari@Firm.example"),
        data.user(object_id=KARI, mail=None, userPrincipalName="kari@firm.example"),
        data.user(object_id=KARI, mail="kari.nordmann@firm.example", userPrincipalName="KARI@firm.example"),
        data.user(
            object_id=KARI, mail=None, userPrincipalName="kari_firm.example#EXT#@t.onmicrosoft.example"
        ),
        data.guest(object_id=KARI, email="kari@firm.example"),
    ],
    ids=["mail", "sign-in name", "sign-in name beside another mail", "guest sign-in name", "invited guest"],
)
def test_a_user_is_found_by_what_only_administrators_and_invitations_write(
    service: Service, user: data.Record
) -> None:
    put_users(service, user, data.user(object_id=OLA, mail="ola@firm.example"))

    assert resolve(service, CONTACT) == Directory({CONTACT: KARI})


def test_an_object_id_is_given_in_lower_case(service: Service) -> None:
    put_users(service, data.user(object_id="ABCDEF00-0000-4000-8000-000000000000", mail=EMAIL))

    assert resolve(service, CONTACT).users == {CONTACT: "abcdef00-0000-4000-8000-000000000000"}


def test_an_unknown_address_is_a_fault(service: Service) -> None:
    put_users(service)

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.NOT_FOUND})


@pytest.mark.parametrize(
    "user",
    [
        data.user(object_id=OLA, mail="kari@firm.example.evil.example"),
        data.user(object_id=OLA, mail="xkari@firm.example"),
        data.user(object_id=OLA, mail="\N{KELVIN SIGN}ari@firm.example"),
        data.user(object_id=OLA, mail=None, userPrincipalName="kari_firm.example@t.onmicrosoft.example"),
        data.user(object_id=OLA, mail=None, userPrincipalName="kari_firm.example.evil#EXT#@t.example"),
        data.user(object_id=OLA, mail=None, displayName="kari@firm.example"),
    ],
)
def test_an_answer_that_matches_only_partly_is_nobody(service: Service, user: data.Record) -> None:
    service.order("answer", USERS, status=200, body={"value": [user]})

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.NOT_FOUND})


def test_an_alternate_address_that_a_user_may_have_written_himself_proves_nothing(service: Service) -> None:
    put_users(service, data.user(object_id=OLA, mail="ola@firm.example", otherMails=[EMAIL]))

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.UNPROVEN})


def test_an_alternate_address_of_one_user_makes_the_address_of_another_ambiguous(service: Service) -> None:
    put_users(
        service,
        data.user(object_id=KARI, mail=EMAIL),
        data.user(object_id=OLA, mail="ola@firm.example", otherMails=[EMAIL.upper()]),
    )

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.AMBIGUOUS})


def test_a_guest_name_that_the_mail_contradicts_proves_nothing(service: Service) -> None:
    guest = data.guest(object_id=KARI, email=EMAIL)
    put_users(service, {**guest, "mail": "kari@new-firm.example", "otherMails": []})

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.UNPROVEN})


def test_two_users_with_one_address_are_a_fault_even_when_one_is_disabled(service: Service) -> None:
    put_users(
        service,
        data.user(object_id=KARI, mail=EMAIL),
        data.user(object_id=OLA, mail=EMAIL, accountEnabled=False),
    )

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.AMBIGUOUS})


def test_a_second_user_on_a_later_page_is_noticed(service: Service) -> None:
    put_users(
        service, data.user(object_id=KARI, mail=EMAIL), data.user(object_id=OLA, mail=EMAIL), pageSize=1
    )

    assert resolve(service, CONTACT).faults == {CONTACT: DirectoryFault.AMBIGUOUS}


@pytest.mark.parametrize("enabled", [False, None])
def test_a_user_who_is_not_clearly_enabled_is_refused(service: Service, enabled: bool | None) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL, accountEnabled=enabled))

    assert resolve(service, CONTACT) == Directory({}, {CONTACT: DirectoryFault.DISABLED})


@pytest.mark.parametrize(
    "email",
    [
        "",
        "kari",
        "kari@",
        "@firm.example",
        "kari@firm",
        "a b@firm.example",
        "a@b@firm.example",
        "a@x.no,b@x.no",
    ],
)
def test_what_is_no_address_is_never_asked_for(service: Service, email: str) -> None:
    contact = contact_email(contact_guid="p1", email=email)

    assert resolve(service, contact) == Directory({}, {contact: DirectoryFault.INVALID_EMAIL})
    assert service.requests()["total"] == 0


def test_a_quote_in_an_address_stays_in_the_address(service: Service) -> None:
    put_users(
        service,
        data.user(object_id=KARI, mail="o'hara@firm.example"),
        data.user(object_id=OLA, mail="ola@firm.example"),
    )
    contact = contact_email(contact_guid="p1", email="O'Hara@firm.example")
    attack = contact_email(contact_guid="p2", email="x'or'a'eq'a@firm.example")

    answer = resolve(service, contact, attack)

    assert answer == Directory({contact: KARI}, {attack: DirectoryFault.NOT_FOUND})


def test_one_address_of_several_contact_persons_is_looked_up_once(service: Service) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))
    other = contact_email(contact_guid="p2", email=EMAIL)

    assert resolve(service, CONTACT, other, CONTACT).users == {CONTACT: KARI, other: KARI}
    assert service.requests()["total"] == 1


def test_nobody_wanted_is_nothing_asked(service: Service) -> None:
    assert resolve(service) == Directory()
    assert service.requests()["total"] == 0


def test_off_asks_nothing_and_finds_nobody(service: Service) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))

    assert resolve(service, CONTACT, provisioning="off") == Directory()
    assert service.requests()["total"] == 0


# Known from before


def test_a_known_user_is_trusted_by_object_id_whatever_the_address_says_now(service: Service) -> None:
    put_users(
        service,
        data.user(object_id=KARI, mail="kari@elsewhere.example"),
        data.user(object_id=OLA, mail=EMAIL),
    )

    assert resolve(service, CONTACT, known={CONTACT: KARI.upper()}).users == {CONTACT: KARI}


def test_a_known_user_who_is_gone_is_not_replaced_by_the_next_user_with_the_address(service: Service) -> None:
    put_users(service, data.user(object_id=OLA, mail=EMAIL))

    assert resolve(service, CONTACT, known={CONTACT: KARI}) == Directory({}, {CONTACT: DirectoryFault.GONE})


def test_a_known_user_who_is_disabled_is_refused(service: Service) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL, accountEnabled=False))

    answer = resolve(service, CONTACT, known={CONTACT: KARI})

    assert answer == Directory({}, {CONTACT: DirectoryFault.DISABLED})


def test_another_address_of_a_known_contact_person_is_a_new_question(service: Service) -> None:
    put_users(
        service, data.user(object_id=KARI, mail=EMAIL), data.user(object_id=OLA, mail="ola@firm.example")
    )
    changed = contact_email(contact_guid="p1", email="ola@firm.example")

    assert resolve(service, changed, known={CONTACT: KARI}).users == {changed: OLA}


def test_many_known_users_are_checked_fifteen_at_a_time(service: Service) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(40)]
    put_users(service, *[data.user(object_id=each, mail=f"{each}@firm.example") for each in ids])
    known = {contact_email(contact_guid=each, email=EMAIL): each for each in ids}

    answer = resolve(service, *known, known=known)

    assert answer == Directory(known)
    assert service.requests()["total"] == 3


# Nothing is changed unless invited


def test_without_invite_nothing_is_changed(service: Service) -> None:
    before = service.graph()

    resolve(service, CONTACT, provisioning="report")

    assert service.graph() == before
    assert {each["method"] for each in service.requests()["requests"]} == {"GET"}


def test_a_missing_user_is_invited_and_given_the_role(service: Service) -> None:
    put_users(service)

    answer = resolve(service, CONTACT, provisioning="invite")

    [guest] = service.graph()["users"]
    [assignment] = service.graph()["appRoleAssignments"]
    assert guest["mail"] == EMAIL
    assert answer == Directory({CONTACT: guest["id"]}, {}, frozenset({CONTACT}))
    assert (assignment["principalId"], assignment["appRoleId"]) == (guest["id"], data.ROLE_ID)


def test_a_user_who_was_found_is_given_the_role_but_not_invited(service: Service) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))

    answer = resolve(service, CONTACT, provisioning="invite")

    assert answer == Directory({CONTACT: KARI})
    assert [each["principalId"] for each in service.graph()["appRoleAssignments"]] == [KARI]


def test_a_second_run_invites_and_assigns_nothing_again(service: Service) -> None:
    put_users(service, pageSize=1)
    contacts = [contact_email(contact_guid=f"p{n}", email=f"k{n}@firm.example") for n in range(3)]
    first = resolve(service, *contacts, provisioning="invite")
    before = service.graph()

    with_memory = resolve(service, *contacts, known=first.users, provisioning="invite")
    without_memory = resolve(service, *contacts, provisioning="invite")

    posted = [each for each in service.requests()["requests"] if each["method"] == "POST"]
    assert with_memory == without_memory == Directory(first.users)
    assert service.graph() == before
    assert len(posted) == 6  # Three invitations and three assignments, all of the first run.


def test_an_assignment_that_exists_already_is_no_fault(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))
    resolve(service, CONTACT, provisioning="invite")
    service.order("answer", ASSIGNED, status=200, body={"value": []})

    answer = resolve(service, CONTACT, provisioning="invite")

    assert answer == Directory({CONTACT: KARI})
    assert caplog.messages == []


@pytest.mark.parametrize(
    "user",
    [
        data.user(object_id=KARI, mail=EMAIL, accountEnabled=False),
        data.user(object_id=KARI, mail="ola@firm.example", otherMails=[EMAIL]),
    ],
)
def test_a_doubtful_address_is_not_invited(service: Service, user: data.Record) -> None:
    put_users(service, user)

    assert resolve(service, CONTACT, provisioning="invite").users == {}
    assert [each["id"] for each in service.graph()["users"]] == [KARI]


def test_an_address_that_entra_does_not_invite_is_a_fault_of_its_own(service: Service) -> None:
    refused = contact_email(contact_guid="p2", email="kari+api@firm.example")
    put_users(service)

    answer = resolve(service, CONTACT, refused, provisioning="invite")

    assert set(answer.users) == {CONTACT}
    assert answer.faults == {refused: DirectoryFault.NOT_INVITED}


def test_an_invitation_of_another_address_is_not_taken(service: Service) -> None:
    body = {"invitedUserEmailAddress": "ola@firm.example", "invitedUser": {"id": OLA}}
    put_users(service)
    service.order("answer", "/graph/v1.0/invitations", status=201, body=body)

    with pytest.raises(directory.DirectoryUnavailable, match="another address"):
        resolve(service, CONTACT, provisioning="invite")


@pytest.mark.parametrize(
    "roles",
    [
        [],
        [{"id": "r", "value": "Metering.Write", "isEnabled": True, "allowedMemberTypes": ["User"]}],
        [{"id": "r", "value": "Metering.Read", "isEnabled": False, "allowedMemberTypes": ["User"]}],
        [{"id": "r", "value": "Metering.Read", "isEnabled": True, "allowedMemberTypes": ["Application"]}],
    ],
)
def test_without_the_app_role_for_users_the_run_says_so(service: Service, roles: list[Any]) -> None:
    principal = {"id": "sp", "appId": demo.API_CLIENT_ID, "appRoles": roles}
    put_users(service, data.user(object_id=KARI, mail=EMAIL), servicePrincipals=[principal])

    with pytest.raises(
        directory.DirectoryRefused, match=r"ENTRA_API_APP_ID.* no enabled app role Metering.Read"
    ):
        resolve(service, CONTACT, provisioning="invite")


def test_without_the_enterprise_application_the_run_says_so(service: Service) -> None:
    put_users(service, servicePrincipals=[])

    with pytest.raises(directory.DirectoryRefused, match=demo.API_CLIENT_ID):
        resolve(service, CONTACT, provisioning="invite")

    assert service.graph()["users"] == []


# When Graph fails


def test_throttling_is_waited_out_as_long_as_graph_asks(service: Service) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))
    service.order("throttle", USERS, times=2, headers={"Retry-After": "25"})

    assert resolve(service, CONTACT).users == {CONTACT: KARI}
    assert service.time.slept == [25, 25]


@pytest.mark.parametrize("kind", ["cut", "answer"])
def test_a_passing_failure_is_not_noticed(service: Service, kind: str) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))
    service.order(kind, USERS, times=2, status=503, body="down")

    assert resolve(service, CONTACT).users == {CONTACT: KARI}


def test_a_failure_that_stays_gives_nothing_at_all(service: Service) -> None:
    put_users(service, data.user(object_id=KARI, mail=EMAIL))
    other = contact_email(contact_guid="p2", email="ola@firm.example")
    service.order("answer", USERS, nth=2, times=100, status=500, body="down")

    with pytest.raises(directory.DirectoryUnavailable, match="HTTP 500: down"):
        resolve(service, CONTACT, other)


def test_a_missing_permission_is_refused_with_its_name(service: Service) -> None:
    error = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    service.order("answer", USERS, status=403, body=error)

    with pytest.raises(directory.DirectoryRefused, match=r"Authorization_RequestDenied: .* User\.Read\.All"):
        resolve(service, CONTACT)


def test_a_filter_that_graph_refuses_is_no_empty_answer(service: Service) -> None:
    service.order("answer", USERS, status=400, body={"error": {"code": "Request_UnsupportedQuery"}})

    with pytest.raises(directory.DirectoryRefused, match="Request_UnsupportedQuery"):
        resolve(service, CONTACT)


@pytest.mark.parametrize("body", [{"values": []}, {"value": None}])
def test_an_answer_that_is_no_list_is_no_empty_answer(service: Service, body: object) -> None:
    service.order("answer", USERS, status=200, body=body)

    with pytest.raises(directory.DirectoryUnavailable, match="something other than a list"):
        resolve(service, CONTACT)


@pytest.mark.parametrize("row", [{"mail": EMAIL}, {"id": None, "mail": EMAIL}, {"id": 7}, "kari", None, []])
def test_a_user_without_an_id_is_no_answer(service: Service, row: object) -> None:
    service.order("answer", USERS, status=200, body={"value": [row]})

    with pytest.raises(directory.DirectoryUnavailable, match="/users with a record that cannot be read"):
        resolve(service, CONTACT)


def test_the_traceback_of_an_unreadable_user_does_not_quote_the_user(service: Service) -> None:
    service.order("answer", USERS, status=200, body={"value": [{"mail": "private@firm.example"}]})

    with pytest.raises(directory.DirectoryUnavailable) as refused:
        resolve(service, CONTACT)

    assert "private@firm.example" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("strange", [None, 7, True, ["x"], {"x": 1}])
def test_strange_fields_of_a_user_count_as_missing(service: Service, strange: object) -> None:
    user = {
        "id": KARI,
        "mail": EMAIL,
        "accountEnabled": True,
        "otherMails": strange,
        "userPrincipalName": strange,
    }
    service.order("answer", USERS, status=200, body={"value": [user | {"displayName": strange}]})

    assert resolve(service, CONTACT) == Directory({CONTACT: KARI})


def test_a_next_link_to_another_host_is_not_followed_with_the_token(service: Service) -> None:
    body = {"value": [], "@odata.nextLink": "https://evil.example/users"}
    service.order("answer", USERS, status=200, body=body)

    with pytest.raises(directory.DirectoryUnavailable, match="another host"):
        resolve(service, CONTACT)


def test_a_next_link_that_comes_again_is_not_followed_for_ever(service: Service) -> None:
    body = {"value": [], "@odata.nextLink": f"{service.url}{USERS}?page=2"}
    service.order("answer", USERS, times=3, status=200, body=body)

    with pytest.raises(directory.DirectoryUnavailable, match="same next link"):
        resolve(service, CONTACT)


def test_without_a_token_the_directory_is_unavailable(service: Service) -> None:
    def no_token() -> str:
        raise ClientAuthenticationError("no identity here")

    with pytest.raises(directory.DirectoryUnavailable, match="no identity here"):
        directory.resolve(
            [CONTACT],
            known={},
            settings=service.directory_settings(),
            token=no_token,
            clock=service.time.clock,
            sleep=service.time.sleep,
        )
