"""GS2 of the old system: its objects and keys, with the faults of a file that contradicts itself."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from operations.feed_files.old_file import OldFile, Unreadable, number
from shared.files.forms.form import Gs2
from shared.metering import Direction

START = "##start-message"

_UNIT = "kWh"
_CORRECT = "Fetch the file again from the old system, or correct it."
_SUM_DIFFERS = Decimal("0.000001")
_KEY = re.compile(r"#([A-Za-z-]+)=([^#]*)")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{2}):(\d{2}):(\d{2})")
_STEP = re.compile(r"\.(\d{2}):(\d{2}):(\d{2})$")


def read(text: str, options: Gs2) -> OldFile:
    """Return what a file of GS2 holds.

    Raises:
        Unreadable: an object lacks a key, or a value is not written as in GS2.
    """
    found = OldFile()
    parts = [part for part in text.split("##")[1:] if part.strip()]
    objects = [(part.split(maxsplit=1)[0].lower(), _keys(part)) for part in parts]
    ahead = timedelta()
    for place, (name, keys) in enumerate(objects, 1):
        try:
            if name == "start-message":
                ahead = timedelta(hours=int(keys["gmt-reference"]))
            elif name == "time-series":
                _add_time_series(found, keys, options=options, ahead=ahead)
        except KeyError as error:
            raise Unreadable(f"Object {place} ({name}) lacks the key {error}. {_CORRECT}") from error
        except (ValueError, ArithmeticError) as error:
            raise Unreadable(f"Object {place} ({name}) cannot be read: {error}. {_CORRECT}") from error
    if objects[-1][0] != "end-message":
        found.faults.append("There is no End-message: the file is cut off.")
    return found


def _keys(text: str) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in _KEY.findall(text)}


def _add_time_series(found: OldFile, keys: Mapping[str, str], *, options: Gs2, ahead: timedelta) -> None:
    point = keys[options.key.lower()]
    unit = keys.get("unit", _UNIT)
    if unit.lower() != _UNIT.lower():
        found.faults.append(f"{point}: a series is in {unit}, and the feed has {_UNIT}: it is not compared.")
        return
    produces = keys.get("direction-of-flow", "out").lower() == "in"
    key = (point, Direction.PRODUCTION if produces else Direction.CONSUMPTION)
    hours, minutes, seconds = map(int, _matched(_STEP, keys["step"]))
    step = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not step:
        raise ValueError(f"the step '{keys['step']}' has no length")
    start = _time(keys["start"], ahead)
    triplets = [each.split("/") for each in keys["value"].strip("<> \r\n\t").split()]
    quantities = [number(each[0]) for each in triplets]
    for place, (triplet, quantity) in enumerate(zip(triplets, quantities, strict=True)):
        stamped = triplet[1] if len(triplet) > 1 else ""
        found.values[key][_time(stamped, ahead) if stamped else start + place * step] = quantity
    found.steps[key] = step
    if "no-of-values" in keys and int(keys["no-of-values"]) != len(quantities):
        found.faults.append(
            f"{point}: No-of-values is {keys['no-of-values']}, and there are {len(quantities)}."
        )
    total = sum((each for each in quantities if each is not None), Decimal(0))
    if "sum" in keys and abs((number(keys["sum"]) or Decimal(0)) - total) > _SUM_DIFFERS:
        found.faults.append(f"{point}: Sum is {keys['sum']}, and the values add up to {total}.")


def _matched(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"'{text}' is not written as GS2 has it")
    return match.groups()


def _time(text: str, ahead: timedelta) -> datetime:
    """Return an instant; `24:00:00` is the end of its day."""
    day, hours, minutes, seconds = _matched(_TIME, text)
    time = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + time - ahead
