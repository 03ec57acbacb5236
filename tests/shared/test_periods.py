from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import periods
from shared.periods import InvalidMoment, MomentWithoutOffset, Period

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)

DAYS = [
    # market day, hours, first starts around the change
    (date(2026, 3, 28), 24),
    (date(2026, 3, 29), 23),
    (date(2026, 3, 30), 24),
    (date(2026, 10, 24), 24),
    (date(2026, 10, 25), 25),
    (date(2026, 10, 26), 24),
    (date(2015, 3, 29), 23),
    (date(2015, 10, 25), 25),
]


@pytest.mark.parametrize(("day", "hours"), DAYS)
def test_a_market_day_has_as_many_hours_as_the_clock_in_oslo_shows(day: date, hours: int) -> None:
    whole = periods.market_day(day)

    assert whole.end - whole.start == hours * HOUR
    assert len(periods.starts(day, HOUR)) == hours
    assert len(periods.starts(day, QUARTER)) == 4 * hours


def test_the_spring_day_skips_from_one_to_three() -> None:
    starts = [each.isoformat() for each in periods.starts(date(2026, 3, 29), HOUR)]

    assert starts[1:3] == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]


def test_the_autumn_day_shows_the_hour_after_two_twice_with_different_offsets() -> None:
    starts = [each.isoformat() for each in periods.starts(date(2026, 10, 25), HOUR)]

    assert starts[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_the_first_hours_of_a_market_day_lie_in_the_utc_day_before() -> None:
    assert periods.start_of(date(2026, 1, 1)) == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert periods.day_of(datetime(2025, 12, 31, 23, tzinfo=UTC)) == date(2026, 1, 1)
    assert periods.day_of(datetime(2025, 12, 31, 22, 59, tzinfo=UTC)) == date(2025, 12, 31)


def test_a_period_touches_the_days_in_which_it_starts_and_ends() -> None:
    period = Period(datetime(2026, 3, 28, 10, tzinfo=UTC), datetime(2026, 3, 29, 22, 30, tzinfo=UTC))

    assert (period.first_day, period.end_day) == (date(2026, 3, 28), date(2026, 3, 31))


def test_a_period_that_ends_at_midnight_does_not_touch_the_next_day() -> None:
    period = periods.market_day(date(2026, 3, 29))

    assert (period.first_day, period.end_day) == (date(2026, 3, 29), date(2026, 3, 30))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-29", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("2026-06-29", datetime(2026, 6, 28, 22, tzinfo=UTC)),
        ("2026-03-29T02:30:00+02:00", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        ("2026-03-29T02:30Z", datetime(2026, 3, 29, 2, 30, tzinfo=UTC)),
        ("2026-03-28T20:00:00-05:00", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-03-29T02:00:00+02", datetime(2026, 3, 29, 0, tzinfo=UTC)),
        ("2026-03-29T02:00:00-03", datetime(2026, 3, 29, 5, tzinfo=UTC)),
        ("2026-03-29T02:00:00+0530", datetime(2026, 3, 28, 20, 30, tzinfo=UTC)),
        ("2026-03-29t02:00:00z", datetime(2026, 3, 29, 2, tzinfo=UTC)),
        ("2026-03-29 02:00:00+02:00", datetime(2026, 3, 29, 0, tzinfo=UTC)),
        ("2026-03-29T02:00:00,25Z", datetime(2026, 3, 29, 2, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-29T02:00:00.1234567Z", datetime(2026, 3, 29, 2, 0, 0, 123_456, tzinfo=UTC)),
        ("1900-01-01T00:00:00+14:00", datetime(1899, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_a_date_or_a_time_with_any_offset_is_an_instant(text: str, instant: datetime) -> None:
    assert periods.parse_moment(text) == instant


def test_a_time_without_offset_is_refused_with_both_ways_to_write_it() -> None:
    with pytest.raises(MomentWithoutOffset) as refused:
        periods.parse_moment("2026-07-01T02:00")

    assert "no offset" in str(refused.value)
    assert "2026-07-01T02:00:00+02:00 or 2026-07-01T00:00:00Z" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-02-30",
        "2026-13-01T00:00Z",
        "29.03.2026",
        "0001-01-01",
        "0001-01-01T00:00Z",
        "9999-12-31",
        "20260329T020000Z",
        "2026-W13-7",
        "2026-088",
        "2026-03-29T24:00:00Z",
        "2026-03-29T02:00:60Z",
        "2026-03-29T02Z",
        "2026-03-29T02:00:00+1",
        "2026-03-29T02:00:00+01:60",
        "2026-03-29T02:00:00+15:00",
        "2026-03-29T02:00:00+01:00:30",
        "2026-03-29T02:00:00.Z",
        "2026-03-29T02:00.5Z",
        "2026-03-29_02:00:00Z",
        "2026-03-29T02:00:00Z ",
        "2026-03-29\n",
        "２０２６-03-29",
        "2026-03-29T0２:00:00Z",
    ],
)
def test_what_is_no_day_and_no_time_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(InvalidMoment):
        periods.parse_moment(text)


@pytest.mark.parametrize("parse", [periods.parse_moment, periods.parse_day])
def test_a_message_shows_the_beginning_of_a_long_text_on_one_line(parse: Callable[[str], object]) -> None:
    with pytest.raises(InvalidMoment, match=r"^'2026\?-03 x{51}…' is not [^\n]*$"):
        parse("2026?-03\n" + "x" * 5_000)


@pytest.mark.parametrize(
    "text", ["2026-03-29\nforged line", "2026-03-29T00:00:00Z", "2026-03-29..", "2026-3-29"]
)
def test_a_day_is_a_date_alone(text: str) -> None:
    with pytest.raises(
        InvalidMoment, match=r"^'[^\n]*' is not a date\. Write a market day such as 2026-03-29\.$"
    ):
        periods.parse_day(text)
