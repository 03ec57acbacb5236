"""The developer page in a real browser, on the whole stack."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from local import demo
from local.ports import Ports, address
from local.sampledata import readings
from local.stack import free, parts
from local.stack.supervision import Supervisor
from shared import periods
from tests.builders.browser import Page

pytestmark = pytest.mark.slow

BAKERY, OFFICE, PARKING = readings.BAKERY, readings.OFFICE, readings.PARKING
YESTERDAY = periods.day_of(datetime.now(UTC)) - timedelta(days=1)


def last_day_of(hours: int) -> str:
    """The newest market day of the sample that has so many hours."""
    days = (YESTERDAY - timedelta(days=back) for back in range(400))
    return str(next(day for day in days if len(list(periods.starts(day, timedelta(hours=1)))) == hours))


def day_with_gaps() -> str:
    """The newest market day with missing hours at a metering point that demo callers see."""
    days = (YESTERDAY - timedelta(days=back) for back in range(1, 100))
    return str(next(day for day in days if day.toordinal() % 45 == 22))


def asked(stack: Ports, path: str, **parameters: str) -> Any:
    """What the API answers the demo vendor."""
    form = {
        "grant_type": "client_credentials",
        "client_id": demo.VENDOR.client_id,
        "client_secret": demo.VENDOR.secret,
        "scope": f"{demo.AUDIENCE}/.default",
    }
    with httpx.Client(trust_env=False, timeout=30) as client:
        token_url = f"{address(stack.identity)}/{demo.TENANT_ID}/oauth2/v2.0/token"
        token = client.post(token_url, data=form).json()["access_token"]
        headers = {
            "Authorization": f"Bearer {token}",
            "Ocp-Apim-Subscription-Key": demo.SUBSCRIPTIONS[0].key,
        }
        url = f"{address(stack.gateway)}/metering/v1{path}"
        return client.get(url, headers=headers, params=parameters).json()


def test_it_lists_what_the_caller_may_read(page: Page) -> None:
    page.open(caller="kari")

    points = [point.text for point in page.all(".point")]
    assert len(points) == 4
    assert points[0].splitlines() == [
        "Bakeriet",
        "Damsgårdsveien 120, 5160 Bergen",
        BAKERY,
        "NO5",
        "hourly",
        "Permitted from 1 May 2021",
    ]
    assert "until" in points[3]


def test_the_first_look_is_the_newest_day(page: Page) -> None:
    page.open(caller="eos-vendor")

    day = f"{YESTERDAY:%A} {YESTERDAY.day} {YESTERDAY:%B %Y}"
    assert page.text("#period") == day
    assert day in page.text("#freshness")


@pytest.mark.parametrize(("hours", "said"), [(23, "02:00 → 03:00"), (25, "03:00 → 02:00")])
def test_a_day_of_the_clock_change_has_its_own_number_of_bars(page: Page, hours: int, said: str) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="day", day=last_day_of(hours))

    assert page.chart().get_attribute("aria-valuemax") == str(hours - 1)
    assert f"has {hours} hours: the clocks change." in page.text(".notes")
    assert page.headline("Total").endswith(f"in {hours} hours")
    starts = [row[0].split()[1] for row in page.rows()]
    assert starts.count("02:00") == (0 if hours == 23 else 2)


def test_a_day_of_quarters_has_a_bar_for_each(page: Page) -> None:
    page.open(caller="eos-vendor", point=PARKING, view="day", day=str(YESTERDAY))

    assert len(page.rows()) in (92, 96, 100)
    assert page.text(".axis-title") == "kWh for each 15 minutes"


@pytest.mark.parametrize("view", ["day", "week", "month", "year"])
def test_the_total_is_the_api_s_own_sum(page: Page, stack: Ports, view: str) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view=view, day=str(YESTERDAY - timedelta(days=30)))
    total = page.headline("Total")
    shown = page.run(
        "return import('/pages/js/calendar.js').then(({ period }) => period(arguments[0], arguments[1]))",
        view,
        str(YESTERDAY - timedelta(days=30)),
    )

    answer = asked(
        stack,
        f"/metering-points/{BAKERY}/consumption",
        resolution="P1D",
        **{k: shown[k] for k in ("from", "to")},
    )

    expected = sum(round(value["quantity"] * 1000) for value in answer["values"]) / 1000
    assert float(total.split(" kWh")[0].replace(",", "")) == pytest.approx(expected, abs=0.06)


def test_missing_and_measured_hours_differ_in_texture_and_not_in_colour_only(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.OUTLET, view="day", day=day_with_gaps())

    missing, measured = colours_in_hour(page, 10), colours_in_hour(page, 15)
    assert len(measured) == 1
    assert len(missing) > 1
    assert "missing 4" in page.text(".legend")
    assert page.headline("Missing") == "4of 24 values"


def test_estimated_and_measured_hours_differ_in_texture(page: Page) -> None:
    day = estimated_day(page)
    page.open(caller="eos-vendor", point=readings.OUTLET, view="day", day=day)
    qualities = [row[2] for row in page.rows()]

    assert len(colours_in_hour(page, qualities.index("estimated"))) > 1
    assert len(colours_in_hour(page, qualities.index("measured"))) == 1
    assert "estimated" in page.text(".legend")


def estimated_day(page: Page) -> str:
    """A market day of this year or the one before that has an estimated hour."""
    for shown in (YESTERDAY, YESTERDAY - timedelta(days=365)):
        page.open(caller="eos-vendor", point=readings.OUTLET, view="year", day=str(shown))
        found = [row[0] for row in page.rows() if row[2] == "estimated"]
        if found:
            return found[0]
    raise AssertionError("no estimated hour in the sample")


def colours_in_hour(page: Page, hour: int) -> set[str]:
    """The colours in the lower part of a day's bar, a third of its width around its middle."""
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


