"""What the largest answers hold, and which answers are refused that are requested whole."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.api.insights import completeness, packed, peaks, requests, totals
from shared.api.series import pages
from shared.api.too_large import TooLargeForOneAnswer
from shared.metering import Direction, MeteringPointId
from shared.publishing.watermark import DataState
from shared.readable import Permission, Readable
from shared.warehouse.queries.insights import DayRange, FirstDayRow, QualityRow
from tests.builders.sealing import SEALS

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STATE = DataState(NOW, NOW, NOW)
FIRST = date(2010, 1, 1)


class Stored:
    """A warehouse that says of `days` that they are stored, and has given `rows`; it records the queries."""

    def __init__(
        self, days: tuple[date, date] | None = None, rows: Mapping[str, list[Any]] | None = None
    ) -> None:
        self.rows = dict(rows or {})
        self.rows["first_metering_point"] = [None]
        self.rows["day_range"] = [DayRange(*days) if days else DayRange(None, None)]
        self.queries: list[Any] = []

    def fetch(self, query: Any) -> list[Any]:
        """Return the rows of this name."""
        self.queries.append(query)
        return self.rows.get(query.name, [])

    def days_read(self, name: str) -> list[tuple[date, date]]:
        """Return the market days that the queries of this name ask for."""
        found = [
            [each for each in query.parameters if isinstance(each, date) and not isinstance(each, datetime)]
            for query in self.queries
            if query.name == name
        ]
        return [(days[0], days[-1]) for days in found]


def portfolio(count: int) -> Readable:
    ids = (MeteringPointId(f"{number:018d}") for number in range(count))
    return Readable("app:1", tuple(Permission(each, 1, "Customer 1", None, None) for each in ids), "1")


def ask_totals(warehouse: Stored, points: int, **given: str) -> totals.Page:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    request = requests.total(direction=Direction.CONSUMPTION, given=named, state=STATE, seals=SEALS)
    return totals.fetch(warehouse, readable=portfolio(points), request=request)  # type: ignore[arg-type]


def ask_peaks(warehouse: Stored, points: int, **given: str) -> peaks.Page:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    request = requests.peaks(direction=Direction.CONSUMPTION, given=named, state=STATE, seals=SEALS)
    return peaks.fetch(warehouse, readable=portfolio(points), request=request)  # type: ignore[arg-type]


def ask_completeness(warehouse: Stored, points: int, **given: str) -> completeness.Page:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    request = requests.complete(given=named, state=STATE, seals=SEALS)
    return completeness.fetch(warehouse, readable=portfolio(points), request=request)  # type: ignore[arg-type]


@pytest.mark.parametrize(("resolution", "days"), [("PT15M", 2_604), ("PT1H", 10_000)])
def test_a_page_of_totals_has_no_more_values_than_a_page_of_series(resolution: str, days: int) -> None:
    warehouse = Stored((FIRST, date(2040, 1, 1)))

    page = ask_totals(warehouse, 1, from_=str(FIRST), to="2040-01-01", resolution=resolution, limit="10000")

    assert warehouse.days_read("joined_days") == [(FIRST, FIRST + timedelta(days=days))]
    assert page.next_cursor is not None


@pytest.mark.parametrize(
    ("points", "resolution", "to", "statements"),
    [
        (4, "P1M", "2026-01-01", {"month_sums": 2}),
        (60, "PT1H", "2025-01-03", {"joined_days": 12}),
        (10, "PT1H", "2025-02-01", {"joined_days": 4}),
    ],
)
def test_totals_are_whole_however_many_metering_points_there_are(
    points: int, resolution: str, to: str, statements: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "MAX_ROWS", 100)
    monkeypatch.setattr(packed, "AT_ONCE", 5)
    warehouse = Stored()

    page = ask_totals(warehouse, points, from_="2025-01-01", to=to, resolution=resolution, format="csv")

    assert page == totals.Page([], None)
    assert {name: len(warehouse.days_read(name)) for name in statements} == statements


def test_only_stored_days_count_for_totals_that_are_requested_whole() -> None:
    warehouse = Stored((date(2024, 1, 1), date(2025, 12, 31)))

    page = ask_totals(warehouse, 1, from_="1990-01-01", to="2100-01-01", resolution="P1D", format="csv")

    assert page.next_cursor is None
    assert warehouse.days_read("day_sums") == [(date(2024, 1, 1), date(2026, 1, 1))]


@pytest.mark.parametrize(
    ("resolution", "last_day", "size"),
    [
        ("PT15M", FIRST + timedelta(days=2_604), "2605 market days with more than 250000 values"),
        ("PT1H", FIRST + timedelta(days=10_000), "10001 market days"),
        ("P1Y", FIRST + timedelta(days=10_000), "10001 market days"),
    ],
)
def test_totals_are_refused_by_their_market_days_and_values(
    resolution: str, last_day: date, size: str
) -> None:
    warehouse = Stored((FIRST, last_day))

    with pytest.raises(TooLargeForOneAnswer) as refused:
        ask_totals(warehouse, 1, from_="1990-01-01", to="2100-01-01", resolution=resolution, format="csv")

    assert refused.value.detail.startswith(f"The totals have {size};")
    assert [fault.parameter for fault in refused.value.faults] == ["limit", "to"]
    assert "layout" not in " ".join(fault.hint or "" for fault in refused.value.faults)


def test_totals_of_too_many_metering_points_are_refused_and_only_stored_days_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(totals, "MAX_WHOLE_DAYS", 100)
    period = {"from_": "2025-01-01", "to": "2025-02-01", "resolution": "P1M", "format": "csv"}
    ten_days = Stored((date(2025, 1, 1), date(2025, 1, 10)))

    whole = ask_totals(ten_days, 10, **period)
    with pytest.raises(TooLargeForOneAnswer) as refused:
        ask_totals(ten_days, 11, **period)

    assert whole.next_cursor is None
    assert refused.value.detail.startswith("The totals have 10 market days of 11 metering points;")
    assert [fault.parameter for fault in refused.value.faults] == ["limit", "to"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ten entries, and 25 hours of peaks, be the most that an answer returns whole."""
    monkeypatch.setattr(peaks, "MAX_WHOLE", 10)
    monkeypatch.setattr(pages, "MAX_VALUES", 25)
    monkeypatch.setattr(completeness, "MAX_WHOLE", 10)


