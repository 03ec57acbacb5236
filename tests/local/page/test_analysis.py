"""What the developer page makes of more than one series: peaks, two years, completeness, downloads."""

import csv
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
from selenium.webdriver.common.keys import Keys

from local.ports import Ports
from local.sampledata import readings
from tests.builders.browser import Page
from tests.local.page.sample_days import day_with_gaps
from tests.local.page.test_overview import asked

pytestmark = pytest.mark.slow

BAKERY, OUTLET, SHOP = readings.BAKERY, readings.OUTLET, readings.SHOP


@pytest.fixture(scope="package")
def last_month(yesterday: date) -> date:
    """Return the last day of the month before the newest."""
    return yesterday.replace(day=1) - timedelta(days=1)


def test_the_highest_hours_of_a_month_are_those_of_the_api(
    page: Page, stack: Ports, last_month: date
) -> None:
    month = f"{last_month:%Y-%m}"
    (peaks,) = asked(stack, "/consumption/peaks", meteringPointId=BAKERY, month=month)["peaks"]

    page.open(caller="eos-vendor", point=BAKERY, view="month", day=str(last_month))

    shown = [entry.text for entry in page.all(".peaks li")]
    assert len(shown) == 3
    for text, hour in zip(shown, peaks["hours"], strict=True):
        assert float(text.split(" ")[0]) == pytest.approx(hour["quantity"], abs=0.006)
        assert f"{hour['start'][11:16]}–{hour['end'][11:16]}" in text
    assert f"GET /consumption/peaks?month={month}" in page.text(".peaks")


def test_a_peak_opens_its_day(page: Page, last_month: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="month", day=str(last_month))

    page.find(".peaks button").send_keys(Keys.ENTER)

    page.wait(lambda: "view=day" in page.driver.current_url)
    page.settle()
    assert f"day={last_month:%Y-%m}-" in page.driver.current_url


def test_the_month_that_goes_on_is_provisional(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="month", day=str(yesterday))
    going_on = (yesterday + timedelta(days=1)).month == yesterday.month

    assert ("Provisional" in page.text(".peaks")) == going_on


def test_a_year_stands_beside_the_year_before_on_days_that_both_have(
    page: Page, stack: Ports, yesterday: date
) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="years", day=str(yesterday))
    year = yesterday.year
    values = asked(
        stack,
        f"/metering-points/{BAKERY}/consumption",
        resolution="P1D",
        **{"from": f"{year - 1}-01-01"},
    )["values"]
    complete = {value["start"][:10]: value["quantity"] for value in values if value["complete"]}
    both = [day for day in complete if f"{year - 1}{day[4:]}" in complete and day.startswith(str(year))]
    this = sum(complete[day] for day in both)
    before = sum(complete[f"{year - 1}{day[4:]}"] for day in both)

    assert len(page.rows()) == 12
    assert f"{len(both)} days" in page.headline(str(year))
    assert float(page.headline("Difference").split(" %")[0].replace("−", "-")) == pytest.approx(
        (this / before - 1) * 100, abs=0.06
    )


def test_arrow_keys_compare_the_months_and_enter_opens_one(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="years", day=str(yesterday))
    chart = page.chart()

    chart.send_keys(Keys.END, Keys.ARROW_LEFT)
    spoken = chart.get_attribute("aria-valuetext") or ""
    chart.send_keys(Keys.ENTER)
    page.wait(lambda: "view=month" in page.driver.current_url)
    page.settle()

    assert spoken.startswith(f"November {yesterday.year}, {yesterday.year}: ")
    assert f"day={yesterday.year}-11-01" in page.driver.current_url


def test_the_calendar_says_of_each_day_what_it_lacks(page: Page, stack: Ports, yesterday: date) -> None:
    day = day_with_gaps(yesterday)
    periods = asked(
        stack,
        "/completeness",
        meteringPointId=OUTLET,
        **{"from": f"{day[:4]}-01-01", "to": f"{int(day[:4]) + 1}-01-01"},
    )["periods"]

    page.open(caller="eos-vendor", point=OUTLET, view="completeness", day=day)

    assert len(page.all(".chart .day")) in (365, 366)
    assert len(page.all(".chart .day.missing")) == sum(1 for each in periods if each["missing"])
    assert page.headline("Missing").startswith(str(sum(each["missing"] for each in periods)))
    (row,) = [row for row in page.rows() if row[0] == day]
    assert row == [day, "some missing", "24", "20", "0", "4"]


