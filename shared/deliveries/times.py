"""Reads delivered times: ISO 8601 with an offset, and in the Norwegian dialect times in Oslo. Pure."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from shared import periods

REMEMBERED = 100_000
"""How many texts are cached, since the same ones occur again and again. A leap year has 8 784 hours."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)
_LONGEST_DAY = timedelta(hours=25)
_ISO = re.compile(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9]{2}(:?[0-9]{2}(:?[0-9]{2}([.,][0-9]+)?)?)?"
    r"([Zz]|[+-][0-9]{2}(:?[0-5][0-9])?)?"  # Python reads +01:60 as +02:00.
)
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NORWEGIAN = re.compile(
    r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4}) ([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2}))?"
)
_NORWEGIAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


class Start(NamedTuple):
    """An instant: microseconds since 1970, and its market day."""

    microseconds: int
    day: date


class Doubled(NamedTuple):
    """A time in Oslo that occurs twice, in the hour that is repeated in autumn."""

    earlier: Start
    later: Start


class Around(NamedTuple):
    """A time in Oslo at most an hour from the repeated one, as minutes after midnight on the clock."""

    day: date
    minutes: int


@lru_cache(maxsize=REMEMBERED)
def read(text: str, *, is_norwegian: bool) -> Start | Doubled | None:
    """Return the instant of a text; None if it is not a time, or is outside the calendar."""
    moment = iso(text)
    if moment is None and is_norwegian:
        moment = norwegian(text)
    if moment is None:
        return None
    try:
        if moment.tzinfo is not None:
            return _start(moment)
        return _of_oslo(moment) if is_norwegian else None
    except OverflowError:
        return None


def iso(text: str) -> datetime | None:
    """Return the time of ISO 8601, without zone if the text has no offset; None for other texts."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def norwegian(text: str) -> datetime | None:
    """Return the time of `dd.mm.yyyy hh:mm`, without zone; None for other texts."""
    match = _NORWEGIAN.fullmatch(text)
    if not match:
        return None
    day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # On the clock.
    except ValueError:
        return None


def day_of(text: str, *, is_norwegian: bool) -> date | None:
    """Return the day of `yyyy-mm-dd`, in the Norwegian dialect also of `dd.mm.yyyy`; None for other texts."""
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text)
        match = _NORWEGIAN_DAY.fullmatch(text) if is_norwegian else None
        if match:
            day, month, year = map(int, match.groups())
            return date(year, month, day)
    except ValueError:
        pass  # No day of the calendar.
    return None


@lru_cache(maxsize=REMEMBERED)
def around_doubled(text: str) -> Around | None:
    """Return a time from 01:00 to 04:00 in Oslo in a night when clocks are set back; None for other times."""
    local = norwegian(text) or iso(text)
    if local is None or local.tzinfo is not None or not 1 <= local.hour < 4:
        return None
    whole = periods.market_day(local.date())
    is_long = whole.end - whole.start == _LONGEST_DAY
    return Around(local.date(), local.hour * 60 + local.minute) if is_long else None


def on_the_clock(day: date, minutes: int) -> datetime:
    """Return a time in Oslo without zone."""
    return datetime.combine(day, time(minutes // 60, minutes % 60))


def without_zone(moment: datetime) -> datetime:
    """Return an instant in UTC without zone, as it is stored."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def instants(local: datetime) -> list[datetime]:
    """Return the instants of a time in Oslo, with offsets: none in spring's gap, two in autumn's hour.

    There are none at the ends of Python's calendar either.
    """
    both = [local.replace(tzinfo=periods.OSLO, fold=fold) for fold in (0, 1)]
    try:
        valid = [each for each in both if _on_the_clock_of_oslo(each) == local]
    except OverflowError:
        return []
    return valid if len({each.utcoffset() for each in valid}) == 2 else valid[:1]


def both_ways(local: datetime) -> str:
    """Return how to write a time without offset: with the offset of Oslo, or as UTC, another instant."""
    in_oslo = " or ".join(repr(each.isoformat()) for each in instants(local))
    in_utc = repr(f"{local.isoformat()}Z")
    if not in_oslo:
        return f"There is no such time in Oslo; if it is in UTC, write {in_utc}."
    return f"Write {in_oslo} for the time in Oslo, or {in_utc} for UTC, which is another instant."


def _on_the_clock_of_oslo(moment: datetime) -> datetime:
    return moment.astimezone(UTC).astimezone(periods.OSLO).replace(tzinfo=None, fold=0)


def _of_oslo(local: datetime) -> Start | Doubled | None:
    starts = [_start(each) for each in instants(local)]
    if len(starts) == 2:
        return Doubled(*starts)
    return starts[0] if starts else None


def _start(moment: datetime) -> Start:
    in_utc = moment.astimezone(UTC)
    return Start((in_utc - EPOCH) // _MICROSECOND, periods.day_of(in_utc))
