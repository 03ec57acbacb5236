"""Series as lines: CSV with a row for each value, NDJSON with an object for each value or day.

Every line has its metering point and direction, so that lines of many responses can be put into one table.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from shared import periods
from shared.api import delimited
from shared.api.formats import Dialect, Format, Kind, Times
from shared.api.series import packed, templates
from shared.api.series.templates import ValueTemplate
from shared.metering import Resolution
from shared.series.assembly import Run, Sum

# A placeholder for what all values of a series begin with; it never occurs in a response.
_HEAD = "\0"
# A placeholder for what they end with.
_TAIL = "\1"
_SERIES = ("meteringPointId", "direction")
_TIMES = {Times.ISO: ("start", "end"), Times.LOCAL: ("start", "startOffset", "end", "endOffset")}
_VALUE = ("quantityKWh", "quality")
_AS_TEXT = delimited.as_text("{%s}")
_OF_SUMS = ("complete", "missing")
_OF_PUBLICATION = ("sequence", "publishedAt")

_ROW = (
    f'{_HEAD}"start":"{{start}}","end":"{{end}}","resolution":"{{resolution}}",'
    '"quantity":%s,"quality":"{quality}"'
)
_ROW_OF_SUM = f'{_ROW},"complete":{{complete}},"missing":{{missing}}'
_ROWS = ValueTemplate(value=f"{_ROW}}}}}", sum=f"{_ROW_OF_SUM}}}}}", between=",")
_NDJSON = ValueTemplate(value=f"{_ROW}}}}}\n", sum=f"{_ROW_OF_SUM}}}}}\n", between="")


def csv_header(resolution: Resolution | None, written: Format) -> str:
    """Return the header row of series; sums have two more columns."""
    is_sum = resolution is not None and not resolution.is_stored
    return delimited.header(_columns(written) + (_OF_SUMS if is_sum else ()), written.dialect)


def csv_header_of_changes(written: Format) -> str:
    """Return the header row of changes."""
    return delimited.header(_columns(written) + _OF_PUBLICATION, written.dialect)


def csv_of_change(
    part: Run, *, metering_point_id: str, direction: str, sequence: int, written: Format
) -> str:
    """Return the rows of a published market day."""
    between = delimited.separator(written.dialect)
    head = _head(metering_point_id, direction, written)
    tail = f"{sequence}{between}{periods.utc_text(part.published_at)}"
    text = templates.values(part, _csv_template(written, more=between + _TAIL))
    return text.replace(_HEAD, head).replace(_TAIL, tail)


def values(
    parts: Iterator[Run | Sum], *, metering_point_id: str, direction: str, written: Format
) -> Iterator[str]:
    """Yield the lines of a series' values, one text for each market day or sum."""
    template = _NDJSON if written.kind is Kind.NDJSON else _csv_template(written)
    head = _head(metering_point_id, direction, written)
    for part in parts:
        yield templates.values(part, template).replace(_HEAD, head)


def rows(parts: Iterable[Run | Sum], *, metering_point_id: str, direction: str) -> Iterator[str]:
    """Yield a series' values as JSON objects with commas between, one text for each market day or sum."""
    head = json_head(metering_point_id, direction)
    for part in parts:
        yield templates.values(part, _ROWS).replace(_HEAD, head)


def days(parts: Iterator[Run | Sum], *, metering_point_id: str, direction: str) -> Iterator[str]:
    """Yield the NDJSON lines of a series' packed days."""
    head = json_head(metering_point_id, direction)
    for part in parts:
        yield f"{head}{packed.day(part)[1:]}\n"


def json_head(metering_point_id: str, direction: str) -> str:
    """Return the beginning of an NDJSON line."""
    return f'{{"meteringPointId":"{metering_point_id}","direction":"{direction}",'


def _head(metering_point_id: str, direction: str, written: Format) -> str:
    if written.kind is Kind.NDJSON:
        return json_head(metering_point_id, direction)
    cells = (metering_point_id, direction, "")
    return delimited.separator(written.dialect).join(delimited.cell(each, written.dialect) for each in cells)


def _columns(written: Format) -> tuple[str, ...]:
    return _SERIES + _TIMES[written.times] + _VALUE


@lru_cache
def _csv_template(written: Format, more: str = "") -> ValueTemplate:
    between = delimited.separator(written.dialect)
    times = {
        Times.ISO: ("{start}", "{end}"),
        # As text, like ids: Excel would read +01:00 as one o'clock.
        Times.LOCAL: ("{start}", _AS_TEXT % "start_offset", "{end}", _AS_TEXT % "end_offset"),
    }
    value = _HEAD + between.join((*times[written.times], "%s", "{quality}"))
    return ValueTemplate(
        value=value + more + delimited.LINE_END,
        sum=between.join((value, "{complete}", "{missing}")) + delimited.LINE_END,
        between="",
        null="",
        decimal_mark="," if written.dialect is Dialect.NORWEGIAN else ".",
        times=written.times,
    )
