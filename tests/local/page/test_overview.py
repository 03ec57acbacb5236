"""The overview of all metering points, in a real browser on the whole stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from selenium.webdriver.common.keys import Keys

from local.ports import Ports, address
from local.sampledata import readings
from local.stack import clients, greeting
from tests.builders.browser import Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="package")
def newest_month(yesterday: date) -> date:
    """Return the first day of the newest month."""
    return yesterday.replace(day=1)


def asked(stack: Ports, path: str, **parameters: str) -> Any:
    """Return what the API answers the demo vendor."""
    headers = clients.vendor_headers(greeting.token_url(stack))
    url = f"{address(stack.gateway)}{greeting.API}{path}"
    return httpx.get(url, headers=headers, params=parameters, timeout=30, trust_env=False).json()


def cells(page: Page, name: str) -> list[str]:
    """Return the texts of the row of a metering point; the first of its rows."""
    (row, *_) = [row for row in page.all("table.overview tbody tr") if row.text.startswith(name)]
    found: list[str] = page.run("return [...arguments[0].children].map((cell) => cell.innerText)", row)
    return found


REPLACED = """
const real = window.fetch;
window.fetch = async (url, options) => {
  const answer = await real(url, options);
  if (!String(url).includes("PATH?")) return answer;
  const json = await answer.json();
  CHANGE
  return new Response(JSON.stringify(json), answer);
};
"""
"""Has the page get changed answers of the API."""
ABSENT = (
    'for (const each of json.periods) each.missing = each.meteringPointId === "POINT" ? each.expected : 0;'
)
"""All days of a metering point are absent, and no other value is missing."""
NOTHING_USED = "json.values.at(-1).quantity = 0;"
"""Nothing was used on the last day."""


@contextmanager
def replaced(page: Page, path: str, change: str) -> Iterator[None]:
    """Have the answers of a path changed by a script, inside the block."""
    script = {"source": REPLACED.replace("PATH", path).replace("CHANGE", change)}
    kept = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    try:
        yield
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", kept)


def number(text: str) -> float:
    return float(text.replace(",", "").split(" ")[0])


def test_it_is_what_opens_first(page: Page) -> None:
    page.open(caller="eos-vendor")

    assert page.text("#overview-title") == "All metering points"
    assert "tab=overview" in page.driver.current_url


def test_the_month_to_date_of_all_is_the_api_s_own_total(
    page: Page, stack: Ports, newest_month: date
) -> None:
    total = asked(stack, "/consumption/total", **{"from": str(newest_month), "resolution": "P1M"})["values"]

    page.open(caller="eos-vendor")

    assert page.headline(f"{newest_month:%B} so far").startswith(
        page.run(
            "return import('/pages/js/series.js').then(({ kwhShort }) => kwhShort(arguments[0]))",
            round(total[-1]["quantity"] * 1000),
        )
    )


def test_a_row_has_last_value_month_to_date_missing_and_until_when(
    page: Page, stack: Ports, yesterday: date
) -> None:
    (series,) = asked(
        stack,
        "/consumption",
        meteringPointId=readings.OUTLET,
        resolution="P1D",
        **{"from": str(yesterday.replace(day=1))},
    )["series"]

    page.open(caller="eos-vendor")

    name, _, last, month, missing, until = cells(page, "Utsalg")
    assert readings.OUTLET in name
    assert number(last) == pytest.approx(series["values"][-1]["quantity"], abs=0.06)
    assert number(month) == pytest.approx(sum(value["quantity"] for value in series["values"]), abs=0.6)
    assert number(missing) >= series["values"][-1]["missing"]
    assert until.startswith(f"{yesterday.day} ")


def test_values_of_absent_days_are_missing_in_the_row_and_in_the_headline(
    page: Page, stack: Ports, yesterday: date
) -> None:
    days = {"from": str(yesterday - timedelta(days=30)), "to": str(yesterday + timedelta(days=1))}
    periods = asked(stack, "/completeness", meteringPointId=readings.OUTLET, **days)["periods"]
    expected = sum(each["expected"] for each in periods)

    with replaced(page, "/completeness", ABSENT.replace("POINT", readings.OUTLET)):
        page.open(caller="eos-vendor")

    assert number(cells(page, "Utsalg")[4]) == expected
    assert page.headline("Missing") == f"{expected}values in 31 days"


def test_a_last_day_on_which_nothing_was_used_has_a_value(page: Page) -> None:
    with replaced(page, "/consumption/total", NOTHING_USED):
        page.open(caller="eos-vendor")

    assert page.headline("Last day").startswith("0")


def test_production_has_a_row_of_its_own(page: Page) -> None:
    page.open(caller="kari")

    rows = [row.text for row in page.all("table.overview tbody tr") if row.text.startswith("Kontor")]
    assert ["production" in row for row in rows] == [False, True]


def test_access_that_has_ended_is_said(page: Page) -> None:
    page.open(caller="eos-vendor")

    assert cells(page, readings.SHOP)[-1].startswith("access ended ")


def test_a_sparkline_is_put_in_words(page: Page) -> None:
    page.open(caller="eos-vendor")

    label = page.find("table.overview tbody svg").get_attribute("aria-label") or ""
    assert label.startswith("31 days between ")
    assert label.endswith(" kWh")


def test_a_name_opens_the_metering_point_and_the_browser_keeps_a_link_to_it(page: Page) -> None:
    page.open(caller="kari")
    link = page.all("table.overview a")[1]
    assert f"point={readings.OUTLET}" in (link.get_attribute("href") or "")

    link.send_keys(Keys.ENTER)

    page.wait(lambda: "tab=series" in page.driver.current_url)
    page.settle()
    assert page.find("#point").get_property("value") == readings.OUTLET


def test_a_caller_with_another_portfolio_has_another_overview(page: Page) -> None:
    page.open(caller="kari")
    before = len(page.all("table.overview tbody tr"))

    page.choose("#caller", "eos-vendor")
    page.settle()

    assert (before, len(page.all("table.overview tbody tr"))) == (5, 10)
