"""Series as lines: CSV with a row for each value, NDJSON with an object for each value or day.

Every line tells its metering point and direction, so that lines of many answers can be put into one table.
"""

from collections.abc import Iterator
from functools import lru_cache

from shared import periods
from shared.api import delimited
from shared.api.formats import Dialect, Format, Kind
from shared.api.series import as_json, templates
from shared.api.series.assembly import Run, Sum
from shared.api.series.templates import Form
from shared.metering import Resolution

# Stands for what all values of a series begin with, until the series is known; no text of an answer has it.
_HEAD = "\0"
# Stands in the same way for what they end with.
_TAIL = "\1"
_COLUMNS = ("meteringPointId", "direction", "start", "end", "quantityKWh", "quality")
_OF_SUMS = ("complete", "missing")
_OF_PUBLICATION = ("sequence", "publishedAt")

_JSON_VALUE = '"start":"{start}","end":"{end}","quantity":%s,"quality":"{quality}"'
_NDJSON = Form(
    value=f"{_HEAD}{_JSON_VALUE}}}}}\n",
    sum=f'{_HEAD}{_JSON_VALUE},"complete":{{complete}},"missing":{{missing}}}}}}\n',
    between="",
)


def csv_header(resolution: Resolution | None, dialect: Dialect) -> str:
    """The names of the columns; sums have two more."""
    is_sum = resolution is not None and not resolution.is_stored
    return delimited.header(_COLUMNS + (_OF_SUMS if is_sum else ()), dialect)


def csv_header_of_changes(dialect: Dialect) -> str:
    """The names of the columns of changes."""
    return delimited.header(_COLUMNS + _OF_PUBLICATION, dialect)


def csv_of_change(
    part: Run, *, metering_point_id: str, direction: str, sequence: int, dialect: Dialect
) -> str:
    """The rows of a published market day."""
    between = delimited.separator(dialect)
    head = _head(metering_point_id, direction, Format(Kind.CSV, dialect))
    tail = f"{sequence}{between}{periods.utc_text(part.published_at)}"
    text = templates.values(part, _csv_form(dialect, more=between + _TAIL))
    return text.replace(_HEAD, head).replace(_TAIL, tail)


def values(
    parts: Iterator[Run | Sum], *, metering_point_id: str, direction: str, written: Format
) -> Iterator[str]:
    """The lines of a series' values, in one text for each market day or sum."""
    form = _NDJSON if written.kind is Kind.NDJSON else _csv_form(written.dialect)
    head = _head(metering_point_id, direction, written)
    for part in parts:
        yield templates.values(part, form).replace(_HEAD, head)


def days(parts: Iterator[Run | Sum], *, metering_point_id: str, direction: str) -> Iterator[str]:
    """The NDJSON lines of a series' packed days."""
    head = json_head(metering_point_id, direction)
    for part in parts:
        yield f"{head}{as_json.day(part)[1:]}\n"


def json_head(metering_point_id: str, direction: str) -> str:
    """What an NDJSON line begins with."""
    return f'{{"meteringPointId":"{metering_point_id}","direction":"{direction}",'


def _head(metering_point_id: str, direction: str, written: Format) -> str:
    if written.kind is Kind.NDJSON:
        return json_head(metering_point_id, direction)
    cells = (metering_point_id, direction, "")
    return delimited.separator(written.dialect).join(delimited.cell(each, written.dialect) for each in cells)


@lru_cache
def _csv_form(dialect: Dialect, more: str = "") -> Form:
    between = delimited.separator(dialect)
    value = _HEAD + between.join(("{start}", "{end}", "%s", "{quality}"))
    return Form(
        value=value + more + delimited.LINE_END,
        sum=between.join((value, "{complete}", "{missing}")) + delimited.LINE_END,
        between="",
        null="",
        decimal_mark="," if dialect is Dialect.NORWEGIAN else ".",
    )
