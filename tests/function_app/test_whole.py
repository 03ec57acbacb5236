"""CSV and NDJSON without `limit` are whole or refused: a reader of a file sees no cursor in a header."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from shared import periods
from shared.api import models
from shared.api.series.pages import MAX_VALUES
from shared.api.series.requests import DEFAULT_LIMIT, MAX_LIMIT
from shared.deliveries.master_data.records import METERING_POINTS
from shared.metering import MeteringPointId, Resolution
from shared.readable import AT_ONCE, Permission, Readable
from shared.warehouse.queries.changes import ChangeRow
from shared.warehouse.queries.publication_log import PublishedDays
from shared.warehouse.queries.series_days import DayRow
from tests.builders import access
from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_descriptions import take_in
from tests.function_app.test_series import Customer

FIRST = date(2011, 1, 1)
PUBLISHED = datetime(2026, 1, 1)  # noqa: DTZ001 - as the warehouse gives it


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller with one metering point."""
    customer = Customer(api, deliver)
    customer.point()
    return customer


DAYS = [FIRST + timedelta(days=number) for number in range(MAX_LIMIT + 1)]


class Large:
    """A warehouse with so many days of a metering point, all from one publication."""

    def __init__(self, point: str, days: int, resolution: Resolution) -> None:
        self.point = point
        self.days = DAYS[:days]
        self.resolution = resolution

    def fetch(self, query: Any) -> list[Any]:
        """Return the rows of a query."""
        limit = query.parameters[-1]
        match query.name:
            case "days":
                return [
                    DayRow(self.point, day, self.resolution, *self._packed(day), "1.000", PUBLISHED)
                    for day in self._permitted(query)[:limit]
                ]
            case "changes":
                return [
                    ChangeRow(
                        self.point, "consumption", day, self.resolution, *self._packed(day), 1, PUBLISHED
                    )
                    for day in self.days[:limit]
                ]
            case "published_days":
                return [PublishedDays(self.days[0], self.days[-1])]
            case "count_days":
                return [len(self._permitted(query))]
            case "count_changes":
                return [len(self.days)]
            case _:
                return []

    def _permitted(self, query: Any) -> list[date]:
        """Return the days that a query may read."""
        periods_of_query = delivering.permitted_in(query)
        return [
            day
            for day in self.days
            if any(each["first_day"] <= str(day) < each["last_day"] for each in periods_of_query)
        ]

    def _packed(self, day: date) -> tuple[str, str]:
        whole = periods.market_day(day)
        values = (whole.end - whole.start) // self.resolution.step
        return ",".join(["1.000"] * values), "M" * values


@contextmanager
def large(customer: Customer, days: int, *, resolution: Resolution = Resolution.PT1H) -> Iterator[None]:
    """Let the routes read so many days."""
    warehouse = Large(customer.granted[0].metering_point_id, days, resolution)
    with customer.api.using(replace(customer.api.services, warehouse=warehouse)):  # type: ignore[arg-type]
        yield


def quarters(day: date) -> int:
    whole = periods.market_day(day)
    return (whole.end - whole.start) // timedelta(minutes=15)


def refusal(answer: Answer) -> models.Problem:
    problem = models.Problem.model_validate(answer.json)
    assert (answer.status, problem.code) == (400, "too-large-for-one-answer")
    return problem


def test_a_workbook_is_refused_beyond_the_largest_page(customer: Customer) -> None:
    with large(customer, MAX_LIMIT + 1):
        refused = customer.get("/v1/consumption", from_=FIRST, to="2100-01-01", format="xlsx")

    problem = refusal(refused)
    assert problem.market_days == MAX_LIMIT + 1
    assert [fault.parameter for fault in problem.errors or ()] == ["limit", "to", "format"]


@pytest.mark.parametrize(("written", "header"), [("csv", 1), ("ndjson", 0)])
def test_a_series_is_whole_up_to_the_largest_page_and_refused_beyond(
    customer: Customer, written: str, header: int
) -> None:
    parameters = {"from_": FIRST, "to": "2100-01-01", "format": written}
    hours = (periods.start_of(DAYS[MAX_LIMIT]) - periods.start_of(FIRST)) // timedelta(hours=1)

    with large(customer, MAX_LIMIT):
        whole = customer.get("/v1/consumption", **parameters)
    with large(customer, MAX_LIMIT + 1):
        refused = customer.get("/v1/consumption", **parameters)
        page = customer.get("/v1/consumption", **parameters, limit=MAX_LIMIT)
        as_json = customer.get("/v1/consumption", **{**parameters, "format": "json"}, layout="rows")

    assert (whole.status, whole.body.count(b"\n")) == (200, hours + header)
    assert "Link" not in whole.headers
    problem = refusal(refused)
    assert problem.market_days == MAX_LIMIT + 1
    assert [fault.parameter for fault in problem.errors or ()] == ["limit", "to", "format"]
    assert (page.status, page.body.count(b"\n"), "Link" in page.headers) == (200, hours + header, True)
    assert as_json.json["nextCursor"] is not None
    assert as_json.json["rows"][-1]["end"] == periods.local_text(periods.start_of(DAYS[DEFAULT_LIMIT]))


