"""The days of series: only permitted days, each once, in order, as they were at a moment."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse import opening
from shared.warehouse.engine import Warehouse
from shared.warehouse.queries import series_days
from shared.warehouse.queries.series_days import DayRow, WantedDays
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.builders.warehouse import (
    CABIN,
    HOUSE,
    MORNING,
    SHOP,
    Clock,
    Deliverer,
    readable,
    values,
)
from tests.shared.warehouse.queries.five_days import END, FIRST, FIVE_DAYS, permissions, some_days


def fetch_days(
    warehouse: Warehouse,
    permitted: Readable,
    *,
    direction: Direction = Direction.CONSUMPTION,
    first_day: date = FIRST,
    last_day: date = END,
    as_of: datetime = MORNING + timedelta(days=1),
    after: tuple[str, date] | None = None,
    limit: int = 1000,
) -> list[DayRow]:
    query = series_days.days(
        permitted,
        direction=direction,
        wanted=WantedDays.every(first_day, last_day),
        as_of=as_of,
        after=after,
        limit=limit,
    )
    return sorted(warehouse.fetch(query))


def keys(rows: list[DayRow]) -> list[tuple[str, int]]:
    """Metering point and day of month of each row."""
    return [(row.metering_point_id, row.delivery_date.day) for row in rows]


def test_days_come_by_metering_point_and_day(filled: Deliverer) -> None:
    rows = fetch_days(filled.warehouse, readable((CABIN, None, None), (HOUSE, None, None)))

    assert keys(rows) == [(HOUSE, n) for n in (28, 29, 30, 31, 1)] + [(CABIN, n) for n in (28, 29, 30, 31, 1)]


def test_a_day_is_given_as_it_is_stored(filled: Deliverer) -> None:
    (row,) = fetch_days(filled.warehouse, readable((HOUSE, None, None)), last_day=date(2026, 3, 29))

    assert row == DayRow(
        metering_point_id=HOUSE,
        delivery_date=FIRST,
        resolution="PT1H",
        quantities="0.500,1.000" + ",null" * 22,
        qualities="MM" + "X" * 22,
        total_kwh="1.500",
        published_at=(MORNING + timedelta(minutes=2)).replace(tzinfo=None),
    )


@pytest.mark.parametrize(
    ("permitted", "days"),
    [
        ([], []),
        ([(SHOP, None, None)], []),
        ([(HOUSE, date(2026, 3, 30), None)], [30, 31, 1]),
        ([(HOUSE, None, date(2026, 3, 30))], [28, 29]),
        ([(HOUSE, date(2026, 3, 29), date(2026, 3, 30))], [29]),
        ([(HOUSE, date(2026, 3, 29), date(2026, 3, 29))], []),
        ([(HOUSE, date(2026, 4, 2), None)], []),
        ([(HOUSE, None, date(2026, 3, 28))], []),
        ([(HOUSE, None, date(2026, 3, 30)), (HOUSE, date(2026, 3, 29), None)], [28, 29, 30, 31, 1]),
        ([(HOUSE, None, date(2026, 3, 30)), (HOUSE, date(2026, 3, 30), None)], [28, 29, 30, 31, 1]),
        ([(HOUSE, None, None), (HOUSE, date(2026, 3, 29), date(2026, 3, 30))], [28, 29, 30, 31, 1]),
        ([(HOUSE, None, date(2026, 3, 29)), (HOUSE, date(2026, 3, 31), None)], [28, 31, 1]),
    ],
)
def test_only_permitted_days_are_given_and_each_once(
    filled: Deliverer, permitted: list[tuple[str, date | None, date | None]], days: list[int]
) -> None:
    rows = fetch_days(filled.warehouse, readable(*permitted))

    assert keys(rows) == [(HOUSE, day) for day in days]


def test_only_the_asked_direction_is_given(filled: Deliverer) -> None:
    filled.deliver(values(HOUSE, FIRST, ["9"], direction="production"))

    (row,) = fetch_days(filled.warehouse, readable((HOUSE, None, None)), direction=Direction.PRODUCTION)

    assert row.total_kwh == "9.000"


def test_the_end_day_is_not_given(filled: Deliverer) -> None:
    rows = fetch_days(
        filled.warehouse,
        readable((HOUSE, None, None)),
        first_day=date(2026, 3, 29),
        last_day=date(2026, 3, 31),
    )

    assert keys(rows) == [(HOUSE, 29), (HOUSE, 30)]


def test_pages_start_at_a_key_and_end_at_the_limit(filled: Deliverer) -> None:
    permitted = readable((HOUSE, None, None), (CABIN, date(2026, 3, 29), None))

    first = fetch_days(filled.warehouse, permitted, limit=3)
    second = fetch_days(filled.warehouse, permitted, after=(HOUSE, date(2026, 3, 31)), limit=3)
    third = fetch_days(filled.warehouse, permitted, after=(CABIN, date(2026, 3, 30)), limit=10)

    assert keys(first) == [(HOUSE, 28), (HOUSE, 29), (HOUSE, 30)]
    assert keys(second) == [(HOUSE, 31), (HOUSE, 1), (CABIN, 29)]
    assert keys(third) == [(CABIN, 30), (CABIN, 31), (CABIN, 1)]


@pytest.mark.parametrize(("limit", "days"), [(2, [29, 30]), (3, [29, 30, 31]), (9, [29, 30, 31])])
def test_a_page_of_one_metering_point_has_its_first_days(
    filled: Deliverer, limit: int, days: list[int]
) -> None:
    permitted = readable((HOUSE, date(2026, 3, 29), date(2026, 4, 1)))

    assert keys(fetch_days(filled.warehouse, permitted, limit=limit)) == [(HOUSE, day) for day in days]


def test_a_correction_is_seen_from_the_moment_it_was_published(filled: Deliverer, clock: Clock) -> None:
    before = clock()
    filled.deliver(values(HOUSE, FIRST, ["7"]))
    permitted = readable((HOUSE, None, None))

    def total(as_of: datetime) -> str:
        (row,) = fetch_days(filled.warehouse, permitted, last_day=date(2026, 3, 29), as_of=as_of)
        return row.total_kwh

    assert total(before) == "1.500"
    assert total(clock() - timedelta(microseconds=1)) == "1.500"
    assert total(clock()) == "8.000"


def test_nothing_is_seen_before_the_first_publication(filled: Deliverer) -> None:
    assert fetch_days(filled.warehouse, readable((HOUSE, None, None)), as_of=MORNING) == []


def test_many_permissions_travel_in_one_parameter(filled: Deliverer) -> None:
    others = [(f"{n:018d}", None, None) for n in range(5_000)]

    rows = fetch_days(filled.warehouse, readable((HOUSE, None, None), *others), last_day=date(2026, 3, 29))

    assert keys(rows) == [(HOUSE, 28)]


@pytest.fixture(scope="module")
def seeded(warehouse_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deliverer]:
    """Five days of two metering points in a warehouse that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("seeded")
    with elsewhere.address(warehouse_template, folder / "seeded.duckdb") as url:
        deliverer = Deliverer(opening.open_warehouse(building.settings(url)), folder, Clock())
        deliverer.deliver(
            [line for id_ in (HOUSE, CABIN) for day in FIVE_DAYS for line in values(id_, day, ["1"])]
        )
        yield deliverer
        deliverer.warehouse.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(permitted=permissions, first_day=some_days, last_day=some_days)
def test_no_day_outside_a_grant_is_ever_given_and_none_inside_is_left_out(
    seeded: Deliverer,
    permitted: list[tuple[str, date | None, date | None]],
    first_day: date,
    last_day: date,
) -> None:
    rows = fetch_days(seeded.warehouse, readable(*permitted), first_day=first_day, last_day=last_day)

    expected = [
        (id_, day)
        for id_ in (HOUSE, CABIN)
        for day in FIVE_DAYS
        if first_day <= day < last_day
        and any(
            id_ == granted and (start is None or start <= day) and (end is None or day < end)
            for granted, start, end in permitted
        )
    ]
    assert [(row.metering_point_id, row.delivery_date) for row in rows] == expected
