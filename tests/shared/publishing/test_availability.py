"""Until when data was available at an earlier moment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared import periods
from shared.publishing.remembered import Availability
from shared.warehouse.queries import publication_log

MOMENT = datetime(2026, 11, 22, 6, tzinfo=UTC)


class Counting:
    """A warehouse whose last published day is always the same; it counts statements."""

    def __init__(self, day: date | None) -> None:
        self.day = day
        self.parameters: list[Any] = []

    @property
    def questions(self) -> int:
        """How many statements were sent."""
        return len(self.parameters)

    def fetch(self, query: Any) -> list[date | None]:
        """Return the day."""
        self.parameters.append(query.parameters)
        return [self.day]


def opened(warehouse: Counting, **kept: int) -> Availability:
    return Availability(warehouse, **kept)  # type: ignore[arg-type]


def test_the_end_of_the_last_published_day_is_read_once_for_each_moment() -> None:
    warehouse = Counting(date(2026, 11, 20))
    availability = opened(warehouse)

    ends = [availability.before(MOMENT) for _ in range(3)]

    assert ends == [periods.start_of(date(2026, 11, 21))] * 3
    assert warehouse.parameters == [publication_log.last_day(as_of=MOMENT).parameters]


def test_before_the_first_publication_there_is_no_end() -> None:
    assert opened(Counting(None)).before(MOMENT) is None


def test_what_is_remembered_does_not_grow_without_end() -> None:
    warehouse = Counting(date(2026, 11, 20))
    availability = opened(warehouse, kept=2)

    for minute in (0, 1, 2, 0):
        availability.before(MOMENT + timedelta(minutes=minute))

    assert warehouse.questions == 4