def test_a_largest_page_has_so_many_values_whatever_its_days(customer: Customer) -> None:
    parameters = {"from_": FIRST, "to": "2100-01-01", "format": "csv"}
    days = next(count for count, values in enumerate(accumulate(map(quarters, DAYS))) if values > MAX_VALUES)

    with large(customer, days, resolution=Resolution.PT15M):
        whole = customer.get("/v1/consumption", **parameters)
    with large(customer, days + 1, resolution=Resolution.PT15M):
        refused = customer.get("/v1/consumption", **parameters)
        packed = customer.get("/v1/consumption", **{**parameters, "format": "ndjson"}, layout="days")

    assert whole.status == 200
    problem = refusal(refused)
    assert problem.market_days == days + 1
    assert f"{days + 1} market days with more than {MAX_VALUES} values" in (problem.detail or "")
    assert "too many values" in (problem.errors or [])[0].message
    assert (packed.status, packed.body.count(b"\n")) == (200, days + 1)


def test_hours_made_of_quarters_count_as_hours(customer: Customer) -> None:
    days = 3_000
    hours = (periods.start_of(DAYS[days]) - periods.start_of(FIRST)) // timedelta(hours=1)

    with large(customer, days, resolution=Resolution.PT15M):
        whole = customer.get("/v1/consumption", from_=FIRST, to="2100-01-01", format="csv", resolution="PT1H")

    assert 4 * hours > MAX_VALUES
    assert (whole.status, whole.body.count(b"\n")) == (200, hours + 1)


def test_a_refusal_behind_a_cursor_counts_what_follows_the_cursor(customer: Customer) -> None:
    parameters = {"from_": FIRST, "to": "2100-01-01", "format": "csv"}

    with large(customer, 3_000, resolution=Resolution.PT15M):
        page = customer.get("/v1/consumption", **parameters, limit=10)
        refused = customer.get("/v1/consumption", **parameters, cursor=page.headers["X-Next-Cursor"])

    assert refusal(refused).market_days == 2_990


@pytest.mark.parametrize("written", ["csv", "ndjson"])
def test_changes_are_whole_up_to_the_largest_page_and_refused_beyond(
    customer: Customer, written: str
) -> None:
    cursor = customer.get("/v1/changes").json["cursor"]
    customer.days(customer.granted[0].metering_point_id, date(2026, 3, 1), 1)

    with large(customer, MAX_LIMIT):
        whole = customer.get("/v1/changes", cursor=cursor, format=written)
    with large(customer, MAX_LIMIT + 1):
        refused = customer.get("/v1/changes", cursor=cursor, format=written)
        page = customer.get("/v1/changes", cursor=cursor, format=written, limit=10)

    assert (whole.status, whole.headers.keys() & {"Link", "X-Next-Cursor"}) == (200, set())
    problem = refusal(refused)
    assert problem.market_days == MAX_LIMIT + 1
    assert [fault.parameter for fault in problem.errors or ()] == ["limit"]
    assert page.headers["X-Next-Cursor"] == page.headers["X-Cursor"]
    assert f"cursor={page.headers['X-Cursor']}>" in page.headers["Link"]


class Portfolio:
    """Grants of one caller without tables: so many metering points."""

    def __init__(self, count: int) -> None:
        points = sorted(access.point(number) for number in range(count))
        self._readable = Readable(
            "app:one", tuple(Permission(MeteringPointId(each), 1, "One", None, None) for each in points), "1"
        )

    def portfolio(self, principal: str) -> Readable:
        """Return all of them."""
        return self._readable


def test_a_list_is_whole_up_to_the_largest_page_and_refused_beyond(customer: Customer) -> None:
    def ask(count: int, **given: Any) -> Answer:
        with customer.api.using(replace(customer.api.services, grants=Portfolio(count))):  # type: ignore[arg-type]
            return customer.get("/v1/metering-points", format="csv", **given)

    whole, refused, page = ask(MAX_LIMIT), ask(MAX_LIMIT + 1), ask(MAX_LIMIT + 1, limit=MAX_LIMIT)

    assert (whole.status, whole.body.count(b"\n")) == (200, MAX_LIMIT + 1)
    assert refusal(refused).items == MAX_LIMIT + 1
    assert (page.status, "Link" in page.headers) == (200, True)
    first = ask(MAX_LIMIT + 2, limit=1)
    rest = ask(MAX_LIMIT + 2, cursor=first.headers["X-Next-Cursor"])
    assert refusal(rest).items == MAX_LIMIT + 1


def test_a_price_area_is_listed_to_the_last_metering_point_of_a_large_portfolio(
    customer: Customer, tmp_path: Path
) -> None:
    points = sorted(access.point(number) for number in range(AT_ONCE + 2))
    lines = [(each, "", "", "", "", "NO4", "", "") for each in points[-2:]]
    take_in(customer, delivering.write_csv(tmp_path / "points.csv", lines, header=METERING_POINTS))

    with customer.api.using(replace(customer.api.services, grants=Portfolio(AT_ONCE + 2))):  # type: ignore[arg-type]
        first = customer.get("/v1/metering-points", priceArea="NO4", limit=1).json
        last = customer.get("/v1/metering-points", priceArea="NO4", limit=1, cursor=first["nextCursor"]).json

    assert [each["meteringPointId"] for each in first["meteringPoints"]] == [points[-2]]
    assert [each["meteringPointId"] for each in last["meteringPoints"]] == [points[-1]]
    assert last["nextCursor"] is None
