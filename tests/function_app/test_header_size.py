"""Headers stay below what a plain proxy between caller and API takes, whatever is requested.

nginx keeps 4 kB of an answer's headers. The gateway adds some of its own (rate limits, date, connection).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from tests.builders import access
from tests.builders.api import Answer, Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import Customer

MOST = 3_500
GATEWAYS = 140
"""Bytes of the headers that others add."""
DAY = date(2026, 3, 28)
LONG = "2026-03-{day}T00:00:00.0000000+01:00"


@pytest.fixture(scope="module")
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller with more metering points in hours than are listed, and one in quarters."""
    customer = Customer(api, deliver)
    for place in range(45):
        customer.point(customer=10**17)
        if place < 44:
            customer.days(customer.granted[-1].metering_point_id, DAY, 1)
    customer.days(customer.granted[-1].metering_point_id, DAY, 3, resolution="PT15M")
    return customer


def size(answer: Answer) -> int:
    """Return the bytes of the headers on the wire."""
    media_type = len("Content-Type: ; charset=utf-8\r\n") + len(answer.media_type)
    return media_type + sum(len(f"{name}: {value}\r\n".encode()) for name, value in answer.headers.items())


def questions(customer: Customer) -> Iterator[tuple[str, dict[str, object]]]:
    mine = [each.metering_point_id for each in customer.granted]
    series = {
        "from_": LONG.format(day=28),
        "to": LONG.format(day=31),
        "asOf": datetime.now(UTC).isoformat(timespec="microseconds").replace("+", "0+"),
        "resolution": "PT15M",
        "limit": f"{1:05d}",
    }
    named = {
        "meteringPointId": [*(access.point(900_000 + number) for number in range(25)), *mine[-25:]],
        "customerNumber": 10**17,
    }
    norwegian = {"format": "csv", "csv": "norwegian", "time": "iso"}
    for form in ({"format": "json"}, {"format": "ndjson"}, norwegian):
        yield "/v1/consumption", {**series, **named, **form}
        yield "/v1/consumption", {**series, **form}
        yield f"/v1/metering-points/{mine[-1]}/consumption", {**series, **form}
        yield "/v1/changes", {"since": LONG.format(day=28), "limit": f"{1:05d}", **form}
    yield "/v1/metering-points", {"customerNumber": 10**17, "limit": f"{1:05d}", "format": "csv"}


def test_the_headers_of_the_longest_questions_are_short_and_name_the_next_page(customer: Customer) -> None:
    sent = {"x-request-id": "r" * 64, "accept-encoding": "gzip"}

    for path, given in questions(customer):
        answer = customer.get(path, headers=sent, **given)

        assert answer.status == 200, answer.body
        assert 'rel="next"' in answer.headers["Link"], (path, given)
        assert size(answer) <= MOST - GATEWAYS, (path, size(answer))


def test_what_is_left_out_is_named_on_the_first_page_and_counted(customer: Customer) -> None:
    (path, named), (_, every), *_ = [each for each in questions(customer) if each[1].get("csv")]

    first, whole_portfolio = customer.get(path, **named), customer.get(path, **every)
    second = customer.get(path, **{**named, "cursor": first.headers["X-Next-Cursor"]})

    assert len(first.headers["X-Not-Found"].split(",")) == 20
    assert first.headers["X-Not-Found-Count"] == "25"
    assert len(first.headers["X-Stored-Coarser"].split(",")) == 20
    assert first.headers["X-Stored-Coarser-Count"] == "24"
    assert len(whole_portfolio.headers["X-Stored-Coarser"].split(",")) == 40
    assert whole_portfolio.headers["X-Stored-Coarser-Count"] == "44"
    assert second.status == 200
    assert [name for name in second.headers if name.startswith(("X-Not-Found", "X-Stored-Coarser"))] == []


def test_forty_metering_points_are_listed_in_the_body_and_all_are_counted(customer: Customer) -> None:
    answer = customer.get("/v1/consumption", date=DAY, resolution="PT15M").json

    assert (len(answer["storedCoarser"]), answer["storedCoarserCount"]) == (40, 44)


def test_a_metering_point_named_many_times_does_not_make_the_link_longer(customer: Customer) -> None:
    point = customer.granted[0].metering_point_id

    answer = customer.get("/v1/consumption", date=DAY, meteringPointId=[point] * 51)

    assert [fault["code"] for fault in answer.json["errors"]] == ["too-many"]


def test_the_headers_of_problems_are_short(customer: Customer) -> None:
    answers = [
        customer.get("/v1/consumption", **{"x" * 3_000: "y" * 3_000}),
        customer.get("/v1/" + "x" * 6_000),
        customer.get("/v1/consumption", date=DAY, cursor="x" * 6_000),
    ]

    assert [answer.status for answer in answers] == [400, 404, 400]
    assert all(size(answer) < 1_000 for answer in answers)
