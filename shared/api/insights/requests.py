"""Requests for totals, peaks and completeness: from query parameters to one typed value, or all faults."""

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared import foreign, periods
from shared.api import formats
from shared.api.formats import Format
from shared.api.parameters import Parameters, Seal, Seals
from shared.api.series import cursors
from shared.api.series import requests as series
from shared.api.series.requests import LEFT_OUT, Edge, Given
from shared.metering import Direction, MeteringPointId, Resolution
from shared.periods import ONE_DAY, Period
from shared.publishing.watermark import DataState
from shared.readable import Days
from shared.series import completeness
from shared.series.peaks import Of

DEFAULT_COUNT, MAX_COUNT = 3, 10
"""How many highest hours of a metering point in a month are returned."""

COMPLETENESS_RESOLUTIONS = (Resolution.P1D, Resolution.P1M)

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_PACKED = struct.Struct(">QIBqqI")
_DIRECTIONS = tuple(Direction)


@dataclass(frozen=True)
class Place:
    """Where a page starts, and what all pages have in common.

    Attributes:
        metering_point_id, direction, day: the key of the first entry; totals are by day alone.
        until: the end of the requested period; the first page fixes it when `to` is left out.
        as_of: the moment whose data is shown.
        due_end: for completeness, the first market day that was not due yet at the first page.
    """

    metering_point_id: str
    direction: Direction
    day: date
    until: datetime
    as_of: datetime
    due_end: date | None = None

    def as_text(self, seal: Seal) -> str:
        """Return the place as the text of a cursor."""
        return seal.seal(
            _PACKED.pack(
                int(self.metering_point_id or 0),
                self.day.toordinal(),
                _DIRECTIONS.index(self.direction),
                cursors.microseconds(self.until),
                cursors.microseconds(self.as_of),
                self.due_end.toordinal() if self.due_end else 0,
            )
        )


@dataclass(frozen=True)
class InsightRequest:
    """What all these requests have in common.

    Attributes:
        named: the named metering points, sorted; empty means all (of the customer, or all).
        period: requested instants, half-open.
        as_of: the moment whose data is shown.
        is_whole: whether there are no pages, since CSV and NDJSON have no place for a cursor.
        place: where the page starts; None on the first page.
        seal: of its cursors; covers every parameter except the page and the format.
    """

    named: tuple[MeteringPointId, ...]
    customer_number: int | None
    period: Period
    as_of: datetime
    limit: int
    is_whole: bool
    place: Place | None
    seal: Seal
    format: Format

    @property
    def days(self) -> Days:
        """The market days that the period touches, as far as the warehouse can hold them."""
        first = max(self.period.first_day, periods.FIRST_DAY)
        return first, max(first, min(self.period.end_day, periods.END_DAY))

    @property
    def months(self) -> int:
        """How many months these market days touch; at least one."""
        first, end = self.days
        last = max(first, end - ONE_DAY)
        return (last.year - first.year) * 12 + last.month - first.month + 1

    def following(self, *, day: date, metering_point_id: str = "", direction: Direction | None = None) -> str:
        """Return the cursor of a page that starts with this entry."""
        return self._place(metering_point_id, direction or Direction.CONSUMPTION, day).as_text(self.seal)

    def _place(self, metering_point_id: str, direction: Direction, day: date) -> Place:
        return Place(metering_point_id, direction, day, self.period.end, self.as_of)


@dataclass(frozen=True)
class TotalRequest(InsightRequest):
    """A request for totals; `limit` counts market days."""

    direction: Direction
    resolution: Resolution


@dataclass(frozen=True)
class PeaksRequest(InsightRequest):
    """A request for the highest hours; `limit` counts months of metering points."""

    direction: Direction
    count: int
    of: Of


@dataclass(frozen=True)
class CompletenessRequest(InsightRequest):
    """A request for completeness; `limit` counts days or months of series.

    Attributes:
        due_end: the first market day that is not due yet; the same on all pages.
    """

    resolution: Resolution
    due_end: date

    def _place(self, metering_point_id: str, direction: Direction, day: date) -> Place:
        return replace(super()._place(metering_point_id, direction, day), due_end=self.due_end)


def total(
    *, direction: Direction, given: Given, state: DataState, seals: Seals, accept: str = ""
) -> TotalRequest:
    """Read a request for totals.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    resolution = parameters.choice("resolution", {str(each): each for each in Resolution}) or Resolution.P1D
    start, end = series.edges(parameters)
    if not resolution.is_stored:
        _check_days(parameters, start=start, end=end)
    common = _common(
        parameters,
        question=("total", direction, resolution),
        edges=(start, end),
        until=None,
        as_of=series.as_of_moment(parameters, state=state),
        state=state,
        seals=seals,
        accept=accept,
    )
    return TotalRequest(**vars(common), direction=direction, resolution=resolution)


def peaks(
    *, direction: Direction, given: Given, state: DataState, seals: Seals, accept: str = ""
) -> PeaksRequest:
    """Read a request for the highest hours.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    count = parameters.whole_number("count", default=DEFAULT_COUNT, low=1, high=MAX_COUNT)
    of = parameters.choice("of", {str(each): each for each in Of}) or Of.DAYS
    start, end = _month(parameters) if parameters.is_given("month") else series.edges(parameters)
    _check_days(parameters, start=start, end=end)
    common = _common(
        parameters,
        question=("peaks", direction, count, of),
        edges=(start, end),
        until=None,
        as_of=series.as_of_moment(parameters, state=state),
        state=state,
        seals=seals,
        accept=accept,
    )
    return PeaksRequest(**vars(common), direction=direction, count=count, of=of)


