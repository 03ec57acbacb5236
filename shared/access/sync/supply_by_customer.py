"""Which customer has which metering point on which days, and where two customers have the same.

If two customers have a metering point on the same day, neither may read that day: one of them would see the
hours of the other, and the sync cannot know which one is right. Other days are not affected.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from shared.access.grant import Span, Spans, cut_spans, join_spans
from shared.metering import InvalidMeteringPointId, MeteringPointId, parse_metering_point_id

Points = Mapping[MeteringPointId, Spans]


@dataclass(frozen=True, order=True)
class SupplyPeriod:
    """When a customer was supplied at a metering point: market days `[valid_from, valid_to)`."""

    customer_number: int
    metering_point_id: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class SupplyByCustomer:
    """The metering points of each customer, by its guid in Severa or its number in the warehouse.

    `shared` are the days of `points` that another customer has too. `holders` has the customers, with their
    days, of each metering point that several customers have. `invalid` are texts that should be metering
    point ids and are not.
    """

    points: Mapping[str, Points]
    shared: Mapping[str, Points]
    holders: Mapping[MeteringPointId, Mapping[str, Spans]]
    invalid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def from_severa(points: Mapping[str, Points], *, claims: Mapping[str, Points]) -> SupplyByCustomer:
    """Return what Severa says about each customer, by guid.

    `claims` are `points` and the metering points whose days cannot be read: no customer may show those.
    """
    holders = _holders(claims)
    return SupplyByCustomer(points=points, shared=_shared(holders), holders=holders)


def from_warehouse(periods: Iterable[SupplyPeriod]) -> SupplyByCustomer:
    """Return what supply periods of the warehouse say, by customer number."""
    found: defaultdict[str, defaultdict[MeteringPointId, list[Span]]] = defaultdict(lambda: defaultdict(list))
    invalid: defaultdict[str, list[str]] = defaultdict(list)
    for period in periods:
        customer = str(period.customer_number)
        try:
            point = parse_metering_point_id(period.metering_point_id)
        except InvalidMeteringPointId:
            invalid[customer].append(period.metering_point_id)
        else:
            found[customer][point].append(Span(period.valid_from, period.valid_to))
    points = {
        customer: {point: joined for point, days in points.items() if (joined := join_spans(days))}
        for customer, points in found.items()
    }
    holders = _holders(points)
    return SupplyByCustomer(
        points=points,
        shared=_shared(holders),
        holders=holders,
        invalid={customer: tuple(sorted(set(texts))) for customer, texts in invalid.items()},
    )


def _holders(points: Mapping[str, Points]) -> dict[MeteringPointId, dict[str, Spans]]:
    holders: defaultdict[MeteringPointId, dict[str, Spans]] = defaultdict(dict)
    for customer, found in points.items():
        for point, days in found.items():
            holders[point][customer] = days
    return {point: several for point, several in holders.items() if len(several) > 1}


def _shared(
    holders: Mapping[MeteringPointId, Mapping[str, Spans]],
) -> dict[str, dict[MeteringPointId, Spans]]:
    shared: defaultdict[str, dict[MeteringPointId, Spans]] = defaultdict(dict)
    for point, several in holders.items():
        of_several = _of_several(several.values())
        for customer, days in several.items():
            if both := cut_spans(days, of_several):
                shared[customer][point] = both
    return dict(shared)


def _of_several(days_of_each: Iterable[Spans]) -> Spans:
    """Return the days that at least two of the customers have; each is looked at once, however many."""
    of_any: Spans = ()
    of_several: list[Span] = []
    for days in days_of_each:
        of_several += cut_spans(days, of_any)
        of_any = join_spans((*of_any, *days))
    return join_spans(of_several)
