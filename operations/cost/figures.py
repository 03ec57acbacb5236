"""An estimate as a table, as CSV, as JSON, and with all that it assumes."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import NamedTuple

from operations.cost import drivers, prices
from operations.cost.drivers import SCENARIOS, Assumptions
from operations.cost.model import Estimate, Marginal
from operations.cost.prices import Currency, Price, PriceList

_COLUMNS = ("part", "driver", "quantity", "unit price", "low", "likely", "high", "note")


class Row(NamedTuple):
    """A row by `_COLUMNS`: what a line costs, or a sum, which has no quantity."""

    part: str
    driver: str
    quantity: float | None
    unit_price: str
    low: float
    likely: float
    high: float
    note: str


@dataclass(frozen=True)
class About:
    """What an estimate was made with."""

    prices: PriceList
    currency: Currency
    assumptions: Assumptions
    today: date


def rows(estimate: Estimate, about: About) -> list[Row]:
    """Return a row for each line, then the sums; amounts in the currency."""
    bills = [estimate.bills[name] for name in SCENARIOS]
    rate = about.currency.per_usd
    found = []
    for index, line in enumerate(estimate.bills["likely"].lines):
        price = about.prices[line.price]
        low, likely, high = (bill.lines[index].cost * rate for bill in bills)
        unit_price = f"{price.usd:g} USD / {price.unit}"
        note = _note(price, about)
        found.append(Row(line.part, line.driver, line.quantity, unit_price, low, likely, high, note))
    for title, sums in (
        ("Sum without Fabric capacity", [bill.without_fabric for bill in bills]),
        ("Sum with Fabric capacity", [bill.with_fabric for bill in bills]),
    ):
        low, likely, high = (each * rate for each in sums)
        found.append(Row(title, "", None, "", low, likely, high, ""))
    return found


def as_table(estimate: Estimate, marginal: Marginal, about: About) -> str:
    """Return the estimate for a terminal."""
    use, code = estimate.use, about.currency.code
    table = [_COLUMNS, *map(_shown, rows(estimate, about))]
    widths = [max(len(row[index]) for row in table) for index in range(len(_COLUMNS))]
    right = {2, 4, 5, 6}
    lines = [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(
        [
            f"{estimate.environment.name}, {about.prices.region}: {use.points} metering points, "
            f"{use.customers} customers, {use.resolution}; {code} a month, list prices without tax",
            "",
            *lines,
            "",
            *sentences(estimate, marginal, about),
        ]
    )


def sentences(estimate: Estimate, marginal: Marginal, about: About) -> Iterator[str]:
    """Yield the sentences below the table."""
    likely, high = estimate.bills["likely"], estimate.bills["high"]
    rate, code = about.currency.per_usd, about.currency.code
    yield (
        f"Likely: 1 000 calls more {marginal.thousand_calls * rate:.3f} {code}; a metering point a year "
        f"{marginal.point_a_year * rate:.2f} {code}; one customer more "
        f"{marginal.customer_a_month * rate:.2f} {code} a month (all without the Fabric capacity)."
    )
    yield (
        f"Fabric: the likely load uses {likely.fabric_share:.0%} of an F{likely.fabric_size}, "
        f"the high one {high.fabric_share:.0%} of an F{high.fabric_size}. "
        "Its CU-seconds are estimates until the Capacity Metrics app has shown them (--assume)."
    )
    if code != "USD":
        yield f"1 USD = {rate:g} {code} ({about.currency.source})."
    if old := old_prices(estimate, about):
        yield f"{old}: python3 dev.py prices --refresh."


def old_prices(estimate: Estimate, about: About) -> str | None:
    """Return how many of the prices that the estimate uses are old; None if none is."""
    names = {line.price for line in estimate.bills["likely"].lines}
    old = sum(about.prices[name].is_old(about.today) for name in names)
    return f"{old} prices are older than {prices.OLD.days} days" if old else None


def explained(about: About) -> str:
    """Return every assumption with its range and reason, the measured results, and every price's source."""
    kept = drivers.kept()
    lines = ["Assumptions (low / likely / high); --assume NAME=VALUE sets one:"]
    for name, each in about.assumptions.items():
        kind = "measured" if each.measured else "estimate"
        three = f"{each.low:.3g} / {each.likely:.3g} / {each.high:.3g} {each.unit}"
        lines.append(f"  {name} ({kind}): {three}: {each.because}")
    lines += [
        "",
        f"Measured by bench on {kept.date} ({kept.machine}), bench/kept.json:",
        *(f"  series {name}: {value:g}" for name, value in kept.series.items()),
        *(f"  publish {name}: {value:g}" for name, value in kept.publish.items()),
        "",
        "Prices:",
    ]
    for price in about.prices.prices.values():
        note = _note(price, about)
        lines.append(
            f"  {price.id}: {price.usd:g} USD / {price.unit}, {price.free:g} free, read for {price.read_in} "
            f"on {price.read_on}: {price.source}" + (f" [{note}]" if note else "")
        )
    return "\n".join(lines)


def _note(price: Price, about: About) -> str:
    return ", ".join(price.marks(region=about.prices.region, today=about.today))


def as_csv(estimates: Sequence[Estimate], about: About) -> str:
    """Return a row for each line of each estimate, with numbers that a program reads as such."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(("points", "customers", "currency", *_COLUMNS))
    for each in estimates:
        for row in rows(each, about):
            out.writerow((each.use.points, each.use.customers, about.currency.code, *_plain(row)))
    return text.getvalue()


def _shown(row: Row) -> tuple[str, ...]:
    count = "" if row.quantity is None else quantity(row.quantity)
    costs = (amount(row.low), amount(row.likely), amount(row.high))
    return (row.part, row.driver, count, row.unit_price, *costs, row.note)


def _plain(row: Row) -> Row:
    count = None if row.quantity is None else round(row.quantity, 3)
    return row._replace(
        quantity=count, low=round(row.low, 2), likely=round(row.likely, 2), high=round(row.high, 2)
    )


def as_json(estimates: Sequence[Estimate], about: About) -> str:
    """Return the estimates with names after FinOps FOCUS; `ListCost` is in USD, `BilledCost` converted."""
    return json.dumps(
        {
            "BillingCurrency": about.currency.code,
            "RegionId": about.prices.region,
            "Estimates": [_estimate(each, about) for each in estimates],
        },
        indent=2,
    )


def _estimate(estimate: Estimate, about: About) -> dict[str, object]:
    return {
        "Use": asdict(estimate.use),
        "Environment": estimate.environment.name,
        "Scenarios": {
            name: {
                "WithFabric": round(bill.with_fabric * about.currency.per_usd, 2),
                "WithoutFabric": round(bill.without_fabric * about.currency.per_usd, 2),
                "FabricSize": f"F{bill.fabric_size}",
                "GatewayUnits": bill.gateway_units,
                "Lines": [
                    {
                        "ServiceName": line.part,
                        "SkuMeter": about.prices[line.price].meter,
                        "PricingUnit": about.prices[line.price].unit,
                        "ListUnitPrice": about.prices[line.price].usd,
                        "PricingQuantity": round(line.quantity, 3),
                        "ListCost": round(line.cost, 4),
                        "BilledCost": round(line.cost * about.currency.per_usd, 4),
                        "Note": _note(about.prices[line.price], about),
                    }
                    for line in bill.lines
                ],
            }
            for name, bill in estimate.bills.items()
        },
    }


def amount(value: float) -> str:
    """Return an amount: cents below ten, whole units from there."""
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}".replace(",", " ")


def quantity(value: float) -> str:
    """Return a quantity with three digits or so."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}".replace(",", " ")
