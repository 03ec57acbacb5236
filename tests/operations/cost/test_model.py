"""The sums of the cost model, against sums made by hand from the list prices."""

import csv
import io
import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from operations.cost import command, environments, figures, model, plot, prices
from operations.cost.drivers import Assumptions, Use
from operations.cost.environments import Environment
from operations.cost.figures import About
from operations.cost.model import Estimate, TooLarge

PRICES = prices.of_region(prices.read(), "norwayeast")
TODAY = date(2026, 11, 29)
# One warm instance and no zones, as in the sums made by hand.
PLAIN = replace(environments.read("prod"), always_ready=1, queue_polls_a_minute=0, log_days=31)


def estimate(use: Use, environment: Environment = PLAIN, assumptions: Assumptions | None = None) -> Estimate:
    return model.estimate(use, environment, PRICES, assumptions or Assumptions())


def costs(found: Estimate, price: str, *, scenario: str = "likely") -> float:
    bill = next(bill for name, bill in found.bills.items() if name == scenario)
    return next(line.cost for line in bill.lines if line.price == price)


@pytest.mark.parametrize(
    ("price", "quantity", "usd"),
    [
        ("gateway-basic-v2", 730, 153.30),
        ("gateway-standard-v2", 730, 700.80),
        ("gateway-premium-v2", 730, 2803.20),
        ("fabric-cu", 2 * 730, 262.80),
        ("fabric-cu", 64 * 730, 8409.60),
        ("flex-always-ready", 1 * 2 * 2_628_000, 21.02),
        ("flex-executions", 1_000_000, 0.30),
        ("flex-on-demand", 600_000, 13.00),
        ("flex-on-demand", 2_000_000, 49.40),
        ("flex-on-demand", 6_000_000, 153.40),
        ("flex-on-demand", 20_000_000, 517.40),
        ("logs", 10, 14.95),
        ("logs", 60, 164.45),
        ("logs", 5, 0),
        ("hosted-sftp", 730, 219),
        ("private-endpoint", 730, 7.30),
        ("nat-gateway", 730, 32.85),
        ("public-address", 730, 3.65),
    ],
)
def test_a_unit_price_makes_the_sum_that_was_made_by_hand(price: str, quantity: float, usd: float) -> None:
    assert PRICES[price].of(quantity) == pytest.approx(usd, abs=0.005)


def test_twenty_thousand_points_with_a_million_calls_cost_what_was_summed_by_hand() -> None:
    found = estimate(Use(points=20_000, customers=50, calls=1_000_000, log_gb=10))

    # 700.80 + 21.02 + 14.95; Functions: (1 000 000 × 0.5 s + 9 490 timers × 2 s) × 2 GB - 100 000 free.
    assert costs(found, "gateway-standard-v2") == pytest.approx(700.80)
    assert costs(found, "flex-always-ready") == pytest.approx(21.024)
    assert costs(found, "logs") == pytest.approx(14.95)
    assert costs(found, "flex-on-demand") == pytest.approx((1_037_960 - 100_000) * 0.000026)
    assert costs(found, "flex-on-demand", scenario="low") == pytest.approx((618_980 - 100_000) * 0.000026)
    assert 750 < found.bills["likely"].without_fabric < 785


def test_a_hundred_thousand_points_with_ten_million_calls_lie_within_the_sum_made_by_hand() -> None:
    found = estimate(Use(points=100_000, customers=300, calls=10_000_000, log_gb=60))

    assert 1050 < found.bills["low"].without_fabric < found.bills["likely"].without_fabric < 1410


def test_the_proof_of_concept_costs_the_gateway_and_little_more() -> None:
    dev = environments.read("dev")

    found = estimate(Use(points=500, customers=1, calls=100_000, feeds=0, webhooks=0, log_gb=0), dev)

    rest = found.bills["likely"].without_fabric - 153.30
    alerts = costs(found, "alert-5-minutes") + costs(found, "alert-15-minutes")
    assert 0 <= rest - alerts < 3


@pytest.mark.parametrize(
    ("environment", "looks"),
    [
        # Two warm instances of each queue function ask twelve times a minute; Azure itself asks six times.
        ("prod", 3 * (2 * 12 + 6) * 60 * 730),
        ("dev", 3 * 6 * 60 * 730),
    ],
)
def test_empty_queues_are_asked_by_every_warm_instance_and_by_azure(environment: str, looks: float) -> None:
    found = estimate(Use(feeds=0, webhooks=0), environments.read(environment))

    assert found.bills["likely"].load.queue_operations == pytest.approx(looks)
    assert costs(found, "queue-operations") == pytest.approx(looks / 10_000 * 0.004)


