"""Requests for series: from route and query parameters to one typed value, or all faults together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared import periods
from shared.api import formats
from shared.api.formats import Format, Kind
from shared.api.parameters import Parameters, Seal, Seals
from shared.api.series import cursors
from shared.api.series.cursors import Cursor
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import Period
from shared.publishing.watermark import DataState

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000
MAX_NAMED = 50
"""The most metering points that one request may name: `Link` repeats them, and some proxies accept only 4 kB
of headers."""

Given = Mapping[str, Sequence[str]]
"""Query parameters by name, each with all its values."""


class Layout(StrEnum):
    """How the values of a series are laid out in the response."""

    VALUES = "values"
    ROWS = "rows"
    DAYS = "days"
    WIDE = "wide"


_PLACES: Mapping[Layout, Sequence[Kind]] = {
    Layout.DAYS: (Kind.JSON, Kind.NDJSON),
    Layout.WIDE: (Kind.CSV, Kind.XLSX),
}
"""The formats of each layout; layouts that are not listed are in every format."""


@dataclass(frozen=True)
class SeriesRequest:
    """A valid request for the series of one or of many metering points.

    Attributes:
        named: the named metering points, sorted; empty means all (of the customer, or all).
        period: requested instants, half-open.
        resolution: None means as stored.
        as_of: the moment whose data is shown.
        is_one: the metering point is in the path.
        limit: market days on a page.
        is_whole: whether there are no pages, since only JSON has a place for a cursor.
        cursor: where the page starts; None on the first page.
        seal: of its cursors; covers every parameter except the page and the format.
    """

    direction: Direction
    is_one: bool
    named: tuple[MeteringPointId, ...]
    customer_number: int | None
    period: Period
    resolution: Resolution | None
    layout: Layout
    as_of: datetime
    limit: int
    is_whole: bool
    cursor: Cursor | None
    seal: Seal
    format: Format = formats.JSON


def of_one(
    *,
    metering_point_id: str,
    direction: Direction,
    given: Given,
    state: DataState,
    seals: Seals,
    accept: str = "",
) -> SeriesRequest:
    """Read a request for the series of the metering point in the path.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    one = parameters.metering_point_id("meteringPointId", metering_point_id)
    named = (one,) if one else ()
    return _series(
        parameters,
        direction=direction,
        state=state,
        seals=seals,
        is_one=True,
        named=named,
        customer_number=None,
        accept=accept,
    )


