"""Reading Severa over real connections: every trap of its interface, and every way in which it fails."""

import re
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from local.standins import data
from shared import limits
from shared.access.severa import client
from shared.access.severa.session import TokenModel
from shared.access.severa.severa_register import (
    ContactPerson,
    Customer,
    CustomValue,
    SeveraRegister,
    UnreadableCustomValue,
)
from tests.builders.standins import Service

PREFIX = "/severa/rest-api/v1"
TOKEN = f"{PREFIX}/token"
CUSTOMERS = f"{PREFIX}/customers"
CONTACTS = f"{PREFIX}/contactpersons"
PROPERTIES = f"{PREFIX}/customers/customproperties"
VALUES = f"{PREFIX}/customers/*/customvalues"


@pytest.fixture
def service(running: Service) -> Service:
    running.reset()
    running.time.sleep(2)  # The limit of requests a second starts afresh.
    running.time.slept.clear()
    return running


def fetch(service: Service, **settings: str) -> SeveraRegister:
    return client.fetch(
        service.severa_settings(**settings),
        clock=service.time.clock,
        sleep=service.time.sleep,
        monotonic=service.time.monotonic,
    )


def customers(count: int, **other: Any) -> list[data.Record]:
    return [data.customer(guid=f"c{number:04}", number=number, **other) for number in range(count)]


def contacts(count: int) -> list[data.Record]:
    return [
        data.contact_person(
            guid=f"p{number:04}", customer_guid="c0000", emails=[], first_name=f"Kari {number:04}"
        )
        for number in range(count)
    ]


def guids(register: SeveraRegister) -> list[str]:
    return [each.guid for each in register.contact_persons]


# What is read


def test_customers_contact_persons_and_values_come_as_records(service: Service) -> None:
    service.put_severa(
        customers=[data.customer(guid="c1", number=10001, name="Fjordbakeriet AS")],
        contactPersons=[
            data.contact_person(guid="p1", customer_guid="c1", emails=["Kari@x.example", "k@y.example"])
        ],
        customProperties=[data.custom_property(name="API client id")],
        customValues=[data.custom_value(guid="v1", customer_guid="c1", name="API client id", value=" abc\n")],
    )

    register = fetch(service)

    assert register.customers == (Customer("c1", 10001, "Fjordbakeriet AS", True),)
    assert register.contact_persons == (
        ContactPerson("p1", "c1", "Kari Nordmann", ("Kari@x.example", "k@y.example"), "API", True, False),
    )
    assert register.property_names == frozenset({"API client id"})
    assert register.custom_values == (CustomValue("c1", "API client id", "abc"),)


def test_the_reading_is_dated_when_it_begins(service: Service) -> None:
    before = service.time.clock()

    register = fetch(service)

    assert register.read_at == before


def test_the_demo_is_read_in_less_than_two_seconds(service: Service) -> None:
    before = service.time.monotonic()

    register = fetch(service)

    assert len(register.customers) == 4
    assert service.time.monotonic() - before < 2


def test_an_empty_severa_is_an_empty_register(service: Service) -> None:
    service.put_severa()

    register = fetch(service)

    assert register == SeveraRegister((), frozenset(), (), (), register.read_at)


def test_inactive_and_deleted_records_are_read_and_marked(service: Service) -> None:
    service.put_severa(
        customers=[data.customer(guid="c1", number=1, is_active=False)],
        contactPersons=[
            data.contact_person(guid="p1", customer_guid="c1", emails=[], is_active=False),
            data.contact_person(guid="p2", customer_guid="c1", emails=[], is_deleted=True),
        ],
    )

    register = fetch(service)

    assert [each.is_active for each in register.customers] == [False]
    assert [(each.is_active, each.is_deleted) for each in register.contact_persons] == [
        (False, False),
        (True, True),
    ]


def test_no_list_is_filtered_by_activity_so_that_nobody_just_vanishes(service: Service) -> None:
    fetch(service)

    assert not [each for each in service.requests()["requests"] if "ctive=" in each["target"]]


def test_a_customer_without_a_number_is_read(service: Service) -> None:
    service.put_severa(customers=[data.customer(guid="c1", number=None)])

    assert fetch(service).customers == (Customer("c1", None, "Kunde AS", True),)


