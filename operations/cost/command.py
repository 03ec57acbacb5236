"""`python3 dev.py cost`: what the service costs a month, and why."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from math import nan

from local import places
from operations.cost import drivers, environments, figures, model, plot, prices
from operations.cost.drivers import Assumption, Assumptions, UnknownAssumption, UnusableFigure, Use
from operations.cost.figures import About
from operations.cost.model import Estimate

PLOTTED = 200
"""How many sizes are computed for a plot, so that steps appear where they occur."""

_SWEPT = {"points": int, "customers": int, "polls_per_hour": float, "feeds": int, "webhooks": int}


def main(arguments: Sequence[str]) -> int:
    """Print the estimate; returns 2 if an argument cannot be used."""
    given = parser().parse_args(arguments)
    try:
        return run(given, today=datetime.now(UTC).date())
    except BrokenPipeError:
        raise
    except (prices.UnknownPrice, UnknownAssumption, UnusableFigure, model.TooLarge, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser("python3 dev.py cost", description=__doc__)
    made.add_argument("--points", type=int, default=Use.points, help="metering points")
    made.add_argument("--customers", type=int, default=Use.customers)
    made.add_argument("--resolution", choices=tuple(drivers.VALUES_A_DAY), default=Use.resolution)
    made.add_argument("--polls-per-hour", type=float, default=Use.polls_per_hour, help="of each customer")
    made.add_argument("--history-calls", type=int, default=Use.history_calls, help="a month")
    made.add_argument("--feeds", type=int, default=Use.feeds, help="files sent daily")
    made.add_argument("--webhooks", type=int, default=Use.webhooks)
    made.add_argument("--calls", type=int, help="all calls a month, in place of those computed")
    made.add_argument("--log-gb", type=float, help="logs a month, in place of those computed")
    made.add_argument(
        "--fabric", choices=[f"F{size}" for size in model.FABRIC_SIZES], help="capacity in place"
    )
    made.add_argument("--hosted-sftp", action="store_true", help="with an SFTP server of Azure Storage")
    made.add_argument("--environment", default="prod")
    made.add_argument("--region", default="norwayeast")
    made.add_argument("--currency", default="NOK")
    made.add_argument("--format", choices=("table", "csv", "json"), default="table")
    made.add_argument("--assume", action="append", default=[], metavar="NAME=VALUE", help="a measured figure")
    made.add_argument("--sweep", metavar="points=1000,10000,100000", help="an estimate for each value")
    made.add_argument("--plot", type=places.named, metavar="cost.svg")
    made.add_argument("--explain", action="store_true", help="every assumption and every price")
    return made


def run(given: argparse.Namespace, *, today: date) -> int:
    """Print the estimates, write the plot if it is requested, and return the exit code."""
    document = prices.read()
    about = About(
        prices=prices.of_region(document, given.region),
        currency=prices.currency(document, given.currency),
        assumptions=assumed(given.assume),
        today=today,
    )
    environment = environments.read(given.environment)
    use = use_of(vars(given))

    def estimate(each: Use) -> Estimate:
        return model.estimate(each, environment, about.prices, about.assumptions)

    estimates = [estimate(each) for each in swept(use, given.sweep)]
    print(printed(estimates, about, form=given.format))
    if given.explain:
        print("\n" + figures.explained(about))
    if given.plot:
        given.plot.write_text(drawing(estimates, use, estimate, about), encoding="utf-8")
        print(f"Plotted in {given.plot}.", file=sys.stderr)
    return 0


def drawing(
    estimates: Sequence[Estimate], use: Use, estimate: Callable[[Use], Estimate], about: About
) -> str:
    """Return a plot of the sizes between the estimates or, without a sweep, of those around the use."""
    ends = (estimates[0].use.points, estimates[-1].use.points)
    low, high = ends if ends[0] < ends[1] else (min(1000, use.points), use.points * 5)
    sizes = [round(low + (high - low) * part / PLOTTED) for part in range(PLOTTED + 1)]
    many = [estimate(scaled(use, points)) for points in sizes]
    return plot.svg(many, about.currency, note=figures.old_prices(many[-1], about))


def printed(estimates: Sequence[Estimate], about: About, *, form: str) -> str:
    """Return the estimates in a form."""
    if form == "csv":
        return figures.as_csv(estimates, about).rstrip("\n")
    if form == "json":
        return figures.as_json(estimates, about)
    tables = []
    for each in estimates:
        more = model.marginal(each.use, each.environment, about.prices, about.assumptions, scenario="likely")
        tables.append(figures.as_table(each, more, about))
    return "\n\n".join(tables)


def use_of(given: Mapping[str, object]) -> Use:
    """Return the use that the command line describes."""
    return replace(Use(), **{name: given[name] for name in Use.__dataclass_fields__})  # type: ignore[arg-type]


def scaled(use: Use, points: int) -> Use:
    """Return a use with another number of metering points, and customers and feeds in proportion."""
    factor = points / max(use.points, 1)
    return replace(
        use,
        points=points,
        customers=max(1, round(use.customers * factor)),
        feeds=round(use.feeds * factor),
        webhooks=round(use.webhooks * factor),
        history_calls=round(use.history_calls * factor),
    )


def swept(use: Use, sweep: str | None) -> list[Use]:
    """Return a use for each value of the sweep; with more points come more customers.

    Raises:
        UnusableFigure: the sweep is not of the form `points=1000,10000`, or a value cannot be used.
    """
    if sweep is None:
        return [use]
    name, _, values = sweep.partition("=")
    name = name.replace("-", "_")
    try:
        steps = [_SWEPT[name](value) for value in values.split(",")]
    except (KeyError, ValueError) as error:
        known = ", ".join(_SWEPT)
        raise UnusableFigure(f"--sweep is one of {known}, as in points=1000,10000,100000.") from error
    if name == "points":
        return [scaled(use, int(value)) for value in steps]
    return [replace(use, **{name: value}) for value in steps]


def assumed(given: Sequence[str]) -> Assumptions:
    """Return the assumptions, with those given in place of the estimates.

    Raises:
        UnknownAssumption: none has this name.
        UnusableFigure: the value is no number, or has no meaning for this assumption.
    """
    assumptions = Assumptions()
    for each in given:
        name, _, value = each.partition("=")
        if name not in dict(assumptions.items()):
            raise UnknownAssumption(f"No assumption is named '{name}': --explain lists them.")
        old: Assumption = getattr(assumptions, name)
        number = _number(value)
        if not old.accepts(number):
            least = "from 0" if old.may_be_zero else "above 0"
            most = "1" if old.unit == "share" else f"{drivers.MOST:g}"
            raise UnusableFigure(f"{name} cannot be '{value}': it is a number {least} to {most}.")
        new = replace(
            old, low=number, likely=number, high=number, because="given with --assume", measured=True
        )
        assumptions = replace(assumptions, **{name: new})
    return assumptions


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
