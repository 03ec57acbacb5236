from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest

from shared import metering, periods
from shared.api.problems import InvalidRequest
from shared.api.series import cursors, requests
from shared.api.series.requests import Layout, SeriesRequest
from shared.metering import Direction, MeteringPointId, Resolution
from shared.publishing.watermark import DataState
from tests.builders.sealing import SEALS

POINT = MeteringPointId("707057500000010017")
OTHER = "707057500000010024"
STATE = DataState(
    now=datetime(2026, 11, 22, 12, tzinfo=UTC),
    published_at=datetime(2026, 11, 22, 6, tzinfo=UTC),
    available_until=datetime(2026, 11, 21, 23, tzinfo=UTC),
)


def ask(metering_point_id: str = POINT, **given: str) -> SeriesRequest:
    return requests.of_one(
        metering_point_id=metering_point_id,
        direction=Direction.CONSUMPTION,
        given={name.rstrip("_"): [value] for name, value in given.items()},
        state=STATE,
        seals=SEALS,
    )


def faults_of(metering_point_id: str = POINT, **given: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        ask(metering_point_id, **given)
    return [(fault.parameter, fault.code) for fault in refused.value.faults]


def test_a_date_is_the_whole_market_day() -> None:
    request = ask(date="2026-03-29")

    assert request.period == periods.market_day(date(2026, 3, 29))


@pytest.mark.parametrize("limit", [1, 10_000])
def test_the_smallest_and_the_largest_page_may_be_requested(limit: int) -> None:
    assert ask(date="2026-03-29", limit=str(limit)).limit == limit


def test_from_and_to_may_have_any_offset() -> None:
    request = ask(from_="2026-03-28T18:00:00-05:00", to="2026-03-29T22:00Z")

    assert request.period == periods.market_day(date(2026, 3, 29))


def test_a_plus_sign_that_arrived_as_a_space_is_still_an_offset() -> None:
    request = ask(from_="2026-03-29T00:00:00 01:00", to="2026-03-30T00:00:00 02:00")

    assert request.period == periods.market_day(date(2026, 3, 29))


@pytest.mark.parametrize(
    "lost", ["2026-03-29 00:00:00 01:00", "2026-03-29T00:00 01", "2026-03-29T00:00:00.000 0100"]
)
def test_a_lost_plus_is_found_however_the_time_is_written(lost: str) -> None:
    assert ask(from_=lost, to="2026-03-30").period == periods.market_day(date(2026, 3, 29))


def test_a_time_without_offset_is_shown_as_both_ways_to_write_that_very_time() -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask(from_="2026-11-01 06:30")

    [fault] = refused.value.faults
    assert fault.code == "time-without-offset"
    assert "Write 2026-11-01T06:30:00+01:00 or 2026-11-01T05:30:00Z" in fault.message


def test_to_defaults_to_what_was_available_at_the_moment_asked_for() -> None:
    then = datetime(2026, 6, 1, tzinfo=UTC)
    state = replace(STATE, available_before=lambda moment: then if moment.year == 2026 else None)

    def end(**given: str) -> datetime:
        return requests.of_one(
            metering_point_id=POINT,
            direction=Direction.CONSUMPTION,
            given={"from": ["2024-01-01"], **{name: [value] for name, value in given.items()}},
            state=state,
            seals=SEALS,
        ).period.end

    assert end(asOf="2026-06-01T12:00:00Z") == then
    assert end(asOf="2025-06-01") == periods.start_of(date(2024, 1, 1))
    assert end(asOf="2026-11-22T06:00:00Z") == end() == STATE.available_until


def test_to_defaults_to_what_is_available() -> None:
    assert ask(from_="2026-11-01").period.end == STATE.available_until


def test_from_after_what_is_available_is_an_empty_period_and_not_a_fault() -> None:
    period = ask(from_="2026-11-22T12:00Z").period

    assert period.start == period.end


def test_what_is_left_out_has_its_default() -> None:
    request = ask(from_="2026-01-01")

    assert (request.resolution, request.layout, request.limit) == (None, Layout.VALUES, 1_000)
    assert request.as_of == STATE.published_at


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, ("from", "required")),
        ({"from_": "2026-03-29T00:00"}, ("from", "time-without-offset")),
        ({"from_": "29.03.2026"}, ("from", "not-a-time")),
        ({"from_": "no offset"}, ("from", "not-a-time")),
        ({"from_": "2026-03-29", "to": "2026-03-29"}, ("to", "to-not-after-from")),
        ({"from_": "2026-03-29", "to": "2026-03-28"}, ("to", "to-not-after-from")),
        ({"date": "2026-03-29T00:00Z"}, ("date", "not-a-date")),
        ({"date": "2026-02-29"}, ("date", "not-a-date")),
        ({"date": "2026-03-29", "from_": "2026-03-29"}, ("date", "date-and-range")),
        ({"date": "2026-03-29", "resolution": "hour"}, ("resolution", "not-a-choice")),
        ({"date": "2026-03-29", "layout": "tall"}, ("layout", "not-a-choice")),
        ({"date": "2026-03-29", "limit": "0"}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "10001"}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "9" * 5000}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "00000000000110001"}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "000000000001" + "0" * 30}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "１０"}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": " 10"}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "+10"}, ("limit", "not-in-range")),
        ({"date": "2026-03-29", "limit": "1_000"}, ("limit", "not-in-range")),
        ({"date": "２０２６-03-29"}, ("date", "not-a-date")),
        ({"date": "2026-03-29", "From": "2026-03-29"}, ("From", "unknown-parameter")),
        ({"from_": "2026-03-29", "From": "2026-03-29"}, ("From", "unknown-parameter")),
        ({"date": "2026-03-29", "cursor": "abc"}, ("cursor", "not-a-cursor-of-this-query")),
        ({"date": "2026-03-29", "asOf": "2030-01-01"}, ("asOf", "in-the-future")),
        ({"date": "2026-03-29", "form": "2026-01-01"}, ("form", "unknown-parameter")),
        ({"date": "2026-03-29", "format": "xml"}, ("format", "not-a-choice")),
    ],
)
def test_a_fault_is_named_with_its_parameter(given: dict[str, str], fault: tuple[str, str]) -> None:
    assert faults_of(**given) == [fault]