def test_a_missing_activity_means_active_as_severa_describes_it(service: Service) -> None:
    service.put_severa(customers=[{"guid": "c1", "name": "Kunde AS"}])

    assert fetch(service).customers == (Customer("c1", None, "Kunde AS", True),)


def test_email_addresses_are_a_list_and_a_single_field_is_ignored(service: Service) -> None:
    person = data.contact_person(guid="p1", customer_guid="c1", emails=["a@x.example"])
    service.put_severa(contactPersons=[{**person, "email": "b@x.example"}, {"guid": "p2", "firstName": "x"}])

    register = fetch(service)

    assert [each.emails for each in register.contact_persons] == [("a@x.example",), ()]


def test_unknown_fields_and_enumeration_values_are_tolerated(service: Service) -> None:
    service.put_severa(
        customers=[data.customer(guid="c1", number=1, quantumState={"spin": [1]})],
        customProperties=[{**data.custom_property(name="API client id"), "type": "Hologram"}],
    )

    register = fetch(service)

    assert [each.guid for each in register.customers] == ["c1"]
    assert register.property_names == frozenset({"API client id"})


# Custom fields


def test_values_are_asked_for_active_customers_only(service: Service) -> None:
    service.put_severa(
        customers=[
            data.customer(guid="c1", number=1),
            data.customer(guid="c2", number=2, is_active=False),
        ]
    )

    fetch(service)

    paths = service.requests()["paths"]
    assert f"{PREFIX}/customers/c1/customvalues" in paths
    assert f"{PREFIX}/customers/c2/customvalues" not in paths


def test_a_renamed_property_is_missing_from_the_names_that_exist(service: Service) -> None:
    service.put_severa(customProperties=[data.custom_property(name="API klient-id")])

    assert fetch(service).property_names == frozenset({"API klient-id"})


def test_a_value_is_named_as_its_property_is_defined(service: Service) -> None:
    value = data.custom_value(guid="v1", customer_guid="c1", name="API client id", value="abc")
    del value["customProperty"]["name"]
    service.put_severa(
        customers=[data.customer(guid="c1", number=1)],
        customProperties=[data.custom_property(name="API client id")],
        customValues=[value],
    )

    assert fetch(service).custom_values == (CustomValue("c1", "API client id", "abc"),)


def test_an_inactive_property_does_not_exist_and_neither_do_its_values(service: Service) -> None:
    service.put_severa(
        customers=[data.customer(guid="c1", number=1)],
        customProperties=[data.custom_property(name="API client id", is_active=False)],
        customValues=[data.custom_value(guid="v1", customer_guid="c1", name="API client id", value="abc")],
    )

    register = fetch(service)

    assert register.property_names == frozenset()
    assert register.custom_values == ()


def test_a_value_that_is_null_is_no_value(service: Service) -> None:
    service.put_severa(
        customers=[data.customer(guid="c1", number=1)],
        customProperties=[data.custom_property(name="API client id")],
        customValues=[data.custom_value(guid="v1", customer_guid="c1", name="API client id", value=None)],
    )

    assert fetch(service).custom_values == ()


@pytest.mark.parametrize("count", [19, 20, 21, 100, 130])
def test_all_values_of_a_customer_are_read_however_many(service: Service, count: int) -> None:
    service.put_severa(
        customers=[data.customer(guid="c1", number=1)],
        customProperties=[data.custom_property(name="Note")],
        customValues=[
            data.custom_value(guid=f"v{number}", customer_guid="c1", name="Note", value=f"{number:03}")
            for number in range(count)
        ],
    )

    register = fetch(service)

    assert [each.value for each in register.custom_values] == [f"{number:03}" for number in range(count)]


def notes(count: int, *, customer_guid: str = "c0000") -> list[data.Record]:
    return [
        data.custom_value(guid=f"{customer_guid}-{each}", customer_guid=customer_guid, name="Note", value="x")
        for each in range(count)
    ]


