"""An invalid stored day fails no request: it is left out, and the log names it."""

from datetime import date, timedelta
from typing import Any

import pytest

from shared.api.changes import search
from shared.publishing.remembered import Ranges
from shared.warehouse.engine import Statement
from tests.builders.api import Api
from tests.builders.warehouse import readable
from tests.function_app.conftest import Deliver
from tests.function_app.test_changes import follow, now
from tests.function_app.test_series import SPRING, Customer

BAD = SPRING + timedelta(days=1)
NEXT = BAD + timedelta(days=1)


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Customer:
    """Return a caller that has nothing yet."""
    return Customer(api, deliver)


def spoil(api: Api, point: str, change: str, day: date = BAD) -> None:
    """Change a stored day as no delivery can."""
    with api.services.warehouse.transaction() as session:
        session.run(
            Statement(
                f"UPDATE metering.series_day SET {change} WHERE metering_point_id = ? AND delivery_date = ?",
                (point, day),
                "spoil",
            )
        )


def dates(days: Any) -> list[tuple[str, str]]:
    return [(day["meteringPointId"], day["date"]) for day in days]


SPOILT = pytest.mark.parametrize(
    "change",
    [
        "resolution = 'PT1H '",
        "resolution = 'PT2H'",
        "quantities = '1.000'",
        "quantities = REPLACE(quantities, '.', 'x')",
        "quantities = ''",
        "quantities = REPLACE(quantities, '.', '.x')",
        "qualities = LOWER(qualities)",
        "qualities = ''",
        "qualities = CONCAT(qualities, 'M'), quantities = CONCAT(quantities, ',1.000')",
    ],
)


@SPOILT
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_bad_day_is_left_out_and_named_in_the_log(
    customer: Customer, api: Api, change: str, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = customer.point(), customer.point()
    cursor = now(customer)
    customer.days(one, SPRING, 3)
    customer.days(other, SPRING, 3)
    spoil(api, one, change)

    parameters = {"from": SPRING, "to": NEXT + timedelta(days=1), "layout": "days", "limit": limit}
    series = []
    page = customer.get("/v1/consumption", **parameters).json
    series += page["series"]
    while page["nextCursor"]:
        page = customer.get("/v1/consumption", **parameters, cursor=page["nextCursor"]).json
        series += page["series"]
    changed, _ = follow(customer, cursor, limit=limit)

    given = [(each["meteringPointId"], day["date"]) for each in series for day in each["days"]]
    expected = [(one, str(SPRING)), (one, str(NEXT)), *((other, str(each)) for each in (SPRING, BAD, NEXT))]
    assert given == expected
    assert dates(changed) == expected
    assert f"'{one}' on {BAD}" in caplog.text


@SPOILT
def test_a_bad_day_is_left_out_of_totals_and_peaks(
    customer: Customer, api: Api, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = customer.point(), customer.point()
    customer.days(one, SPRING, 3)
    customer.days(other, SPRING, 3)
    spoil(api, one, change)
    period = {"from": SPRING, "to": NEXT + timedelta(days=1)}

    hours = customer.get("/v1/consumption/total", **period, resolution="PT1H").json["values"]
    for resolution, count in (("P1D", 3), ("P1M", 1), ("P1Y", 1)):
        totals = customer.get("/v1/consumption/total", **period, resolution=resolution).json["values"]
        assert len(totals) == count
        assert sum(each["quantity"] for each in totals) == sum(each["quantity"] for each in hours)
    days = customer.get("/v1/consumption/total", **period, resolution="P1D").json["values"]
    peaks = customer.get("/v1/consumption/peaks", **period).json["peaks"]

    assert [each["meteringPoints"] for each in hours] == [2] * 23 + [1] * 24 + [2] * 24
    assert [each["meteringPoints"] for each in days] == [2, 1, 2]
    shown = {(each["meteringPointId"], hour["start"][:10]) for each in peaks for hour in each["hours"]}
    assert shown == {
        (one, str(SPRING)),
        (one, str(NEXT)),
        *((other, str(each)) for each in (SPRING, BAD, NEXT)),
    }
    assert f"'{one}' on {BAD}" in caplog.text


def test_a_bad_day_alone_leaves_its_own_series_empty(customer: Customer, api: Api) -> None:
    point = customer.point()
    customer.days(point, BAD, 1)
    spoil(api, point, "resolution = 'PT1H '")

    assert customer.series(point, date=BAD)["values"] == []
    assert customer.series(point, date=BAD, resolution="P1D")["values"] == []
    assert customer.series(point, date=BAD, resolution="PT15M")["values"] == []


def test_a_day_in_a_direction_that_does_not_exist_is_shown_to_nobody(customer: Customer, api: Api) -> None:
    point = customer.point()
    cursor = now(customer)
    customer.days(point, SPRING, 3)
    spoil(api, point, "direction = 'consumption'")
    spoil(api, point, "direction = 'Consumption'", NEXT)

    days, _ = follow(customer, cursor)
    listed = customer.get(f"/v1/metering-points/{point}").json

    assert dates(days) == [(point, str(SPRING)), (point, str(BAD))]
    assert listed["directions"] == ["consumption"]


@pytest.mark.parametrize("direction", ["Consumption", "consumption "])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("spoilt", [1, 2, 3])
def test_pages_of_changes_go_past_days_in_a_direction_that_does_not_exist(
    customer: Customer, api: Api, direction: str, limit: int, spoilt: int, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = customer.point(), customer.point()
    cursor = now(customer)
    customer.days(one, SPRING, 3)
    customer.days(other, SPRING, 1)
    days = [SPRING, BAD, NEXT]
    for day in days[:spoilt]:
        spoil(api, one, f"direction = '{direction}'", day)

    changed, _ = follow(customer, cursor, limit=limit)

    assert dates(changed) == [*((one, str(day)) for day in days[spoilt:]), (other, str(SPRING))]
    assert f"'{one}' on {SPRING}" in caplog.text


def test_the_size_of_a_refused_answer_leaves_out_days_in_a_direction_that_does_not_exist(
    customer: Customer, api: Api
) -> None:
    point = customer.point()
    customer.days(point, SPRING, 3)
    spoil(api, point, "direction = 'Consumption'")

    count = search.count(
        api.services.warehouse,
        ranges=Ranges(api.services.warehouse),
        readable=readable((point, None, None)),
        after=search.first_of(1),
        through=1_000,
    )

    assert count == 2
