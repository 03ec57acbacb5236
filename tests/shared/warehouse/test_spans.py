"""The days that a change touches, as few spans of days."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.warehouse import spans
from shared.warehouse.spans import Span

MONDAY = date(2026, 3, 30)


def days(*offsets: int) -> list[date]:
    return [MONDAY + timedelta(days=offset) for offset in offsets]


def span(first: int, last: int) -> Span:
    return Span(*days(first, last))


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


def test_the_condition_on_starts_has_the_market_days_as_they_are_in_oslo() -> None:
    condition = spans.starts_within([Span(date(2026, 3, 29), date(2026, 3, 29))], column="start_utc")

    assert condition.sql == (
        "((start_utc >= CAST(? AS datetime2(0)) AND start_utc < CAST(? AS datetime2(0))))"
    )
    assert condition.parameters == (
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
    )


def test_the_condition_on_days_holds_in_any_of_the_spans() -> None:
    condition = spans.days_within([span(0, 1), span(9, 9)], column="d")

    assert condition.sql == (
        "((d >= CAST(? AS date) AND d <= CAST(? AS date)) OR (d >= CAST(? AS date) AND d <= CAST(? AS date)))"
    )
    assert condition.parameters == (*days(0, 1), *days(9, 9))


def test_nothing_lies_in_no_span() -> None:
    condition = spans.days_within([], column="d")

    assert (condition.sql, condition.parameters) == ("1 = 0", ())