def test_values_are_read_to_the_last_when_pages_are_cut_down(service: Service) -> None:
    restriction = data.custom_value(
        guid="v1", customer_guid="c0000", name=data.METERING_POINTS, value="707057500000000018"
    )
    service.put_severa(
        customers=customers(1),
        customProperties=[data.custom_property(name=name) for name in ("Note", data.METERING_POINTS)],
        customValues=[*notes(12), restriction, *notes(2, customer_guid="c0001")],
        maximumRows=10,
    )

    values = fetch(service).custom_values

    assert len(values) == 13
    assert CustomValue("c0000", data.METERING_POINTS, "707057500000000018") in values


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 2), (2, 2), (12, 2), (100, 3), (101, 4)])
def test_values_take_a_second_request_where_there_are_any(
    service: Service, count: int, requests: int
) -> None:
    service.put_severa(
        customers=customers(1),
        customProperties=[data.custom_property(name="Note")],
        customValues=notes(count),
    )

    fetch(service)

    assert service.requests()["paths"][f"{CUSTOMERS}/c0000/customvalues"] == requests


def test_a_restriction_behind_a_first_page_of_one_row_is_read(service: Service) -> None:
    restriction = data.custom_value(
        guid="v1", customer_guid="c0000", name=data.METERING_POINTS, value="707057500000000018"
    )
    service.put_severa(
        customers=customers(1),
        customProperties=[data.custom_property(name=name) for name in ("Note", data.METERING_POINTS)],
        customValues=[*notes(1), restriction],
    )
    service.order("truncate", VALUES, nth=1, rows=1)

    assert CustomValue("c0000", data.METERING_POINTS, "707057500000000018") in fetch(service).custom_values


DEEP = "[" * 200_000 + "]" * 200_000


@pytest.mark.parametrize(
    "strange",
    [
        '"\\ud800"',
        '"\\u0000\\u0007"',
        DEEP,
        '{"a":' * 200_000 + "1" + "}" * 200_000,
        "9" * 5_000,
        "-" + "9" * 5_000,
        "1e999",
    ],
    ids=["half a surrogate pair", "control characters", "deep lists", "deep objects", "digits", "minus", "e"],
)
@pytest.mark.parametrize("field", ["number", "name", "isActive", "notes"])
def test_a_strange_value_in_one_record_spoils_no_other(service: Service, field: str, strange: str) -> None:
    body = (
        '[{"guid": "c0000", "number": 1, "name": "Whole", "isActive": true}, '
        f'{{"guid": "c0001", "number": 2, "name": "Strange", "isActive": true, "{field}": {strange}}}]'
    )
    service.order("answer", CUSTOMERS, status=200, body=body)
    service.put_severa(customers=customers(2), customProperties=[data.custom_property(name="Note")])

    read = {each.guid: each for each in fetch(service).customers}

    assert read["c0000"] == Customer("c0000", 1, "Whole", True)
    assert read["c0001"].number in (2, None)
    assert read["c0001"].name.encode("utf-8") is not None
    assert read["c0001"].is_active is (field != "isActive")


@pytest.mark.parametrize("strange", [DEEP, "9" * 5_000, "[]", "1"])
def test_a_strange_value_that_may_restrict_is_unreadable_and_never_nothing(
    service: Service, strange: str
) -> None:
    guid = data.property_guid(data.METERING_POINTS)
    body = f'[{{"guid": "v1", "customProperty": {{"guid": "{guid}"}}, "value": {strange}}}]'
    service.put_severa(
        customers=customers(1), customProperties=[data.custom_property(name=data.METERING_POINTS)]
    )
    service.order("answer", VALUES, status=200, body=body)

    assert fetch(service).unreadable_values == (UnreadableCustomValue("c0000", data.METERING_POINTS),)


@pytest.mark.parametrize(
    ("changes", "property_name"),
    [
        ({"value": ["707057500000000018"]}, data.METERING_POINTS),
        ({"value": 707057500000000018}, data.METERING_POINTS),
        ({"customProperty": {"name": data.METERING_POINTS}}, ""),
        ({"customProperty": {"guid": "unknown"}}, ""),
    ],
)
def test_a_value_that_cannot_be_read_is_kept_as_such(
    service: Service, changes: dict[str, Any], property_name: str
) -> None:
    value = data.custom_value(
        guid="v1", customer_guid="c0000", name=data.METERING_POINTS, value="707057500000000018"
    )
    service.put_severa(
        customers=customers(1),
        customProperties=[data.custom_property(name=data.METERING_POINTS)],
        customValues=[{**value, **changes}],
    )

    register = fetch(service)

    assert register.custom_values == ()
    assert register.unreadable_values == (UnreadableCustomValue("c0000", property_name),)


