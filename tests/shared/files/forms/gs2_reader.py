"""Reads GS2 1.2 by its grammar; shares no code with the writer."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple


class Value(NamedTuple):
    """An interval of a time series."""

    start: datetime
    quantity: Decimal | None
    quality: str


class TimeSeries(NamedTuple):
    """A time series, with its keys in lower case."""

    keys: dict[str, str]
    values: list[Value]


def read(content: bytes) -> list[TimeSeries]:
    """Return the time series of a message.

    Raises:
        ValueError: a number of objects or values, a sum or a stop does not agree with the rest.
    """
    objects = [_keys(each) for each in content.decode("ascii").split("##")[1:]]
    start, *series, end = objects
    if not start[""] == "Start-message" or not end[""] == "End-message":
        raise ValueError("the messages are not at the ends")
    for message in (start, end):
        if int(message["number-of-objects"]) != len(objects):
            raise ValueError("the number of objects is wrong")
    ahead = timedelta(hours=int(start["gmt-reference"]))
    return [_series(each, ahead) for each in series]


def _keys(text: str) -> dict[str, str]:
    name, *lines = re.split(r"\s*#", text.strip())
    pairs = (line.partition("=") for line in lines)
    return {"": name, **{key.lower(): value.strip() for key, _, value in pairs}}


def _series(keys: dict[str, str], ahead: timedelta) -> TimeSeries:
    start, stop = (_moment(keys[name], ahead) for name in ("start", "stop"))
    hours, minutes, seconds = map(int, keys["step"].partition(".")[2].split(":"))
    step = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    triplets = [each.split("/") for each in keys["value"].strip("<> ").split()]
    values = [
        Value(start + number * step, Decimal(quantity) if quantity else None, quality)
        for number, (quantity, _, quality) in enumerate(triplets)
    ]
    if len(values) != int(keys["no-of-values"]) or start + len(values) * step != stop:
        raise ValueError("the number of values is wrong")
    if sum((each.quantity or Decimal(0) for each in values), Decimal(0)) != Decimal(keys["sum"]):
        raise ValueError("the sum is wrong")
    return TimeSeries(keys, values)


def _moment(text: str, ahead: timedelta) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d.%H:%M:%S").replace(tzinfo=UTC) - ahead
