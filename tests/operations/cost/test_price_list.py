"""Prices are read again from a price list that answers as Azure's does."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from operations.cost import price_list, prices, refreshing
from operations.cost.price_list import PriceListUnavailable

TODAY = date(2026, 11, 29)


def item(
    meter: str, price: float, *, unit: str, tier: float = 0, kind: str = "Consumption"
) -> dict[str, Any]:
    """A row as the price list has them."""
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": tier,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "norwayeast",
        "meterName": meter,
        "unitOfMeasure": unit,
        "type": kind,
        "isPrimaryMeterRegion": True,
    }


@dataclass
class PriceList:
    """A price list on this machine: pages for each meter and currency, recorded questions."""

    port: int = 0
    pages: dict[tuple[str, str], list[list[dict[str, Any]]]] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    next_host: str | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/retail/prices"

    def answer(self, query: dict[str, list[str]]) -> dict[str, Any]:
        self.requested.append(query["$filter"][0])
        meter = query["$filter"][0].partition("meterName eq '")[2].partition("'")[0]
        currency = query["currencyCode"][0].strip("'")
        pages = self.pages.get((meter, currency), [[]])
        page = int(query.get("page", ["0"])[0])
        host = self.next_host or f"http://127.0.0.1:{self.port}"
        query_of_next = f"page={page + 1}&currencyCode='{currency}'&$filter=meterName eq '{meter}'"
        following = f"{host}/api/retail/prices?{query_of_next}"
        return {
            "BillingCurrency": currency,
            "Items": pages[page],
            "NextPageLink": following if page + 1 < len(pages) else None,
            "Count": len(pages[page]),
        }


@pytest.fixture
def listed() -> Iterator[PriceList]:
    found = PriceList()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(found.answer(parse_qs(urlsplit(self.path).query))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def refresh(listed: PriceList) -> price_list.Refreshed:
    return price_list.refresh(
        prices.read(), region="norwayeast", today=TODAY, address=listed.address, currencies=["NOK"]
    )


def row(refreshed: price_list.Refreshed, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        row for row in refreshed.document["Regions"]["norwayeast"] if row["Id"] == name
    )
    return found


def test_a_price_on_the_second_page_is_found_and_dated(listed: PriceList) -> None:
    listed.pages["Standard v2 Unit", "USD"] = [
        [item("Standard v2 Unit", 0.5, unit="1 Hour", kind="Reservation")],
        [item("Standard v2 Unit", 1.04, unit="1 Hour")],
    ]

    read = refresh(listed)

    assert row(read, "gateway-standard-v2")["ListUnitPrice"] == 1.04
    assert row(read, "gateway-standard-v2")["Date"] == "2026-11-29"
    assert row(read, "gateway-standard-v2")["PriceRegionId"] == "norwayeast"
    assert "gateway-standard-v2: 0.96 -> 1.04 USD" in read.changed
    assert (
        "serviceName eq 'API Management' and productName eq 'API Management' and skuName eq 'Standard v2' "
        "and meterName eq 'Standard v2 Unit' and armRegionName eq 'norwayeast'" in listed.requested
    )


def test_the_paid_tier_is_taken_and_the_free_one_before_it_kept(listed: PriceList) -> None:
    listed.pages["On Demand Execution Time", "USD"] = [
        [
            item("On Demand Execution Time", 0.0, unit="1 GB Second"),
            item("On Demand Execution Time", 0.00003, unit="1 GB Second", tier=100_000),
        ]
    ]
    listed.pages["On Demand Total Executions", "USD"] = [
        [
            item("On Demand Total Executions", 0.0, unit="10"),
            item("On Demand Total Executions", 0.000005, unit="10", tier=25_000),
        ]
    ]

    read = refresh(listed)

    time, executions = row(read, "flex-on-demand"), row(read, "flex-executions")
    assert (time["ListUnitPrice"], time["FreeQuantity"]) == (0.00003, 100_000)
    assert (executions["ListUnitPrice"], executions["FreeQuantity"]) == (0.000005, 250_000)


def test_of_several_tiers_that_cost_something_the_first_counts(listed: PriceList) -> None:
    listed.pages["Standard Data Transfer Out", "USD"] = [
        [
            item("Standard Data Transfer Out", 0.0, unit="1 GB"),
            item("Standard Data Transfer Out", 0.083, unit="1 GB", tier=10_240),
            item("Standard Data Transfer Out", 0.09, unit="1 GB", tier=100),
        ]
    ]

    read = refresh(listed)

    assert (row(read, "egress")["ListUnitPrice"], row(read, "egress")["FreeQuantity"]) == (0.09, 100)


def test_several_meters_of_one_sku_with_different_prices_are_not_chosen_from(listed: PriceList) -> None:
    listed.pages["Standard v2 Unit", "USD"] = [
        [item("Standard v2 Unit", 1.0, unit="1 Hour"), item("Standard v2 Unit", 1.2, unit="1 Hour")]
    ]

    read = refresh(listed)

    assert row(read, "gateway-standard-v2")["ListUnitPrice"] == 0.96
    assert "gateway-standard-v2: several meters match, with the prices 1.0, 1.2" in read.kept


def test_a_missing_meter_and_another_unit_keep_the_price_and_its_date(listed: PriceList) -> None:
    listed.pages["Operations", "USD"] = [[item("Operations", 0.03, unit="1M")]]

    read = refresh(listed)

    assert row(read, "blob-writes")["Date"] == "2026-05-04"
    assert "blob-writes: the list has no such meter" in read.kept
    assert "vault-operations: the list counts in 1M, not in 10K" in read.kept
    assert row(read, "vault-operations")["Date"] == "2024-07-01"


def test_the_rate_of_a_currency_comes_from_one_large_price_in_both(listed: PriceList) -> None:
    listed.pages["Standard v2 Unit", "USD"] = [[item("Standard v2 Unit", 1.0, unit="1 Hour")]]
    listed.pages["Standard v2 Unit", "NOK"] = [[item("Standard v2 Unit", 10.25, unit="1 Hour")]]

    read = refresh(listed)

    assert read.document["Currencies"]["NOK"]["PerUSD"] == 10.25
    assert read.document["Currencies"]["NOK"]["Confidence"] == "read"


def test_a_page_on_another_host_is_not_read(listed: PriceList) -> None:
    listed.next_host = "http://localhost:9"
    listed.pages["Basic v2 Unit", "USD"] = [[], [item("Basic v2 Unit", 1, unit="1 Hour")]]

    with pytest.raises(PriceListUnavailable, match="continues on another host"):
        refresh(listed)


def test_the_command_writes_the_file_and_says_what_was_kept(
    listed: PriceList, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "prices.json"
    file.write_text(prices.FILE.read_text(encoding="utf-8"), encoding="utf-8")
    listed.pages["Standard v2 Unit", "USD"] = [[item("Standard v2 Unit", 1.04, unit="1 Hour")]]

    code = refreshing.main(["--refresh", "--address", listed.address, "--file", str(file)])

    assert code == 3
    assert "changed  gateway-standard-v2: 0.96 -> 1.04 USD\n" in capsys.readouterr().out
    assert prices.of_region(prices.read(file), "norwayeast")["gateway-standard-v2"].usd == 1.04


def test_a_list_that_does_not_answer_leaves_the_file_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "prices.json"
    file.write_text(prices.FILE.read_text(encoding="utf-8"), encoding="utf-8")

    code = refreshing.main(["--refresh", "--address", "http://127.0.0.1:9/", "--file", str(file)])

    assert code == 1
    assert "The price list did not answer for gateway-basic-v2" in capsys.readouterr().err
    assert file.read_bytes() == prices.FILE.read_bytes()


def test_the_file_is_named_from_where_the_caller_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.json").write_text(prices.FILE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("CALLER_DIRECTORY", str(tmp_path))

    assert refreshing.main(["--file", "mine.json"]) == 0
    assert "gateway-standard-v2" in capsys.readouterr().out

    assert refreshing.main(["--file", "other.json"]) == 1
    assert str(tmp_path / "other.json") in capsys.readouterr().err
