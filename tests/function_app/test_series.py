"""Series as customers get them: days of 23 and 25 hours, cut ranges, sums, pages, unchanged answers."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from shared import metering, periods
from shared.access.grant import Grant, Span
from shared.metering import MeteringPointId
from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.function_app.conftest import Deliver

_numbers = itertools.count(1)
SPRING = date(2026, 3, 29)
AUTUMN = date(2026, 10, 25)


class Customer:
    """A caller with metering points of its own."""

    def __init__(self, api: Api, deliver: Deliver) -> None:
        self.api = api
        self.deliver = deliver
        self.principal = f"app:{uuid4()}"
        self.granted: list[Grant] = []

    def point(
        self, *, valid_from: date | None = None, valid_to: date | None = None, customer: int = 1
    ) -> MeteringPointId:
        """Return a metering point that nobody else has."""
        payload = f"70705758{next(_numbers):09d}"
        point = metering.parse_metering_point_id(payload + metering.check_digit(payload))
        return self.grant(point, valid_from=valid_from, valid_to=valid_to, customer=customer)

    def grant(
        self,
        point: MeteringPointId,
        *,
        valid_from: date | None = None,
        valid_to: date | None = None,
        customer: int = 1,
    ) -> MeteringPointId:
        """Grant a metering point."""
        grant = Grant(
            self.principal, point, customer, f"Customer {customer}", (Span(valid_from, valid_to),), "test"
        )
        self.granted.append(grant)
        self.api.grant(*self.granted)
        return point

    def days(
        self, point: str, first: date, count: int, *, resolution: str = "PT1H", direction: str = "consumption"
    ) -> None:
        """Deliver whole days: each value shows its day and its position in the day."""
        step = timedelta(minutes=15 if resolution == "PT15M" else 60)
        lines: list[delivering.Line] = []
        for offset in range(count):
            day = first + timedelta(days=offset)
            quantities = [f"{position}.{day.day:03d}" for position in range(len(periods.starts(day, step)))]
            lines += delivering.values(point, day, quantities, resolution=resolution, direction=direction)
        self.deliver(lines)

    def get(self, path: str, **given: Any) -> Answer:
        """Send a request as this caller."""
        return self.api.get(path, principal=self.principal, **given)

    def series(self, point: str, **given: Any) -> Any:
        """Return the consumption of a metering point."""
        answer = self.get(f"/v1/metering-points/{point}/consumption", **given)
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller that has nothing yet."""
    return Customer(api, deliver)


def _starts(series: Any) -> list[str]:
    return [value["start"] for value in series["values"]]


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 6, 1), 24)])
def test_a_market_day_has_its_hours_one_after_the_other(customer: Customer, day: date, hours: int) -> None:
    point = customer.point()
    customer.days(point, day, 1)

    series = customer.series(point, date=day)

    values = series["values"]
    assert len(values) == hours
    assert all(one["end"] == other["start"] for one, other in itertools.pairwise(values))
    assert (values[0]["start"], values[-1]["end"]) == (series["from"], series["to"])
    assert [value["quantity"] for value in values] == [
        Decimal(f"{hour}.{day.day:03d}") for hour in range(hours)
    ]


def test_the_same_period_may_be_asked_in_any_offset(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)

    one = customer.series(point, from_="2026-03-29T01:00:00+01:00", to="2026-03-29T05:00:00+02:00")
    other = customer.series(point, from_="2026-03-28T19:00:00-05:00", to="2026-03-29T03:00:00Z")

    assert one == other
    assert _starts(one) == [
        "2026-03-29T01:00:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T04:00:00+02:00",
    ]


def test_the_hours_before_a_series_begins_are_missing(customer: Customer) -> None:
    point = customer.point()
    customer.deliver(delivering.values(point, SPRING, ["1.000"] * 3, first=20))

    values = customer.series(point, date=SPRING)["values"]

    assert [value["quality"] for value in values] == ["missing"] * 20 + ["measured"] * 3
    assert [value["quantity"] for value in values] == [None] * 20 + [Decimal("1.000")] * 3


def test_both_layouts_hold_the_same_values(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 3)

    values = customer.series(point, from_=SPRING, to="2026-04-01")["values"]
    days = customer.series(point, from_=SPRING, to="2026-04-01", layout="days")["days"]

    assert [value["quantity"] for value in values] == [each for day in days for each in day["quantities"]]
    assert [day["date"] for day in days] == ["2026-03-29", "2026-03-30", "2026-03-31"]