def test_a_property_that_is_made_while_values_are_read_is_known(service: Service) -> None:
    service.put_severa(customers=customers(1))
    service.order(
        "change",
        f"{CUSTOMERS}/c0000/customvalues",
        add={"customProperties": [data.custom_property(name="Note")], "customValues": notes(1)},
    )

    register = fetch(service)

    assert register.custom_values == (CustomValue("c0000", "Note", "x"),)
    assert register.unreadable_values == ()


def test_a_value_of_another_customer_than_the_asked_one_ends_the_reading(service: Service) -> None:
    service.put_severa(customers=[data.customer(guid="c1", number=1)])
    foreign = data.custom_value(guid="v1", customer_guid="c2", name="API client id", value="abc")
    service.order("answer", VALUES, status=200, body=[foreign])

    with pytest.raises(client.SeveraIncomplete, match="another customer"):
        fetch(service)


def test_a_customer_deleted_during_the_reading_ends_it(service: Service) -> None:
    service.put_severa(customers=customers(3))
    service.order("change", VALUES, remove={"customers": ["c0000", "c0001", "c0002"]})

    with pytest.raises(client.SeveraIncomplete, match=r"of customer [012] .* deleted while it was read"):
        fetch(service)


# The two ways of paging


@pytest.mark.parametrize("maximum", [100, 20, 7])
def test_customers_are_read_to_the_last_token_whatever_the_size_of_pages(
    service: Service, maximum: int
) -> None:
    service.put_severa(customers=customers(250, is_active=False), maximumRows=maximum)

    register = fetch(service)

    assert [each.number for each in register.customers] == list(range(250))


@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101, 199, 250])
def test_contact_persons_are_read_to_the_last_row_without_any_token(service: Service, count: int) -> None:
    service.put_severa(contactPersons=contacts(count))

    assert guids(fetch(service)) == [f"p{number:04}" for number in range(count)]


def test_contact_persons_are_read_to_the_last_row_when_pages_are_cut_to_twenty(service: Service) -> None:
    service.put_severa(contactPersons=contacts(250), maximumRows=20)

    assert len(fetch(service).contact_persons) == 250


@pytest.mark.parametrize(
    ("path", "sortings"),
    [
        (CONTACTS, {"[0].key": "FirstName", "[0].value": "Asc", "[1].key": "LastName", "[1].value": "Asc"}),
        (PROPERTIES, {"[0].key": "Name", "[0].value": "Asc"}),
    ],
)
def test_lists_that_are_paged_by_row_are_asked_for_in_an_order(
    service: Service, path: str, sortings: dict[str, str]
) -> None:
    fetch(service)

    [target, *_] = [each["target"] for each in service.requests()["requests"] if path in each["target"]]
    asked = httpx.URL(target).params
    assert {name: asked[name] for name in asked if "sort" in name} == {
        f"sortings{name}": value for name, value in sortings.items()
    }


def test_a_page_token_that_comes_again_ends_the_reading(service: Service) -> None:
    service.put_severa(customers=customers(250, is_active=False))
    service.order("same-token", CUSTOMERS, times=3)

    with pytest.raises(client.SeveraIncomplete, match=r"customers .* same page token"):
        fetch(service)


def test_a_row_removed_before_the_reader_hides_nobody_after_it(service: Service) -> None:
    service.put_severa(contactPersons=contacts(250))
    service.order("change", CONTACTS, nth=2, remove={"contactPersons": ["p0000"]})

    assert guids(fetch(service)) == [f"p{number:04}" for number in range(1, 250)]


def test_a_row_added_before_the_reader_hides_and_doubles_nobody(service: Service) -> None:
    service.put_severa(contactPersons=contacts(250))
    new = data.contact_person(guid="new", customer_guid="c0000", emails=[], first_name="Anne")
    service.order("change", CONTACTS, nth=2, add={"contactPersons": [new]})

    assert guids(fetch(service)) == ["new", *[f"p{number:04}" for number in range(250)]]


