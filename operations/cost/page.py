"""The generated tables of `docs/cost.md`: `python -m operations.cost.page` writes them anew."""

import re
import sys
from collections.abc import Mapping
from dataclasses import replace

from local import places
from operations.cost import command, environments, figures, model, prices
from operations.cost.drivers import SCENARIOS, Assumptions, Scenario, Use
from operations.cost.environments import Environment
from operations.cost.model import Bill, Estimate

FILE = places.ROOT / "docs" / "cost.md"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SIZES = (
    ("Proof of concept: 500 points, 1 customer", "dev", Use(points=500, customers=1, feeds=0, webhooks=0)),
    ("20 000 points, 50 customers", "prod", Use()),
    ("100 000 points, 300 customers", "prod", Use(points=100_000, customers=300, feeds=100, webhooks=50)),
)


def written(text: str) -> str:
    """Return the page with its tables made anew."""
    blocks = {"sizes": sizes, "parts": parts, "levers": levers, "assumptions": assumptions}
    return _BLOCK.sub(lambda found: found[1] + blocks[found[2]]() + found[4], text)


def sizes() -> str:
    """Return the sums of three sizes."""
    rows = ["| size | environment | | low | likely | high |", "| --- | --- | --- | ---: | ---: | ---: |"]
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
    """Return what changes the likely bill of 20 000 points, and by how much."""
    prod = environments.read("prod")
    usual = _estimate(Use(), prod).bills["likely"]
    busy = Use(calls=3_000_000)
    at_full = replace(prod, trace_share=1.0)
    full = _estimate(busy, at_full).bills["likely"]
    sampled = _estimate(busy, prod).bills["likely"]
    dev = _estimate(SIZES[0][2], environments.read("dev")).bills["likely"]
    no_zones = _estimate(Use(), replace(prod, always_ready=1)).bills["likely"]
    never = command.assumed(["polls_answered_304=0"])
    unchanged = _estimate(Use(), prod, never).bills["likely"]
    f2 = 2 * 730 * 0.18
    saved = unchanged.load.cu_seconds - usual.load.cu_seconds
    rows = [
        ("one gateway shared with another API, half each", usual.parts()["API Management"] / 2),
        ("one warm instance in place of two zones with six", usual.without_fabric - no_zones.without_fabric),
        (
            "traces of one call in ten in place of all, at 3 million calls",
            full.with_fabric - sampled.with_fabric,
        ),
        ("an F2 reserved for a year", f2 * (1 - 0.5949)),
        ("an F2 of dev, paused outside 50 working hours a week", f2 * (1 - 50 / 168)),
        ("no hosted SFTP server: files go to the receivers'", 0.30 * 730),
        ("dev removed when it is not needed", dev.without_fabric),
    ]
    table = [
        "| lever | saves a month |",
        "| --- | ---: |",
        *(f"| {what} | {_usd(usd)} |" for what, usd in rows),
    ]
    return (
        "\n".join(table)
        + f"\n\nAnswers 304 save {saved / unchanged.load.cu_seconds:.0%} of the CU-seconds of 20 000 points: "
        f"{unchanged.load.statements:,.0f} statements a month become {usual.load.statements:,.0f}".replace(
            ",", " "
        )
        + ". That is money only when it keeps the capacity small.\n"
    )


def assumptions() -> str:
    """Return every assumption with its range."""
    rows = ["| assumption | low | likely | high | unit | |", "| --- | ---: | ---: | ---: | --- | --- |"]
    for name, each in Assumptions().items():
        kind = "measured" if each.measured else "estimate"
        three = f"{each.low:.3g} | {each.likely:.3g} | {each.high:.3g}"
        rows.append(f"| `{name}` | {three} | {each.unit} | {kind}: {each.because} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Write the page."""
    FILE.write_text(written(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def _estimate(use: Use, environment: Environment, assumptions: Assumptions | None = None) -> Estimate:
    listed = prices.of_region(prices.read(), "norwayeast")
    return model.estimate(use, environment, listed, assumptions or Assumptions())


def _three(bills: Mapping[Scenario, Bill], name: str) -> str:
    return " | ".join(_usd(getattr(bills[each], name)) for each in SCENARIOS)


def _usd(value: float) -> str:
    return figures.amount(value)


if __name__ == "__main__":
    sys.exit(main())
