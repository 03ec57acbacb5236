"""Which customer has which metering point on which days, and where two say that they have the same.

A day that two customers have at one metering point is nobody's: to let both read it would show one of
them the hours of the other, and which of them is right cannot be known here. The days around it are
not affected.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from shared.access import spans
from shared.access.spans import Span, Spans
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
class Holdings:
    """The metering points of each holder: a customer's guid in Severa, or its number in the warehouse.

    `shared` are those days of `points` that another holder has too. `invalid` are metering point ids
    that are none.
    """

    points: Mapping[str, Points]
    shared: Mapping[str, Points]
    invalid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def of_customers(points: Mapping[str, Points], *, claims: Mapping[str, Points]) -> Holdings:
    """Holdings from what Severa says of each customer, by guid.

    `claims` are `points` and what a customer has on days that cannot be read: not the customer's to
    show, and nobody else's either.
    """
    return Holdings(points=points, shared=_shared(claims))


def of_supply(periods: Iterable[SupplyPeriod]) -> Holdings:
    """Holdings from supply periods, by customer number."""
    held: defaultdict[str, defaultdict[MeteringPointId, list[Span]]] = defaultdict(lambda: defaultdict(list))
    invalid: defaultdict[str, list[str]] = defaultdict(list)
    for period in periods:
        holder = str(period.customer_number)
        try:
            point = parse_metering_point_id(period.metering_point_id)
        except InvalidMeteringPointId:
            invalid[holder].append(period.metering_point_id)
        else:
            held[holder][point].append(Span(period.valid_from, period.valid_to))
    points = {
        holder: {point: joined for point, held_in in points.items() if (joined := spans.join(held_in))}
        for holder, points in held.items()
    }
    return Holdings(
        points=points,
        shared=_shared(points),
        invalid={holder: tuple(sorted(set(texts))) for holder, texts in invalid.items()},
    )


def _shared(points: Mapping[str, Points]) -> dict[str, dict[MeteringPointId, Spans]]:
    holders: defaultdict[MeteringPointId, list[str]] = defaultdict(list)
    for holder, held in points.items():
        for point in held:
            holders[point].append(holder)
    shared: defaultdict[str, dict[MeteringPointId, Spans]] = defaultdict(dict)
    for point, several in holders.items():
        if len(several) == 1:
            continue
        for holder in several:
            others = [span for other in several if other != holder for span in points[other][point]]
            if both := spans.cut(points[holder][point], others):
                shared[holder][point] = both
    return dict(shared)
