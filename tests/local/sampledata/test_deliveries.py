"""The demo world's metering data: what is in it, and that it can be made again."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from local import demo
from local.sampledata import deliveries, readings
from local.sampledata.readings import Reading, Timeline
from shared import periods
from shared.metering import Direction, Quality, Resolution, parse_metering_point_id

TIMELINE = deliveries.timeline_until(date(2026, 11, 21))

OfDay = Callable[[date], list[Reading]]


@pytest.fixture(scope="module")
def of_day() -> OfDay:
    """Values of a market day, made once."""
    made: dict[date, list[Reading]] = {}

    def values(day: date) -> list[Reading]:
        if day not in made:
            made[day] = list(readings.of_day(day, timeline=TIMELINE))
        return made[day]

    return values


def of_point(values: list[Reading], metering_point_id: str) -> list[Reading]:
    return [one for one in values if one.metering_point_id == metering_point_id]


def test_the_span_has_400_days_and_both_days_of_another_length() -> None:
    days = [TIMELINE.first + timedelta(days=number) for number in range(400)]

    assert days[-1] == TIMELINE.last
    assert {len(periods.starts(day, Resolution.PT1H.step)) for day in days} == {23, 24, 25}


def test_there_are_a_dozen_metering_points_with_good_ids_at_three_customers() -> None:
    ids = [parse_metering_point_id(point.metering_point_id) for point in demo.METERING_POINTS]

    assert len(set(ids)) == 12
    assert {point.customer for point in demo.METERING_POINTS} == set(demo.CUSTOMERS)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-11-01", 24), ("2026-10-25", 25)])
def test_a_day_has_each_hour_once(of_day: OfDay, day: str, hours: int) -> None:
    values = [
        one
        for one in of_day(date.fromisoformat(day))
        if one.metering_point_id != readings.PARKING and one.direction is Direction.CONSUMPTION
    ]

    counts = Counter(one.metering_point_id for one in values)
    assert set(counts.values()) == {hours}
    assert len({(one.metering_point_id, one.start.isoformat()) for one in values}) == len(values)


def test_the_parking_house_has_quarter_hours_from_its_day_on(of_day: OfDay) -> None:
    before, after = (
        {one.resolution for one in of_point(of_day(day), readings.PARKING)}
        for day in (TIMELINE.fine_since - timedelta(days=1), TIMELINE.fine_since)
    )

    assert (before, after) == ({Resolution.PT1H}, {Resolution.PT15M})
    assert len(of_point(of_day(TIMELINE.fine_since), readings.PARKING)) == 96


def test_a_roof_delivers_on_a_summer_day_and_not_at_night(of_day: OfDay) -> None:
    delivered = [
        one
        for one in of_point(of_day(date(2026, 6, 21)), readings.OFFICE)
        if one.direction is Direction.PRODUCTION
    ]

    assert len(delivered) == 24
    assert {one.quantity for one in delivered if one.start.hour in (0, 1, 2)} == {"0.000"}
    assert sum(Decimal(one.quantity or 0) for one in delivered) > 10


def test_an_hour_that_is_missing_has_no_quantity_and_only_that(of_day: OfDay) -> None:
    days = [
        day for day in (TIMELINE.last - timedelta(days=n) for n in range(45)) if day.toordinal() % 45 == 7
    ]
    barn = of_point(of_day(days[0]), readings.BARN)

    assert [one.start.hour for one in barn if one.quality is Quality.MISSING] == list(range(11, 17))
    assert all((one.quantity is None) == (one.quality is Quality.MISSING) for one in barn)


def test_the_outlet_lacks_the_evening_of_the_last_day(of_day: OfDay) -> None:
    outlet = of_point(of_day(TIMELINE.last), readings.OUTLET)

    assert [one.start.hour for one in outlet if one.quality is Quality.MISSING] == [20, 21, 22, 23]


def test_the_correction_replaces_just_the_estimated_hours_by_measured_ones(of_day: OfDay) -> None:
    first = {one.start: one for one in of_point(of_day(TIMELINE.corrected), readings.BAKERY)}
    corrected = list(readings.correction(TIMELINE))

    assert len(corrected) == 5
    assert {one.start for one in corrected} == {
        start for start, one in first.items() if one.quality is Quality.ESTIMATED
    }
    assert all(one.quality is Quality.MEASURED for one in corrected)
    assert all(one.quantity != first[one.start].quantity for one in corrected)


def test_the_same_day_is_the_same_however_often_and_in_whatever_order_it_is_made(of_day: OfDay) -> None:
    day = date(2026, 2, 3)

    assert list(readings.of_day(day, timeline=TIMELINE)) == of_day(day)


def test_a_winter_day_at_home_takes_more_than_a_summer_day(of_day: OfDay) -> None:
    winter, summer = (
        sum(Decimal(one.quantity or 0) for one in of_point(of_day(day), readings.HOUSE))
        for day in (date(2026, 1, 14), date(2026, 7, 14))
    )

    assert winter > summer * 2


def test_the_files_of_a_small_world_have_the_format_of_deliveries(tmp_path: Path) -> None:
    timeline = Timeline(date(2026, 11, 1), date(2026, 11, 12))

    points, supplies, values, correction = deliveries.write_first(tmp_path, timeline)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "correction_2026-11-03.csv",
        "metering_points.csv",
        "supply_periods.csv",
        "values_2026-11-01_2026-11-12.csv",
    ]
    assert len(rows(points)) == 12
    assert rows(points)[0]["city"] == "Bergen"
    first = rows(values)[0]
    assert list(first) == ["metering_point_id", "direction", "start", "resolution", "quantity", "quality"]
    assert (first["start"], first["resolution"]) == ("2026-11-01T00:00:00+01:00", "PT1H")
    assert datetime.fromisoformat(first["start"]).tzinfo is not None
    assert {row["metering_point_id"] for row in rows(correction)} == {readings.BAKERY}
    assert len(rows(supplies)) == 13


def test_the_shop_that_changed_tenant_is_supplied_without_gap_or_overlap(tmp_path: Path) -> None:
    timeline = Timeline(date(2025, 1, 1), date(2025, 1, 1))

    _, supplies, *_ = deliveries.write_first(tmp_path, timeline)

    shop = [row for row in rows(supplies) if row["metering_point_id"] == readings.SHOP]
    assert [(row["customer_number"], row["valid_from"], row["valid_to"]) for row in shop] == [
        ("10001", "2021-05-01", "2025-09-08"),
        ("10003", "2025-09-08", ""),
    ]


def test_days_that_come_later_are_a_delivery_of_their_own(tmp_path: Path) -> None:
    day = TIMELINE.last + timedelta(days=1)

    path = deliveries.write_days(tmp_path, [day], timeline=TIMELINE)

    assert path.name == "values_2026-11-22_2026-11-22.csv"
    assert {row["start"][:10] for row in rows(path)} == {"2026-11-22"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