def test_a_year_is_a_bar_for_each_day_and_a_cell_for_each_hour(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="year", day=str(YESTERDAY))

    days = len(page.rows())
    cells = int(page.chart(1).get_attribute("aria-valuemax") or 0) + 1
    assert int(page.chart(0).get_attribute("aria-valuemax") or 0) + 1 == days
    assert abs(cells - days * 24) <= 1
    assert f"of {cells:,} values" in page.headline("Missing")


def test_production_is_offered_where_there_is_some(page: Page) -> None:
    page.open(caller="kari", point=BAKERY)
    assert page.find("input[value=production]").get_property("disabled")

    page.open(caller="kari", point=OFFICE, direction="production", view="year", day=str(YESTERDAY))

    assert not page.find("input[value=production]").get_property("disabled")
    assert "/production?" in page.text("#behind .line")


def test_days_that_the_caller_may_not_read_are_named(page: Page) -> None:
    page.open(caller="eos-vendor", point=readings.SHOP, view="day", day=str(YESTERDAY))

    assert page.text(".notes").startswith("Not permitted: ")
    assert "There are no values in this period." in page.text(".notes")


def test_arrow_keys_read_the_bars_and_enter_opens_a_day(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="month", day=str(YESTERDAY))
    first = f"{YESTERDAY.replace(day=1):%a} 1 {YESTERDAY:%b %Y}"
    chart = page.chart()

    chart.send_keys(Keys.ARROW_RIGHT)
    assert first in (chart.get_attribute("aria-valuetext") or "")
    chart.send_keys(Keys.ENTER)
    page.wait(lambda: "view=day" in page.driver.current_url)
    page.settle()

    assert f"day={YESTERDAY.replace(day=1)}" in page.driver.current_url
    assert page.run("return document.activeElement.classList.contains('chart')")


def test_a_day_further_is_the_same_hour_of_the_clock_also_over_a_clock_change(page: Page) -> None:
    spring = last_day_of(23)
    page.open(caller="eos-vendor", point=BAKERY, view="year", day=spring)
    map_of_hours = page.chart(1)
    first = map_of_hours.get_attribute("aria-valuetext") or ""

    shown = [row[0] for row in page.rows()]
    beyond = min(shown.index(spring) + 1, len(shown) - 1)

    map_of_hours.send_keys(Keys.HOME, Keys.ARROW_DOWN * 12, Keys.ARROW_RIGHT * beyond)

    assert ", 00:00–01:00, UTC" in first
    assert ", 12:00–13:00, UTC+" in (map_of_hours.get_attribute("aria-valuetext") or "")