def test_the_calendar_is_read_with_the_arrow_keys_and_enter_opens_a_day(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=OUTLET, view="completeness", day=str(yesterday))
    calendar = page.chart()

    calendar.send_keys(Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    spoken = calendar.get_attribute("aria-valuetext") or ""
    calendar.send_keys(Keys.ENTER)
    page.wait(lambda: "view=day" in page.driver.current_url)
    page.settle()

    assert f" 9 Jan {yesterday.year}, " in spoken
    assert f"day={yesterday.year}-01-09" in page.driver.current_url


def test_days_outside_the_permission_have_a_state_of_their_own(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=SHOP, view="completeness", day=str(yesterday))

    assert page.all(".chart .day.not-permitted")
    assert "not permitted" in page.text(".legend")


@pytest.mark.parametrize(
    ("kind", "first"),
    [("CSV", "meteringPointId,"), ("CSV for Excel", "\ufeffmeteringPointId;")],
)
def test_what_is_shown_is_downloaded(
    page: Page, tmp_path: Path, kind: str, first: str, last_month: date
) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="month", day=str(last_month))

    file = saved(page, tmp_path, kind)

    text = file.read_text(encoding="utf-8")
    assert text.startswith(first)
    assert len(list(csv.reader(text.splitlines()))) == last_month.day + 1
    assert file.name.startswith(f"{BAKERY}_consumption_{last_month:%Y-%m}-01_")


def saved(page: Page, folder: Path, kind: str) -> Path:
    """Press the button of a kind of file, and return what the browser has saved."""
    behavior = {"behavior": "allow", "downloadPath": str(folder)}
    page.driver.execute_cdp_cmd("Page.setDownloadBehavior", behavior)
    next(one for one in page.all(".downloads button") if one.text == kind).click()
    page.wait(lambda: page.text(".downloads .message").startswith("Saved as "))
    file = folder / page.text(".downloads .message").removeprefix("Saved as ").removesuffix(".")
    # The browser gives the file its name once it is whole.
    page.wait(file.exists)
    return file


@pytest.mark.parametrize("view", ["day", "month", "year", "years"])
def test_a_saved_workbook_has_the_sums_of_the_api(
    page: Page, stack: Ports, tmp_path: Path, view: str, yesterday: date
) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view=view, day=str(yesterday))

    file = saved(page, tmp_path, "Excel")

    _, _, first, end = file.stem.split("_")
    path = f"/metering-points/{BAKERY}/consumption"
    values = asked(stack, path, resolution="P1D", to=end, **{"from": first})["values"]
    assert first == str(date.fromisoformat(first).replace(year=yesterday.year - (view == "years")))
    assert sum_in(file) == pytest.approx(sum(value["quantity"] or 0 for value in values), abs=0.0005)


def sum_in(workbook: Path) -> float:
    """Return the sum of the column of quantities; the sums by month must add up to the same."""
    book = openpyxl.load_workbook(workbook, read_only=True)
    heading, *rows = book["Values"].iter_rows(values_only=True)
    place = heading.index("quantityKWh")
    quantities = [row[place] for row in rows if isinstance(row[place], float | int)]
    months = [row[1] for row in list(book["Months"].iter_rows(values_only=True))[1:]]
    assert sum(months) == pytest.approx(sum(quantities), abs=0.0005)
    return float(sum(quantities))


def test_the_overview_is_saved_as_totals_and_as_a_workbook_of_every_metering_point(
    page: Page, stack: Ports, tmp_path: Path, yesterday: date
) -> None:
    page.open(caller="eos-vendor")
    first = str(yesterday - timedelta(days=30))
    totals = asked(stack, "/consumption/total", resolution="P1D", **{"from": first})["values"]

    lines = saved(page, tmp_path, "CSV").read_text(encoding="utf-8").splitlines()
    workbook = openpyxl.load_workbook(saved(page, tmp_path, "Excel"), read_only=True)

    rows = list(csv.DictReader(lines))
    assert [float(row["quantityKWh"]) for row in rows] == [each["quantity"] for each in totals]
    heading, *values = workbook["Values"].iter_rows(values_only=True)
    place = heading.index("quantityKWh")
    assert sum(row[place] or 0 for row in values) == pytest.approx(
        sum(each["quantity"] for each in totals), abs=0.0005
    )


def test_the_overview_s_button_begins_an_export_of_all_metering_points(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor")

    next(one for one in page.all(".downloads button") if one.text.startswith("Parquet")).click()
    page.settle()

    chosen = {
        name: page.find(f"#export-{name}").get_property("value") for name in ("points", "from", "format")
    }
    first = yesterday - timedelta(days=30)
    assert chosen == {"points": "", "from": str(first), "format": "parquet"}


@pytest.mark.parametrize("view", ["day", "years", "completeness"])
def test_a_table_is_made_when_it_is_opened(page: Page, view: str, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=OUTLET, view=view, day=str(yesterday))
    assert not page.all(".values table")

    page.find(".values summary").click()

    page.wait(lambda: page.all(".values tbody tr"))


def test_a_download_that_is_refused_is_explained(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="day", day=str(yesterday))
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*format=csv*"]})
    try:
        page.find(".downloads button").click()
        page.wait(lambda: page.all(".downloads .problem"))
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.driver.execute_cdp_cmd("Network.disable", {})

    assert page.text(".downloads .problem h2") == "No answer"
    page.logged()
