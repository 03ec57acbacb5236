"""How much a page holds: market days by `limit`, and never more values than easily fit into memory."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared import periods
from shared.api import changes, too_large
from shared.api.changes.requests import ChangesRequest
from shared.api.formats import JSON, Format, Kind
from shared.api.series import pages, requests
from shared.api.series.pages import MAX_CELLS, MAX_VALUES
from shared.api.series.requests import SeriesRequest
from shared.api.too_large import TooLargeForOneAnswer
from shared.metering import Direction, MeteringPointId
from shared.publishing.remembered import LastDays, Ranges
from shared.publishing.watermark import DataState
from shared.readable import Permission, Readable
from shared.warehouse.queries.changes import ChangeRow
from shared.warehouse.queries.latest_days import LastDayRow
from shared.warehouse.queries.publication_log import PublishedDays
from shared.warehouse.queries.series_days import DayRow
from tests.builders.sealing import SEALS

POINT = MeteringPointId("707057500000010017")
FIRST = date(2016, 1, 1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUARTERS = MAX_VALUES // 96
READABLE = Readable("app:one", (Permission(POINT, 1, "Customer 1", None, None),), "1")


class Stored:
    """A warehouse with days of quarters, most of them of 96 values."""

    def __init__(self, days: int) -> None:
        self.days = [FIRST + timedelta(days=number) for number in range(days)]
        self.packed = {day: self._packed(day) for day in self.days}

    @staticmethod
    def _packed(day: date) -> tuple[str, str]:
        count = len(periods.starts(day, timedelta(minutes=15)))
        return ",".join(["0.001"] * count), "M" * count

    def fetch(self, query: Any) -> list[Any]:
        """Return the rows of a query up to its limit, and in no order where it asks for none."""
        made: dict[str, Callable[[], Sequence[Any]]] = {
            "days": lambda: [
                DayRow(POINT, day, "PT15M", *self.packed[day], "0.096", NOW) for day in self.days
            ],
            "count_days": lambda: [len(self.days)],
            "stored_in_hours": list,
            "last_days": lambda: [LastDayRow(POINT, self.days[-1])],
            "published_days": lambda: [PublishedDays(self.days[0], self.days[-1])],
            "changes": lambda: [
                ChangeRow(POINT, "consumption", day, "PT15M", *self.packed[day], 5, NOW) for day in self.days
            ],
        }
        rows = made[query.name]()
        if query.name not in ("days", "changes"):
            return list(rows)
        return list(rows[: query.parameters[-1]] if "ORDER BY" in query.sql else reversed(rows))


def ask(**given: str) -> SeriesRequest:
    return requests.of_one(
        metering_point_id=POINT,
        direction=Direction.CONSUMPTION,
        given={"from": ["2016-01-01"], "limit": ["10000"], **{name: [text] for name, text in given.items()}},
        state=DataState(NOW, NOW, NOW),
        seals=SEALS,
    )


def fetch(days: int, **given: str) -> pages.Page:
    stored: Any = Stored(days)
    return pages.fetch(
        stored,
        readable=READABLE,
        request=ask(**given),
        available_until=NOW,
        last_days=LastDays(stored),
    )


@pytest.mark.parametrize("given", [{}, {"resolution": "PT15M"}, {"format": "csv"}, {"format": "ndjson"}])
def test_a_page_of_values_ends_before_it_is_too_large(given: dict[str, str]) -> None:
    page = fetch(QUARTERS + 100, **given)

    [series] = page.series
    assert len(series.parts) == QUARTERS == 2_604
    assert page.cursor is not None
    assert page.cursor.day == FIRST + timedelta(days=QUARTERS)


@pytest.mark.parametrize("limit", ["9", "10"])
def test_the_days_of_a_page_are_in_order_whether_or_not_they_are_read_in_it(limit: str) -> None:
    page = fetch(11, to="2016-01-12", limit=limit)

    [series] = page.series
    assert [part.day.day for part in series.parts] == list(range(1, int(limit) + 1))
    assert page.cursor is not None
    assert page.cursor.day.day == int(limit) + 1


@pytest.mark.parametrize("given", [{"layout": "days"}, {"resolution": "P1D"}])
def test_packed_days_and_sums_are_not_bounded_by_their_values(given: dict[str, str]) -> None:
    page = fetch(QUARTERS + 100, **given)

    assert (len(page.series[0].parts), page.cursor) == (QUARTERS + 100, None)


def test_quarters_that_become_hours_count_as_hours() -> None:
    page = fetch(QUARTERS + 100, resolution="PT1H")

    assert (len(page.series[0].parts), page.cursor) == (QUARTERS + 100, None)


class Staggered(Stored):
    """A warehouse in which each metering point has values on a day of its own."""

    def fetch(self, query: Any) -> list[Any]:
        """Return the rows of a query, up to its limit."""
        points = [each.metering_point_id for each in staggered(len(self.days)).permissions]
        if query.name == "days":
            rows = [
                DayRow(point, day, "PT15M", *self.packed[day], "0.096", NOW)
                for point, day in zip(points, self.days, strict=True)
            ]
            return rows[: query.parameters[-1]]
        return [LastDayRow(point, self.days[-1]) for point in points]


def staggered(count: int) -> Readable:
    points = (MeteringPointId(f"{707057500000010017 + number:018d}") for number in range(count))
    return Readable("app:one", tuple(Permission(each, 1, "Customer 1", None, None) for each in points), "1")


@pytest.mark.parametrize(
    ("count", "resolution", "is_refused"), [(100, None, False), (103, None, True), (103, "P1D", False)]
)
def test_a_wide_table_that_is_mostly_empty_is_refused(
    count: int, resolution: str | None, is_refused: bool
) -> None:
    parameters = {"from": "2016-01-01", "layout": "wide", "format": "csv"}
    request = requests.of_many(
        direction=Direction.CONSUMPTION,
        given={name: [text] for name, text in {**parameters, "resolution": resolution}.items() if text},
        state=DataState(NOW, NOW, NOW),
        seals=SEALS,
    )

    stored: Any = Staggered(count)

    with pytest.raises(TooLargeForOneAnswer) if is_refused else nullcontext():
        page = pages.fetch(
            stored,
            readable=staggered(count),
            request=request,
            available_until=NOW,
            last_days=LastDays(stored),
        )
        assert len(page.series) == count


def test_the_refusal_of_a_mostly_empty_table_has_its_size_and_the_remedy() -> None:
    refusal = too_large.cells(1_000_001, most=MAX_CELLS)

    assert refusal.members == {"items": 1_000_001}
    assert [(fault.parameter, fault.code) for fault in refusal.faults] == [
        ("layout", "too-large-for-one-answer")
    ]


@pytest.mark.parametrize(
    ("layout", "parameters"), [("wide", ["to", "meteringPointId", "layout"]), ("", ["limit", "to", "format"])]
)
def test_pages_are_no_way_out_for_a_wide_table_that_is_too_large(layout: str, parameters: list[str]) -> None:
    given = {"from": ["2016-01-01"], "format": ["csv"], **({"layout": [layout]} if layout else {})}
    stored: Any = Stored(QUARTERS + 100)

    with pytest.raises(TooLargeForOneAnswer) as refused:
        pages.fetch(
            stored,
            readable=READABLE,
            request=requests.of_many(
                direction=Direction.CONSUMPTION, given=given, state=DataState(NOW, NOW, NOW), seals=SEALS
            ),
            available_until=NOW,
            last_days=LastDays(stored),
        )

    assert refused.value.members == {"marketDays": QUARTERS + 100}
    assert [fault.parameter for fault in refused.value.faults] == parameters
    assert any("'limit'" in fault.hint for fault in refused.value.faults) == (not layout)


def test_a_page_that_just_fits_is_the_last() -> None:
    assert fetch(QUARTERS).cursor is None


def test_days_are_counted_until_their_values_are_too_many_and_one_always_fits() -> None:
    assert pages.days_within([MAX_VALUES - 92, 92, 100]) == 2
    assert pages.days_within([MAX_VALUES + 1]) == 1
    assert pages.days_within([]) == 1


@pytest.mark.parametrize(
    ("written", "days"), [(JSON, QUARTERS + 100), (Format(Kind.CSV), QUARTERS), (Format(Kind.NDJSON), 2_704)]
)
def test_changes_are_bounded_by_values_where_each_is_a_row(written: Format, days: int) -> None:
    request = ChangesRequest(
        after=(1, "", "", FIRST),
        since=None,
        limit=10_000,
        through=9,
        seal=SEALS.of("changes"),
        format=written,
    )

    stored: Any = Stored(QUARTERS + 100)
    found = changes.pages.fetch(stored, ranges=Ranges(stored), readable=READABLE, request=request)

    assert (len(found.rows), found.is_up_to_date) == (days, days > QUARTERS)