@pytest.mark.parametrize(("resolution", "buckets"), [("P1D", 5), ("P1M", 2), ("P1Y", 1)])
def test_sums_are_the_exact_sums_of_the_values(customer: Customer, resolution: str, buckets: int) -> None:
    point = customer.point()
    customer.days(point, SPRING, 5)
    hours = [value["quantity"] for value in customer.series(point, from_=SPRING, to="2026-04-03")["values"]]

    values = customer.series(point, from_=SPRING, to="2026-04-03", resolution=resolution)["values"]

    assert len(values) == buckets
    assert sum(value["quantity"] for value in values) == sum(hours)


def test_a_sum_is_never_cut_by_a_page(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, date(2026, 1, 20), 60)
    parameters = {"from_": "2026-01-20", "to": "2026-03-21", "resolution": "P1M"}

    paged = list(_pages(customer, point, **parameters, limit=5))

    assert [each for page in paged for each in page] == customer.series(point, **parameters)["values"]
    assert [len(page) for page in paged] == [1, 1, 1]


def test_pages_of_one_series_are_the_series(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 5)
    parameters = {"from_": "2026-03-29", "to": "2026-04-03"}

    paged = list(_pages(customer, point, **parameters, limit=2))

    assert [each for page in paged for each in page] == customer.series(point, **parameters)["values"]
    assert [len(page) for page in paged] == [47, 48, 24]


def _pages(customer: Customer, point: str, **parameters: Any) -> Iterator[list[Any]]:
    page = customer.series(point, **parameters)
    yield page["values"]
    while page["nextCursor"] is not None:
        page = customer.series(point, **parameters, cursor=page["nextCursor"])
        yield page["values"]


def test_pages_keep_showing_the_moment_of_the_first(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2)
    first = customer.series(point, from_=SPRING, limit=1)

    customer.deliver(delivering.values(point, date(2026, 3, 30), ["99.000"]))
    second = customer.series(point, from_=SPRING, limit=1, cursor=first["nextCursor"])

    assert second["values"][0]["quantity"] == Decimal("0.030")
    assert customer.series(point, date="2026-03-30")["values"][0]["quantity"] == Decimal("99.000")


