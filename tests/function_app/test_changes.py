"""The changes: complete, in order, each day once, whatever the size of the pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.access.grants import Grants
from shared.publishing.watermark import Publications
from shared.warehouse.engine import LONGEST_PUBLICATION
from tests.builders import warehouse as delivering
from tests.builders.api import Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import SPRING, Customer


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller that has nothing yet."""
    return Customer(api, deliver)


@contextmanager
def half_a_minute_later(api: Api) -> Iterator[None]:
    """Forget what callers may read."""
    grants = Grants(tables=api.services.tables, max_age=timedelta(hours=72), clock=lambda: datetime.now(UTC))
    with api.using(replace(api.services, grants=grants)):
        yield


def follow(customer: Customer, cursor: str, *, limit: int = 1000) -> tuple[list[Any], str]:
    """Return everything after a cursor, and the cursor then."""
    days: list[Any] = []
    while True:
        page = customer.get("/v1/changes", cursor=cursor, limit=limit).json
        days += page["days"]
        cursor = page["cursor"]
        if page["upToDate"]:
            return days, cursor


def now(customer: Customer) -> str:
    page = customer.get("/v1/changes").json
    assert (page["days"], page["upToDate"]) == ([], True)
    return str(page["cursor"])


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_new_day_comes_once_in_pages_of_any_size(customer: Customer, limit: int) -> None:
    one, other = customer.point(), customer.point()
    start = now(customer)
    customer.days(one, SPRING, 3)
    customer.days(other, SPRING, 2)

    days, _ = follow(customer, start, limit=limit)

    assert [(day["meteringPointId"], day["date"]) for day in days] == [
        (one, "2026-03-29"),
        (one, "2026-03-30"),
        (one, "2026-03-31"),
        (other, "2026-03-29"),
        (other, "2026-03-30"),
    ]


