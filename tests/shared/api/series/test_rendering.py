"""The body's text, literally, and read back with every digit."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from shared import periods
from shared.api.series import cursors, rendering
from shared.api.series.pages import Page
from shared.api.series.requests import Layout, SeriesRequest
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import Period
from shared.readable import PermittedDays
from shared.series.assembly import Scope, Series, Sum, Values
from tests.builders.sealing import SEALS

POINT = MeteringPointId("707057500000010017")
SPRING = date(2026, 3, 29)
SEAL = SEALS.of("q")
PUBLISHED = datetime(2026, 11, 22, 6, 0, 0, 123456, tzinfo=UTC)


def question(layout: Layout = Layout.VALUES) -> SeriesRequest:
    return SeriesRequest(
        direction=Direction.CONSUMPTION,
        is_one=True,
        named=(POINT,),
        customer_number=None,
        period=periods.market_day(SPRING),
        resolution=None,
        layout=layout,
        as_of=PUBLISHED,
        limit=1000,
        is_whole=False,
        cursor=None,
        seal=SEAL,
    )


def answer_of(*parts: Values | Sum) -> Series:
    scope = Scope(
        metering_point_id=POINT,
        direction=Direction.CONSUMPTION,
        period=periods.market_day(SPRING),
        resolution=None,
        permitted=[PermittedDays(date(2024, 5, 1), None)],
        available_until=datetime(2026, 11, 21, 23, tzinfo=UTC),
    )
    return Series(scope, parts)


def run(quantities: str, qualities: str, *, first: int = 0) -> Values:
    return Values(SPRING, Resolution.PT1H, first, quantities, qualities, PUBLISHED)


def written(page: Page, layout: Layout = Layout.VALUES) -> Any:
    return json.loads(rendering.one(page, question(layout)).body, parse_float=Decimal)


def test_a_series_is_written_as_documented() -> None:
    body = rendering.one(Page([answer_of(run("0.412,null", "MX"))], None), question()).body

    assert json.loads(body) == {
        "meteringPointId": "707057500000010017",
        "direction": "consumption",
        "unit": "kWh",
        "timeZone": "Europe/Oslo",
        "from": "2026-03-29T00:00:00+01:00",
        "to": "2026-03-30T00:00:00+02:00",
        "resolution": "PT1H",
        "permitted": [{"from": "2024-05-01", "to": None}],
        "availableUntil": "2026-11-22T00:00:00+01:00",
        "values": [
            {
                "start": "2026-03-29T00:00:00+01:00",
                "end": "2026-03-29T01:00:00+01:00",
                "quantity": 0.412,
                "quality": "measured",
            },
            {
                "start": "2026-03-29T01:00:00+01:00",
                "end": "2026-03-29T03:00:00+02:00",
                "quantity": None,
                "quality": "missing",
            },
        ],
        "nextCursor": None,
    }


def test_quantities_keep_the_digits_that_were_delivered() -> None:
    body = rendering.one(Page([answer_of(run("0.290,123456789012345.678", "MM"))], None), question()).body

    assert b'"quantity":0.290,' in body
    assert b'"quantity":123456789012345.678,' in body


def test_the_last_value_of_the_autumn_day_ends_at_midnight() -> None:
    autumn = date(2026, 10, 25)
    last = Values(autumn, Resolution.PT1H, 23, "1.000,2.000", "ME", PUBLISHED)

    values = written(Page([answer_of(last)], None))["values"]

    assert [(each["start"], each["end"]) for each in values] == [
        ("2026-10-25T22:00:00+01:00", "2026-10-25T23:00:00+01:00"),
        ("2026-10-25T23:00:00+01:00", "2026-10-26T00:00:00+01:00"),
    ]


def test_days_are_packed_with_exceptions_to_their_usual_quality() -> None:
    page = Page([answer_of(run("0.412,null,0.500,0.600", "MXME", first=19))], None)

    [day] = written(page, Layout.DAYS)["days"]

    assert day == {
        "date": "2026-03-29",
        "start": "2026-03-29T20:00:00+02:00",
        "resolution": "PT1H",
        "quality": "measured",
        "exceptions": [
            {"position": 1, "quality": "missing"},
            {"position": 3, "quality": "estimated"},
        ],
        "quantities": [Decimal("0.412"), None, Decimal("0.500"), Decimal("0.600")],
        "publishedAt": "2026-11-22T06:00:00.123456Z",
    }


def test_a_sum_says_its_period_and_what_is_missing() -> None:
    month = Sum(
        day=date(2026, 3, 1),
        resolution=Resolution.P1M,
        period=Period(periods.start_of(date(2026, 3, 10)), periods.start_of(date(2026, 4, 1))),
        quantity="1234.567",
        quality="E",
        complete=False,
        missing=2,
        published_at=PUBLISHED,
    )

    [value] = written(Page([answer_of(month)], None))["values"]
    [day] = written(Page([answer_of(month)], None), Layout.DAYS)["days"]

    assert value == {
        "start": "2026-03-10T00:00:00+01:00",
        "end": "2026-04-01T00:00:00+02:00",
        "quantity": Decimal("1234.567"),
        "quality": "estimated",
        "complete": False,
        "missing": 2,
    }
    assert (day["quantities"], day["complete"], day["missing"]) == ([Decimal("1234.567")], False, 2)


def test_many_series_name_what_was_not_found_and_where_the_next_page_starts() -> None:
    cursor = cursors.Cursor(POINT, SPRING, until=PUBLISHED, as_of=PUBLISHED)
    page = Page([answer_of(run("1.000", "M")), answer_of()], cursor)

    body = json.loads(rendering.many(page, question(), not_found=["707057500000010024"]).body)

    assert [len(each["values"]) for each in body["series"]] == [1, 0]
    assert body["notFound"] == ["707057500000010024"]
    assert cursors.parse(body["nextCursor"], SEAL) == cursor