def test_the_pointer_shows_what_it_points_at(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY, view="day", day=str(YESTERDAY))
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


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
@pytest.mark.parametrize("caller", ["eos-vendor", "kari"])
def test_the_curl_lines_give_the_answer_that_is_shown(page: Page, caller: str) -> None:
    page.open(caller=caller, point=BAKERY, view="day", day=str(YESTERDAY))
    page.tab("Request", within="#behind")
    lines = [block.text for block in page.all("#behind [role=tabpanel]:not([hidden]) pre")]
    page.tab("Answer", within="#behind")
    shown = page.text("#behind [role=tabpanel]:not([hidden]) pre")

    script = "\n".join(lines).replace("python3 -c", f"{sys.executable} -c")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == json.loads(shown)


def test_the_token_is_decoded(page: Page) -> None:
    page.open(caller="kari", point=BAKERY)
    page.tab("Token", within="#behind")

    shown = page.text("#behind [role=tabpanel]:not([hidden])")
    assert f"oid {demo.KARI.object_id}" in shown
    assert "scp Metering.Read" in shown
    page.tab("Request", within="#behind")


def test_the_gateway_s_decisions_are_shown(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    page.tab("Gateway", within="#behind")

    page.wait(lambda: "validate-jwt" in page.text("#behind"))
    assert "backend answered 200" in page.text("#behind")
    page.tab("Request", within="#behind")


@pytest.mark.parametrize(
    ("pretence", "title", "code"),
    [
        ("expired-token", "401 Access token expired", "expired-token"),
        ("other-api", "401 Access token not valid", "invalid-token"),
        ("no-token", "401 Access token missing", "missing-token"),
        ("no-key", "401 Subscription key missing", "missing-subscription-key"),
        ("wrong-key", "401 Subscription key not valid", "invalid-subscription-key"),
    ],
)
def test_a_caller_s_mistake_is_explained(page: Page, pretence: str, title: str, code: str) -> None:
    page.open(caller="eos-vendor")

    page.choose("#pretence", pretence)

    page.wait(lambda: page.all("#figure .problem"))
    page.settle()
    assert page.text("#figure .problem h2") == title
    assert page.text("#figure .problem .facts").startswith(f"code {code} request id ")
    assert page.text("#figure .advice")
    assert page.all("#points .point") == []


@pytest.mark.parametrize(("caller", "code"), [("without-role", "missing-role"), ("ola", "no-access")])
def test_a_caller_without_access_is_told_what_is_missing(page: Page, caller: str, code: str) -> None:
    page.open(caller=caller)

    assert page.text("#figure .problem h2").startswith("403 ")
    assert f"code {code} " in page.text("#figure .problem .facts")


def test_every_operation_answers_what_its_form_suggests(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    page.tab("Try calls")
    operations = page.all("#operations button")
    assert len(operations) >= 9

    statuses = {}
    for operation in operations:
        operation.click()
        page.find("form button[type=submit]").click()
        page.wait(lambda: page.all("#answer .outcome, #answer .problem"))
        statuses[operation.text] = page.text("#answer")[:3]

    assert set(statuses.values()) == {"200"}, statuses


def test_a_link_to_the_calls_opens_them_for_the_metering_point(page: Page) -> None:
    page.driver.get("about:blank")
    page.driver.get(f"{page.address}/#tab=calls&caller=kari&point={OFFICE}")
    page.wait(lambda: page.all("#points :checked") and page.all("#operations button"))

    page.all("#operations button")[2].click()

    assert page.find("#parameter-meteringPointId").get_property("value") == OFFICE
    page.find(f"input[value='{BAKERY}']").click()
    assert page.find("#parameter-meteringPointId").get_property("value") == BAKERY


def test_all_faults_of_a_call_are_listed_with_their_hints(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    open_series(page)
    type_into(page, "#parameter-from", "2026-03-29T12:00")
    type_into(page, "#extra", "unit=MWh")

    page.find("form").submit()

    page.wait(lambda: page.all("#answer .faults"))
    faults = {row.text.split()[0]: row.text for row in page.all("#answer .faults tbody tr")}
    assert list(faults) == ["from", "unit"]
    assert "no offset from UTC" in faults["from"]
    assert "Known are: asOf" in faults["unit"]


def test_an_etag_that_is_held_gives_304(page: Page) -> None:
    page.open(caller="eos-vendor", point=BAKERY)
    open_series(page)
    page.find("form").submit()
    page.wait(lambda: page.text("#answer").startswith("200"))

    page.find("form").submit()

    page.wait(lambda: page.text("#answer").startswith("304"))


def open_series(page: Page) -> None:
    page.tab("Try calls")
    next(
        one
        for one in page.all("#operations button")
        if one.text.startswith("/metering-points/{meteringPointId}/con")
    ).click()


def type_into(page: Page, selector: str, text: str) -> None:
    field = page.find(selector)
    field.clear()
    field.send_keys(text)


def test_it_fits_a_narrow_window(page: Page) -> None:
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        page.open(caller="eos-vendor", point=BAKERY, view="year", day=str(YESTERDAY))
        wide = {name: page.run("return document.scrollingElement.scrollWidth") for name in ["plot"]}
        page.tab("Try calls")
        wide["calls"] = page.run("return document.scrollingElement.scrollWidth")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    assert wide == {"plot": 360, "calls": 360}


def test_it_loads_nothing_from_elsewhere_and_logs_no_error(page: Page, stack: Ports) -> None:
    page.logged()

    page.open(caller="eos-vendor", point=BAKERY, view="year", day=str(YESTERDAY))

    loaded = page.run("return performance.getEntriesByType('resource').map(({ name }) => name)")
    own = (address(stack.gateway), address(stack.identity))
    assert len(loaded) > 10
    assert [name for name in loaded if not name.startswith(own)] == []
    assert page.logged() == []


def test_a_service_that_is_away_is_explained_with_a_countdown(
    page: Page, stack: Ports, tmp_path: Path
) -> None:
    port, nobody = free.numbers(2)
    gateway = parts.gateway(Ports(gateway=port, function_host=nobody, identity=stack.identity))
    with Supervisor(state=tmp_path) as supervisor:
        supervisor.start(gateway)
        supervisor.wait_ready("gateway")
        other = Page(page.driver, address(port))

        other.open(caller="eos-vendor")

        assert other.text("#figure .problem h2") == "503 Temporarily unavailable"
        assert re.fullmatch(r"Try again in \d+ s", other.text("#figure .again"))
        assert not other.find("#figure .again button").is_enabled()


def test_too_many_calls_are_explained_and_go_on_after_the_countdown(page: Page, stack: Ports) -> None:
    page.open(caller="fjordbakeriet", point=BAKERY)

    with calling_without_end(stack):
        page.wait(lambda: refused(page))
        page.settle()
        assert page.text("#figure .problem h2") == "429 Too many calls"
        assert "Retry-After" in page.text("#figure .advice")

    page.wait(lambda: page.find("#figure .again button").is_enabled())
    assert "You may call again." in page.text("#figure .again")
    page.find("#figure .again button").click()
    page.wait(lambda: page.all("#figure .headline"))


def refused(page: Page) -> bool:
    """Ask for one more period; a call may still get through where one has just been given back."""
    page.find("#previous").click()
    page.settle()
    return bool(page.all("#figure .problem"))


@contextmanager
def calling_without_end(stack: Ports) -> Iterator[None]:
    """Use up the calls of a subscription; the gateway counts them before it looks for a token."""
    headers = {"Ocp-Apim-Subscription-Key": demo.SUBSCRIPTIONS[1].key}
    enough, refused = threading.Event(), threading.Event()

    def call() -> None:
        with httpx.Client(trust_env=False, headers=headers, base_url=address(stack.gateway)) as client:
            while not enough.is_set():
                if client.get("/metering/v1/status").status_code == httpx.codes.TOO_MANY_REQUESTS:
                    refused.set()

    thread = threading.Thread(target=call)
    thread.start()
    try:
        assert refused.wait(30)
        yield
    finally:
        enough.set()
        thread.join()
