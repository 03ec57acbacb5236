"""Drivers multiplied by prices: the lines of a month's bill, without any input or output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from operations.cost import drivers
from operations.cost.drivers import SCENARIOS, Assumption, Assumptions, Load, Scenario, Use
from operations.cost.environments import Environment
from operations.cost.prices import HOURS_A_MONTH, PriceList

SECONDS_A_MONTH = HOURS_A_MONTH * 3600
FABRIC_SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class Gateway:
    """What a unit of a tier carries, according to Microsoft: requests a month, and a rough rate a second."""

    price: str
    calls_a_month: float
    calls_a_second: float


GATEWAYS = {
    "BasicV2": Gateway("gateway-basic-v2", 10e6, 1000),
    "StandardV2": Gateway("gateway-standard-v2", 50e6, 2500),
    "PremiumV2": Gateway("gateway-premium-v2", float("inf"), 4000),
}
BLOB_PRICES = {"Standard_LRS": "blob-stored-lrs", "Standard_ZRS": "blob-stored-zrs"}


class TooLarge(Exception):
    """No capacity carries the load."""


@dataclass(frozen=True)
class Line:
    """One priced driver of one part, in USD a month.

    Attributes:
        price: the id in `infra/prices.json`.
        quantity: including what is free.
    """

    part: str
    driver: str
    price: str
    quantity: float
    cost: float


@dataclass(frozen=True)
class Bill:
    """The lines of a scenario."""

    scenario: Scenario
    load: Load
    lines: Sequence[Line]
    gateway_units: int
    fabric_size: int
    fabric_share: float

    @property
    def with_fabric(self) -> float:
        """Everything, with the whole capacity."""
        return sum(line.cost for line in self.lines)

    @property
    def without_fabric(self) -> float:
        """Everything but the capacity."""
        return sum(line.cost for line in self.lines if line.part != "Fabric capacity")

    def parts(self) -> Mapping[str, float]:
        """Return the cost of each part, in order."""
        by_part: dict[str, float] = {}
        for line in self.lines:
            by_part[line.part] = by_part.get(line.part, 0.0) + line.cost
        return by_part


@dataclass(frozen=True)
class Estimate:
    """A low, a likely and a high bill of one use."""

    use: Use
    environment: Environment
    bills: Mapping[Scenario, Bill]


@dataclass(frozen=True)
class Marginal:
    """What a little more costs, without the next capacity or gateway unit."""

    thousand_calls: float
    point_a_year: float
    customer_a_month: float


def estimate(use: Use, environment: Environment, prices: PriceList, assumptions: Assumptions) -> Estimate:
    """Return the bills of a use.

    Raises:
        TooLarge: no Fabric capacity carries it.
        UnknownPrice: a price is missing.
    """
    bills = {name: _bill(use, environment, prices, assumptions, name) for name in SCENARIOS}
    return Estimate(use, environment, bills)


def marginal(
    use: Use, environment: Environment, prices: PriceList, assumptions: Assumptions, *, scenario: Scenario
) -> Marginal:
    """Return the extra cost of a thousand calls, of a metering point in a year, and of one average customer.

    A metering point's cost is its share of the whole bill without Fabric; the others are differences.
    """
    bill = _bill(use, environment, prices, assumptions, scenario)
    calls = round(bill.load.calls)
    stated = _bill(replace(use, calls=calls), environment, prices, assumptions, scenario)
    more_calls = _bill(replace(use, calls=calls + 1000), environment, prices, assumptions, scenario)
    customers = max(use.customers, 1)
    larger = replace(use, customers=customers + 1, points=use.points + use.points // customers)
    more = _bill(larger, environment, prices, assumptions, scenario)
    return Marginal(
        thousand_calls=more_calls.without_fabric - stated.without_fabric,
        point_a_year=bill.without_fabric * 12 / max(use.points, 1),
        customer_a_month=more.without_fabric - bill.without_fabric,
    )


def smallest_capacity(cu_seconds: float, *, usable: float) -> int:
    """Return the CU of the smallest capacity that carries CU-seconds a month.

    Raises:
        TooLarge: no capacity does.
    """
    for size in FABRIC_SIZES:
        if cu_seconds <= size * SECONDS_A_MONTH * usable:
            return size
    raise TooLarge(f"No Fabric capacity carries {cu_seconds:.3g} CU-seconds a month.")


def units_needed(gateway: Gateway, load: Load, *, at_least: int) -> int:
    """Return how many units carry the calls of a month and those of the busiest second."""
    for_month = ceil(load.calls / gateway.calls_a_month)
    for_second = ceil(load.peak_calls_a_second / gateway.calls_a_second)
    return max(at_least, for_month, for_second)


def _bill(
    use: Use, environment: Environment, prices: PriceList, assumptions: Assumptions, scenario: Scenario
) -> Bill:
    load = drivers.load(use, environment, assumptions, scenario=scenario)
    if use.log_gb is None:
        load = replace(load, log_gb=min(load.log_gb, environment.log_cap_gb_a_day * drivers.DAYS_A_MONTH))
    gateway = GATEWAYS[environment.gateway_sku]
    units = units_needed(gateway, load, at_least=environment.gateway_units)
    size = (
        int(use.fabric[1:])
        if use.fabric
        else smallest_capacity(load.cu_seconds, usable=assumptions.usable_capacity.at(scenario))
    )
    lines = [
        _line(prices, assumptions.region_factor, scenario, part, driver, price, quantity)
        for part, driver, price, quantity in (
            ("API Management", f"{units} × {environment.gateway_sku}", gateway.price, units * HOURS_A_MONTH),
            *_functions(environment, load),
            *_storage(environment, load),
            *_logs(environment, load),
            *_network(environment, use, load),
            (
                "Fabric storage",
                "stored values, 8 B each with versions",
                "onelake",
                load.stored_values * 8 / 1e9,
            ),
            ("Fabric capacity", f"F{size}", "fabric-cu", size * HOURS_A_MONTH),
        )
    ]
    share = load.cu_seconds / (size * SECONDS_A_MONTH)
    return Bill(scenario, load, lines, units, size, share)


Driven = tuple[str, str, str, float]
"""A part, its driver, the id of the price, and the quantity in a month."""


def _functions(environment: Environment, load: Load) -> list[Driven]:
    warm = environment.always_ready * environment.instance_gb * SECONDS_A_MONTH
    return [
        ("Functions", "GB-seconds while answering", "flex-on-demand", load.active_gb_seconds),
        ("Functions", "executions", "flex-executions", load.executions),
        ("Functions", f"{environment.always_ready} warm instances", "flex-always-ready", warm),
    ]


def _storage(environment: Environment, load: Load) -> list[Driven]:
    blobs = BLOB_PRICES[environment.storage_sku]
    return [
        ("Storage and vault", "GB of files, kept 90 days", blobs, load.stored_file_gb),
        ("Storage and vault", "files written", "blob-writes", load.file_writes * 10),
        ("Storage and vault", "GB of access, audit and state", "table-stored", 1.0),
        ("Storage and vault", "operations on tables", "table-operations", load.table_operations),
        ("Storage and vault", "operations on queues", "queue-operations", load.queue_operations),
        ("Storage and vault", "operations on the vault", "vault-operations", 10_000.0),
    ]


def _logs(environment: Environment, load: Load) -> list[Driven]:
    often = sum(1 for minutes in environment.alerts if minutes < 15)
    months_kept = max(0.0, environment.log_days - 31) / drivers.DAYS_A_MONTH
    return [
        ("Logs and alerts", "GB of logs", "logs", load.log_gb),
        ("Logs and alerts", f"GB kept to day {environment.log_days}", "logs-kept", load.log_gb * months_kept),
        ("Logs and alerts", "rules every 5 minutes", "alert-5-minutes", float(often)),
        ("Logs and alerts", "rules less often", "alert-15-minutes", float(len(environment.alerts) - often)),
    ]


def _network(environment: Environment, use: Use, load: Load) -> list[Driven]:
    driven: list[Driven] = [("Network", "GB sent to customers", "egress", load.answer_gb)]
    if environment.private_endpoints:
        endpoints = environment.private_endpoints
        driven += [
            ("Network", "private endpoints", "private-endpoint", len(endpoints) * HOURS_A_MONTH),
            ("Network", "private DNS zones", "private-dns-zone", float(len(set(endpoints)))),
            ("Network", "NAT gateway", "nat-gateway", HOURS_A_MONTH),
            ("Network", "fixed address", "public-address", HOURS_A_MONTH),
        ]
    if use.hosted_sftp:
        driven.append(("Network", "hosted SFTP server", "hosted-sftp", HOURS_A_MONTH))
    return driven


def _line(
    prices: PriceList,
    region_factor: Assumption,
    scenario: Scenario,
    part: str,
    driver: str,
    price: str,
    quantity: float,
) -> Line:
    unit = prices[price]
    elsewhere = unit.read_in not in (prices.region, "Global")
    factor = region_factor.at(scenario) if elsewhere else 1.0
    return Line(part, driver, price, quantity, unit.of(quantity) * factor)