@pytest.mark.usefixtures("small")
def test_a_month_of_peaks_counts_once() -> None:
    assert ask_peaks(Stored(), 10, month="2026-03", count="1", format="csv") == peaks.Page([], None)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("count", "most"), [(1, 10), (3, 8), (10, 2)])
def test_peaks_are_whole_up_to_so_many_hours(count: int, most: int) -> None:
    assert ask_peaks(Stored(), most, month="2026-03", count=str(count), format="csv").next_cursor is None
    with pytest.raises(TooLargeForOneAnswer) as refused:
        ask_peaks(Stored(), most + 1, month="2026-03", count=str(count), format="csv")

    assert refused.value.members == {"items": most + 1}
    assert f"up to {most + 1} entries, more than the limit of {most};" in refused.value.detail


@pytest.mark.usefixtures("small")
def test_a_month_of_completeness_counts_once() -> None:
    given = {"from_": "2026-03-01", "to": "2026-04-01", "resolution": "P1M", "format": "csv"}

    page = ask_completeness(Stored(), 10, **given)

    assert (len(page.periods), page.next_cursor) == (10, None)


@pytest.mark.usefixtures("small")
def test_both_directions_count_for_completeness_that_is_requested_whole() -> None:
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    ids = [f"{number:018d}" for number in range(6)]
    rows: dict[str, list[Any]] = {
        "qualities_of_months": [
            QualityRow(each, direction, "PT1H", first, last, 743, 743, 0, 0, 0, 0)
            for each in ids
            for direction in Direction
        ],
        "first_days": [FirstDayRow(each, first) for each in ids],
    }
    given = {"from_": "2026-03-01", "to": "2026-04-01", "resolution": "P1M", "format": "csv"}

    with pytest.raises(TooLargeForOneAnswer) as refused:
        ask_completeness(Stored(rows=rows), 6, **given)

    assert refused.value.members == {"items": 12}
