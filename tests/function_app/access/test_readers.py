"""Who may read a customer's metering points, as a contact person of the customer sees it."""

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from shared import tables
from shared.access.grant import Grant, Span
from shared.access.sync import readers
from shared.api.listings.models import ReaderList
from tests.builders.access import app, point, user
from tests.builders.api import Api

SINCE = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
_numbers = itertools.count(900_001, 2)


@dataclass(frozen=True)
class Customer:
    """A customer of a vendor and of Kari; the next number is one of both vendors and of Ola."""

    number: int

    @property
    def vendor(self) -> str:
        return app(self.number)

    @property
    def other_vendor(self) -> str:
        return app(self.number + 1)

    @property
    def kari(self) -> str:
        return user(self.number)

    @property
    def ola(self) -> str:
        return user(self.number + 1)


@pytest.fixture
def customer(api: Api) -> Customer:
    """Return a customer whose readers are known, as a sync stores them."""
    made = Customer(next(_numbers))
    one, other = made.number, made.number + 1
    sees = {made.vendor: [one, other], made.other_vendor: [other], made.kari: [one], made.ola: [other]}
    days = Span(date(2024, 5, 1), date(2027, 1, 1))
    granted = [
        Grant(principal, point(each % 900_000), each, f"Customer {each}", (days,), "test")
        for principal, numbers in sees.items()
        for each in numbers
    ]
    for _, group in itertools.groupby(granted, key=lambda each: each.principal):
        api.grant(*group)
    readers.bring_up_to_date(
        api.services.tables,
        granted,
        names={(str(one), made.kari): "k***@fjord.example", (str(other), made.ola): "o***@nord.example"},
        run_id="test",
        now=SINCE,
        confirm=lambda: None,
    )
    return made


def of(number: int) -> str:
    return f"/v1/customers/{number}/readers"


def test_a_person_sees_the_vendor_with_its_period_and_nothing_of_another_customer(
    api: Api, customer: Customer
) -> None:
    answer = api.get(of(customer.number), principal=customer.kari)

    period = {"from": "2024-05-01", "to": "2027-01-01", "since": "2026-03-01T08:00:00+01:00"}
    assert answer.status == 200
    as_model = ReaderList.model_validate_json(answer.body)
    assert answer.json == json.loads(as_model.model_dump_json(by_alias=True))
    assert answer.json == {
        "readers": [
            {
                "type": "app",
                "id": customer.vendor.removeprefix("app:"),
                "name": None,
                **period,
                "by": "application",
            },
            {
                "type": "user",
                "id": customer.kari.removeprefix("user:"),
                "name": "k***@fjord.example",
                **period,
                "by": "contact-person",
            },
        ]
    }


def test_csv_and_lines_have_the_same_readers(api: Api, customer: Customer) -> None:
    rows = api.get(of(customer.number), principal=customer.kari, format="csv").body.decode().splitlines()
    lines = api.get(of(customer.number), principal=customer.kari, format="ndjson").body.decode().splitlines()

    vendor = customer.vendor.removeprefix("app:")
    assert rows[0] == "type,id,name,from,to,since,by"
    assert rows[1] == f"app,{vendor},,2024-05-01,2027-01-01,2026-03-01T08:00:00+01:00,application"
    assert len(rows) == 1 + len(lines) == 3
    assert f'"id":"{vendor}"' in lines[0]


def test_an_application_is_refused_whether_or_not_it_reads_the_customer(api: Api, customer: Customer) -> None:
    answers = [
        api.get(of(each), principal=customer.vendor)
        for each in (customer.number, customer.number + 1, 999_999)
    ]

    assert {(each.status, each.json["code"]) for each in answers} == {(403, "persons-only")}


def test_the_readers_of_another_customer_and_of_none_are_not_found_alike(
    api: Api, customer: Customer
) -> None:
    foreign, unknown = (api.get(of(each), principal=customer.kari) for each in (customer.number + 1, 999_999))

    assert foreign.status == unknown.status == 404
    assert foreign.json["detail"] == unknown.json["detail"]


def test_a_person_without_any_access_gets_none_here(api: Api, customer: Customer) -> None:
    answer = api.get(of(customer.number), principal=user(999))

    assert (answer.status, answer.json["code"]) == (403, "no-access")


@pytest.mark.parametrize("written", ["x", "-1", "1234567890123456789", "1.0"])
def test_what_is_no_customer_number_is_named(api: Api, customer: Customer, written: str) -> None:
    answer = api.get(f"/v1/customers/{written}/readers", principal=customer.kari, other="1")

    assert answer.status == 400
    assert [fault["code"] for fault in answer.json["errors"]] == [
        "not-a-customer-number",
        "unknown-parameter",
    ]


def test_a_list_that_is_known_is_not_sent_again_until_a_reader_comes(api: Api, customer: Customer) -> None:
    etag = api.get(of(customer.number), principal=customer.kari).headers["ETag"]
    held = {"if-none-match": etag}
    again = api.get(of(customer.number), principal=customer.kari, headers=held)
    (row, *_) = api.services.tables.range(tables.ACCESS_BY_CUSTOMER, partition=str(customer.number))
    api.services.tables.insert(tables.ACCESS_BY_CUSTOMER, {**row, "RowKey": customer.other_vendor})

    changed = api.get(of(customer.number), principal=customer.kari, headers=held)

    assert (again.status, again.body) == (304, b"")
    assert changed.status == 200
    assert len(changed.json["readers"]) == 3


def test_a_list_that_cannot_be_read_is_not_answered_in_part(api: Api, customer: Customer) -> None:
    broken = {"PartitionKey": str(customer.number), "RowKey": app(950), "since": "?"}
    api.services.tables.insert(tables.ACCESS_BY_CUSTOMER, broken)

    answer = api.get(of(customer.number), principal=customer.kari)

    assert (answer.status, answer.json["code"]) == (500, "internal-error")
