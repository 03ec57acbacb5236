"""Single days and their range: only permitted days of what is asked for, as they were at a moment.

The sums and counts are compared with a naive loop in tests/shared/api/insights.
"""

from datetime import date, datetime, timedelta

import pytest

from shared.metering import Direction
from shared.readable import Readable
from shared.warehouse.queries import insights
from shared.warehouse.queries.insights import DayRange, PackedRow
from tests.builders.warehouse import CABIN, HOUSE, MORNING, SHOP, Clock, Deliverer, readable, values

FIRST, END = date(2026, 3, 1), date(2026, 3, 8)
LATER = MORNING + timedelta(days=1)


@pytest.fixture
def filled(deliverer: Deliverer) -> Deliverer:
    """Seven days of a house and a cabin in March, and a production day of the house before them."""
    days = [FIRST + timedelta(days=number) for number in range(7)]
    lines = [line for id_ in (HOUSE, CABIN) for day in days for line in values(id_, day, ["1"] * 24)]
    deliverer.deliver([*lines, *values(HOUSE, date(2026, 2, 28), ["9"] * 24, direction="production")])
    return deliverer


def packed_days(
    filled: Deliverer,
    permitted: Readable,
    *,
    direction: Direction = Direction.CONSUMPTION,
    first: date = FIRST,
    end: date = END,
    as_of: datetime = LATER,
) -> list[PackedRow]:
    query = insights.packed_days(permitted, direction=direction, first=first, end=end, as_of=as_of)
    return sorted(filled.warehouse.fetch(query))


def day_range(
    filled: Deliverer,
    permitted: Readable,
    *,
    direction: Direction = Direction.CONSUMPTION,
    first: date = FIRST,
    end: date = END,
    as_of: datetime = LATER,
) -> DayRange:
    query = insights.day_range(permitted, direction=direction, first=first, end=end, as_of=as_of)
    (found,) = filled.warehouse.fetch(query)
    return found


@pytest.mark.parametrize(
    ("permitted", "asked", "days"),
    [
        ([(HOUSE, None, None)], (1, 8), [1, 2, 3, 4, 5, 6, 7]),
        ([(HOUSE, None, None)], (2, 4), [2, 3]),
        ([(HOUSE, date(2026, 3, 3), date(2026, 3, 5))], (1, 8), [3, 4]),
        ([(HOUSE, date(2026, 3, 3), None)], (1, 5), [3, 4]),
        ([(HOUSE, None, date(2026, 3, 3)), (HOUSE, date(2026, 3, 5), None)], (1, 7), [1, 2, 5, 6]),
        ([(HOUSE, None, date(2026, 3, 3)), (SHOP, None, None)], (1, 8), [1, 2]),
        ([(SHOP, None, None)], (1, 8), []),
    ],
)
def test_only_permitted_days_of_the_period_are_read(
    filled: Deliverer,
    permitted: list[tuple[str, date | None, date | None]],
    asked: tuple[int, int],
    days: list[int],
) -> None:
    first, end = (date(2026, 3, day) for day in asked)

    rows = packed_days(filled, readable(*permitted), first=first, end=end)
    found = day_range(filled, readable(*permitted), first=first, end=end)

    assert [(row.metering_point_id, row.delivery_date.day) for row in rows] == [(HOUSE, day) for day in days]
    assert found == (DayRange(rows[0].delivery_date, rows[-1].delivery_date) if rows else (None, None))


def test_each_metering_point_has_its_own_permitted_days(filled: Deliverer) -> None:
    permitted = readable((HOUSE, date(2026, 3, 6), None), (CABIN, None, date(2026, 3, 3)))

    rows = packed_days(filled, permitted)

    assert [(row.metering_point_id, row.delivery_date.day) for row in rows] == [
        *((HOUSE, day) for day in (6, 7)),
        *((CABIN, day) for day in (1, 2)),
    ]


def test_only_the_direction_asked_for_is_read(filled: Deliverer) -> None:
    permitted, first = readable((HOUSE, None, None)), date(2026, 2, 1)

    (row,) = packed_days(filled, permitted, direction=Direction.PRODUCTION, first=first)
    found = day_range(filled, permitted, direction=Direction.PRODUCTION, first=first)

    assert (row.delivery_date, row.quantities) == (date(2026, 2, 28), ",".join(["9.000"] * 24))
    assert found == (row.delivery_date, row.delivery_date)
    assert day_range(filled, permitted, first=first) == (FIRST, date(2026, 3, 7))


def test_a_day_is_read_once_as_it_was_at_the_moment(filled: Deliverer, clock: Clock) -> None:
    permitted, end, before = readable((HOUSE, None, None)), date(2026, 3, 2), clock()
    filled.deliver(values(HOUSE, FIRST, ["7"] * 24))

    def quantity(as_of: datetime) -> str:
        (row,) = packed_days(filled, permitted, end=end, as_of=as_of)
        return row.quantities[:5]

    assert quantity(before) == quantity(clock() - timedelta(microseconds=1)) == "1.000"
    assert quantity(clock()) == "7.000"


def test_days_of_a_later_publication_are_not_there_yet(filled: Deliverer, clock: Clock) -> None:
    permitted, end, before = readable((HOUSE, None, None)), date(2026, 3, 20), clock()
    filled.deliver(values(HOUSE, date(2026, 3, 10), ["1"] * 24))

    assert day_range(filled, permitted, end=end, as_of=before) == (FIRST, date(2026, 3, 7))
    assert day_range(filled, permitted, end=end, as_of=clock()) == (FIRST, date(2026, 3, 10))
    assert day_range(filled, permitted, end=end, as_of=MORNING) == (None, None)