def complete(*, given: Given, state: DataState, seals: Seals, accept: str = "") -> CompletenessRequest:
    """Read a request for completeness.

    What is due depends on the moment that `asOf` names, or else on the time of the request.

    Raises:
        InvalidRequest: the parameters have faults; all are named.
        Refused: 406 when no format that `accept` names is available.
    """
    parameters = Parameters(given)
    among = {str(each): each for each in COMPLETENESS_RESOLUTIONS}
    resolution = parameters.choice("resolution", among) or Resolution.P1D
    start, end = series.edges(parameters)
    _check_days(parameters, start=start, end=end)
    as_of = series.as_of_moment(parameters, state=state)
    due_end = completeness.due_end(as_of or state.now)
    common = _common(
        parameters,
        question=("completeness", resolution),
        edges=(start, end),
        until=due_end,
        as_of=as_of,
        state=state,
        seals=seals,
        accept=accept,
    )
    if common.place and common.place.due_end:
        due_end = common.place.due_end
    return CompletenessRequest(**vars(common), resolution=resolution, due_end=due_end)


def _common(
    parameters: Parameters,
    *,
    question: tuple[object, ...],
    edges: tuple[Edge, Edge],
    until: date | None,
    as_of: datetime | None,
    state: DataState,
    seals: Seals,
    accept: str,
) -> InsightRequest:
    """Read what all requests have, and raise if there is any fault.

    Args:
        until: a period without an end extends at least to this day; None for the end of what is available.
        as_of: what `asOf` names.
    """
    start, end = edges
    named = series.named_metering_points(parameters)
    customer_number = parameters.customer_number("customerNumber")
    written = formats.read_with_times(parameters, accept=accept)
    limit, is_whole = series.read_limit(parameters, written)
    seal = seals.of(*question, named, customer_number, start, end, as_of)
    place = parameters.cursor("cursor", lambda text: _parse(text, seal))
    series.compare(parameters, start=start, end=end)
    parameters.done()
    # A cursor's moment was already announced when it was sealed, even if this instance does not know it yet.
    shown = place.as_of if place else series.shown_moment(as_of, state=state)
    period = series.asked_period(start=start, end=place.until if place else end, state=state, shown=shown)
    if until is not None and end == LEFT_OUT and place is None:
        period = Period(period.start, max(period.end, periods.start_of(until)))
    return InsightRequest(
        named=named,
        customer_number=customer_number,
        period=period,
        as_of=shown,
        limit=limit,
        is_whole=is_whole,
        place=place,
        seal=seal,
        format=written,
    )


def _parse(text: str, seal: Seal) -> Place:
    """Return the place that a cursor names.

    Raises:
        NotSealed: the API did not make it, or it continues another request.
    """
    metering_point_id, day, direction, until, as_of, due_end = _PACKED.unpack(seal.open(text))
    return Place(
        metering_point_id=f"{metering_point_id:018d}",
        direction=_DIRECTIONS[direction],
        day=date.fromordinal(day),
        until=cursors.moment(until),
        as_of=cursors.moment(as_of),
        due_end=date.fromordinal(due_end) if due_end else None,
    )


def _month(parameters: Parameters) -> tuple[Edge, Edge]:
    """Return start and end of the month; a faulty one counts as left out."""
    _refuse_beside_month(parameters, among=("date", "from", "to"))
    text = parameters.text("month") or ""
    try:
        first = periods.parse_calendar_day(f"{text}-01") if _MONTH.fullmatch(text) else None
    except periods.InvalidMoment:
        first = None
    if first is None:
        parameters.fault(
            "month",
            "not-a-month",
            f"'{foreign.shown(text)}' is not a month.",
            "Write a month as 2026-11.",
        )
        return LEFT_OUT, LEFT_OUT
    end = (first + timedelta(days=31)).replace(day=1)
    return periods.start_of(first), periods.start_of(end)


def _refuse_beside_month(parameters: Parameters, *, among: Collection[str]) -> None:
    for name in among:
        parameters.text(name)
        if parameters.is_given(name):
            parameters.fault(
                "month",
                "date-and-range",
                f"'month' is given together with '{name}'.",
                "Use only one of them.",
            )


def _check_days(parameters: Parameters, *, start: Edge, end: Edge) -> None:
    """Note a fault for an edge within a market day: the request counts whole days."""
    for name, edge in (("from", start), ("to", end)):
        if isinstance(edge, datetime) and edge != periods.start_of(periods.day_of(edge)):
            day = periods.day_of(edge) + (ONE_DAY if name == "to" else timedelta())
            parameters.fault(
                name,
                "not-a-market-day",
                f"'{name}' ({periods.local_text(edge)}) is within a market day; give whole days.",
                f"Write a market day, such as {day}.",
            )