def test_a_list_that_never_stays_as_it_is_ends_the_reading(service: Service) -> None:
    service.put_severa(contactPersons=contacts(250))
    for number in range(10):
        service.order("change", CONTACTS, nth=2 + 2 * number, remove={"contactPersons": [f"p{number:04}"]})

    with pytest.raises(client.SeveraIncomplete, match=r"contact persons .* changed during each"):
        fetch(service)


@pytest.mark.parametrize(
    ("rows", "nth"), [(1, 1), (2, 1), (50, 1), (0, 2), (1, 2), (2, 2), (50, 2), (0, 3), (1, 3)]
)
def test_a_page_that_comes_short_loses_nobody(service: Service, rows: int, nth: int) -> None:
    service.put_severa(contactPersons=contacts(250))
    service.order("truncate", CONTACTS, nth=nth, rows=rows)

    assert len(fetch(service).contact_persons) == 250


# Token


def test_the_token_is_renewed_before_it_ends(service: Service) -> None:
    service.put_severa(customers=customers(200), tokenLifetime=20)

    fetch(service)

    seen = service.requests()
    # At least 25 seconds of reading, renewed at half the life and not with each of 200 requests.
    assert 3 <= seen["paths"][TOKEN] < 100
    assert "401" not in seen["statuses"]


def test_a_token_that_severa_ends_early_is_replaced_once(service: Service) -> None:
    # The threads that wait together let the test's clock run fast; no token reaches its end by time here.
    # A lifetime of a week or more would be taken for ten minutes.
    service.put_severa(customers=customers(30), tokenLifetime=600_000)
    service.order("end-tokens", VALUES, nth=5)

    register = fetch(service)

    assert len(register.customers) == 30
    assert service.requests()["paths"][TOKEN] == 2


@pytest.mark.parametrize("lifetime", [None, "soon", True, -1, 0, 10**30, [600], {}])
def test_a_token_of_a_strange_lifetime_is_used_as_if_severa_had_not_stated_it(
    service: Service, lifetime: object
) -> None:
    body = {"access_token": "strange", "access_token_expires_in": lifetime}
    service.order("answer", TOKEN, times=9, status=200, body=body)
    service.order("answer", CUSTOMERS, status=401, body={"error": {"type": "AuthenticationRequired"}})

    with pytest.raises(client.SeveraRefused, match="A new token was refused as well"):
        fetch(service)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (20, 20),
        (3600.5, 3600.5),
        ("3600", 600),
        (None, 600),
        (True, 600),
        (-1, 600),
        (0, 600),
        (604_799, 604_799),
        (604_800, 600),
        (float("nan"), 600),
    ],
)
def test_a_lifetime_that_is_no_possible_one_counts_as_ten_minutes(stated: object, seconds: float) -> None:
    answer = {"access_token": "abc", "access_token_expires_in": stated}

    assert TokenModel.model_validate(answer).access_token_expires_in == seconds


def test_a_new_token_that_is_refused_as_well_ends_the_reading(service: Service) -> None:
    service.order(
        "answer", CUSTOMERS, times=2, status=401, body={"error": {"type": "AuthenticationRequired"}}
    )

    with pytest.raises(client.SeveraRefused, match="HTTP 401 AuthenticationRequired"):
        fetch(service)


def test_wrong_credentials_are_refused_with_the_names_of_the_settings_and_without_the_secret(
    service: Service,
) -> None:
    with pytest.raises(client.SeveraRefused, match="SEVERA_CLIENT_SECRET") as refused:
        fetch(service, client_secret="not-the-secret")

    assert "not-the-secret" not in str(refused.value)
    assert service.requests()["paths"] == {TOKEN: 1}


def test_oauth_names_of_the_token_fields_are_not_taken_for_severas(service: Service) -> None:
    service.order("answer", TOKEN, status=200, body={"token": "abc", "expires_in": 3600})

    with pytest.raises(client.SeveraRefused, match="no token"):
        fetch(service)


def test_a_token_refused_by_something_in_between_is_refused_with_its_text(service: Service) -> None:
    service.order("answer", TOKEN, status=403, body="<html>Forbidden</html>")

    with pytest.raises(client.SeveraRefused, match=r"no token.* HTTP 403 <html>Forbidden</html>"):
        fetch(service)


