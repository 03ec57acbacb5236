"""Requests for totals, peaks and completeness: months, whole days, and every fault once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import periods
from shared.api.insights import requests
from shared.api.insights.requests import CompletenessRequest, PeaksRequest
from shared.api.problems import InvalidRequest
from shared.metering import Direction
from shared.periods import Period
from shared.publishing.watermark import DataState
from tests.builders.sealing import SEALS

STATE = DataState(
    now=datetime(2026, 11, 22, 12, tzinfo=UTC),
    published_at=datetime(2026, 11, 22, 6, tzinfo=UTC),
    available_until=datetime(2026, 11, 21, 23, tzinfo=UTC),
)


def ask_peaks(**given: str) -> PeaksRequest:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    return requests.peaks(direction=Direction.CONSUMPTION, given=named, state=STATE, seals=SEALS)


def ask_completeness(**given: str) -> CompletenessRequest:
    named = {name.rstrip("_"): [value] for name, value in given.items()}
    return requests.complete(given=named, state=STATE, seals=SEALS)


def faults_of_peaks(**given: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        ask_peaks(**given)
    return [(fault.parameter, fault.code) for fault in refused.value.faults]


def test_a_month_is_all_its_market_days() -> None:
    request = ask_peaks(month="2026-10")

    assert request.period == Period(periods.start_of(date(2026, 10, 1)), periods.start_of(date(2026, 11, 1)))


@pytest.mark.parametrize("text", ["2026-13", "2026", "november", "2026-1", "2026-11-01", "٢٠٢٦-11"])
def test_another_text_is_no_month(text: str) -> None:
    assert faults_of_peaks(month=text) == [("month", "not-a-month")]


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