def of_many(
    *, direction: Direction, given: Given, state: DataState, seals: Seals, accept: str = ""
) -> SeriesRequest:
    """Read a request for the series of the named metering points, of a customer's, or of all.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    return _series(
        parameters,
        direction=direction,
        state=state,
        seals=seals,
        is_one=False,
        named=named_metering_points(parameters),
        customer_number=parameters.customer_number("customerNumber"),
        accept=accept,
    )


def _series(
    parameters: Parameters,
    *,
    direction: Direction,
    state: DataState,
    seals: Seals,
    is_one: bool,
    named: tuple[MeteringPointId, ...],
    customer_number: int | None,
    accept: str,
) -> SeriesRequest:
    resolution = parameters.choice("resolution", {str(each): each for each in Resolution})
    layout = parameters.choice("layout", {str(each): each for each in Layout}) or Layout.VALUES
    written = _format(parameters, layout=layout, accept=accept)
    limit, is_whole = read_limit(parameters, written)
    as_of = as_of_moment(parameters, state=state)
    start, end = edges(parameters)
    seal = seals.of(direction, named, customer_number, start, end, resolution, layout, as_of)
    cursor = parameters.cursor("cursor", lambda text: cursors.parse(text, seal))
    compare(parameters, start=start, end=end)
    parameters.done()
    # A cursor's moment was already announced when it was sealed, even if this instance does not know it yet.
    shown = cursor.as_of if cursor else shown_moment(as_of, state=state)
    period = asked_period(start=start, end=cursor.until if cursor else end, state=state, shown=shown)
    return SeriesRequest(
        direction=direction,
        is_one=is_one,
        named=named,
        customer_number=customer_number,
        period=period,
        resolution=resolution,
        layout=layout,
        as_of=shown,
        limit=limit,
        is_whole=is_whole,
        cursor=cursor,
        seal=seal,
        format=written,
    )


def named_metering_points(parameters: Parameters) -> tuple[MeteringPointId, ...]:
    """Return the named metering points, sorted; at most `MAX_NAMED` may be named."""
    named = parameters.metering_point_ids("meteringPointId")
    count = parameters.count("meteringPointId")
    if count > MAX_NAMED:
        parameters.fault(
            "meteringPointId",
            "too-many",
            f"{count} metering points are named.",
            f"Name at most {MAX_NAMED} and make several calls, use 'customerNumber', "
            "or leave them out to get all that you may read.",
        )
    return named


def shown_moment(as_of: datetime | None, *, state: DataState) -> datetime:
    """Return the moment whose data is shown: `as_of`, but at most that of the latest announced publication.

    A publication that is not announced yet may still grow. Without `as_of` the latest announced publication
    is shown, even if its clock was ahead. Before the first publication the moment is fixed, since a moment
    by the clock would change the ETag of each request.
    """
    latest = state.published_at or periods.start_of(periods.FIRST_DAY)
    return min(as_of or latest, latest)


def read_limit(parameters: Parameters, written: Format) -> tuple[int, bool]:
    """Return the page size, and whether the answer is whole: it is without `limit` in formats but JSON."""
    is_whole = written.kind is not Kind.JSON and not parameters.is_given("limit")
    default = MAX_LIMIT if is_whole else DEFAULT_LIMIT
    return parameters.whole_number("limit", default=default, low=1, high=MAX_LIMIT), is_whole


def _format(parameters: Parameters, *, layout: Layout, accept: str) -> Format:
    """Read the format, and note a fault if it cannot have the layout."""
    written = formats.read_with_times(parameters, accept=accept, available=formats.OF_SERIES)
    places = _PLACES.get(layout, formats.OF_SERIES)
    if written.kind not in places:
        ways = " or ".join(f"format={each}" for each in places)
        parameters.fault(
            "layout",
            "not-in-format",
            f"layout={layout} is not possible in the format {written.kind}.",
            f"Leave 'layout' out, or ask for {ways}.",
        )
    return written


Edge = datetime | Literal["left-out"]
LEFT_OUT: Edge = "left-out"


def edges(parameters: Parameters) -> tuple[Edge, Edge]:
    """Return start and end by `date` or by `from` and `to`; faulty ones count as left out."""
    day = parameters.day("date")
    start, end = parameters.moment("from"), parameters.moment("to")
    given = [name for name in ("from", "to") if parameters.is_given(name)]
    if parameters.is_given("date"):
        if given:
            parameters.fault(
                "date",
                "date-and-range",
                f"'date' is given together with '{given[0]}'.",
                "Use only one of them.",
            )
        whole = periods.market_day(day) if day else None
        return (whole.start, whole.end) if whole else (LEFT_OUT, LEFT_OUT)
    if "from" not in given:
        parameters.fault(
            "from", "required", "'from' is missing.", "Give from=2026-03-29 (and to=…), or date=2026-03-29."
        )
    return start or LEFT_OUT, end or LEFT_OUT


def compare(parameters: Parameters, *, start: Edge, end: Edge) -> None:
    if isinstance(start, datetime) and isinstance(end, datetime) and end <= start:
        parameters.fault(
            "to",
            "to-not-after-from",
            f"'to' ({periods.local_text(end)}) is not after 'from' ({periods.local_text(start)}).",
            "'to' is exclusive: for one market day use date=…, or the next day as 'to'.",
        )


def asked_period(*, start: Edge, end: Edge, state: DataState, shown: datetime) -> Period:
    """Return the requested period.

    An end that is left out is the end of what was available at the moment shown, or the
    start when that is later.
    """
    first = start if isinstance(start, datetime) else state.now
    if isinstance(end, datetime):
        return Period(first, end)
    return Period(first, max(state.available_at(shown) or first, first))


def as_of_moment(parameters: Parameters, *, state: DataState) -> datetime | None:
    as_of = parameters.moment("asOf")
    if as_of is not None and as_of > state.latest_moment:
        parameters.fault(
            "asOf", "in-the-future", "'asOf' lies in the future.", "Leave it out for the newest data."
        )
    return as_of
