"""The days that a change affects, as few extents."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.warehouse import extents
from shared.warehouse.extents import Day, Extent

MONDAY = date(2026, 3, 30)


def days(*offsets: int) -> list[Day]:
    return [Day(MONDAY + timedelta(days=offset), "20", "80") for offset in offsets]


def extent(first: int, last: int) -> Extent:
    return Extent(MONDAY + timedelta(days=first), MONDAY + timedelta(days=last + 1), "20", "80")


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([], []),
        ([0], [extent(0, 0)]),
        ([0, 1, 2], [extent(0, 2)]),
        ([-1000, 0, 1], [extent(-1000, -1000), extent(0, 1)]),
        ([0, 2, 4], [extent(0, 0), extent(2, 2), extent(4, 4)]),
    ],
)
def test_days_in_a_row_are_an_extent(offsets: list[int], expected: list[Extent]) -> None:
    assert extents.cover(days(*offsets)) == expected


def test_of_too_many_extents_those_with_the_smallest_gaps_are_joined() -> None:
    scattered = [3 * place for place in range(40)]
    far = [1000 + 10 * place for place in range(extents.MOST - 1)]

    covering = extents.cover(days(*scattered, *far))

    assert covering == [extent(0, 117), *(extent(place, place) for place in far)]
    assert len(covering) == extents.MOST


def test_an_extent_has_the_least_and_greatest_metering_point_of_its_days() -> None:
    some = [Day(MONDAY, "30", "40"), Day(MONDAY + timedelta(days=1), "10", "35")]

    (covering,) = extents.cover(some)

    assert (covering.first_id, covering.last_id) == ("10", "40")


def test_the_condition_on_starts_has_the_market_days_as_they_are_in_oslo() -> None:
    condition = extents.start_condition([Extent(date(2026, 3, 29), date(2026, 3, 30), "20", "80")], table="v")

    assert condition.sql == (
        "((v.start_utc >= CAST(? AS datetime2(0)) AND v.start_utc < CAST(? AS datetime2(0)) "
        "AND v.metering_point_id >= ? AND v.metering_point_id <= ?))"
    )
    assert condition.parameters == (
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
        "20",
        "80",
    )


def test_the_condition_on_days_holds_in_any_of_the_extents() -> None:
    condition = extents.day_condition([extent(0, 1), extent(9, 9)], table="c")

    one = (
        "(c.delivery_date >= CAST(? AS date) AND c.delivery_date < CAST(? AS date) "
        "AND c.metering_point_id >= ? AND c.metering_point_id <= ?)"
    )
    assert condition.sql == f"({one} OR {one})"
    assert condition.parameters == (
        *(MONDAY, MONDAY + timedelta(days=2), "20", "80"),
        *(MONDAY + timedelta(days=9), MONDAY + timedelta(days=10), "20", "80"),
    )


def test_nothing_lies_in_no_extent() -> None:
    condition = extents.day_condition([], table="c")

    assert (condition.sql, condition.parameters) == ("1 = 0", ())


@pytest.mark.parametrize(
    ("first_id", "last_id", "expected"),
    [
        ("10", "90", [("20", "80")]),
        ("20", "50", [("20", "50")]),
        ("50", "90", [("50", "80")]),
        ("80", "90", [("80", "80")]),
        ("10", "20", [("20", "20")]),
        ("10", "19", []),
        ("81", "90", []),
    ],
)
def test_an_extent_is_narrowed_to_some_metering_points(
    first_id: str, last_id: str, expected: list[tuple[str, str]]
) -> None:
    narrowed = extents.within([extent(0, 3)], first_id=first_id, last_id=last_id)

    assert [(each.first_id, each.last_id) for each in narrowed] == expected
    assert all((each.first_day, each.end_day) == (MONDAY, MONDAY + timedelta(days=4)) for each in narrowed)