def test_all_faults_are_named_at_once() -> None:
    found = faults_of("123", from_="2026-03-29T00:00", to="x", resolution="hour", limit="-1", colour="red")

    assert found == [
        ("meteringPointId", "not-a-metering-point-id"),
        ("resolution", "not-a-choice"),
        ("limit", "not-in-range"),
        ("from", "time-without-offset"),
        ("to", "not-a-time"),
        ("colour", "unknown-parameter"),
    ]


def test_a_parameter_given_twice_is_a_fault() -> None:
    with pytest.raises(InvalidRequest) as refused:
        requests.of_one(
            metering_point_id=POINT,
            direction=Direction.CONSUMPTION,
            given={"from": ["2026-01-01", "2026-02-01"]},
            state=STATE,
            seals=SEALS,
        )

    assert [fault.code for fault in refused.value.faults] == ["given-twice"]


def test_metering_points_may_be_repeated_and_are_sorted_each_once() -> None:
    request = requests.of_many(
        direction=Direction.PRODUCTION,
        given={"meteringPointId": [OTHER, POINT, OTHER], "date": ["2026-03-29"], "resolution": ["P1D"]},
        state=STATE,
        seals=SEALS,
    )

    assert request.named == (POINT, OTHER)
    assert request.resolution is Resolution.P1D


def test_metering_points_in_one_parameter_are_answered_with_how_to_repeat_it() -> None:
    with pytest.raises(InvalidRequest) as refused:
        requests.of_many(
            direction=Direction.CONSUMPTION,
            given={"date": ["2026-03-29"], "meteringPointId": [f"{POINT}, {OTHER}", f"{POINT}0"]},
            state=STATE,
            seals=SEALS,
        )

    assert sorted(each.hint for each in refused.value.faults) == [
        "Repeat the parameter: meteringPointId=…&meteringPointId=…",
        "Use the 18 digits of the målepunkt-ID, not the serial number on the meter.",
    ]


def test_a_cursor_carries_the_end_and_the_moment_of_the_first_page() -> None:
    first = ask(from_="2026-01-01")
    cursor = cursors.Cursor(POINT, date(2026, 2, 1), until=first.period.end, as_of=first.as_of)
    later = DataState(
        now=datetime(2026, 11, 23, 12, tzinfo=UTC),
        published_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
        available_until=datetime(2026, 11, 22, 23, tzinfo=UTC),
    )

    following = requests.of_one(
        metering_point_id=POINT,
        direction=Direction.CONSUMPTION,
        given={"from": ["2026-01-01"], "cursor": [cursor.as_text(first.seal)]},
        state=later,
        seals=SEALS,
    )

    assert following.cursor == cursor
    assert (following.period, following.as_of) == (first.period, first.as_of)


