"""What drives the cost: the customers' use, and assumptions with a low, a likely and a high value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from local import places
from operations.cost.environments import Environment
from operations.cost.prices import HOURS_A_MONTH

Scenario = Literal["low", "likely", "high"]
SCENARIOS: tuple[Scenario, ...] = ("low", "likely", "high")

KEPT = places.ROOT / "bench" / "kept.json"
"""Measured results that are kept with the code."""

MOST = 1e12
"""A larger figure is a typing error, and sums of such figures overflow."""

VALUES_A_DAY = {"PT1H": 24, "PT15M": 96}


class UnknownAssumption(Exception):
    """No assumption has this name."""


class UnusableFigure(Exception):
    """A given figure cannot be used; the message says which values can be."""


@dataclass(frozen=True)
class Use:
    """What customers and receivers do; None where the model computes it.

    Attributes:
        polls_per_hour: requests for changes that each customer's system makes in an hour.
        history_calls: calls a month that fetch history.
        calls: all calls a month, in place of those computed from the others.
        log_gb: logs a month in GB, in place of those computed.
        fabric: the size of the capacity, in place of the smallest that carries the load.
    """

    points: int = 20_000
    customers: int = 50
    resolution: str = "PT1H"
    polls_per_hour: float = 1.0
    history_calls: int = 2_000
    feeds: int = 20
    webhooks: int = 10
    calls: int | None = None
    log_gb: float | None = None
    fabric: str | None = None
    hosted_sftp: bool = False

    def __post_init__(self) -> None:
        """Refuse figures that cannot be used.

        Raises:
            UnusableFigure: a figure is negative or above `MOST`, or there is no metering point or customer.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            least = 1 if each.name in ("points", "customers") else 0
            if isinstance(value, int | float) and not least <= value <= MOST:
                raise UnusableFigure(
                    f"{each.name} cannot be {value}: it is a number from {least} to {MOST:g}."
                )


@dataclass(frozen=True)
class Assumption:
    """A figure that nobody has measured in production yet, or that a measurement bounds."""

    low: float
    likely: float
    high: float
    unit: str
    because: str
    measured: bool = False
    may_be_zero: bool = True

    def at(self, scenario: Scenario) -> float:
        """Return the figure of a scenario."""
        return {"low": self.low, "likely": self.likely, "high": self.high}[scenario]

    def accepts(self, value: float) -> bool:
        """Return whether a measured figure can be used."""
        most = 1 if self.unit == "share" else MOST
        return 0 <= value <= most and (value > 0 or self.may_be_zero)


@dataclass(frozen=True)
class Assumptions:
    """All assumptions, by name; a value that the operator has measured replaces all three figures."""

    region_factor: Assumption = Assumption(
        1, 1, 1.2, "×", "factor for a price that was read for another region", may_be_zero=False
    )
    asked_one_by_one: Assumption = Assumption(
        0,
        0.2,
        1,
        "share",
        "of the metering points that are requested one by one each day; the rest come by /changes",
    )
    polls_answered_304: Assumption = Assumption(
        0.98, 0.95, 0.8, "share", "of the polls that find nothing new; data comes once or twice a day"
    )
    seconds_a_call: Assumption = Assumption(
        0.3,
        0.5,
        1,
        "s",
        "billed for one call; Azure bills at least 1 s, which calls that overlap in an instance share",
    )
    timer_seconds: Assumption = Assumption(
        1, 2, 6, "s", "one run of a timer; publishing runs every five minutes, the sync every hour"
    )
    fixed_log_gb: Assumption = Assumption(
        0.5, 1, 3, "GB", "logs a month from timers, metrics and the platform, however many calls there are"
    )
    gateway_log_kb: Assumption = Assumption(
        1.5, 2, 3, "kB", "one call in the gateway's log, which is never sampled"
    )
    trace_kb: Assumption = Assumption(
        4, 6, 10, "kB", "one call's traces, if they are kept; the parameter file sets how many are"
    )
    bytes_a_value: Assumption = field(default_factory=lambda: _bytes_a_value(kept()))
    file_bytes_a_value: Assumption = Assumption(
        30, 60, 90, "B", "one value in a CSV file that is delivered or sent, not compressed"
    )
    grant_reads: Assumption = Assumption(
        1, 2, 4, "reads", "from Table Storage for one call: the caller's grants and the state"
    )
    scale_checks_a_minute: Assumption = Assumption(
        2,
        6,
        12,
        "checks",
        "of one queue, to decide on instances; Microsoft documents 6 for Durable Functions' queues",
    )
    cu_seconds_a_statement: Assumption = Assumption(
        1,
        4,
        15,
        "CU s",
        "one statement in the warehouse; the Capacity Metrics app shows the real figure",
    )
    cu_seconds_a_million_values: Assumption = Assumption(
        100,
        400,
        1500,
        "CU s",
        "a million values loaded and published; the Capacity Metrics app shows the real figure",
    )
    usable_capacity: Assumption = Assumption(
        0.9,
        0.7,
        0.5,
        "share",
        "of a capacity that can be planned with, since some days are busier than others",
        may_be_zero=False,
    )
    peak_factor: Assumption = Assumption(
        3,
        8,
        20,
        "×",
        "calls in the busiest second, against the mean; vendors call when a day's data is published",
        may_be_zero=False,
    )

    def items(self) -> list[tuple[str, Assumption]]:
        """Return the assumptions with their names, in order."""
        return [(each.name, getattr(self, each.name)) for each in fields(self)]