def test_the_longest_pause_between_two_polls_is_that_of_the_host_file(tmp_path: Path) -> None:
    host = tmp_path / "host.json"
    host.write_text('{"extensions": {"queues": {"maxPollingInterval": "00:01:30"}}}')

    assert environments.polls_a_minute(host) == pytest.approx(60 / 90)
    assert environments.polls_a_minute() == 12


def test_private_endpoints_of_the_same_part_share_a_dns_zone(tmp_path: Path) -> None:
    infra = shutil.copytree(environments.INFRA, tmp_path / "infra")
    file = infra / "main.prod.bicepparam"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("privateNetworking = false", "privateNetworking = true"), encoding="utf-8")

    found = estimate(Use(), environments.read("prod", infra=infra))

    # Both storage accounts have an endpoint for blobs.
    assert costs(found, "private-endpoint") == pytest.approx(6 * 7.30)
    assert costs(found, "private-dns-zone") == pytest.approx(5 * 0.50)


def test_low_likely_and_high_come_in_this_order() -> None:
    for points in (1_000, 20_000, 100_000):
        bills = estimate(command.scaled(Use(), points)).bills

        assert bills["low"].with_fabric <= bills["likely"].with_fabric <= bills["high"].with_fabric


def test_the_capacity_grows_when_the_load_exceeds_what_may_be_planned_with() -> None:
    f2_month = 2 * 730 * 3600

    assert model.smallest_capacity(f2_month * 0.7, usable=0.7) == 2
    assert model.smallest_capacity(f2_month * 0.7 + 1, usable=0.7) == 4
    with pytest.raises(TooLarge):
        model.smallest_capacity(1e12, usable=0.7)


def test_more_calls_than_a_unit_includes_need_another_unit() -> None:
    assert estimate(Use(calls=50_000_000, log_gb=1)).bills["low"].gateway_units == 1
    assert estimate(Use(calls=50_000_001, log_gb=1)).bills["low"].gateway_units == 2


def test_a_price_of_another_region_counts_more_in_the_high_bill_only() -> None:
    found = estimate(Use(calls=1_000, log_gb=1))

    assert costs(found, "gateway-standard-v2") == pytest.approx(700.80)
    assert costs(found, "gateway-standard-v2", scenario="high") == pytest.approx(840.96)


def test_a_thousand_calls_more_cost_their_seconds_their_executions_and_their_logs() -> None:
    more = model.marginal(Use(calls=3_000_000, log_gb=100), PLAIN, PRICES, Assumptions(), scenario="likely")

    # 1000 × 0.5 s × 2 GB × 0.000026 + 1000 / 10 × 0.000004 + 2000 reads × 0.00036 / 10 000
    assert more.thousand_calls == pytest.approx(0.026 + 0.0004 + 0.000072)


def test_a_measured_figure_replaces_the_three_of_an_assumption() -> None:
    given = command.assumed(["cu_seconds_a_statement=0.8"]).cu_seconds_a_statement

    assert (given.low, given.likely, given.high, given.measured) == (0.8, 0.8, 0.8, True)


def test_an_old_price_an_estimate_and_another_region_are_marked() -> None:
    price = replace(PRICES["logs"], read_on=date(2026, 5, 13))

    assert price.marks(region="westeurope", today=TODAY) == ("old: 200 days",)
    assert replace(price, read_on=date(2026, 6, 2)).marks(region="westeurope", today=TODAY) == ()
    assert price.marks(region="norwayeast", today=TODAY) == ("old: 200 days", "of westeurope")
    table = figures.as_table(
        estimate(Use()),
        model.marginal(Use(), PLAIN, PRICES, Assumptions(), scenario="likely"),
        About(PRICES, prices.currency(prices.read(), "USD"), Assumptions(), TODAY),
    )
    assert "prices are older than 180 days: python3 dev.py prices --refresh." in table


def test_every_assumption_and_every_price_is_explained() -> None:
    about = About(PRICES, prices.currency(prices.read(), "NOK"), Assumptions(), TODAY)

    text = figures.explained(about)

    assert all(f"  {name} (" in text for name, _ in Assumptions().items())
    assert all(f"  {name}: " in text for name in PRICES.prices)
    assert "Measured by bench on " in text


