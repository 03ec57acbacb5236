"""Which customer has which metering point on which days, and where two customers have the same.

If two customers have a metering point on the same day, neither may read that day: one of them would see the
hours of the other, and it cannot be known here which one is right. The days around it are not affected.
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

    `shared` are those days of `points` that another customer has too. `invalid` are texts that should be
    metering point ids and are not.
    """

    points: Mapping[str, Points]
    shared: Mapping[str, Points]
    invalid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def from_severa(points: Mapping[str, Points], *, claims: Mapping[str, Points]) -> SupplyByCustomer:
    """Return what Severa says about each customer, by guid.

    `claims` are `points` and the metering points whose days cannot be read: neither this customer nor
    another may show them.
    """
    return SupplyByCustomer(points=points, shared=_shared(claims))


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
    return SupplyByCustomer(
        points=points,
        shared=_shared(points),
        invalid={customer: tuple(sorted(set(texts))) for customer, texts in invalid.items()},
    )


def _shared(points: Mapping[str, Points]) -> dict[str, dict[MeteringPointId, Spans]]:
    customers: defaultdict[MeteringPointId, list[str]] = defaultdict(list)
    for customer, found in points.items():
        for point in found:
            customers[point].append(customer)
    shared: defaultdict[str, dict[MeteringPointId, Spans]] = defaultdict(dict)
    for point, several in customers.items():
        if len(several) == 1:
            continue
        for customer in several:
            others = [span for other in several if other != customer for span in points[other][point]]
            if both := cut_spans(points[customer][point], others):
                shared[customer][point] = both
    return dict(shared)
