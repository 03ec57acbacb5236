"""Lines of NDJSON: an object for each packed day, or for each value.

Every line has its metering point and direction, so that lines of many files can be put into one table.
"""

from collections.abc import Iterable, Iterator

from shared.files.forms import packed, templates
from shared.files.forms.templates import ValueTemplate
from shared.series.assembly import Sum, Values

# A placeholder for what all values of a series begin with; it never occurs in a response.
_HEAD = "\0"

_ROW = (
    f'{_HEAD}"start":"{{start}}","end":"{{end}}","resolution":"{{resolution}}",'
    '"quantity":%s,"quality":"{quality}"'
)
_ROW_OF_SUM = f'{_ROW},"complete":{{complete}},"missing":{{missing}}'
_OBJECTS = ValueTemplate(value=f"{_ROW}}}}}", sum=f"{_ROW_OF_SUM}}}}}", between=",")
_LINES = ValueTemplate(value=f"{_ROW}}}}}\n", sum=f"{_ROW_OF_SUM}}}}}\n", between="")


def days(parts: Iterable[Values | Sum], *, metering_point_id: str, direction: str) -> Iterator[str]:
    """Yield the lines of a series' packed days."""
    start = head(metering_point_id, direction)
    for part in parts:
        yield f"{start}{packed.day(part)[1:]}\n"


def values(parts: Iterable[Values | Sum], *, metering_point_id: str, direction: str) -> Iterator[str]:
    """Yield the lines of a series' values, one text for each market day or sum."""
    return _written(parts, _LINES, head(metering_point_id, direction))


def objects(parts: Iterable[Values | Sum], *, metering_point_id: str, direction: str) -> Iterator[str]:
    """Yield a series' values as JSON objects with commas between, one text for each market day or sum."""
    return _written(parts, _OBJECTS, head(metering_point_id, direction))


def head(metering_point_id: str, direction: str) -> str:
    """Return the beginning of a line."""
    return f'{{"meteringPointId":"{metering_point_id}","direction":"{direction}",'


def _written(parts: Iterable[Values | Sum], template: ValueTemplate, start: str) -> Iterator[str]:
    for part in parts:
        yield templates.values(part, template).replace(_HEAD, start)
