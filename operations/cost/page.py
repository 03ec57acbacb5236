"""The figures of `docs/cost.md` and the decision paper: `python -m operations.cost.page` writes both."""

import re
import sys
from collections.abc import Mapping
from dataclasses import replace

from local import places
from operations.cost import command, environments, figures, model, prices
from operations.cost.drivers import SCENARIOS, Assumptions, Scenario, Use
from operations.cost.environments import Environment
from operations.cost.model import Bill, Estimate
from operations.cost.prices import HOURS_A_MONTH, PriceList

PAGE = places.ROOT / "docs" / "cost.md"
PAPER = places.ROOT / "docs" / "decisions" / "discovery.md"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_RESERVED = 0.5949
"""The share of the price that is paid when a capacity is reserved for a year."""
SIZES = (
    ("Proof of concept: 500 points, 1 customer", "dev", Use(points=500, customers=1, feeds=0, webhooks=0)),
    ("20 000 points, 50 customers", "prod", Use()),
    ("100 000 points, 300 customers", "prod", Use(points=100_000, customers=300, feeds=100, webhooks=50)),
)


def written(text: str) -> str:
    """Return a page with its figures calculated again."""
    blocks = {
        "opening": opening,
        "sums": sums,
        "sizes": sizes,
        "parts": parts,
        "levers": levers,
        "avoided": avoided,
        "assumptions": assumptions,
    }
    return _BLOCK.sub(lambda found: found[1] + blocks[found[2]]() + found[4], text)


def opening() -> str:
    """Return the sentences with the main figures."""
    bills = _estimate(Use(), environments.read("prod")).bills
    likely, high = bills["likely"], bills["high"]
    gateway = likely.parts()["API Management"] / likely.without_fabric
    return (
        f"**Prod costs about {_tens(likely.without_fabric)} USD a month** for 20 000 metering points "
        "and 50 customers, if the company has a Fabric capacity with room. If a capacity "
        f"(F{likely.fabric_size}) has to be bought, it costs about "
        f"{_tens(likely.with_fabric - likely.without_fabric)} more. With the high assumptions, which need "
        f"an F{high.fabric_size}, prod costs {_tens(high.with_fabric)} in all. "
        f"The gateway is {gateway:.0%} of the likely bill without Fabric.\n"
    )


def sums() -> str:
    """Return the sum of both environments, with the parts of prod and dev."""
    prod = _estimate(Use(), environments.read("prod")).bills
    _, environment, use = SIZES[0]
    dev = _estimate(use, environments.read(environment)).bills
    rows = [
        "| USD a month | existing Fabric capacity | capacity bought | high, capacity bought |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, environments_ in (
        ("prod: 20 000 points, 50 customers", [prod]),
        ("dev: 500 points, 1 customer", [dev]),
        ("**both**", [prod, dev]),
    ):
        figures_ = (
            sum(bills["likely"].without_fabric for bills in environments_),
            sum(bills["likely"].with_fabric for bills in environments_),
            sum(bills["high"].with_fabric for bills in environments_),
        )
        rows.append(f"| {name} | {' | '.join(_usd(each) for each in figures_)} |")
    return "\n".join(rows) + "\n"


def sizes() -> str:
    """Return the sums of three sizes."""
    rows = ["| size | environment | what | low | likely | high |", "| --- | --- | --- | ---: | ---: | ---: |"]
    for title, environment, use in SIZES:
        bills = _estimate(use, environments.read(environment)).bills
        for label, name in (("without Fabric", "without_fabric"), ("with a Fabric capacity", "with_fabric")):
            rows.append(f"| {title} | {environment} | {label} | {_three(bills, name)} |")
        fabric = " | ".join(f"F{bills[each].fabric_size}" for each in SCENARIOS)
        rows.append(f"| | | capacity | {fabric} |")
    return "\n".join(rows) + "\n"


def parts() -> str:
    """Return the likely cost of each part, in the three sizes."""
    found = [_estimate(use, environments.read(name)).bills["likely"] for _, name, use in SIZES]
    rows = ["| part | 500 points | 20 000 points | 100 000 points |", "| --- | ---: | ---: | ---: |"]
    for part in found[0].parts():
        rows.append(f"| {part} | {' | '.join(_usd(bill.parts()[part]) for bill in found)} |")
    return "\n".join(rows) + "\n"


