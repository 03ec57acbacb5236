"""Spans of market days: compared with plain sets of days."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access import grant
from shared.access.grant import Span

START = date(2024, 1, 1)
DAYS = range(-3, 25)


def day(number: int) -> date:
    return START + timedelta(days=number)


@st.composite
def some_spans(draw: st.DrawFn) -> tuple[Span, ...]:
    sides = st.none() | st.integers(0, 20).map(day)
    return tuple(draw(st.lists(st.builds(Span, sides, sides), max_size=4)))


def days_in(given: tuple[Span, ...]) -> set[int]:
    return {number for number in DAYS if any(span.first <= day(number) < span.end for span in given)}


def test_days_that_touch_become_one_span() -> None:
    joined = grant.join_spans([Span(day(5), day(9)), Span(day(0), day(5))])

    assert joined == (Span(day(0), day(9)),)


def test_an_empty_span_holds_nothing() -> None:
    assert grant.join_spans([Span(day(5), day(5)), Span(day(6), day(2))]) == ()


@given(some_spans(), some_spans())
def test_arithmetic_is_that_of_sets_of_days(first: tuple[Span, ...], second: tuple[Span, ...]) -> None:
    assert days_in(grant.join_spans(first + second)) == days_in(first) | days_in(second)
    assert days_in(grant.cut_spans(first, second)) == days_in(first) & days_in(second)
    assert days_in(grant.spans_without(first, second)) == days_in(first) - days_in(second)


@given(some_spans(), some_spans())
def test_equal_days_are_equal_values_sorted_and_apart(
    first: tuple[Span, ...], second: tuple[Span, ...]
) -> None:
    joined = grant.join_spans(first)

    assert all(left.end < right.first for left, right in pairwise(joined))
    assert grant.join_spans(joined + grant.cut_spans(joined, second)) == joined


@given(some_spans())
def test_a_text_gives_the_same_spans_again(given: tuple[Span, ...]) -> None:
    joined = grant.join_spans(given)

    assert grant.parse_spans(grant.spans_text(joined)) == joined


@pytest.mark.parametrize("text", ["2024-05-01", "2024-05-01..x", "a..", "2024-13-01.."])
def test_a_text_that_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        grant.parse_spans(text)
