"""Moving about in the developer page: keys, pointer, periods, windows."""

from datetime import date

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from local.ports import Ports, address
from local.sampledata import readings
from tests.builders.browser import Page
from tests.local.page.sample_days import last_day_of

pytestmark = pytest.mark.slow

BAKERY = readings.BAKERY
VIEWS = ("day", "week", "month", "year", "years", "completeness")


def test_arrow_keys_read_the_bars_and_enter_opens_a_day(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="month", day=str(yesterday))
    first = f"{yesterday.replace(day=1):%a} 1 {yesterday:%b %Y}"
    chart = page.chart()

    chart.send_keys(Keys.ARROW_RIGHT)
    assert first in (chart.get_attribute("aria-valuetext") or "")
    chart.send_keys(Keys.ENTER)
    page.wait(lambda: "view=day" in page.driver.current_url)
    page.settle()

    assert f"day={yesterday.replace(day=1)}" in page.driver.current_url
    assert page.run("return document.activeElement.classList.contains('chart')")


def test_a_day_further_is_the_same_hour_of_the_clock_also_over_a_clock_change(
    page: Page, yesterday: date
) -> None:
    spring = last_day_of(23, yesterday=yesterday)
    page.open(caller="eos-vendor", point=BAKERY, view="year", day=spring)
    map_of_hours = page.chart(1)
    first = map_of_hours.get_attribute("aria-valuetext") or ""

    shown = [row[0] for row in page.rows()]
    beyond = min(shown.index(spring) + 1, len(shown) - 1)

    map_of_hours.send_keys(Keys.HOME, Keys.ARROW_DOWN * 12, Keys.ARROW_RIGHT * beyond)

    assert ", 00:00–01:00, UTC" in first
    assert ", 12:00–13:00, UTC+" in (map_of_hours.get_attribute("aria-valuetext") or "")


def test_the_pointer_shows_what_it_points_at(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="day", day=str(yesterday))
    assert page.text(".tip") == ""

    ActionChains(page.driver).move_to_element(page.chart()).perform()

    hour = next(row for row in page.rows() if f" {page.text('.tip').split(', ')[1][:5]} " in row[0])
    assert page.text(".tip").startswith(f"{hour[1]} kWh ")
    assert page.text(".tip").endswith(" measured")


def test_previous_and_next_move_by_the_period_that_is_shown(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="week", day="2026-03-29")
    assert page.text("#period") == "Week 13, 23–29 March 2026"

    page.find("#next").click()
    page.wait(lambda: page.text("#period") == "Week 14, 30 March–5 April 2026")
    page.find("#previous").click()
    page.find("#previous").click()

    page.wait(lambda: page.text("#period") == "Week 12, 16–22 March 2026")


@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize("width", [320, 390])
def test_nothing_scrolls_sideways_on_a_phone(page: Page, width: int, language: str, yesterday: date) -> None:
    sights = [{"tab": tab} for tab in ("overview", "files", "webhooks", "calls")]
    sights += [{"tab": "files", "files": "feeds"}]
    sights += [{"tab": "series", "view": view} for view in VIEWS]

    with page.sized(width, 780), page.speaking(language):
        wide = {}
        for sight in sights:
            page.open(caller="eos-vendor", point=readings.OFFICE, day=str(yesterday), **sight)
            wide[" ".join(sight.values())] = page.run("return document.scrollingElement.scrollWidth")

    assert set(wide.values()) == {width}, wide


@pytest.mark.parametrize("width", [320, 1440])
def test_no_word_of_a_guide_s_table_is_broken(page: Page, stack: Ports, width: int) -> None:
    with page.sized(width, 780):
        page.driver.get(f"{address(stack.gateway)}/pages/guides/feeds")
        lines = page.run(
            "const word = [...document.querySelectorAll('td code')]"
            ".find(({ textContent }) => textContent === 'acknowledged');"
            "return word.getClientRects().length"
        )
        wide = page.run("return document.scrollingElement.scrollWidth")

    assert (lines, wide) == (1, width)


@pytest.mark.parametrize(
    ("tab", "seen"), [("overview", "#total-chart canvas"), ("series", "#figure .chart canvas")]
)
def test_the_first_screen_of_a_phone_shows_data(page: Page, tab: str, seen: str) -> None:
    with page.sized(390, 844):
        page.open(caller="eos-vendor", tab=tab)
        lower = page.run("return document.querySelector(arguments[0]).getBoundingClientRect().bottom", seen)

    assert lower < 844


def test_caller_colours_and_language_are_behind_a_button_on_a_phone(page: Page) -> None:
    with page.sized(320, 640):
        page.open(caller="kari")
        button = page.find("#settings")
        assert button.text.startswith("Kari Nordmann")
        assert not page.find("#caller").is_displayed()

        button.send_keys(Keys.ENTER)

        assert page.find("#caller").is_displayed()
        assert button.get_attribute("aria-expanded") == "true"


def test_it_loads_nothing_from_elsewhere_and_logs_no_error(page: Page, stack: Ports, yesterday: date) -> None:
    page.logged()

    page.open(caller="eos-vendor", point=BAKERY, view="year", day=str(yesterday))

    loaded = page.run("return performance.getEntriesByType('resource').map(({ name }) => name)")
    own = (address(stack.gateway), address(stack.identity))
    assert len(loaded) > 10
    assert [name for name in loaded if not name.startswith(own)] == []
    assert page.logged() == []
