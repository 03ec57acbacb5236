"""How many statements a portfolio takes that has nothing of what is requested."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.api.insights import completeness, peaks, requests
from shared.api.parameters import Seals
from shared.metering import Direction, MeteringPointId
from shared.publishing.watermark import DataState
from shared.readable import Permission, Readable

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
