"""Metering points change with their descriptions, and so do their ETags."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared import periods
from shared.deliveries import loading
from shared.deliveries.master_data.records import METERING_POINTS, SUPPLY_PERIODS
from shared.periods import ONE_DAY
from shared.warehouse.engine import Statement
from tests.builders import warehouse as delivering
from tests.builders.api import Answer, Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import SPRING, Customer


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller with one metering point that has a day of values."""
    customer = Customer(api, deliver)
    customer.days(customer.point(), SPRING, 1)
    return customer


def take_in(customer: Customer, file: Path) -> None:
    """Load a file as the publishing timer does."""
    services = customer.api.services
    loading.load(services.warehouse, file, now=datetime.now(UTC), progress=lambda rows, share: None)
    services.publish_readings()


def describe(customer: Customer, folder: Path, *, name: str) -> None:
    line = (customer.granted[0].metering_point_id, name, "", "", "", "NO5", "", "6970631400000042")
    take_in(customer, delivering.write_csv(folder / "points.csv", [line], header=METERING_POINTS))


def ask_again(customer: Customer, path: str, first: Answer) -> Answer:
    return customer.get(path, headers={"if-none-match": first.headers["ETag"]})


@pytest.mark.parametrize("path", ["/v1/metering-points", "/v1/metering-points/{point}"])
def test_an_etag_from_before_a_description_gets_the_new_one(
    customer: Customer, tmp_path: Path, path: str
) -> None:
    path = path.format(point=customer.granted[0].metering_point_id)
    describe(customer, tmp_path, name="Old name")
    first = customer.get(path)

    describe(customer, tmp_path, name="New name")
    after = ask_again(customer, path, first)
    again = ask_again(customer, path, after)

    assert (first.status, after.status, again.status) == (200, 200, 304)
    assert b"Old name" in first.body
    assert b"New name" in after.body
    assert after.headers["ETag"] != first.headers["ETag"]


# The days around now by more than a test can last: it may run over midnight in Oslo.
PERIODS = [
    pytest.param(None, None, True, id="open"),
    pytest.param(-2, 2, True, id="now"),
    pytest.param(None, -2, False, id="ended"),
    pytest.param(2, None, False, id="not-begun"),
]


@pytest.mark.parametrize(("first", "end", "is_shown"), PERIODS)
def test_name_and_meter_are_shown_to_whoever_may_read_today(
    api: Api, deliver: Deliver, tmp_path: Path, first: int | None, end: int | None, is_shown: bool
) -> None:
    customer = Customer(api, deliver)
    valid_from, valid_to = (None if each is None else days_from_today(each) for each in (first, end))
    point = customer.point(valid_from=valid_from, valid_to=valid_to)

    describe(customer, tmp_path, name="Shop of the new tenant")
    shown = customer.get(f"/v1/metering-points/{point}").json

    described = ("Shop of the new tenant", "6970631400000042") if is_shown else (None, None)
    assert (shown["name"], shown["meterSerial"]) == described
    assert shown["priceArea"] == "NO5"


def test_name_and_meter_are_shown_if_one_of_several_periods_has_today(
    customer: Customer, tmp_path: Path
) -> None:
    point = customer.granted.pop().metering_point_id
    customer.grant(point, valid_to=days_from_today(-9), customer=2)
    customer.grant(point, valid_from=days_from_today(-5), customer=1)
    describe(customer, tmp_path, name="Our shop again")

    shown = customer.get(f"/v1/metering-points/{point}").json

    assert (shown["name"], shown["meterSerial"]) == ("Our shop again", "6970631400000042")
    assert shown["customerNumber"] == 1


def test_name_and_meter_disappear_with_the_last_permitted_day(
    api: Api, deliver: Deliver, tmp_path: Path
) -> None:
    customer = Customer(api, deliver)
    customer.point(valid_to=days_from_today(2))
    describe(customer, tmp_path, name="Our shop")
    first = customer.get("/v1/metering-points")
    in_three_days = datetime.now(UTC) + 3 * ONE_DAY

    with api.at(lambda: in_three_days):
        after = ask_again(customer, "/v1/metering-points", first)

    assert b"Our shop" in first.body
    assert after.status == 200
    assert b"Our shop" not in after.body
    assert b"6970631400000042" not in after.body


def days_from_today(days: int) -> date:
    return periods.day_of(datetime.now(UTC)) + days * ONE_DAY


def test_last_modified_is_the_description_when_that_is_later_than_the_publication(
    customer: Customer, tmp_path: Path
) -> None:
    describe(customer, tmp_path, name="House")
    described_at = customer.api.services.publications.described_at()

    answer = customer.get("/v1/metering-points")

    assert described_at is not None
    assert answer.headers["Last-Modified"] == described_at.strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_supply_periods_alone_leave_an_answer_as_it_is(customer: Customer, tmp_path: Path) -> None:
    first = customer.get("/v1/metering-points")
    line = ("1", customer.granted[0].metering_point_id, "2020-01-01", "")

    take_in(customer, delivering.write_csv(tmp_path / "periods.csv", [line], header=SUPPLY_PERIODS))

    assert ask_again(customer, "/v1/metering-points", first).status == 304


def test_a_direction_that_ended_long_ago_is_listed_beside_the_one_that_goes_on(customer: Customer) -> None:
    point, today = customer.point(), datetime.now(UTC).date()
    customer.days(point, today - timedelta(days=200), 1, direction="production", resolution="PT15M")
    customer.days(point, today - timedelta(days=3), 1)

    answer = customer.get(f"/v1/metering-points/{point}").json

    assert (answer["directions"], answer["resolution"]) == (["consumption", "production"], "PT1H")


def test_the_metering_points_of_a_price_area_fill_their_pages(customer: Customer, tmp_path: Path) -> None:
    points = sorted([customer.granted[0].metering_point_id, *(customer.point() for _ in range(9))])
    lines = [(each, "", "", "", "", "NO4" if place in (6, 8) else "NO5", "", "6970631400000042")
             for place, each in enumerate(points)]  # fmt: skip
    take_in(customer, delivering.write_csv(tmp_path / "points.csv", lines, header=METERING_POINTS))

    pages = [customer.get("/v1/metering-points", priceArea="NO4", limit=1).json]
    while pages[-1]["nextCursor"] and len(pages) < 5:
        cursor = pages[-1]["nextCursor"]
        pages.append(customer.get("/v1/metering-points", priceArea="NO4", limit=1, cursor=cursor).json)

    assert [[each["meteringPointId"] for each in page["meteringPoints"]] for page in pages] == [
        [points[6]],
        [points[8]],
    ]


def test_a_description_that_is_stored_twice_is_listed_once(customer: Customer, tmp_path: Path) -> None:
    describe(customer, tmp_path, name="Twice")
    point = customer.granted[0].metering_point_id
    again = """
        INSERT INTO metering.metering_point
        SELECT * FROM metering.metering_point WHERE metering_point_id = ?
    """
    with customer.api.services.warehouse.transaction() as session:
        session.run(Statement(again, (point,), "again"))

    page = customer.get("/v1/metering-points", priceArea="NO5", limit=1).json

    assert [each["meteringPointId"] for each in page["meteringPoints"]] == [point]
    assert page["nextCursor"] is None
