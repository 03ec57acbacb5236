"""Requests for totals, peaks and completeness: months, whole days, and every fault once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import periods
from shared.api.insights import requests
from shared.api.insights.requests import CompletenessRequest, InsightRequest, PeaksRequest, TotalRequest
from shared.api.problems import InvalidRequest
from shared.metering import Direction, Resolution
from shared.periods import Period
from shared.publishing.watermark import DataState
from shared.series.peaks import Of
from tests.builders.sealing import SEALS

STATE = DataState(
    now=datetime(2026, 11, 22, 12, tzinfo=UTC),
    published_at=datetime(2026, 11, 22, 6, tzinfo=UTC),
    available_until=datetime(2026, 11, 21, 23, tzinfo=UTC),
)
NEXT_PUBLICATION = datetime(2026, 11, 24, 6, tzinfo=UTC)


def ask_total(state: DataState = STATE, **given: str) -> TotalRequest:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    return requests.total(direction=Direction.CONSUMPTION, given=named, state=state, seals=SEALS)


def ask_peaks(state: DataState = STATE, **given: str) -> PeaksRequest:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    return requests.peaks(direction=Direction.CONSUMPTION, given=named, state=state, seals=SEALS)


def ask_completeness(state: DataState = STATE, **given: str) -> CompletenessRequest:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    return requests.complete(given=named, state=state, seals=SEALS)


def faults_of_peaks(**given: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        ask_peaks(STATE, **given)
    return [(fault.parameter, fault.code) for fault in refused.value.faults]


def test_a_month_is_all_its_market_days() -> None:
    request = ask_peaks(month="2026-10")

    assert request.period == Period(periods.start_of(date(2026, 10, 1)), periods.start_of(date(2026, 11, 1)))


@pytest.mark.parametrize("text", ["2026-13", "2026", "november", "2026-1", "2026-11-01", "٢٠٢٦-11"])
def test_another_text_is_no_month(text: str) -> None:
    assert faults_of_peaks(month=text) == [("month", "not-a-month")]


@pytest.mark.parametrize("count", ["0", "11"])
def test_at_least_one_and_at_most_ten_hours_are_sought(count: str) -> None:
    assert faults_of_peaks(month="2026-10", count=count) == [("count", "not-in-range")]
    assert [ask_peaks(month="2026-10", count=each).count for each in ("1", "10")] == [1, 10]


@pytest.mark.parametrize("name", ["date", "from_", "to"])
def test_a_month_stands_alone(name: str) -> None:
    faults = faults_of_peaks(month="2026-10", **{name: "2026-10-02"})

    assert faults == [("month", "date-and-range")]


def test_both_edges_must_be_those_of_market_days() -> None:
    faults = faults_of_peaks(from_="2026-10-01T01:00+02:00", to="2026-10-02T12:00Z")

    assert faults == [("from", "not-a-market-day"), ("to", "not-a-market-day")]


@pytest.mark.parametrize(
    ("given", "code"),
    [("2027-01-01", "in-the-future"), ("lately", "not-a-time"), ("2026-11-01T00:00", "time-without-offset")],
)
def test_a_fault_of_as_of_is_named_once(given: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask_completeness(from_="2026-11-01", asOf=given)

    assert [(fault.parameter, fault.code) for fault in refused.value.faults] == [("asOf", code)]


def test_what_is_due_stays_the_same_on_all_pages() -> None:
    given = {"from": ["2026-11-01"], "to": ["2026-11-24"]}
    first = requests.complete(given=given, state=STATE, seals=SEALS)
    cursor = first.following(day=date(2026, 11, 2), metering_point_id="707057500000010017")
    next_day = replace(STATE, now=STATE.now + timedelta(days=1))

    second = requests.complete(given={**given, "cursor": [cursor]}, state=next_day, seals=SEALS)

    assert first.due_end == second.due_end == date(2026, 11, 22)
    assert requests.complete(given=given, state=next_day, seals=SEALS).due_end == date(2026, 11, 23)


@pytest.mark.parametrize("ask", [ask_total, ask_peaks, ask_completeness])
def test_all_pages_have_the_period_and_the_moment_of_the_first(ask: Callable[..., InsightRequest]) -> None:
    first = ask(from_="2026-11-01")
    cursor = first.following(day=date(2026, 11, 2), metering_point_id="707057500000010017")
    two_days = timedelta(days=2)
    later = DataState(STATE.now + two_days, NEXT_PUBLICATION, periods.start_of(date(2026, 11, 24)))

    second = ask(later, from_="2026-11-01", cursor=cursor)

    assert (second.period, second.as_of) == (first.period, STATE.published_at)
    assert ask(later, from_="2026-11-01").as_of == NEXT_PUBLICATION


@pytest.mark.parametrize(
    ("available_until", "hour", "end"),
    [(date(2026, 11, 19), 12, 22), (date(2026, 11, 22), 7, 22), (date(2026, 11, 19), 7, 21)],
)
def test_completeness_ends_with_what_is_due_or_what_is_there(
    available_until: date, hour: int, end: int
) -> None:
    state = replace(
        STATE, now=STATE.now.replace(hour=hour), available_until=periods.start_of(available_until)
    )

    request = ask_completeness(state, from_="2026-11-01")

    assert request.days == (date(2026, 11, 1), date(2026, 11, end))
    assert ask_total(state, from_="2026-11-01").days == (date(2026, 11, 1), available_until)


def test_days_are_asked_for_where_nothing_else_is_named() -> None:
    highest = ask_peaks(from_="2026-11-01")

    assert ask_total(from_="2026-11-01").resolution is Resolution.P1D
    assert ask_completeness(from_="2026-11-01").resolution is Resolution.P1D
    assert (highest.of, highest.count) == (Of.DAYS, 3)


@pytest.mark.parametrize("ask", [ask_total, ask_completeness])
@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"from_": "2026-11-01T01:00+01:00"}, ("from", "not-a-market-day")),
        ({"from_": "2026-11-02", "to": "2026-11-02"}, ("to", "to-not-after-from")),
        ({"to": "2026-11-02"}, ("from", "required")),
    ],
)
def test_sums_and_counts_of_days_need_a_period_of_days(
    ask: Callable[..., InsightRequest], given: dict[str, str], fault: tuple[str, str]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask(**given)

    assert [(each.parameter, each.code) for each in refused.value.faults] == [fault]


def test_totals_of_hours_may_start_within_a_day() -> None:
    assert ask_total(from_="2026-11-01T01:00+01:00", resolution="PT1H").period.start.hour == 0


@pytest.mark.parametrize(
    ("to", "months"), [("2025-11-16", 1), ("2025-12-01", 1), ("2026-02-01", 3), ("2026-02-02", 4)]
)
def test_the_months_of_a_request_are_those_its_days_touch(to: str, months: int) -> None:
    assert ask_peaks(from_="2025-11-15", to=to).months == months