def test_a_cursor_shows_its_moment_where_its_publication_is_not_known_yet() -> None:
    first = ask(from_="2026-01-01")
    newer = STATE.now
    cursor = cursors.Cursor(POINT, date(2026, 2, 1), until=first.period.end, as_of=newer)

    following = ask(from_="2026-01-01", cursor=cursor.as_text(first.seal))

    assert STATE.published_at is not None
    assert STATE.published_at < newer
    assert following.as_of == newer


@pytest.mark.parametrize(
    "changed", [{"resolution": "P1D"}, {"layout": "days"}, {"to": "2026-05-01"}, {"from_": "2026-01-02"}]
)
def test_a_cursor_of_another_query_is_refused(changed: dict[str, str]) -> None:
    request = ask(from_="2026-01-01")
    cursor = cursors.Cursor(POINT, date(2026, 2, 1), until=request.period.end, as_of=request.as_of)

    given = {"from_": "2026-01-01", **changed, "cursor": cursor.as_text(request.seal)}

    assert faults_of(**given) == [("cursor", "not-a-cursor-of-this-query")]


def test_the_size_of_a_page_may_change_from_page_to_page() -> None:
    request = ask(from_="2026-01-01")
    cursor = cursors.Cursor(POINT, date(2026, 2, 1), until=request.period.end, as_of=request.as_of)

    assert ask(from_="2026-01-01", limit="7", cursor=cursor.as_text(request.seal)).limit == 7


def test_as_many_metering_points_as_may_be_named_fit_into_an_address() -> None:
    given = {"meteringPointId": [POINT] * requests.MAX_NAMED, "from": ["2026-03-29T00:00:00+01:00"]}

    assert len(f"GET /v1/consumption?{urlencode(given, doseq=True)} HTTP/1.1\r\n") < 8_192


@pytest.mark.parametrize("text", ["１", "1" * 19, "", " 1", "1.0", "-1", "1e3"])
def test_a_customer_number_is_read_whole_and_in_ascii(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        requests.of_many(
            direction=Direction.CONSUMPTION,
            given={"customerNumber": [text], "date": ["2026-03-29"]},
            state=STATE,
            seals=SEALS,
        )

    assert [fault.code for fault in refused.value.faults] == ["not-a-customer-number"]


def test_more_metering_points_than_may_be_named_are_a_fault() -> None:
    payloads = (f"70705759{number:09d}" for number in range(requests.MAX_NAMED + 1))
    named = [payload + metering.check_digit(payload) for payload in payloads]

    with pytest.raises(InvalidRequest) as refused:
        requests.of_many(
            direction=Direction.CONSUMPTION,
            given={"meteringPointId": named, "date": ["2026-03-29"]},
            state=STATE,
            seals=SEALS,
        )

    assert [fault.code for fault in refused.value.faults] == ["too-many"]


def test_before_the_first_publication_the_same_request_stays_the_same() -> None:
    def at(now: datetime) -> SeriesRequest:
        return requests.of_one(
            metering_point_id=POINT,
            direction=Direction.CONSUMPTION,
            given={"date": ["2026-03-29"]},
            state=DataState(now=now, published_at=None, available_until=None),
            seals=SEALS,
        )

    assert at(STATE.now) == at(STATE.now + timedelta(seconds=1))


def test_a_publication_of_a_clock_ahead_hides_nothing() -> None:
    ahead = DataState(
        now=datetime(2026, 11, 23, 12, tzinfo=UTC),
        published_at=datetime(2027, 11, 23, 6, tzinfo=UTC),
        available_until=datetime(2026, 11, 22, 23, tzinfo=UTC),
    )

    def as_of(**given: str) -> datetime:
        return requests.of_one(
            metering_point_id=POINT,
            direction=Direction.CONSUMPTION,
            given={"date": ["2026-01-01"], **{name: [text] for name, text in given.items()}},
            state=ahead,
            seals=SEALS,
        ).as_of

    assert as_of() == ahead.published_at
    assert as_of(asOf="2026-11-01T00:00:00Z") == datetime(2026, 11, 1, tzinfo=UTC)
