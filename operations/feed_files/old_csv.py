"""CSV of the old system, in the columns of a feed's form."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from operations.feed_files import old_wide
from operations.feed_files.old_file import EMPTY, Key, OldFile, Unreadable, number
from operations.feed_files.old_wide import Line
from shared import periods
from shared.files.forms import csv_rows
from shared.files.forms.form import FileLayout, Form
from shared.files.forms.rows import Style
from shared.files.forms.templates import Times
from shared.metering import Direction

_TIMES = ("start", "time", "end")
_NEEDED = (("meteringPointId",), _TIMES, ("quantity",))
"""A file must have a column of each group."""


class _Value(NamedTuple):
    """The kWh of an interval; its time has no zone where the row has a local time without an offset."""

    time: datetime
    quantity: Decimal | None


def read(text: str, form: Form, *, direction: Direction) -> OldFile:
    """Return what a file of CSV holds.

    Args:
        direction: of values whose row or column names none.

    Raises:
        Unreadable: a column is missing, or a row is not as the form says.
    """
    style = csv_rows.style_of(form)
    is_wide = form.layout is FileLayout.WIDE
    lines = _rows(text, style.separator)
    rows = old_wide.as_rows(lines, style) if is_wide else lines
    header = next(rows, None)
    if header is None:
        raise Unreadable(EMPTY)
    places = _places(*header, style)
    stamp = next(each for each in _TIMES if each in places)
    series: dict[Key, list[_Value]] = defaultdict(list)
    for line, row in rows:
        if len(row) <= max(places.values()):
            raise Unreadable(f"Line {line} is cut off. Fetch the file again from the old system.")
        cells = {name: row[place].strip().strip('="') for name, place in places.items()}
        try:
            key = (cells["meteringPointId"], Direction(cells.get("direction") or direction))
            time = _time(cells[stamp], offset=cells.get(f"{stamp}Offset", ""), times=style.times)
            series[key].append(_Value(time, _kwh(cells["quantity"], style)))
        except (ValueError, ArithmeticError, OSError) as error:
            raise Unreadable(
                f"Line {line} cannot be read: {error}. Correct the file, or the form of the feed."
            ) from error
    is_end = stamp == "end" or (stamp == "time" and style.stamp == "end")
    found = OldFile()
    for key, values in series.items():
        by_time = _by_instant(values)
        found.faults += _repeated_in_autumn(key, values)
        # In a wide table a column of hours has empty cells beside the quarters of another one.
        known = [time for time, kwh in by_time.items() if kwh is not None or not is_wide]
        step = min(_differences(sorted(known)), default=periods.ONE_HOUR)
        found.steps[key] = step
        found.values[key] = {time - step: kwh for time, kwh in by_time.items()} if is_end else by_time
    return found


def _rows(text: str, separator: str) -> Iterator[Line]:
    """Yield the rows that are not empty, each with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            if any(row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            f"Line {line} is not CSV: {error}. Look for a quotation mark that is not closed."
        ) from error


def _places(line: int, header: Sequence[str], style: Style) -> dict[str, int]:
    """Return the place of each column that is read, by its field."""
    headings = {column.field: column.heading for column in style.columns}
    found = {name: header.index(heading) for name, heading in headings.items() if heading in header}
    for fields in _NEEDED:
        if not found.keys() & set(fields):
            wanted = "' or '".join([headings[each] for each in fields if each in headings] or fields)
            raise Unreadable(
                f"Line {line} has no column '{wanted}'. Write the file's headings into the form of the feed."
            )
    stamp = next(each for each in _TIMES if each in found)
    used = ("meteringPointId", "direction", stamp, f"{stamp}Offset", "quantity")
    return {name: found[name] for name in used if name in found}


def _kwh(text: str, style: Style) -> Decimal | None:
    quantity = number(text.replace(style.decimal_mark, "."))
    return quantity / 1000 if quantity is not None and style.is_in_wh else quantity


def _time(text: str, *, offset: str, times: Times) -> datetime:
    """Return a time in UTC, or without a zone where it is local and nothing says its offset."""
    if times is Times.EPOCH_MS:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if times is Times.LOCAL:
        local = datetime.strptime(text, "%d.%m.%Y %H:%M")  # noqa: DTZ007  # The offset follows.
        time = datetime.fromisoformat(f"{local.isoformat()}{offset}")
    else:
        time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC) if times is Times.UTC else time
    return time.astimezone(UTC)


def _by_instant(values: Sequence[_Value]) -> dict[datetime, Decimal | None]:
    """Return the values of one series by their instants.

    A local time that is repeated belongs to the second hour of the autumn night. In a day that is written
    newest first, that hour comes first.
    """
    days: dict[date, list[_Value]] = defaultdict(list)
    for each in values:
        days[each.time.date()].append(each)
    seen: Counter[datetime] = Counter()
    found = {}
    for of_day in days.values():
        newest_first = of_day[0].time.replace(tzinfo=None) > of_day[-1].time.replace(tzinfo=None)
        for time, quantity in reversed(of_day) if newest_first else of_day:
            # A file that holds the night twice has each time four times.
            fold = seen[time] % 2
            seen[time] += 1
            instant = (time if time.tzinfo else time.replace(tzinfo=periods.OSLO, fold=fold)).astimezone(UTC)
            # A wide table has a row for an hour and one for its first quarter, of which one is empty.
            if quantity is not None or instant not in found:
                found[instant] = quantity
    return found


def _repeated_in_autumn(key: Key, values: Sequence[_Value]) -> Iterator[str]:
    """Yield a fault for each local time of the autumn night that may be of either hour."""
    counts = Counter(each.time for each in values if each.time.tzinfo is None)
    for time, count in counts.items():
        offsets = {time.replace(tzinfo=periods.OSLO, fold=fold).utcoffset() for fold in (0, 1)}
        if len(offsets) > 1 and count > 1 and count % 2:
            yield f"{key[0]}: {time} comes {count} times, so it is not known which hour each of them is."


def _differences(times: Sequence[datetime]) -> Iterator[timedelta]:
    return (later - earlier for earlier, later in pairwise(times))
