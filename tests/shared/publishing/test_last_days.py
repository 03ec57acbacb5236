"""The last day of a series is read once, and again after a publication or another permission."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.api.series import requests
from shared.api.series.requests import SeriesRequest
from shared.metering import Direction, MeteringPointId
from shared.publishing.remembered import LastDays
from shared.publishing.watermark import DataState
from shared.readable import Permission, Readable
from shared.warehouse.queries.latest_days import LastDayRow
from tests.builders.sealing import SEALS

POINT = MeteringPointId("707057500000000018")
EMPTY = MeteringPointId("707057500000000025")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
YESTERDAY = date(2026, 11, 21)


class Counting:
    """A warehouse where one series ends at a day and the others are empty; it counts statements."""

    def __init__(self, last_day: date = YESTERDAY) -> None:
        self.last_day = last_day
        self.fetched: list[Any] = []

    def fetch(self, query: Any) -> list[LastDayRow]:
        """Return the last day, if the query is about the series that has one."""
        self.fetched.append(query)
        return [LastDayRow(POINT, self.last_day)] if is_about_point(query) else []


def is_about_point(query: Any) -> bool:
    return any(POINT in each for each in query.parameters if isinstance(each, str))


def readable(*points: MeteringPointId, until: date | None = None) -> Readable:
    return Readable("app:one", tuple(Permission(each, 1, "Customer 1", None, until) for each in points), "1")


def ask(*, published_at: datetime = NOW, direction: Direction = Direction.CONSUMPTION) -> SeriesRequest:
    state = DataState(now=NOW + timedelta(days=1), published_at=published_at, available_until=NOW)
    return requests.of_one(
        metering_point_id=POINT, direction=direction, given={"from": ["2026-01-01"]}, state=state, seals=SEALS
    )


def opened(**kept: int) -> tuple[LastDays, Counting]:
    warehouse = Counting()
    return LastDays(warehouse, **kept), warehouse  # type: ignore[arg-type]


def last_days(remembered: LastDays, may_read: Readable, question: SeriesRequest) -> dict[str, date]:
    return remembered.of(may_read, direction=question.direction, as_of=question.as_of)


def test_who_asks_again_costs_no_statement() -> None:
    remembered, warehouse = opened()

    first = last_days(remembered, readable(POINT), ask())
    again = last_days(remembered, readable(POINT), ask())

    assert first == again == {POINT: YESTERDAY}
    assert len(warehouse.fetched) == 1


def test_a_series_without_days_is_looked_for_in_all_time_and_then_remembered_as_such() -> None:
    remembered, warehouse = opened()

    assert last_days(remembered, readable(EMPTY), ask()) == {}
    assert last_days(remembered, readable(EMPTY), ask()) == {}

    assert len(warehouse.fetched) == 2  # The last month, then ever: both for the first question.


def test_only_the_series_not_asked_for_before_are_looked_for() -> None:
    remembered, warehouse = opened()
    last_days(remembered, readable(POINT), ask())

    assert last_days(remembered, readable(POINT, EMPTY), ask()) == {POINT: YESTERDAY}
    assert last_days(remembered, readable(POINT), ask()) == {POINT: YESTERDAY}

    assert [is_about_point(query) for query in warehouse.fetched] == [True, False, False]


@pytest.mark.parametrize(
    ("may_read", "question"),
    [
        (readable(POINT), ask(published_at=NOW + timedelta(hours=1))),
        (readable(POINT, until=date(2026, 6, 1)), ask()),
        (readable(POINT), ask(direction=Direction.PRODUCTION)),
    ],
    ids=["after a publication", "with another permission", "in the other direction"],
)
def test_what_may_reach_elsewhere_is_looked_for(may_read: Readable, question: SeriesRequest) -> None:
    remembered, warehouse = opened()
    last_days(remembered, readable(POINT), ask())
    warehouse.last_day = date(2026, 5, 1)

    assert last_days(remembered, may_read, question) == {POINT: date(2026, 5, 1)}


def test_a_second_permitted_period_is_looked_for() -> None:
    remembered, warehouse = opened()
    early = Permission(POINT, 1, "Customer 1", None, date(2026, 1, 1))
    late = Permission(POINT, 2, "Customer 2", date(2026, 5, 1), None)
    last_days(remembered, Readable("app:one", (early,), "1"), ask())
    warehouse.last_day = date(2026, 5, 1)

    found = last_days(remembered, Readable("app:one", (early, late), "2"), ask())

    assert found == {POINT: date(2026, 5, 1)}


def test_what_is_remembered_is_bounded() -> None:
    remembered, warehouse = opened(kept=1)

    for point in (POINT, EMPTY, POINT):
        last_days(remembered, readable(point), ask())

    assert [is_about_point(query) for query in warehouse.fetched] == [True, False, False, True]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Let threads switch as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty_threads")
def test_one_thread_may_start_over_while_another_looks() -> None:
    remembered, _ = opened(kept=1)
    question = ask()

    def ask_often(point: MeteringPointId) -> set[date | None]:
        may_read = readable(point)
        return {last_days(remembered, may_read, question).get(point) for _ in range(20_000)}

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask_often, [POINT, EMPTY, POINT, EMPTY]))

    assert found == [{YESTERDAY}, {None}, {YESTERDAY}, {None}]