def levers() -> str:
    """Return what lowers the likely bill of 20 000 points, and by how much."""
    prod = environments.read("prod")
    usual = _estimate(Use(), prod).bills["likely"]
    dev = _estimate(SIZES[0][2], environments.read("dev")).bills["likely"]
    no_zones = _estimate(Use(), replace(prod, always_ready=1, queue_polls_a_minute=0)).bills["likely"]
    one_less = _estimate(Use(), replace(prod, always_ready=prod.always_ready - 2)).bills["likely"]
    never = command.assumed(["polls_answered_304=0"])
    unchanged = _estimate(Use(), prod, never).bills["likely"]
    saved = unchanged.load.cu_seconds - usual.load.cu_seconds
    f2 = _listed()["fabric-cu"].of(2 * HOURS_A_MONTH)
    return (
        _table(
            "measure | saves a month",
            ("share the gateway with another API, half the price each", usual.parts()["API Management"] / 2),
            (
                f"turn `zoneRedundant` off: one warm instance, not {prod.always_ready}",
                usual.without_fabric - no_zones.without_fabric,
            ),
            (
                "with two zones: have one timer or queue function less",
                usual.without_fabric - one_less.without_fabric,
            ),
            ("reserve an F2 for a year", f2 * (1 - _RESERVED)),
            ("pause dev's F2 outside 50 working hours a week", f2 * (1 - 50 / 168)),
            ("remove dev while nobody needs it", dev.without_fabric),
        )
        + f"\nAnswers with status 304 save {saved / unchanged.load.cu_seconds:.0%} of the CU-seconds "
        f"of 20 000 points: {figures.quantity(usual.load.statements)} statements a month instead of "
        f"{figures.quantity(unchanged.load.statements)}. "
        "This saves money only if it keeps the capacity small.\n"
    )


def avoided() -> str:
    """Return what the design does without, and what it would cost a month."""
    prod = environments.read("prod")
    busy = Use(calls=3_000_000)
    full = _estimate(busy, replace(prod, trace_share=1.0)).bills["likely"]
    sampled = _estimate(busy, prod).bills["likely"]
    return _table(
        "avoided | would cost a month",
        (
            "a hosted SFTP server; files go to the receivers' own servers",
            _listed()["hosted-sftp"].of(HOURS_A_MONTH),
        ),
        (
            "traces of all calls, at 3 million calls a month; one in ten is kept",
            full.with_fabric - sampled.with_fabric,
        ),
    )


def assumptions() -> str:
    """Return every assumption with its range."""
    rows = [
        "| assumption | low | likely | high | unit | known by | what it is |",
        "| --- | ---: | ---: | ---: | --- | --- | --- |",
    ]
    for name, each in Assumptions().items():
        kind = "measurement" if each.measured else "estimate"
        three = " | ".join(figures.quantity(figure) for figure in (each.low, each.likely, each.high))
        rows.append(f"| `{name}` | {three} | {each.unit} | {kind} | {each.because} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Write both pages."""
    for file in (PAGE, PAPER):
        file.write_text(written(file.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def _estimate(use: Use, environment: Environment, assumptions: Assumptions | None = None) -> Estimate:
    return model.estimate(use, environment, _listed(), assumptions or Assumptions())


def _listed() -> PriceList:
    return prices.of_region(prices.read(), "norwayeast")


def _three(bills: Mapping[Scenario, Bill], name: str) -> str:
    return " | ".join(_usd(getattr(bills[each], name)) for each in SCENARIOS)


def _table(headings: str, *rows: tuple[str, float]) -> str:
    lines = [f"| {headings} |", "| --- | ---: |", *(f"| {what} | {_usd(usd)} |" for what, usd in rows)]
    return "\n".join(lines) + "\n"


def _tens(usd: float) -> str:
    return f"{round(usd, -1):,.0f}".replace(",", " ")


def _usd(value: float) -> str:
    return figures.amount(value)


if __name__ == "__main__":
    sys.exit(main())
