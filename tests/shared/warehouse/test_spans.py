"""The days that a change touches, as few spans of days."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.warehouse import spans
from shared.warehouse.spans import Day, Span

MONDAY = date(2026, 3, 30)


def days(*offsets: int) -> list[Day]:
    return [Day(MONDAY + timedelta(days=offset), "20", "80") for offset in offsets]


def span(first: int, last: int) -> Span:
    return Span(MONDAY + timedelta(days=first), MONDAY + timedelta(days=last), "20", "80")


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([], []),
        ([0], [span(0, 0)]),
        ([0, 1, 2], [span(0, 2)]),
        ([-1000, 0, 1], [span(-1000, -1000), span(0, 1)]),
        ([0, 2, 4], [span(0, 0), span(2, 2), span(4, 4)]),
    ],
)
def test_days_in_a_row_are_a_span(offsets: list[int], expected: list[Span]) -> None:
    assert spans.covering(days(*offsets)) == expected


def test_of_too_many_spans_those_with_the_least_between_them_are_taken_together() -> None:
    scattered = [3 * place for place in range(40)]
    far = [1000 + 10 * place for place in range(spans.MOST - 1)]

    covering = spans.covering(days(*scattered, *far))

    assert covering == [span(0, 117), *(span(place, place) for place in far)]
    assert len(covering) == spans.MOST


def test_a_span_has_the_least_and_greatest_metering_point_of_its_days() -> None:
    some = [Day(MONDAY, "30", "40"), Day(MONDAY + timedelta(days=1), "10", "35")]

    (covering,) = spans.covering(some)

    assert (covering.first_id, covering.last_id) == ("10", "40")


def test_the_condition_on_starts_has_the_market_days_as_they_are_in_oslo() -> None:
    condition = spans.starts_within([Span(date(2026, 3, 29), date(2026, 3, 29), "20", "80")], table="v")

    assert condition.sql == (
        "((v.start_utc >= CAST(? AS datetime2(0)) AND v.start_utc < CAST(? AS datetime2(0)) "
        "AND v.metering_point_id >= ? AND v.metering_point_id <= ?))"
    )
    assert condition.parameters == (
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
        "20",
        "80",
    )


def test_the_condition_on_days_holds_in_any_of_the_spans() -> None:
    condition = spans.days_within([span(0, 1), span(9, 9)], table="c")

    one = (
        "(c.delivery_date >= CAST(? AS date) AND c.delivery_date <= CAST(? AS date) "
        "AND c.metering_point_id >= ? AND c.metering_point_id <= ?)"
    )
    assert condition.sql == f"({one} OR {one})"
    assert condition.parameters == (
        *(MONDAY, MONDAY + timedelta(days=1), "20", "80"),
        *(MONDAY + timedelta(days=9), MONDAY + timedelta(days=9), "20", "80"),
    )


def test_nothing_lies_in_no_span() -> None:
    condition = spans.days_within([], table="c")

    assert (condition.sql, condition.parameters) == ("1 = 0", ())
