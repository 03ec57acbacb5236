"""Formats: the choice of one for a request, and a body written in it.

The parameter `format` decides; without it the header Accept does (RFC 9110, section 12.5.1).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.api.parameters import Parameters
from shared.api.problems import Refused
from shared.files.forms import rows
from shared.files.forms.delimited import Dialect
from shared.files.forms.rows import Style
from shared.files.forms.templates import Times


class Kind(StrEnum):
    """How a body is written, in the words of the parameter `format`."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        """The media type of the body."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Kind.JSON: "application/json",
    Kind.CSV: "text/csv",
    Kind.NDJSON: "application/x-ndjson",
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Format:
    """How a body is written; `dialect` applies to CSV only, `times` to series and changes in CSV."""

    kind: Kind
    dialect: Dialect = Dialect.STANDARD
    times: Times = Times.ISO

    @property
    def style(self) -> Style:
        """How rows of CSV are written."""
        return rows.style_of(self.dialect, self.times)


@dataclass(frozen=True)
class LeftOut:
    """What the first page leaves out; headers report it for formats that cannot.

    Attributes:
        not_found: named metering points that the caller may not read.
        stored_coarser: the first metering points with days that are stored coarser than requested.
        stored_coarser_count: how many such metering points there are.
        listed: how many metering points a header lists at most.
    """

    not_found: Sequence[str]
    stored_coarser: Sequence[str]
    stored_coarser_count: int
    listed: int


NOTHING_LEFT_OUT = LeftOut((), (), 0, 0)


@dataclass(frozen=True)
class Rendered:
    """The body of a response, and what its headers say about it.

    Attributes:
        rows: how many values, days or other items it holds; for the log.
        next_cursor: starts the next page; None on the last.
        cursor: where the next call of /changes continues; None for other resources.
        access_version: the name of what the caller may read; None if the response does not have it.
        left_out: what the headers report as left out.
    """

    body: bytes
    kind: Kind
    rows: int
    next_cursor: str | None = None
    cursor: str | None = None
    access_version: str | None = None
    left_out: LeftOut = NOTHING_LEFT_OUT


TIMES = (Times.ISO, Times.LOCAL)
"""The ways to write times in CSV for Excel."""

JSON = Format(Kind.JSON)
ONLY_JSON = (Kind.JSON,)
USUAL = (Kind.JSON, Kind.CSV, Kind.NDJSON)
OF_SERIES = (*USUAL, Kind.XLSX)


def read_with_times(parameters: Parameters, *, accept: str, available: Sequence[Kind] = USUAL) -> Format:
    """Read the format of a response with times; the parameter `time` decides how CSV for Excel writes them.

    Raises:
        Refused: as `read`.
    """
    written = read(parameters, accept=accept, available=available)
    times = parameters.choice("time", {str(each): each for each in TIMES})
    if written.dialect is not Dialect.NORWEGIAN:
        if times is not None:
            parameters.fault(
                "time",
                "only-with-csv",
                "'time' is only for csv=norwegian; all other formats have ISO 8601.",
                "Give format=csv and csv=norwegian as well, or leave 'time' out.",
            )
        return written
    return replace(written, times=times or Times.LOCAL)


def read(parameters: Parameters, *, accept: str, available: Sequence[Kind] = USUAL) -> Format:
    """Read the format from the parameters `format` and `csv` and the header Accept.

    Raises:
        Refused: 406 when `format` is not given and nothing that Accept names is available.
    """
    chosen = parameters.choice("format", {str(each): each for each in available})
    if chosen is None:
        chosen = Kind.JSON if parameters.is_given("format") else negotiate(accept, available=available)
    if Kind.CSV not in available:
        return Format(chosen)
    dialect = parameters.choice("csv", {str(each): each for each in Dialect})
    if dialect is not None and chosen is not Kind.CSV:
        parameters.fault(
            "csv",
            "only-with-csv",
            f"'csv' is only for CSV, but the answer is {chosen}.",
            "Give format=csv as well, or leave 'csv' out.",
        )
    return Format(chosen, dialect or Dialect.STANDARD)


def negotiate(accept: str, *, available: Sequence[Kind]) -> Kind:
    """Return the kind that Accept prefers; of equals, the one named most exactly, then the first available.

    Raises:
        Refused: 406 when none is acceptable; the detail lists what is available.
    """
    if not accept.strip():
        return available[0]
    ranges = list(_ranges(accept))
    weighed = [(_weight(kind.media_type, ranges), -place, kind) for place, kind in enumerate(available)]
    (weight, _), _, best = max(weighed)
    if weight == 0:
        known = ", ".join(f"{kind.media_type} (format={kind})" for kind in available)
        raise Refused("not-acceptable", f"Available formats: {known}.")
    return best


_WEIGHT = re.compile(r"q=(0(\.\d{0,3})?|1(\.0{0,3})?)")


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Yield the media ranges of an Accept header with their weights; an invalid weight counts as 1."""
    for each in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in each.split(";"))
        weights = [match[1] for part in parameters if (match := _WEIGHT.fullmatch(part))]
        yield media_range, float(weights[0]) if weights else 1.0


def _weight(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """Return the weight of a media type by its most exact range, and how exact that range is."""
    whole = media_type.partition("/")[0] + "/*"
    exactness = {"*/*": 1, whole: 2, media_type: 3}
    fitting = [(exactness[name], weight) for name, weight in ranges if name in exactness]
    exact, weight = max(fitting, default=(0, 0.0))
    return weight, exact