def test_a_sweep_prints_a_table_for_each_size_and_a_plot_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLER_DIRECTORY", str(tmp_path))

    code = command.main(["--sweep", "points=1000,10000,100000", "--plot", "cost.svg", "--currency", "USD"])

    printed = capsys.readouterr().out
    assert code == 0
    assert [f"{size} metering points" in printed for size in (1000, 10000, 100000)] == [True] * 3
    drawing = ElementTree.fromstring((tmp_path / "cost.svg").read_text(encoding="utf-8"))
    parts = estimate(Use()).bills["likely"].parts()
    assert len(drawing.findall("{*}polygon")) == len(parts)


def test_numbers_in_csv_are_numbers_for_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--format", "csv", "--currency", "USD", "--assume", "seconds_a_call=0"]) == 0

    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    capacity = next(line for line in lines if line["part"] == "Fabric capacity")
    assert (capacity["quantity"], capacity["likely"]) == ("1460", "262.8")
    assert {line["quantity"] for line in lines if line["part"].startswith("Sum")} == {""}
    for line in lines:
        assert all(float(line[each]) >= 0 for each in ("low", "likely", "high"))
        assert float(line["quantity"] or 0) >= 0


def test_old_prices_are_marked_in_every_output() -> None:
    estimates = [estimate(Use()), estimate(Use(points=30_000))]
    currency = prices.currency(prices.read(), "USD")
    later = About(PRICES, currency, Assumptions(), max(each.read_on for each in PRICES.prices.values()))
    later = replace(later, today=later.today + timedelta(days=181))

    note = figures.old_prices(estimates[0], later)
    lines = json.loads(figures.as_json(estimates, later))["Estimates"][0]["Scenarios"]["low"]["Lines"]
    rows = list(csv.DictReader(io.StringIO(figures.as_csv(estimates[:1], later))))

    used = {each.price for each in estimates[0].bills["likely"].lines}
    assert note == f"{len(used)} prices are older than 180 days"
    assert all(each["Note"].startswith("old: ") for each in lines)
    assert [each["note"] for each in rows if each["quantity"]] == [each["Note"] for each in lines]
    assert note in plot.svg(estimates, currency, note=note)
    assert "older" not in plot.svg(estimates, currency, note=None)


def test_a_plot_marks_each_larger_capacity_where_it_is_needed() -> None:
    heavy = command.assumed(["cu_seconds_a_statement=100"])
    estimates = [
        estimate(command.scaled(Use(), points), assumptions=heavy) for points in range(1000, 100_000, 1000)
    ]

    marked = plot.steps(estimates)

    assert [what for _, what in marked][:2] == ["F4", "F8"]
    for points, what in marked:
        before = estimate(command.scaled(Use(), points - 1000), assumptions=heavy)
        assert f"F{before.bills['likely'].fabric_size}" != what


def test_what_cannot_be_used_is_refused_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, sentence in (
        (["--region", "mars"], "has no list for mars"),
        (["--currency", "XYZ"], "has no rate for XYZ"),
        (["--assume", "luck=1"], "No assumption is named 'luck'"),
        (["--sweep", "points"], "--sweep is one of"),
        (["--sweep", "points=many"], "--sweep is one of"),
        (["--sweep", "points=100,0"], "points cannot be 0: it is a number from 1 to 1e+12."),
        (["--sweep", "polls-per-hour=nan"], "polls_per_hour cannot be nan"),
        (["--points", "-5"], "points cannot be -5"),
        (["--customers", "0"], "customers cannot be 0"),
        (["--calls", "-1"], "calls cannot be -1: it is a number from 0 to 1e+12."),
        (["--polls-per-hour", "inf"], "polls_per_hour cannot be inf"),
        (["--log-gb", "nan"], "log_gb cannot be nan"),
        (
            ["--assume", "seconds_a_call=nan"],
            "seconds_a_call cannot be 'nan': it is a number from 0 to 1e+12.",
        ),
        (["--assume", "seconds_a_call=inf"], "seconds_a_call cannot be 'inf'"),
        (["--assume", "seconds_a_call=-1"], "seconds_a_call cannot be '-1'"),
        (["--assume", "seconds_a_call=fast"], "seconds_a_call cannot be 'fast'"),
        (
            ["--assume", "polls_answered_304=1.1"],
            "polls_answered_304 cannot be '1.1': it is a number from 0 to 1.",
        ),
        (["--assume", "usable_capacity=0"], "usable_capacity cannot be '0': it is a number above 0 to 1."),
        (["--assume", "region_factor=0"], "region_factor cannot be '0'"),
    ):
        assert command.main(arguments) == 2, arguments
        assert sentence in capsys.readouterr().err
