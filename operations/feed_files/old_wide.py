"""CSV of the old system with a column for each metering point, as the rows that `old_csv` reads."""

import re
from collections.abc import Iterator, Sequence

from operations.feed_files.old_file import Unreadable
from shared.files.forms.rows import Style

_TIMES = ("start", "startOffset", "end", "endOffset", "time", "timeOffset")
_POINT = re.compile(r"([0-9]{18})(?: (consumption|production))?")

Line = tuple[int, Sequence[str]]
"""The cells of a row, and the number of its first line."""


def as_rows(lines: Iterator[Line], style: Style) -> Iterator[Line]:
    """Yield a row for each value, in the columns of a style, after a header.

    Raises:
        Unreadable: a column is neither a time nor a metering point, or a row is cut off.
    """
    headings = {column.field: column.heading for column in style.columns}
    times = [headings[each] for each in _TIMES if each in headings]
    for first, header in lines:
        places = [place for place, heading in enumerate(header) if heading in times]
        points = {
            place: _point(heading, line=first, times=times)
            for place, heading in enumerate(header)
            if place not in places
        }
        named = [headings[each] for each in ("meteringPointId", "direction", "quantity")]
        yield first, [*named, *(header[place] for place in places)]
        for line, row in lines:
            if len(row) < len(header):
                raise Unreadable(f"Line {line} is cut off. Fetch the file again from the old system.")
            for place, (point, direction) in points.items():
                yield line, [point, direction, row[place], *(row[each] for each in places)]


def _point(heading: str, *, line: int, times: Sequence[str]) -> tuple[str, str]:
    """Return the metering point of a column, and its direction; empty if it names none."""
    found = _POINT.fullmatch(heading.strip().strip('="'))
    if found is None:
        named = "', '".join(times)
        raise Unreadable(
            f"Line {line}: the column '{heading}' is neither '{named}' nor a metering point. A wide table of "
            "the feed has no other columns: rename or remove it in the file."
        )
    return found[1], found[2] or ""