@dataclass(frozen=True)
class Load:
    """Quantities in a month, of one scenario."""

    calls: float
    statements: float
    active_gb_seconds: float
    executions: float
    log_gb: float
    answer_gb: float
    stored_file_gb: float
    file_writes: float
    table_operations: float
    queue_operations: float
    values: float
    stored_values: float
    cu_seconds: float
    peak_calls_a_second: float


@dataclass(frozen=True)
class Kept:
    """Measured results, with the day and the machine."""

    date: str
    machine: Mapping[str, object]
    series: Mapping[str, float] = field(default_factory=dict)
    publish: Mapping[str, float] = field(default_factory=dict)


def _bytes_a_value(results: Kept) -> Assumption:
    series = results.series
    return Assumption(
        series["month_days_bytes"] / series["month_values"],
        series["day_days_bytes"] / 24,
        series["day_values_bytes"] / 24,
        "B",
        "one value in an answer without gzip: in a month of packed days, one packed day, one day of values",
        measured=True,
    )


DAYS_A_MONTH = 365 / 12
TIMER_RUNS = (12 + 1) * HOURS_A_MONTH
KEPT_FILE_DAYS = 90
HISTORY_YEARS = 3


def kept(file: Path = KEPT) -> Kept:
    """Return the measured results that are kept with the code."""
    document = json.loads(file.read_text(encoding="utf-8"))
    return Kept(document["date"], document["machine"], document["series"], document["publish"])


def load(use: Use, environment: Environment, assumptions: Assumptions, *, scenario: Scenario) -> Load:
    """Return the quantities that a use leads to in a scenario."""

    def at(name: str) -> float:
        value: Assumption = getattr(assumptions, name)
        return value.at(scenario)

    polls = use.customers * use.polls_per_hour * HOURS_A_MONTH
    one_by_one = use.points * at("asked_one_by_one") * DAYS_A_MONTH
    pages = max(use.customers, use.points / 1000) * DAYS_A_MONTH
    calls = float(use.calls) if use.calls is not None else polls + one_by_one + pages + use.history_calls
    unchanged = min(polls, calls) * at("polls_answered_304")
    statements = calls - unchanged
    values = use.points * VALUES_A_DAY[use.resolution] * DAYS_A_MONTH
    out_of_feeds = min(use.feeds, use.customers) / max(use.customers, 1) * values
    log_gb = (
        at("fixed_log_gb") + calls * (at("gateway_log_kb") + at("trace_kb") * environment.trace_share) / 1e6
    )
    sent = use.feeds * DAYS_A_MONTH * 2
    notices = use.webhooks * DAYS_A_MONTH * 2
    looks = environment.queues * (environment.queue_polls_a_minute + at("scale_checks_a_minute"))
    return Load(
        calls=calls,
        statements=statements,
        active_gb_seconds=(calls * at("seconds_a_call") + TIMER_RUNS * at("timer_seconds"))
        * environment.instance_gb,
        executions=calls + TIMER_RUNS + sent + notices,
        log_gb=use.log_gb if use.log_gb is not None else log_gb,
        answer_gb=values * at("bytes_a_value") / 1e9,
        stored_file_gb=(values + out_of_feeds)
        * at("file_bytes_a_value")
        / DAYS_A_MONTH
        * KEPT_FILE_DAYS
        / 1e9,
        file_writes=sent + DAYS_A_MONTH * 24,
        table_operations=calls * at("grant_reads") + use.points * 24 * DAYS_A_MONTH / 100 + sent * 4,
        queue_operations=(sent + notices) * 4 + looks * 60 * HOURS_A_MONTH,
        values=values,
        stored_values=values * 12 * HISTORY_YEARS,
        cu_seconds=statements * at("cu_seconds_a_statement")
        + values / 1e6 * at("cu_seconds_a_million_values"),
        peak_calls_a_second=calls / (HOURS_A_MONTH * 3600) * at("peak_factor"),
    )