def test_as_of_answers_as_it_would_have_been_then(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    then = datetime.now(UTC)
    customer.deliver(delivering.values(point, SPRING, ["99.000"]))

    before = customer.series(point, date=SPRING, asOf=then.isoformat())
    after = customer.series(point, date=SPRING)

    assert before["values"][0]["quantity"] == Decimal("0.029")
    assert after["values"][0]["quantity"] == Decimal("99.000")
    assert before["values"][1:] == after["values"][1:]


def test_the_publication_that_status_shows_can_be_asked_for_while_its_clock_is_ahead(
    customer: Customer,
) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    behind = datetime.now(UTC) - timedelta(minutes=4)

    with customer.api.at(lambda: behind):
        shown = customer.get("/v1/status").json["lastPublishedAt"]
        later = (datetime.fromisoformat(shown) + timedelta(seconds=1)).isoformat()
        series = customer.series(point, date=SPRING, asOf=shown)
        changes = customer.get("/v1/changes", since=shown)
        refused = [
            customer.get(f"/v1/metering-points/{point}/consumption", date=SPRING, asOf=later),
            customer.get("/v1/changes", since=later),
        ]

    assert len(series["values"]) == 23
    assert changes.status == 200
    assert [each.json["errors"][0]["code"] for each in refused] == ["in-the-future"] * 2


def test_quarters_are_summed_to_hours_and_hours_are_never_split(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    customer.days(point, date(2026, 3, 30), 1, resolution="PT15M")

    mixed = customer.series(point, from_=SPRING, to="2026-03-31")
    hours = customer.series(point, from_=SPRING, to="2026-03-31", resolution="PT1H")
    refused = customer.get(f"/v1/metering-points/{point}/consumption", date=SPRING, resolution="PT15M")

    assert (mixed["resolution"], len(mixed["values"])) == (None, 23 + 96)
    assert (hours["resolution"], len(hours["values"])) == ("PT1H", 23 + 24)
    assert hours["values"][23]["quantity"] == Decimal("6.120")
    assert (refused.status, refused.json["errors"][0]["code"]) == (400, "finer-than-stored")


def test_a_total_of_quarters_is_refused_where_hours_are_stored(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)

    refused = customer.get("/v1/consumption/total", date=SPRING, resolution="PT15M")
    without = customer.get("/v1/consumption/total", date=SPRING)

    [fault] = refused.json["errors"]
    assert (fault["code"], fault["message"]) == (
        "finer-than-stored",
        f"{point} is stored as PT1H on {SPRING}.",
    )
    assert fault["hint"] == "Ask for PT1H or coarser, or leave 'resolution' out to get days."
    assert [each["end"] for each in without.json["values"]] == ["2026-03-30T00:00:00+02:00"]


def test_of_many_metering_points_those_without_quarters_are_named_and_the_others_answered(
    customer: Customer,
) -> None:
    hourly, changed, quarterly = sorted([customer.point(), customer.point(), customer.point()])
    customer.days(hourly, SPRING, 2)
    customer.days(changed, SPRING, 1)
    customer.days(changed, date(2026, 3, 30), 1, resolution="PT15M")
    customer.days(quarterly, SPRING, 2, resolution="PT15M")
    parameters = {"from_": SPRING, "to": "2026-03-31", "resolution": "PT15M"}

    answer = customer.get("/v1/consumption", **parameters).json
    named = customer.get("/v1/consumption", **parameters, meteringPointId=[hourly, quarterly]).json
    lines = customer.get("/v1/consumption", **parameters, format="csv")

    def values(each: Any) -> list[tuple[str, int]]:
        return [(one["meteringPointId"], len(one["values"])) for one in each["series"]]

    assert values(answer) == [(changed, 96), (quarterly, 92 + 96)]
    assert answer["storedCoarser"] == [
        {"meteringPointId": hourly, "resolution": "PT1H", "from": "2026-03-29", "to": "2026-03-31"},
        {"meteringPointId": changed, "resolution": "PT1H", "from": "2026-03-29", "to": "2026-03-30"},
    ]
    assert values(named) == [(hourly, 0), (quarterly, 92 + 96)]
    assert named["storedCoarser"] == answer["storedCoarser"][:1]
    assert lines.headers["X-Stored-Coarser"] == f"{hourly},{changed}"
    assert lines.body.count(b"\r\n") == 1 + 96 + 92 + 96


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_days_stored_coarser_are_named_on_the_first_page(customer: Customer, limit: int) -> None:
    hourly, quarterly = sorted([customer.point(), customer.point()])
    customer.days(hourly, SPRING, 2)
    customer.days(quarterly, SPRING, 2, resolution="PT15M")
    parameters = {"from_": SPRING, "to": "2026-03-31", "resolution": "PT15M", "limit": limit}
    pages = [customer.get("/v1/consumption", **parameters).json]

    while pages[-1]["nextCursor"]:
        pages.append(customer.get("/v1/consumption", **parameters, cursor=pages[-1]["nextCursor"]).json)

    first, *others = [(page["storedCoarser"], page["storedCoarserCount"]) for page in pages]
    assert first == (
        [{"meteringPointId": hourly, "resolution": "PT1H", "from": "2026-03-29", "to": "2026-03-31"}],
        1,
    )
    assert all(each == ([], None) for each in others)
    assert sum(len(each["values"]) for page in pages for each in page["series"]) == 92 + 96


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_a_question_for_quarters_that_meets_hours_later_is_refused_on_every_page(
    customer: Customer, limit: int
) -> None:
    point = customer.point()
    customer.days(point, SPRING, 2, resolution="PT15M")
    customer.days(point, date(2026, 3, 31), 1)

    answer = customer.get(
        f"/v1/metering-points/{point}/consumption",
        from_=SPRING,
        to="2026-04-01",
        resolution="PT15M",
        limit=limit,
    )

    [fault] = answer.json["errors"]
    assert (answer.status, fault["code"]) == (400, "finer-than-stored")
    assert fault["message"] == f"{point} is stored as PT1H on 2026-03-31."


def test_a_day_outside_the_grant_is_left_out_and_permitted_says_why(customer: Customer) -> None:
    point = customer.point(valid_from=date(2026, 3, 30), valid_to=date(2026, 3, 31))
    customer.days(point, SPRING, 3)

    series = customer.series(point, from_=SPRING, to="2026-04-01", layout="days")

    assert [day["date"] for day in series["days"]] == ["2026-03-30"]
    assert series["permitted"] == [{"from": "2026-03-30", "to": "2026-03-31"}]
    assert series["availableUntil"] == "2026-03-31T00:00:00+02:00"


def test_a_permitted_period_without_data_has_no_values(customer: Customer) -> None:
    point = customer.point()

    series = customer.series(point, date="2019-01-01")

    assert (series["values"], series["availableUntil"], series["nextCursor"]) == ([], None, None)


def test_consumption_and_production_are_two_series(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    customer.days(point, SPRING, 1, direction="production")
    customer.deliver(delivering.values(point, SPRING, ["77.000"], direction="production"))

    production = customer.get(f"/v1/metering-points/{point}/production", date=SPRING).json

    assert production["direction"] == "production"
    assert production["values"][0]["quantity"] == Decimal("77.000")
    assert customer.series(point, date=SPRING)["values"][0]["quantity"] == Decimal("0.029")


def test_a_foreign_and_an_unknown_metering_point_answer_the_same(
    api: Api, deliver: Deliver, customer: Customer
) -> None:
    customer.point()
    foreign = Customer(api, deliver).point()
    unknown = "707057500000010031"

    answers = [
        customer.get(f"{prefix}/{point}{suffix}", headers={"x-request-id": "same"}, **given)
        for point in (foreign, unknown)
        for prefix, suffix, given in [
            ("/v1/metering-points", "", {}),
            ("/v1/metering-points", "/consumption", {"date": "2026-03-29"}),
        ]
    ]

    first, second, third, fourth = (
        (answer.status, answer.headers, {**answer.json, "instance": ""}) for answer in answers
    )
    assert first == third
    assert second == fourth
    assert (first[0], second[0]) == (404, 404)


def test_many_answers_what_can_be_read_and_names_the_rest(
    api: Api, deliver: Deliver, customer: Customer
) -> None:
    mine, empty = customer.point(), customer.point()
    foreign = Customer(api, deliver).point()
    customer.days(mine, SPRING, 1)

    answer = customer.get("/v1/consumption", date=SPRING, meteringPointId=[foreign, mine, empty]).json

    assert [(each["meteringPointId"], len(each["values"])) for each in answer["series"]] == [
        (mine, 23),
        (empty, 0),
    ]
    assert answer["notFound"] == [foreign]


def test_a_customers_metering_points_are_asked_by_its_number(customer: Customer) -> None:
    one, other = customer.point(customer=1), customer.point(customer=2)
    customer.days(one, SPRING, 1)
    customer.days(other, SPRING, 1)

    answer = customer.get("/v1/consumption", date=SPRING, customerNumber=2)
    unknown = customer.get("/v1/consumption", date=SPRING, customerNumber=3)

    assert [each["meteringPointId"] for each in answer.json["series"]] == [other]
    assert (unknown.status, unknown.json["code"]) == (404, "not-found")


def test_by_its_number_a_customer_gives_its_own_days_of_the_named_metering_points(customer: Customer) -> None:
    moved, other = customer.point(valid_to=date(2026, 3, 30), customer=1), customer.point(customer=1)
    customer.grant(moved, valid_from=date(2026, 3, 30), customer=2)
    unnamed = customer.point(customer=2)
    for point in (moved, other, unnamed):
        customer.days(point, SPRING, 2)

    answer = customer.get(
        "/v1/consumption",
        from_=SPRING,
        to="2026-03-31",
        layout="days",
        customerNumber=2,
        meteringPointId=[moved, other],
    ).json

    [series] = answer["series"]
    assert (series["meteringPointId"], [day["date"] for day in series["days"]]) == (moved, ["2026-03-30"])
    assert series["permitted"] == [{"from": "2026-03-30", "to": None}]
    assert answer["notFound"] == [other]


def test_an_unchanged_answer_is_not_sent_again_until_something_is_published(customer: Customer) -> None:
    point = customer.point()
    customer.days(point, SPRING, 1)
    path = f"/v1/metering-points/{point}/consumption"
    first = customer.get(path, date=SPRING)

    again = customer.get(path, date=SPRING, headers={"if-none-match": first.headers["ETag"]})
    customer.deliver(delivering.values(point, SPRING, ["99.000"]))
    after = customer.get(path, date=SPRING, headers={"if-none-match": first.headers["ETag"]})

    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (after.status, after.json["values"][0]["quantity"]) == (200, Decimal("99.000"))


def test_who_loses_access_gets_neither_data_nor_304(api: Api, customer: Customer) -> None:
    point, other = customer.point(), customer.point()
    customer.days(point, SPRING, 1)
    path = f"/v1/metering-points/{point}/consumption"
    etag = customer.get(path, date=SPRING).headers["ETag"]

    api.revoke(customer.principal, point)
    answer = customer.get(path, date=SPRING, headers={"if-none-match": etag})

    assert answer.status == 404
    assert customer.get(f"/v1/metering-points/{other}").status == 200


def test_a_metering_point_is_permitted_by_each_of_its_customers_in_turn(customer: Customer) -> None:
    point = customer.point(valid_to=date(2026, 3, 30), customer=1)
    customer.grant(point, valid_from=date(2026, 3, 30), customer=2)
    customer.days(point, SPRING, 2)

    series = customer.series(point, from_=SPRING, to="2026-03-31", layout="days")
    described: Sequence[Any] = customer.get("/v1/metering-points").json["meteringPoints"]

    assert [day["date"] for day in series["days"]] == ["2026-03-29", "2026-03-30"]
    assert series["permitted"] == [{"from": None, "to": None}]
    assert [(each["customerNumber"], each["permitted"]) for each in described] == [
        (
            2,
            [
                {"from": None, "to": "2026-03-30", "customerNumber": 1},
                {"from": "2026-03-30", "to": None, "customerNumber": 2},
            ],
        )
    ]
