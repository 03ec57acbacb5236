"""The latest day of each series is the latest that may be read."""

from datetime import date

from shared.metering import Direction
from shared.warehouse.queries import latest_days
from tests.builders.warehouse import CABIN, HOUSE, SHOP, Clock, Deliverer, readable, values
from tests.shared.warehouse.queries.five_days import FIRST


def test_the_latest_day_of_a_series_is_the_latest_that_may_be_read(filled: Deliverer, clock: Clock) -> None:
    filled.deliver(values(HOUSE, date(2026, 4, 2), ["0.1"] * 96, resolution="PT15M"))
    filled.deliver(values(CABIN, FIRST, ["1"], direction="production"))
    permitted = readable((HOUSE, date(2026, 3, 30), None), (CABIN, None, None), (SHOP, None, None))

    rows = filled.warehouse.fetch(latest_days.with_resolution(permitted, since=FIRST, as_of=clock()))
    lately = filled.warehouse.fetch(
        latest_days.with_resolution(permitted, since=date(2026, 4, 2), as_of=clock())
    )

    assert rows == [
        latest_days.LatestDayRow(HOUSE, "consumption", date(2026, 4, 2), "PT15M"),
        latest_days.LatestDayRow(CABIN, "consumption", date(2026, 4, 1), "PT1H"),
        latest_days.LatestDayRow(CABIN, "production", date(2026, 3, 28), "PT1H"),
    ]
    assert lately == rows[:1]


def test_the_last_day_is_the_last_that_may_be_read_and_lies_on_or_after_the_day_asked(
    filled: Deliverer, clock: Clock
) -> None:
    permitted = readable((HOUSE, None, date(2026, 3, 30)), (CABIN, None, None), (SHOP, None, None))

    def last_days(since: date) -> list[tuple[str, date]]:
        query = latest_days.in_direction(
            permitted, direction=Direction.CONSUMPTION, since=since, as_of=clock()
        )
        return [(row.metering_point_id, row.last_day) for row in filled.warehouse.fetch(query)]

    assert last_days(FIRST) == [(HOUSE, date(2026, 3, 29)), (CABIN, date(2026, 4, 1))]
    assert last_days(date(2026, 3, 30)) == [(CABIN, date(2026, 4, 1))]
