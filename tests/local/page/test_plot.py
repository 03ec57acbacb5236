"""What the developer page plots, in a real browser on the whole stack."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from local.ports import Ports, address
from local.sampledata import readings
from local.stack import clients, greeting
from tests.builders.browser import Page
from tests.local.page.sample_days import day_with_gaps, last_day_of

pytestmark = pytest.mark.slow

BAKERY, OFFICE, PARKING = readings.BAKERY, readings.OFFICE, readings.PARKING


def fetch(stack: Ports, path: str, **parameters: str) -> Any:
    """Return what the API answers the demo vendor."""
    headers = clients.vendor_headers(greeting.token_url(stack))
    url = f"{address(stack.gateway)}{greeting.API}{path}"
    return httpx.get(url, headers=headers, params=parameters, timeout=30, trust_env=False).json()


def test_it_offers_what_the_caller_may_read_and_describes_it(page: Page) -> None:
    page.open(caller="kari", point=BAKERY)

    assert [option.text for option in page.all("#point option")] == [
        "Bakeriet",
        "Utsalg Torgallmenningen",
        "Kontor og lager med solceller",
        readings.SHOP,
    ]
    assert page.text("#point-description") == (
        f"Damsgårdsveien 120, 5160 Bergen {BAKERY} NO5 hourly Permitted from 1 May 2021"
    )
    page.choose("#point", readings.SHOP)
    page.settle()
    assert " until " in page.text("#point-description")


def test_metering_points_of_several_customers_are_offered_by_customer(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)

    groups = [group.get_attribute("label") for group in page.all("#point optgroup")]
    assert groups == ["Customer 10001", "Customer 10002"]


def test_the_first_look_at_a_metering_point_is_the_newest_day(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", tab="series")

    assert page.text("#period") == f"{yesterday:%A} {yesterday.day} {yesterday:%B %Y}"
    assert f"{yesterday:%a} {yesterday.day} " in page.text("#freshness")


@pytest.mark.parametrize(("hours", "said"), [(23, "02:00 → 03:00"), (25, "03:00 → 02:00")])
def test_a_day_of_the_clock_change_has_its_own_number_of_bars(
    page: Page, hours: int, said: str, yesterday: date
) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="day", day=last_day_of(hours, yesterday=yesterday))

    assert page.chart().get_attribute("aria-valuemax") == str(hours - 1)
    assert f"has {hours} hours: the clocks change." in page.text(".notes")
    assert page.headline("Total").endswith(f"in {hours} hours")
    starts = [row[0].split()[1] for row in page.rows()]
    assert starts.count("02:00") == (0 if hours == 23 else 2)


def test_a_day_of_quarters_has_a_bar_for_each(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=PARKING, view="day", day=str(yesterday))

    assert len(page.rows()) in (92, 96, 100)
    assert page.text(".axis-title") == "kWh for each 15 minutes"


@pytest.mark.parametrize("view", ["day", "week", "month", "year"])
def test_the_total_is_the_api_s_own_sum(page: Page, stack: Ports, view: str, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view=view, day=str(yesterday - timedelta(days=30)))
    total = page.headline("Total")
    shown = page.run(
        "return import('/pages/js/calendar.js').then(({ period }) => period(arguments[0], arguments[1]))",
        view,
        str(yesterday - timedelta(days=30)),
    )

    answer = fetch(
        stack,
        f"/metering-points/{BAKERY}/consumption",
        resolution="P1D",
        **{k: shown[k] for k in ("from", "to")},
    )

    expected = sum(round(value["quantity"] * 1000) for value in answer["values"]) / 1000
    assert float(total.split(" kWh")[0].replace(",", "")) == pytest.approx(expected, abs=0.06)


def test_missing_and_measured_hours_differ_in_texture_and_not_in_colour_only(
    page: Page, yesterday: date
) -> None:
    page.open(caller="eos-vendor", point=readings.OUTLET, view="day", day=day_with_gaps(yesterday))

    missing, measured = colours_in_hour(page, 10), colours_in_hour(page, 15)
    assert len(measured) == 1
    assert len(missing) > 1
    assert "missing 4" in page.text(".legend")
    assert page.headline("Missing") == "4of 24 values"


def test_estimated_and_measured_hours_differ_in_texture(page: Page, yesterday: date) -> None:
    day = estimated_day(page, yesterday)
    page.open(caller="eos-vendor", point=readings.OUTLET, view="day", day=day)
    qualities = [row[2] for row in page.rows()]

    assert len(colours_in_hour(page, qualities.index("estimated"))) > 1
    assert len(colours_in_hour(page, qualities.index("measured"))) == 1
    assert "estimated" in page.text(".legend")


def estimated_day(page: Page, yesterday: date) -> str:
    """Return a market day of this year or the one before that has an estimated hour."""
    for shown in (yesterday, yesterday - timedelta(days=365)):
        page.open(caller="eos-vendor", point=readings.OUTLET, view="year", day=str(shown))
        found = [row[0] for row in page.rows() if row[2] == "estimated"]
        if found:
            return found[0]
    raise AssertionError("no estimated hour in the sample")


def colours_in_hour(page: Page, hour: int) -> set[str]:
    """Return the colours in the lower part of a day's bar, a third of its width around its middle."""
    return set(
        page.run(
            """
            const [hour, hours] = [arguments[0], Number(document.querySelector('.chart').ariaValueMax) + 1];
            const canvas = document.querySelector('.chart canvas');
            const over = document.querySelector('.chart .u-over');
            const wide = over.clientWidth / hours;
            const left = Math.round((over.offsetLeft + wide * (hour + 1 / 3)) * devicePixelRatio);
            const top = Math.round((over.offsetTop + over.clientHeight * 0.9) * devicePixelRatio);
            const pixels = canvas.getContext('2d')
              .getImageData(left, top, Math.round(wide / 3), Math.round(over.clientHeight * 0.06)).data;
            const found = [];
            for (let at = 0; at < pixels.length; at += 4) found.push(pixels.slice(at, at + 3).join());
            return [...new Set(found)];
            """,
            hour,
        )
    )


def test_a_year_is_a_bar_for_each_day_and_a_cell_for_each_hour(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="year", day=str(yesterday))

    days = len(page.rows())
    cells = int(page.chart(1).get_attribute("aria-valuemax") or 0) + 1
    assert int(page.chart(0).get_attribute("aria-valuemax") or 0) + 1 == days
    assert abs(cells - days * 24) <= 1
    assert f"of {cells:,} values" in page.headline("Missing")


def test_production_is_offered_where_there_is_some(page: Page, yesterday: date) -> None:
    page.open(caller="kari", point=BAKERY)
    assert not page.find("#directions").is_displayed()

    page.open(caller="kari", point=OFFICE, direction="production", view="year", day=str(yesterday))

    assert page.find("#directions").is_displayed()
    assert "/production?" in page.text("#behind .line")


def test_days_that_the_caller_may_not_read_are_named(page: Page, yesterday: date) -> None:
    page.open(caller="eos-vendor", point=readings.SHOP, view="day", day=str(yesterday))

    assert page.text(".notes").startswith("Not permitted: ")
    assert "There are no values in this period." in page.text(".notes")
