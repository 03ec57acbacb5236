"""Files of the old system: GS2, or CSV in the columns of a feed's form, read by their own rules.

Nothing is shared with the writers of our forms but the names of a profile's columns. Readers are lenient
where systems differ: keys in any case, values on one line or many, numbers with a comma.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from shared import periods
from shared.files.forms import csv_rows
from shared.files.forms.form import FileFormat, Form, Gs2
from shared.files.forms.rows import Style
from shared.files.forms.templates import Times
from shared.metering import Direction

Key = tuple[str, Direction]
"""A metering point and a direction."""

_HOUR = timedelta(hours=1)
_SUM_DIFFERS = Decimal("0.000001")
_KEY = re.compile(r"#([A-Za-z-]+)=([^#]*)")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{2}):(\d{2}):(\d{2})")
_STEP = re.compile(r"\.(\d{2}):(\d{2}):(\d{2})$")


class Unreadable(Exception):
    """The file is not what it should be; the message says where."""


@dataclass
class OldFile:
    """What a file holds.

    Attributes:
        values: the kWh of each interval by its start; None where the file has an empty value.
        steps: the length of the intervals of each series.
        faults: what the file says about itself and is not true.
    """

    values: dict[Key, dict[datetime, Decimal | None]] = field(default_factory=lambda: defaultdict(dict))
    steps: dict[Key, timedelta] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read(content: bytes, form: Form) -> OldFile:
    """Return what a file holds: GS2 by its first line, else CSV in the columns of the form.

    Raises:
        Unreadable: it is neither.
    """
    text = _decoded(content, form)
    try:
        if "##start-message" in text[:2_000].lower():
            return _gs2(text, form.gs2 or Gs2())
        if form.format is not FileFormat.CSV:
            raise Unreadable(
                "It is not GS2, and the feed's form is not CSV, so the meaning of its columns is unknown."
            )
        return _csv(text, form)
    except (KeyError, ValueError, InvalidOperation) as error:
        raise Unreadable(f"It cannot be read: {error}") from error


def _decoded(content: bytes, form: Form) -> str:
    encoding = csv_rows.encoding_of(form) if form.format is FileFormat.CSV else "utf-8"
    try:
        return content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _gs2(text: str, options: Gs2) -> OldFile:
    found = OldFile()
    objects = [(part.split(maxsplit=1)[0].lower(), _keys(part)) for part in text.split("##")[1:]]
    ahead = next(
        timedelta(hours=int(keys["gmt-reference"])) for name, keys in objects if name == "start-message"
    )
    for name, keys in objects:
        if name == "time-series":
            _add_time_series(found, keys, options=options, ahead=ahead)
    return found


def _keys(text: str) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in _KEY.findall(text)}


def _add_time_series(found: OldFile, keys: Mapping[str, str], *, options: Gs2, ahead: timedelta) -> None:
    point = keys[options.key.lower()]
    produces = keys.get("direction-of-flow", "out").lower() == "in"
    key = (point, Direction.PRODUCTION if produces else Direction.CONSUMPTION)
    hours, minutes, seconds = map(int, _matched(_STEP, keys["step"]))
    step = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    start = _gs2_time(keys["start"], ahead)
    triplets = [each.split("/") for each in keys["value"].strip("<> \r\n\t").split()]
    quantities = [_number(each[0]) for each in triplets]
    for place, (triplet, quantity) in enumerate(zip(triplets, quantities, strict=True)):
        stamped = triplet[1] if len(triplet) > 1 else ""
        found.values[key][_gs2_time(stamped, ahead) if stamped else start + place * step] = quantity
    found.steps[key] = step
    if "no-of-values" in keys and int(keys["no-of-values"]) != len(quantities):
        found.faults.append(
            f"{point}: No-of-values is {keys['no-of-values']}, and there are {len(quantities)}."
        )
    total = sum((each for each in quantities if each is not None), Decimal(0))
    if "sum" in keys and abs((_number(keys["sum"]) or Decimal(0)) - total) > _SUM_DIFFERS:
        found.faults.append(f"{point}: Sum is {keys['sum']}, and the values add up to {total}.")


def _matched(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"'{text}' is not written as GS2 has it")
    return match.groups()


def _gs2_time(text: str, ahead: timedelta) -> datetime:
    """Return an instant; `24:00:00` is the end of its day."""
    day, hours, minutes, seconds = _matched(_TIME, text)
    time = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + time - ahead


def _number(text: str) -> Decimal | None:
    return Decimal(text.replace(",", ".")) if text.strip() else None


def _csv(text: str, form: Form) -> OldFile:
    style = csv_rows.style_of(form)
    rows = csv.reader(io.StringIO(text), delimiter=style.separator)
    header = next(rows)
    places = {
        column.field: header.index(column.heading) for column in style.columns if column.heading in header
    }
    found = OldFile()
    for row in rows:
        if not any(row):
            continue
        cells = {name: row[place].strip().strip('="') for name, place in places.items()}
        key = (cells["meteringPointId"], Direction(cells.get("direction") or Direction.CONSUMPTION))
        quantity = _number(cells["quantity"].replace(style.decimal_mark, "."))
        if quantity is not None and style.is_in_wh:
            quantity /= 1000
        found.values[key][_csv_time(cells, style)] = quantity
    for key, values in found.values.items():
        found.steps[key] = min(_differences(sorted(values)), default=_HOUR)
    if ("start" not in places and style.stamp == "end") or ("time" not in places and "start" not in places):
        _from_ends(found)
    return found


def _csv_time(cells: Mapping[str, str], style: Style) -> datetime:
    name = next(each for each in ("start", "time", "end") if each in cells)
    text, offset = cells[name], cells.get(f"{name}Offset", "")
    if style.times is Times.EPOCH_MS:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if style.times is Times.LOCAL:
        local = datetime.strptime(text, "%d.%m.%Y %H:%M")  # noqa: DTZ007  # The offset follows.
        if offset:
            return datetime.fromisoformat(f"{local.isoformat()}{offset}").astimezone(UTC)
        return local.replace(tzinfo=periods.OSLO).astimezone(UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def _differences(times: list[datetime]) -> Iterator[timedelta]:
    return (later - earlier for earlier, later in pairwise(times))


def _from_ends(found: OldFile) -> None:
    """Turn ends of intervals into starts."""
    for key, values in found.values.items():
        found.values[key] = {time - found.steps[key]: quantity for time, quantity in values.items()}
