"""Market days, moments and periods: the only module that handles time zones.

Instants are aware UTC datetimes, periods are half-open, and a market day is a
calendar day in Europe/Oslo with 23, 24 or 25 hours.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared import foreign

OSLO = ZoneInfo("Europe/Oslo")
ONE_DAY = timedelta(days=1)
ONE_HOUR = timedelta(hours=1)
FIRST_DAY, END_DAY = date(2010, 1, 1), date(2051, 1, 1)
"""The market days that the warehouse can hold: from the first on, before the end."""
FIRST_CALENDAR_DAY, LAST_CALENDAR_DAY = date(1900, 1, 1), date(2199, 12, 31)
"""The days that a request may name."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXAMPLE = datetime(2026, 3, 29)  # noqa: DTZ001 - shown with both kinds of offset in messages
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"(?::(?P<second>[0-5][0-9])(?:[.,](?P<fraction>[0-9]{1,7}))?)?"
    r"(?P<offset>[Zz]|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?"
)
"""ISO 8601 as programs write it: `T` or a space, with or without seconds, an offset in hours or minutes."""

_MICROSECOND_DIGITS = 6

CLOCK_SKEW = timedelta(minutes=5)
"""How far two clocks in Azure may differ; a moment further ahead of now is a fault."""


class InvalidMoment(ValueError):
    """A text is neither a date nor a time with an offset; the message says how to write one."""


class MomentWithoutOffset(InvalidMoment):
    """A time has no offset from UTC."""


@dataclass(frozen=True, order=True)
class Period:
    """The half-open period `[start, end)` of two aware UTC instants."""

    start: datetime
    end: datetime

    @property
    def first_day(self) -> date:
        """The market day in which the period starts."""
        return day_of(self.start)

    @property
    def end_day(self) -> date:
        """The first market day after the period (exclusive)."""
        last = day_of(self.end)
        return last if start_of(last) == self.end else last + ONE_DAY


@lru_cache(maxsize=20_000)
def start_of(day: date) -> datetime:
    """Return the instant at which a market day starts: midnight in Europe/Oslo, in UTC."""
    return datetime.combine(day, time.min, tzinfo=OSLO).astimezone(UTC)


def day_of(instant: datetime) -> date:
    """Return the market day of an aware instant."""
    return instant.astimezone(OSLO).date()


def market_day(day: date) -> Period:
    """Return a market day as a period of 23, 24 or 25 hours."""
    return Period(start_of(day), start_of(day + ONE_DAY))


def starts(day: date, step: timedelta) -> list[datetime]:
    """Return the starts of a market day's intervals of length `step`, in Europe/Oslo, in order of time."""
    whole = market_day(day)
    count = (whole.end - whole.start) // step
    return [(whole.start + step * position).astimezone(OSLO) for position in range(count)]


def is_ahead(moment: datetime, *, now: datetime) -> bool:
    """Return whether a stored moment is so far ahead of now that a clock must have been wrong.

    Another machine's clock can be wrong, and any clock can be set back or forward. So such a moment is not
    trusted, and ages within one process are measured with the monotonic clock.
    """
    return moment > now + CLOCK_SKEW


def local_text(instant: datetime) -> str:
    """Return an instant as ISO 8601 with the offset that Europe/Oslo has at that time."""
    return instant.astimezone(OSLO).isoformat()


@lru_cache(maxsize=4_096)
def utc_text(instant: datetime) -> str:
    """Return an instant in UTC as ISO 8601 with a Z."""
    return instant.isoformat().replace("+00:00", "Z")


def parse_day(text: str) -> date:
    """Return a market day from a text such as `2026-03-29`.

    Raises:
        InvalidMoment: the text has another form, or names no real day.
    """
    if not _DATE.fullmatch(text):
        raise InvalidMoment(f"'{foreign.shown(text)}' is not a date. Write a market day such as 2026-03-29.")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidMoment(f"'{text}' is not a day of the calendar.") from error


def parse_calendar_day(text: str) -> date:
    """Return a market day like `parse_day`, but only of the years 1900 to 2199.

    Raises:
        InvalidMoment: as `parse_day`, or for another year; days near the ends of Python's calendar have no
            neighbours to calculate with.
    """
    return _within_the_calendar(parse_day(text))


def parse_moment(text: str) -> datetime:
    """Return the instant, in UTC, of an ISO 8601 time with an offset, or of the start of a market day.

    Digits beyond the microsecond, which .NET writes, are cut off.

    Raises:
        MomentWithoutOffset: the text is a time without an offset.
        InvalidMoment: the text is malformed, names no real day, or is outside the years 1900 to 2199.
    """
    if _DATE.fullmatch(text):
        return start_of(parse_calendar_day(text))
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidMoment(
            f"'{foreign.shown(text)}' is not an ISO 8601 date or time. {_both_ways(_EXAMPLE)}"
        )
    day, offset = parse_calendar_day(match["day"]), match["offset"]
    local = datetime.combine(day, time.fromisoformat(match["minute"])) + timedelta(
        seconds=int(match["second"] or 0), microseconds=_microseconds(match["fraction"] or "")
    )
    if offset is None:
        raise MomentWithoutOffset(f"'{text}' has no offset from UTC. {_both_ways(local)}")
    return (local - _offset(offset)).replace(tzinfo=UTC)


def _microseconds(fraction: str) -> int:
    return int(fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))


def _offset(text: str) -> timedelta:
    """Return an offset from UTC from `Z`, `+01`, `+0100` or `+01:00`."""
    if text in "Zz":
        return timedelta()
    hours, minutes = text[1:3], text[3:].lstrip(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return -offset if text[0] == "-" else offset


def _within_the_calendar(day: date) -> date:
    if not FIRST_CALENDAR_DAY <= day <= LAST_CALENDAR_DAY:
        raise InvalidMoment(f"'{day}' is outside the years 1900 to 2199.")
    return day


def _both_ways(naive: datetime) -> str:
    """Return a message with the two accepted ways to write this time."""
    in_oslo = naive.replace(tzinfo=OSLO)
    in_utc = in_oslo.astimezone(UTC).replace(tzinfo=None)
    return f"Write {in_oslo.isoformat()} or {in_utc.isoformat()}Z, or a market day such as {naive.date()}."
