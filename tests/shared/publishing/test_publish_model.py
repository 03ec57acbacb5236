"""Any sequence of deliveries and publications ends as a plain reading of the rules says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import metering, periods
from shared.warehouse import opening
from tests.builders import elsewhere
from tests.builders import warehouse as building
from tests.builders.warehouse import Clock, Deliverer, values, versions

DAYS = [date(2026, 3, 29), date(2026, 3, 30), date(2025, 10, 26)]


@dataclass
class Model:
    """One day of one metering point: the newest value of each hour, and each version as it was published."""

    hours: int
    newest: dict[int, str] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)

    def deliver(self, delivered: dict[int, str]) -> None:
        self.newest |= delivered
        packed = ",".join(
            f"{Decimal(self.newest[hour]):.3f}" if self.newest.get(hour) else "null"
            for hour in range(self.hours)
        )
        if self.published[-1:] != [packed]:
            self.published.append(packed)


quantities = st.just("") | st.decimals(0, 99, places=3).map(str) | st.just("1")
deliveries = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 22), quantities, min_size=1, max_size=6), st.booleans()),
    min_size=1,
    max_size=6,
)


@dataclass
class Place:
    """A warehouse for all examples; each has a metering point of its own."""

    deliverer: Deliverer
    examples: int = 0

    def next_metering_point(self) -> str:
        self.examples += 1
        payload = f"70705750003{self.examples:06d}"
        return payload + metering.check_digit(payload)


@pytest.fixture(scope="module")
def place(warehouse_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("model")
    with elsewhere.address(warehouse_template, folder / "model.duckdb") as url:
        warehouse = opening.open_warehouse(building.settings(url))
        yield Place(Deliverer(warehouse, folder, Clock()))
        warehouse.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.sampled_from(DAYS), steps=deliveries)
def test_every_version_of_a_day_is_what_the_deliveries_until_then_say(
    place: Place, day: date, steps: list[tuple[dict[int, str], bool]]
) -> None:
    id_ = place.next_metering_point()
    length = periods.market_day(day).end - periods.market_day(day).start
    model = Model(length // timedelta(hours=1))

    for delivered, is_published in steps:
        lines = [line for hour, value in delivered.items() for line in values(id_, day, [value], first=hour)]
        if place.deliverer.load(lines).is_new:
            model.deliver(delivered)
        if is_published:
            place.deliverer.publish()
    place.deliverer.publish()

    stored = versions(place.deliverer.warehouse, id_, day)
    assert [version.quantities for version in stored] == model.published
    assert [version.superseded_at for version in stored[:-1]] == [
        version.published_at for version in stored[1:]
    ]
    assert stored[-1].superseded_at is None
    for version in stored:
        numbers = [Decimal(text) for text in version.quantities.split(",") if text != "null"]
        assert version.total_kwh == sum(numbers)
        assert version.missing == model.hours - len(numbers) == version.qualities.count("X")
