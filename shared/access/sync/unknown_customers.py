"""Faults for supply periods of customers that are not in Severa: nobody can get access to them.

A customer in Severa that gives nobody access is no fault: most customers use no API. A customer that is not
in Severa may be a mistyped number, and would otherwise be missing without notice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from shared import foreign, periods
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync.faults import Fault, FaultKind
from shared.access.sync.supply_by_customer import SupplyPeriod

CUSTOMERS_SHOWN = 20
METERING_POINTS_SHOWN = 5
SEVERAL = "customer numbers "
"""The beginning of the one line for too many customers to have a line each."""

_REMEDY = "make the customer, or make it active, in Severa, or correct the supply periods"


def faults(register: SeveraRegister, supply_periods: Iterable[SupplyPeriod]) -> list[Fault]:
    """Return a fault for each customer number with supply periods that no active customer in Severa has.

    Supply that had ended when the register was read is no fault. With more than `CUSTOMERS_SHOWN` such
    numbers, Severa and the warehouse differ by more than a typing error: one fault counts them.
    """
    supplied = _metering_points(register, supply_periods, today=periods.day_of(register.read_at))
    if len(supplied) > CUSTOMERS_SHOWN:
        return [_of_many(supplied)]
    names = {each.number: foreign.one_line(each.name) for each in register.customers}
    return [
        _of_one(number, names.get(number, "not in Severa"), sorted(points))
        for number, points in sorted(supplied.items())
    ]


def _metering_points(
    register: SeveraRegister, supply_periods: Iterable[SupplyPeriod], *, today: date
) -> Mapping[int, set[str]]:
    active = {customer.number for customer in register.customers if customer.is_active}
    by_customer: defaultdict[int, set[str]] = defaultdict(set)
    for period in supply_periods:
        if period.customer_number not in active and (period.valid_to is None or period.valid_to > today):
            by_customer[period.customer_number].add(period.metering_point_id)
    return by_customer


def _of_one(number: int, name: str, points: Sequence[str]) -> Fault:
    shown = ", ".join(points[:METERING_POINTS_SHOWN])
    if len(points) == 1:
        supplied = f"metering point {shown}"
    elif len(points) <= METERING_POINTS_SHOWN:
        supplied = f"{len(points)} metering points, {shown}"
    else:
        supplied = f"{len(points)} metering points, {shown}, …"
    text = (
        f"no active customer {number} in Severa, so its supply periods give nobody access "
        f"({supplied}); {_REMEDY}"
    )
    return Fault(f"customer {number}, {name}", FaultKind.UNKNOWN_CUSTOMER, foreign.one_line(text))


def _of_many(supplied: Mapping[int, set[str]]) -> Fault:
    numbers = sorted(supplied)
    shown = ", ".join(str(number) for number in numbers[:CUSTOMERS_SHOWN])
    points = len(set().union(*supplied.values()))
    text = (
        f"no active customers in Severa, so the supply periods of these {len(numbers)} numbers "
        f"({points} metering points) give nobody access; {_REMEDY}"
    )
    return Fault(
        f"{SEVERAL}{shown} and {len(numbers) - CUSTOMERS_SHOWN} more", FaultKind.UNKNOWN_CUSTOMER, text
    )
