"""The Graph stand-in asks for what Graph asks for, and gives what it gives."""

from typing import Any

import httpx
import pytest

from local import demo
from local.standins import data
from tests.builders.standins import Service

API = "/graph/v1.0"
BEARER = {"Authorization": "Bearer token"}
EVENTUAL = {**BEARER, "ConsistencyLevel": "eventual"}


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    return running


def users(service: Service, headers: dict[str, str] = BEARER, **query: str) -> httpx.Response:
    return service.control.get(f"{API}/users", params={f"${k}": v for k, v in query.items()}, headers=headers)


def found(service: Service, text: str) -> list[str]:
    answer = users(service, EVENTUAL, filter=text, count="true")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["value"]]


def put(service: Service, *rows: data.Record, **other: Any) -> None:
    service.put_graph(users=list(rows), **other)


def test_a_call_needs_a_token(service: Service) -> None:
    assert users(service, {}).status_code == 401


@pytest.mark.parametrize(
    "text",
    [
        "mail eq 'O''Hara@firm.example'",
        "mail eq 'x' or otherMails/any(m:m eq 'o''hara@firm.example')",
        "startsWith(userPrincipalName,'o''hara_firm.example#EXT#@')",
        "id in ('x','u1')",
    ],
)
def test_filters_compare_without_regard_to_case_and_know_doubled_quotes(service: Service, text: str) -> None:
    put(
        service,
        data.guest(object_id="u1", email="o'hara@firm.example"),
        data.user(object_id="u2", mail="x@y.example"),
    )

    assert found(service, text) == ["u1"]


def test_a_filter_over_several_properties_is_an_advanced_query(service: Service) -> None:
    text = "mail eq 'a' or userPrincipalName eq 'a'"

    for refused in (users(service, filter=text, count="true"), users(service, EVENTUAL, filter=text)):
        assert refused.json()["error"]["code"] == "Request_UnsupportedQuery"
    assert users(service, EVENTUAL, filter=text, count="true").status_code == 200


@pytest.mark.parametrize("text", ["mail like 'a'", "mail eq 'a' and mail eq 'b'", "mail eq 'a' or"])
def test_a_filter_that_is_not_understood_is_refused(service: Service, text: str) -> None:
    assert users(service, EVENTUAL, filter=text, count="true").status_code == 400


def test_more_than_fifteen_ids_are_too_many(service: Service) -> None:
    ids = ",".join(f"'{number}'" for number in range(16))

    assert users(service, filter=f"id in ({ids})").status_code == 400


def test_whether_a_user_is_enabled_is_returned_only_when_it_is_selected(service: Service) -> None:
    put(service, data.user(object_id="u1", mail="a@b.example"))

    assert "accountEnabled" not in users(service).json()["value"][0]
    assert users(service, select="id,accountEnabled").json()["value"] == [
        {"id": "u1", "accountEnabled": True}
    ]


def test_a_list_goes_on_behind_the_next_link(service: Service) -> None:
    put(service, *[data.user(object_id=f"u{n}", mail=f"{n}@b.example") for n in range(3)], pageSize=2)

    first = users(service, select="id").json()
    second = httpx.get(first["@odata.nextLink"], headers=BEARER).json()

    assert [row["id"] for row in first["value"] + second["value"]] == ["u0", "u1", "u2"]
    assert "@odata.nextLink" not in second


def test_inviting_an_address_again_gives_the_same_guest(service: Service) -> None:
    body = {"invitedUserEmailAddress": "kari@firm.example", "inviteRedirectUrl": "https://portal.example"}

    first, second = (
        service.control.post(f"{API}/invitations", json=body, headers=BEARER).json() for _ in range(2)
    )

    assert first["invitedUser"] == second["invitedUser"]
    assert found(service, "startsWith(userPrincipalName,'kari_firm.example#EXT#@')") == [
        first["invitedUser"]["id"]
    ]


def test_a_role_is_assigned_once(service: Service) -> None:
    path = f"{API}/servicePrincipals/{data.SERVICE_PRINCIPAL_ID}/appRoleAssignedTo"
    body = {
        "principalId": demo.KARI.object_id,
        "resourceId": data.SERVICE_PRINCIPAL_ID,
        "appRoleId": data.ROLE_ID,
    }

    statuses = [service.control.post(path, json=body, headers=BEARER).status_code for _ in range(2)]

    assert statuses == [201, 400]
    assert len(service.control.get(path, headers=BEARER).json()["value"]) == 1


def test_a_role_is_assigned_to_users_who_exist(service: Service) -> None:
    path = f"{API}/servicePrincipals/{data.SERVICE_PRINCIPAL_ID}/appRoleAssignedTo"

    assert service.control.post(path, json={"principalId": "nobody"}, headers=BEARER).status_code == 404


def test_the_enterprise_application_is_found_by_its_application_id(service: Service) -> None:
    known = service.control.get(f"{API}/servicePrincipals(appId='{demo.API_CLIENT_ID}')", headers=BEARER)
    unknown = service.control.get(f"{API}/servicePrincipals(appId='x')", headers=BEARER)

    assert known.json()["appRoles"][0]["value"] == "Metering.Read"
    assert unknown.status_code == 404
