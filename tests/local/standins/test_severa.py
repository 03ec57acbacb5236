"""The Severa stand-in has the habits that Severa is known for."""

import httpx
import pytest

from local import demo
from local.standins import data
from tests.builders.standins import Service

API = "/severa/rest-api/v1"


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    running.time.sleep(2)
    return running


def get(service: Service, path: str, **headers: str) -> httpx.Response:
    body = {"client_id": demo.SEVERA_CLIENT_ID, "client_secret": demo.SEVERA_CLIENT_SECRET}
    token = service.control.post(f"{API}/token", json=body).json()["access_token"]
    ours = {"Authorization": f"Bearer {token}", "Client_Id": demo.SEVERA_CLIENT_ID}
    return service.control.get(f"{API}{path}", headers={**ours, **headers})


def test_a_token_comes_in_severas_own_field_names_for_json_only(service: Service) -> None:
    body = {"client_id": demo.SEVERA_CLIENT_ID, "client_secret": demo.SEVERA_CLIENT_SECRET}

    answer = service.control.post(f"{API}/token", json=body)
    form = service.control.post(f"{API}/token", data=body)

    assert answer.json().keys() >= {"access_token", "access_token_type", "access_token_expires_in", "scope"}
    assert form.status_code == 400


@pytest.mark.parametrize("separator", [",", ", ", " "])
def test_scopes_may_be_separated_in_any_way_that_clients_use(service: Service, separator: str) -> None:
    body = {
        "client_id": demo.SEVERA_CLIENT_ID,
        "client_secret": demo.SEVERA_CLIENT_SECRET,
        "scope": separator.join(["customers:read", "settings:read"]),
    }

    answer = service.control.post(f"{API}/token", json=body)

    assert answer.json()["scope"] == "customers:read settings:read"


@pytest.mark.parametrize("headers", [{"Client_Id": ""}, {"Authorization": "Bearer unknown"}])
def test_a_call_needs_the_token_and_the_client_id(service: Service, headers: dict[str, str]) -> None:
    answer = get(service, "/customers", **headers)

    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "AuthenticationRequired")


def test_a_token_ends(service: Service) -> None:
    service.put_severa(tokenLifetime=60)
    body = {"client_id": demo.SEVERA_CLIENT_ID, "client_secret": demo.SEVERA_CLIENT_SECRET}
    token = service.control.post(f"{API}/token", json=body).json()["access_token"]
    service.time.sleep(60)

    assert get(service, "/customers", Authorization=f"Bearer {token}").status_code == 401


def test_customers_are_paged_by_a_token_in_a_header(service: Service) -> None:
    service.put_severa(customers=[data.customer(guid=f"c{n}", number=n) for n in range(3)])

    first = get(service, "/customers?rowCount=2")
    second = get(service, f"/customers?rowCount=2&pageToken={first.headers['NextPageToken']}")

    assert [row["guid"] for row in first.json() + second.json()] == ["c0", "c1", "c2"]
    assert "NextPageToken" not in second.headers


def test_contact_persons_are_paged_by_row_and_give_no_token(service: Service) -> None:
    service.put_severa(
        contactPersons=[data.contact_person(guid=f"p{n}", customer_guid="c", emails=[]) for n in range(3)]
    )

    page = get(service, "/contactpersons?firstRow=1&rowCount=1")

    assert [row["guid"] for row in page.json()] == ["p1"]
    assert "NextPageToken" not in page.headers


def test_a_page_has_twenty_rows_by_itself_and_never_more_than_a_hundred(service: Service) -> None:
    service.put_severa(customers=[data.customer(guid=f"c{n:03}", number=n) for n in range(150)])

    assert len(get(service, "/customers").json()) == 20
    assert len(get(service, "/customers?rowCount=1000").json()) == 100


@pytest.mark.parametrize(
    ("query", "expected"), [("", ["a", "i"]), ("?isActive=true", ["a"]), ("?isActive=false", ["i"])]
)
def test_activity_is_a_filter_only_when_it_is_given(
    service: Service, query: str, expected: list[str]
) -> None:
    service.put_severa(
        customers=[data.customer(guid="a", number=1), data.customer(guid="i", number=2, is_active=False)]
    )

    assert [row["guid"] for row in get(service, f"/customers{query}").json()] == expected


def test_rows_are_sorted_by_the_fields_of_the_description_and_no_others(service: Service) -> None:
    people = [("p1", "Ola", "A"), ("p2", "Kari", "B"), ("p3", "Kari", "A")]
    service.put_severa(
        contactPersons=[
            data.contact_person(guid=guid, customer_guid="c", emails=[], first_name=first, last_name=last)
            for guid, first, last in people
        ]
    )
    order = "sortings[0].key=FirstName&sortings[0].value=Desc&sortings[1].key=LastName&sortings[1].value=Asc"

    page = get(service, f"/contactpersons?{order}")
    refused = get(service, "/contactpersons?sortings[0].key=ShoeSize")

    assert [row["guid"] for row in page.json()] == ["p1", "p3", "p2"]
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "InvalidParameter")


def test_custom_fields_are_an_add_on(service: Service) -> None:
    service.put_severa(customFields=False, customers=[data.customer(guid="c1", number=1)])

    for path in ("/customers/customproperties", "/customers/c1/customvalues"):
        answer = get(service, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "AddonMissing")


def test_values_of_an_unknown_customer_are_not_found(service: Service) -> None:
    assert get(service, "/customers/nobody/customvalues").status_code == 404


def test_the_demo_has_a_vendor_on_two_customers_and_records_that_give_no_access(service: Service) -> None:
    demo_data = data.demo_severa()

    with_vendor = [each for each in demo_data["customValues"] if demo.VENDOR.client_id in each["value"]]
    active = {each["guid"] for each in demo_data["customers"] if each["isActive"]}
    assert len([each for each in with_vendor if each["customerGuid"] in active]) == 2
    assert [each["isActive"] for each in demo_data["customers"]].count(False) == 1
    assert [each["isDeleted"] for each in demo_data["contactPersons"]].count(True) == 1
