"""How many statements a portfolio takes that has nothing, or hardly anything, of what is requested."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.api.insights import completeness, peaks, requests
from shared.api.parameters import Seals
from shared.metering import Direction, MeteringPointId
from shared.publishing.watermark import DataState
from shared.readable import Permission, Readable
from shared.series import blocks
from shared.warehouse.queries.insights import PackedRow

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STATE, SEALS = DataState(NOW, NOW, NOW), Seals([b"0" * 64])
POINTS = 20_000


class Nothing:
    """A warehouse without any day; it counts the statements."""

    def __init__(self) -> None:
        self.statements = 0

    def fetch(self, query: Any) -> list[Any]:
        """Return no rows."""
        self.statements += 1
        return [None] if query.name == "first_metering_point" else []


class OneAtTheFront(Nothing):
    """A warehouse in which only the first metering point has a day."""

    def fetch(self, query: Any) -> list[Any]:
        """Return the day to the first statement."""
        found = super().fetch(query)
        if self.statements > 1:
            return found
        first = PackedRow(f"{0:018d}", date(2026, 5, 1), "PT1H", ",".join(["1.000"] * 24), "M" * 24)
        return blocks.join([first], with_ids=True)


def portfolio(*, end: date | None = None) -> Readable:
    permissions = (
        Permission(MeteringPointId(f"{number:018d}"), 1, "Customer 1", None, end) for number in range(POINTS)
    )
    return Readable("app:1", tuple(permissions), "1")


def highest(given: dict[str, list[str]]) -> Callable[[Any], Any]:
    request = requests.peaks(direction=Direction.PRODUCTION, given=given, state=STATE, seals=SEALS)
    return lambda warehouse: peaks.fetch(warehouse, readable=portfolio(), request=request).peaks


def complete(given: dict[str, list[str]]) -> Callable[[Any], Any]:
    request = requests.complete(given=given, state=STATE, seals=SEALS)
    ended = portfolio(end=date(2020, 1, 1))
    return lambda warehouse: completeness.fetch(warehouse, readable=ended, request=request).periods


@pytest.mark.parametrize("limit", [{}, {"limit": ["1"]}])
@pytest.mark.parametrize(
    ("ask", "given", "most"),
    [
        (highest, {"month": ["2026-05"]}, 3),
        (highest, {"from": ["2025-06-01"], "to": ["2026-06-01"]}, 3),
        (complete, {"from": ["2026-05-01"], "to": ["2026-06-01"], "resolution": ["P1M"]}, 100),
    ],
)
def test_a_portfolio_without_anything_takes_few_statements(
    ask: Callable[[dict[str, list[str]]], Callable[[Any], Any]],
    given: dict[str, list[str]],
    most: int,
    limit: dict[str, list[str]],
) -> None:
    warehouse = Nothing()

    found = ask({**given, **limit})(warehouse)

    assert list(found) == []
    assert 1 <= warehouse.statements <= most


def test_a_whole_answer_reads_no_further_after_the_last_metering_point_with_a_day() -> None:
    warehouse = OneAtTheFront()

    [found] = highest({"month": ["2026-05"], "format": ["csv"]})(warehouse)

    assert found.metering_point_id == f"{0:018d}"
    assert warehouse.statements == 4  # Two chunks of days, and one look at each part of what is left.