def test_a_token_without_a_lifetime_is_used(service: Service) -> None:
    service.order("answer", TOKEN, status=200, body={"access_token": "unknown-to-severa"})

    register = fetch(service)  # The 401 that follows brings a real one.

    assert len(register.customers) == 4


# Pace


def test_a_long_list_is_never_refused_for_its_pace(service: Service) -> None:
    service.put_severa(customers=customers(500, is_active=False), maximumRows=10)

    fetch(service)

    seen = service.requests()
    assert seen["statuses"] == {"200": seen["total"]}
    assert seen["busiestSeveraSecond"] <= 8


def test_values_of_several_customers_at_a_time_keep_the_pace_together(service: Service) -> None:
    service.put_severa(customers=customers(100))
    before = service.time.monotonic()

    fetch(service)

    seconds = service.time.monotonic() - before
    assert service.requests()["total"] >= 100
    assert (service.requests()["total"] - 1) / seconds <= 8


def test_the_stand_in_does_refuse_more_than_ten_requests_a_second(service: Service) -> None:
    answers = [httpx.get(f"{service.url}{CUSTOMERS}") for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[-1].text == "API calls quota exceeded! maximum admitted 10 per 1s."
    assert "Retry-After" not in answers[-1].headers


def test_more_customers_than_can_be_read_in_time_are_counted_in_the_message(service: Service) -> None:
    service.put_severa(customers=customers(100))

    with pytest.raises(client.SeveraTooLarge) as raised:
        client.fetch(
            service.severa_settings(),
            clock=service.time.clock,
            sleep=service.time.sleep,
            monotonic=lambda: 100 * service.time.monotonic(),  # 18 minutes are over after 11 seconds.
        )

    found = re.fullmatch(
        r"Severa was read for 18 minutes, and the custom values of only (\d+) of 100 active customers were "
        r"read\. .* make those inactive in Severa that have left; see docs/access\.md, .*",
        str(raised.value),
    )
    assert found is not None
    assert 0 < int(found[1]) < 100


def test_a_long_list_that_is_not_read_in_time_is_named(service: Service) -> None:
    service.put_severa(customers=customers(100, is_active=False), maximumRows=1)

    with pytest.raises(
        client.SeveraTooLarge,
        match=r"in time; /v1/customers was next: .* 18 minutes(\.| to try again after: HTTP 429.*\.)$",
    ):
        client.fetch(
            service.severa_settings(),
            clock=service.time.clock,
            sleep=service.time.sleep,
            monotonic=lambda: 100 * service.time.monotonic(),
        )


# Passing failures


def test_throttling_without_retry_after_is_waited_out_longer_and_longer(service: Service) -> None:
    service.order("throttle", CUSTOMERS, times=3)

    register = fetch(service)

    waits = [seconds for seconds in service.time.slept if seconds >= 1]
    assert len(register.customers) == 4
    assert 1 <= waits[0] <= 2 <= waits[1] <= 3 <= 4 <= waits[2] <= 5


def test_a_retry_after_is_obeyed(service: Service) -> None:
    service.order("throttle", CUSTOMERS, headers={"Retry-After": "40"})

    fetch(service)

    assert max(service.time.slept) == 40


def test_a_retry_after_may_be_a_moment(service: Service) -> None:
    moment = service.time.clock().replace(microsecond=0) + timedelta(seconds=41)
    service.order("throttle", CUSTOMERS, headers={"Retry-After": format_datetime(moment, usegmt=True)})

    fetch(service)

    assert 39 <= max(service.time.slept) <= 41


def test_throttling_that_does_not_end_makes_severa_unavailable(service: Service) -> None:
    service.order("throttle", CONTACTS, times=100)

    with pytest.raises(client.SeveraUnavailable, match="quota exceeded"):
        fetch(service)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_that_passes_is_not_noticed(service: Service, status: int) -> None:
    service.order("answer", VALUES, times=2, status=status, body="<html>Bad day</html>")

    assert len(fetch(service).custom_values) == 2


def test_a_server_error_that_stays_makes_severa_unavailable(service: Service) -> None:
    service.order("answer", VALUES, times=1000, status=503, body="down for maintenance")

    with pytest.raises(client.SeveraUnavailable, match=r"customvalues.* HTTP 503: down for maintenance"):
        fetch(service)


@pytest.mark.parametrize("path", [TOKEN, CUSTOMERS, CONTACTS, PROPERTIES, VALUES])
def test_a_connection_cut_in_the_middle_of_an_answer_is_tried_again(service: Service, path: str) -> None:
    service.order("cut", path)

    register = fetch(service)

    assert (len(register.customers), len(register.custom_values)) == (4, 2)


def test_connections_that_are_always_cut_make_severa_unavailable(service: Service) -> None:
    service.order("cut", CONTACTS, times=100)

    with pytest.raises(client.SeveraUnavailable, match="RemoteProtocolError"):
        fetch(service)


def test_a_page_of_something_in_between_is_tried_again(service: Service) -> None:
    service.order("answer", CUSTOMERS, status=200, body="<html>Please log in</html>")

    assert len(fetch(service).customers) == 4


def test_an_answer_slower_than_the_time_limit_is_tried_again(service: Service) -> None:
    service.order("slow", CUSTOMERS, seconds=1)

    register = client.fetch(
        service.severa_settings(),
        clock=service.time.clock,
        sleep=service.time.sleep,
        monotonic=service.time.monotonic,
        limit=replace(limits.SEVERA, silence=0.5),
    )

    assert len(register.customers) == 4
    assert service.requests()["paths"][CUSTOMERS] >= 2


def test_nobody_listening_makes_severa_unavailable(service: Service, free_port: int) -> None:
    with pytest.raises(client.SeveraUnavailable, match="ConnectError"):
        fetch(service, base_url=f"http://127.0.0.1:{free_port}")


# Refusals


def test_a_missing_add_on_is_refused_with_what_to_do(service: Service) -> None:
    service.put_severa(customFields=False)

    with pytest.raises(client.SeveraRefused, match=r"HTTP 403 AddonMissing Addon required.*Platinum"):
        fetch(service)


def test_a_missing_scope_is_refused_with_what_to_do(service: Service) -> None:
    service.put_severa(scopes=["customers:read"])

    with pytest.raises(client.SeveraRefused, match=r"InsufficientApiScope.*customers:read and settings:read"):
        fetch(service)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"error": {"type": "PermissionDenied", "details": [{"message": "No."}]}}, "PermissionDenied No."),
        ({"error": {"type": "PermissionDenied", "details": None}}, "PermissionDenied."),
        ({"httpStatusCode": 403, "type": "TrialExpired", "message": "Over"}, "TrialExpired Over."),
        ({"error": {"type": "InvalidHoroscope"}}, "InvalidHoroscope."),
        ({"error": "denied"}, "denied."),
        (["denied"], "denied"),
        ("Access is\r\ndenied", "Access is denied."),
        ("", "HTTP 403."),
    ],
)
def test_an_error_is_reported_in_one_line_whatever_its_shape(
    service: Service, body: object, shown: str
) -> None:
    service.order("answer", CUSTOMERS, status=403, body=body)

    with pytest.raises(client.SeveraRefused) as refused:
        fetch(service)

    assert shown in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_redirection_is_not_taken_for_an_empty_list(service: Service) -> None:
    service.order("answer", CUSTOMERS, status=302, body=[])

    with pytest.raises(client.SeveraRefused, match="HTTP 302"):
        fetch(service)


def test_a_refusal_is_not_tried_again(service: Service) -> None:
    service.order("scope-missing", CUSTOMERS, times=100)

    with pytest.raises(client.SeveraRefused):
        fetch(service)

    assert service.requests()["paths"][CUSTOMERS] == 1


@pytest.mark.parametrize("body", [{"items": []}, ["a"], 7])
def test_an_answer_that_is_no_list_of_records_ends_the_reading(service: Service, body: object) -> None:
    service.order("answer", CUSTOMERS, status=200, body=body)

    with pytest.raises(client.SeveraIncomplete, match="something other than a list"):
        fetch(service)


def test_a_record_without_a_guid_ends_the_reading(service: Service) -> None:
    service.order("answer", CONTACTS, status=200, body=[{"firstName": "Kari"}])

    with pytest.raises(client.SeveraIncomplete, match=r"contact persons .* no guid"):
        fetch(service)
