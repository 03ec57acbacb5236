"""The developer page for people who cannot see it, or point at it: axe-core's rules, keyboard, motion."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from local.azurite import installation
from local.sampledata import readings
from tests.builders.browser import Page
from tests.local.page.sample_days import recent_day

pytestmark = pytest.mark.slow

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, from its npm package."""
    manifests = Path(__file__).parent / "axe"
    installed = installation.install(node=installation.find_node(), manifests=manifests)
    return (installed / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def a_day(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.BAKERY, view="day", day=str(recent_day()))


def a_year(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.OUTLET, view="year", day=str(recent_day()))


def the_values(page: Page) -> None:
    a_day(page)
    page.rows()


def a_token(page: Page) -> None:
    a_day(page)
    page.tab("Token", within="#behind")


def the_decisions(page: Page) -> None:
    a_day(page)
    page.tab("Gateway", within="#behind")
    page.wait(lambda: page.all("#behind table"))


def an_error(page: Page) -> None:
    page.open(caller="without-role")


def a_call(page: Page) -> None:
    a_day(page)
    page.tab("Try calls")
    field = page.find("#extra")
    field.send_keys("unit=MWh")
    page.find("form").submit()
    page.wait(lambda: page.all("#answer .problem"))


def the_overview(page: Page) -> None:
    page.open(caller="eos-vendor", tab="overview")


def a_month_with_its_peaks(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.BAKERY, view="month", day=str(recent_day()))


def two_years(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.BAKERY, view="years", day=str(recent_day()))
    page.rows()


def the_completeness(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.OUTLET, view="completeness", day=str(recent_day()))
    page.rows()


def the_files(page: Page) -> None:
    page.open(caller="eos-vendor", tab="files")
    page.choose("#export-format", "parquet")
    page.find("#files form button[type=submit]").click()
    page.wait(lambda: page.all("#files .entry"))


def the_feeds(page: Page) -> None:
    page.open(caller="eos-vendor", tab="files", files="feeds")
    page.find("#files form button[type=submit]").click()
    page.wait(lambda: page.all("#files article"))
    page.settle()


def the_readers(page: Page) -> None:
    page.open(caller="kari", tab="overview")
    page.run("document.querySelector('#readers details details').open = true")
    page.wait(lambda: page.all("#readers [role=tab]"))


def the_readers_of_an_application(page: Page) -> None:
    page.open(caller="eos-vendor", tab="overview")
    page.find("#readers summary").click()
    page.wait(lambda: page.all("#readers .problem"))


def the_webhooks(page: Page) -> None:
    page.open(caller="eos-vendor", tab="webhooks")
    page.find("#webhooks form button[type=submit]").click()
    page.wait(lambda: page.all(".webhook table") and page.all(".arrived details"))
    page.run("document.querySelector('.arrived details').open = true")


SIGHTS = [
    the_overview,
    the_files,
    the_feeds,
    the_readers,
    the_readers_of_an_application,
    the_webhooks,
    a_day,
    a_month_with_its_peaks,
    a_year,
    two_years,
    the_completeness,
    the_values,
    a_token,
    the_decisions,
    an_error,
    a_call,
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_axe_finds_nothing(page: Page, axe: str, sight: Callable[[Page], None], theme: str) -> None:
    sight(page)
    page.choose("#theme", theme)

    found = violations(page, axe)

    assert found == [], found


ON_A_PHONE = [
    the_overview,
    the_readers,
    a_day,
    the_completeness,
    the_files,
    the_feeds,
    the_webhooks,
    an_error,
]


@pytest.mark.parametrize("sight", ON_A_PHONE)
def test_axe_finds_nothing_on_a_norwegian_phone(page: Page, axe: str, sight: Callable[[Page], None]) -> None:
    with page.sized(320, 640), page.speaking("nb"):
        sight(page)
        page.find("#settings").click()

        found = violations(page, axe)

    assert page.find("html").get_attribute("lang") == "nb"
    assert found == [], found


def test_axe_would_find_something(page: Page, axe: str) -> None:
    a_day(page)
    page.run("document.querySelector('label[for=caller]').remove()")

    assert [one["rule"] for one in violations(page, axe)] == ["select-name"]


def violations(page: Page, axe: str) -> list[dict[str, Any]]:
    """Return what axe-core says about the page as it is now."""
    page.run(axe)
    # Colours fade in for a moment after the theme has changed.
    page.run("return Promise.all(document.getAnimations().map(({ finished }) => finished))")
    answer = page.run(
        "return axe.run(document, { runOnly: arguments[0], resultTypes: ['violations'] })", RULES
    )
    return [
        {"rule": one["id"], "where": [node["target"] for node in one["nodes"]], "why": one["help"]}
        for one in answer["violations"]
    ]


HEAD = ["caller", "pretence", "theme", "language"]
SERIES = [*HEAD, "point", "view", "previous", "day", "next", "latest", "chart", "values", "small"]


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ({"tab": "overview"}, [*HEAD, "total-chart", "small", "A", "SUMMARY"]),
        ({"view": "day"}, SERIES),
        ({"view": "month"}, [*SERIES, "link"]),
        ({"view": "completeness"}, SERIES),
        ({"tab": "files"}, [*HEAD, "export-points", "export-from", "export-compression", "primary"]),
        ({"tab": "files", "files": "feeds"}, [*HEAD, "files", "feed-id", "feed-when", "A", "primary"]),
        ({"tab": "webhooks"}, [*HEAD, "webhook-id", "webhook-url", "event-access.changed", "primary"]),
        ({"tab": "calls"}, [*HEAD, "BUTTON", "extra", "primary"]),
    ],
)
def test_the_tab_key_reaches_everything_and_the_focus_is_always_seen(
    page: Page, state: dict[str, str], wanted: list[str]
) -> None:
    day = str(recent_day() - timedelta(days=390))
    page.open(caller="eos-vendor", point=readings.OFFICE, day=day, **state)
    page.run("document.activeElement.blur()")

    reached: list[str] = []
    while "BODY" not in reached and len(reached) < 90:
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        name, seen = page.run(
            "const at = document.activeElement;"
            "const frame = [at, at.closest('.segments')].filter(Boolean);"
            "return [at.id || at.name || at.classList[0] || at.parentElement.classList[0] || at.tagName,"
            " frame.some((each) => getComputedStyle(each).outlineStyle !== 'none')]"
        )
        assert seen or name == "BODY", name
        reached.append(name)

    assert "BODY" in reached
    assert [name for name in wanted if name not in reached] == []


def test_nothing_moves_for_those_who_asked_for_less_motion(page: Page) -> None:
    feature = {"name": "prefers-reduced-motion", "value": "reduce"}
    a_day(page)
    moving = (
        "return [...document.querySelectorAll('*')]"
        ".filter((each) => getComputedStyle(each).transitionDuration !== '0s').length"
    )
    assert page.run(moving) > 0

    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    still = page.run(moving)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    assert still == 0


def test_a_dark_system_makes_a_dark_page(page: Page) -> None:
    a_day(page)
    page.choose("#theme", "auto")
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)

    feature = {"name": "prefers-color-scheme", "value": "dark"}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    dark = page.run(ground)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    assert (light, dark) == ("rgb(243, 245, 248)", "rgb(14, 19, 24)")