def test_changes_wait_for_the_instances_that_are_behind(api: Api, customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    start = now(customer)
    instances = [Publications(tables=api.services.tables, monotonic=lambda: 0) for _ in range(2)]
    instances[0].latest()
    customer.days(point, date(2026, 3, 30), 1)

    with api.using(replace(api.services, publications=instances[0])):
        history = customer.get("/v1/consumption", from_="2026-03-29", to="2026-03-31", layout="days").json
    with api.using(replace(api.services, publications=instances[1])):
        early = follow(customer, start)
        beginning = now(customer)
    late, _ = follow(customer, start)
    from_beginning, _ = follow(customer, beginning)

    assert [day["date"] for day in history["series"][0]["days"]] == ["2026-03-29"]
    assert early == ([], start)
    assert [day["date"] for day in late] == ["2026-03-30"]
    assert late[0] in from_beginning


def test_a_correction_comes_as_the_whole_day_with_a_later_sequence(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    cursor = now(customer)

    customer.deliver(delivering.values(point, SPRING, ["99.000"]))
    [day], cursor = follow(customer, cursor)

    assert (day["date"], day["quantities"][:2]) == ("2026-03-29", [Decimal("99.000"), Decimal("1.029")])
    assert follow(customer, cursor)[0] == []


def test_a_day_published_twice_since_the_cursor_comes_once_as_it_is_now(customer: Customer) -> None:
    point = customer.point()
    cursor = now(customer)
    customer.days(point, SPRING, 1)
    customer.deliver(delivering.values(point, SPRING, ["99.000"]))

    [day], _ = follow(customer, cursor)

    assert day["quantities"][0] == Decimal("99.000")


def test_a_publication_between_two_pages_is_neither_lost_nor_returned_twice(customer: Customer) -> None:
    point = customer.point()
    cursor = now(customer)
    customer.days(point, SPRING, 3)
    first = customer.get("/v1/changes", cursor=cursor, limit=2).json

    customer.deliver(delivering.values(point, date(2026, 3, 30), ["99.000"]))
    rest, _ = follow(customer, first["cursor"], limit=2)

    assert [day["date"] for day in first["days"]] == ["2026-03-29", "2026-03-30"]
    assert [(day["date"], day["quantities"][0]) for day in rest] == [
        ("2026-03-31", Decimal("0.031")),
        ("2026-03-30", Decimal("99.000")),
    ]


def test_other_customers_changes_are_not_returned(api: Api, deliver: Deliver, customer: Customer) -> None:
    customer.point(valid_to=date(2026, 3, 30))
    mine = customer.granted[0].metering_point_id
    other = Customer(api, deliver)
    foreign = other.point()
    cursor = now(customer)

    other.days(foreign, SPRING, 2)
    customer.days(mine, SPRING, 2)
    days, _ = follow(customer, cursor)

    assert [(day["meteringPointId"], day["date"]) for day in days] == [(mine, "2026-03-29")]


def test_since_returns_what_was_published_after_a_moment_and_shortly_before(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    then = datetime.now(UTC)
    customer.days(point, date(2026, 3, 30), 1)

    days = customer.get("/v1/changes", since=then.isoformat()).json["days"]
    later = customer.get("/v1/changes", since=(then - LONGEST_PUBLICATION).isoformat()).json["days"]

    assert [day["date"] for day in days] == [day["date"] for day in later] == ["2026-03-29", "2026-03-30"]


def test_nothing_new_is_answered_without_the_warehouse(customer: Customer) -> None:
    customer.point()
    cursor = now(customer)
    first = customer.get("/v1/changes", cursor=cursor)

    again = customer.get("/v1/changes", cursor=cursor, headers={"if-none-match": first.headers["ETag"]})

    assert (again.status, again.body) == (304, b"")


def test_new_access_shows_in_the_version_of_the_changes_and_of_the_list(customer: Customer) -> None:
    customer.point()
    before = customer.get("/v1/changes")
    listed = customer.get("/v1/metering-points", limit=1)
    assert before.json["accessVersion"] == listed.json["accessVersion"] == listed.headers["X-Access-Version"]

    customer.point()
    with half_a_minute_later(customer.api):
        after = customer.get("/v1/changes", headers={"if-none-match": before.headers["ETag"]})
        listed = customer.get("/v1/metering-points")

    assert after.status == 200
    assert after.json["accessVersion"] != before.json["accessVersion"]
    assert listed.json["accessVersion"] == after.json["accessVersion"]


def test_the_version_of_access_stays_while_data_is_published(customer: Customer) -> None:
    point = customer.point()
    before = customer.get("/v1/changes").json["accessVersion"]

    customer.days(point, SPRING, 1)

    lines = customer.get("/v1/changes", since=SPRING, format="ndjson")
    assert (lines.status, lines.headers["X-Access-Version"]) == (200, before)


def test_the_version_of_access_is_that_of_the_whole_portfolio(customer: Customer) -> None:
    customer.point()
    number = customer.granted[0].customer_number

    narrowed = customer.get("/v1/metering-points", customerNumber=number).json["accessVersion"]

    assert narrowed == customer.get("/v1/changes").json["accessVersion"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"cursor": "x"}, ("cursor", "not-a-cursor-of-this-query")),
        ({"cursor": "x" * 110}, ("cursor", "not-a-cursor-of-this-query")),
        ({"cursor": "ø" * 51}, ("cursor", "not-a-cursor-of-this-query")),
        ({"since": "2026-03-29T00:00"}, ("since", "time-without-offset")),
        ({"since": "2100-01-01"}, ("since", "in-the-future")),
        ({"from_": "2026-03-29"}, ("from", "unknown-parameter")),
    ],
)
def test_a_fault_is_named(customer: Customer, given: dict[str, Any], fault: tuple[str, str]) -> None:
    answer = customer.get("/v1/changes", **given)

    assert answer.status == 400
    assert [(each["parameter"], each["code"]) for each in answer.json["errors"]] == [fault]


def test_a_cursor_of_another_resource_is_refused(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    cursor = customer.series(point, from_=SPRING, limit=1)["nextCursor"]

    assert customer.get("/v1/changes", cursor=cursor).status == 400
