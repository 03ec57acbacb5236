"""Feeds on the developer page: made, followed through publications, fetched, acknowledged and deleted."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import partial
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from local import demo, environment
from local.functionhost import admin
from local.ports import Ports, address
from shared import periods, tables
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import Feeds
from shared.settings import DeliverySettings
from tests.builders.browser import Page
from tests.builders.container import Outside

pytestmark = pytest.mark.slow

LAMPS = demo.METERING_POINTS[8].metering_point_id
"""Of ola's customer; no other test looks at its values."""
quantities = itertools.count(7)


@pytest.fixture
def feeds(page: Page, stack: Ports) -> Iterator[Page]:
    """The page at the feeds of ola, who has none before and after."""
    look(page)
    yield page
    look(page)
    while left := len(page.all("#files article")):
        press(page, "Delete")
        page.driver.switch_to.alert.accept()
        page.wait(partial(fewer_than, page, left))
    # A feed that is being deleted keeps its id, which the next test gives to another.
    page.wait(lambda: not list(stored(stack).deleted()))


def look(page: Page) -> None:
    page.open(caller="ola", tab="files", files="feeds")


def fewer_than(page: Page, count: int) -> bool:
    return len(page.all("#files article")) < count


def press(page: Page, name: str) -> None:
    # In one step: the list is made again every few seconds.
    page.run(
        "[...document.querySelectorAll('#files button')]"
        ".find(({ textContent }) => textContent === arguments[0]).click()",
        name,
    )


def make(page: Page, **choices: str) -> None:
    for name, value in choices.items():
        page.choose(f"#feed-{name}", value)
    page.find("#files form button[type=submit]").click()
    page.wait(lambda: page.all(".answer .outcome, .answer .problem"))
    page.settle()


def publish(stack: Ports, yesterday: date) -> str:
    """Publish another quantity for an hour of yesterday; return it."""
    quantity = f"{next(quantities)}.250"
    start = datetime.combine(yesterday, time(12), tzinfo=periods.OSLO).isoformat()
    outside = Outside(DeliverySettings(environment.stack(stack)["DELIVERY_STORAGE"], "deliveries"))
    outside.put_lines(f"{quantity}.csv", [(LAMPS, "consumption", start, "PT1H", quantity, "measured")])
    admin.start_timer("publish_readings", host=address(stack.function_host))
    return quantity


def test_a_new_feed_says_when_it_begins(feeds: Page) -> None:
    assert feeds.text("#files section:last-child") == "Your feeds There are none yet."

    make(feeds, content="last-days", format="gs2")

    assert feeds.text(".answer .outcome") == "Feed daily is made."
    shown = feeds.text("#files article")
    assert shown.startswith("Daily values Delete gs2 · Consumption · All metering points · Last 7 days")
    assert "No run yet" in shown
    assert "python3 dev.py load FILE" in shown


def test_a_feed_under_the_same_id_is_changed(feeds: Page) -> None:
    make(feeds)

    make(feeds, when="daily", direction="")

    assert feeds.text(".answer .outcome") == "Feed daily is changed from its next run on."
    assert "Consumption, Production" in feeds.text("#files article")
    assert "daily from 09:30" in feeds.text("#files article")
    assert len(feeds.all("#files article")) == 1


def test_a_run_is_shown_fetched_acknowledged_and_handed_out_again(
    feeds: Page, stack: Ports, tmp_path: Path, yesterday: date
) -> None:
    make(feeds)
    quantity = publish(stack, yesterday)
    feeds.wait(partial(reopened_with, feeds, ".state.ready"))
    behavior = {"behavior": "allow", "downloadPath": str(tmp_path)}
    feeds.driver.execute_cdp_cmd("Page.setDownloadBehavior", behavior)

    file = feeds.find("#files .files button")
    name = file.text
    file.click()
    feeds.wait((tmp_path / name).exists)
    content = (tmp_path / name).read_bytes()
    hashes = [each.get_attribute("title") for each in feeds.all("#files .hash")]
    press(feeds, "I have it")
    feeds.wait(lambda: feeds.all("#files .state.acknowledged"))
    acknowledged = feeds.text("#files article .answer .outcome")
    press(feeds, "Send again")
    feeds.wait(lambda: feeds.all("#files .state.ready"))

    assert hashlib.sha256(content).hexdigest() == hashes[0]
    assert f",{quantity}," in content.decode()
    assert len(hashes) == 2, "the file and the manifest"
    assert acknowledged.endswith("is acknowledged.")
    assert feeds.text("#files article .answer .outcome").endswith("is handed out again.")


def test_the_focus_stays_in_the_ledger_when_it_is_drawn_again(
    feeds: Page, stack: Ports, yesterday: date
) -> None:
    make(feeds)
    publish(stack, yesterday)
    feeds.wait(partial(reopened_with, feeds, ".state.ready"))

    feeds.find("#files .entries .entry-head button").send_keys(Keys.ENTER)
    feeds.wait(lambda: feeds.all("#files .state.acknowledged"))

    assert feeds.run("return document.activeElement.closest('article') !== null")


def reopened_with(page: Page, selector: str) -> bool:
    """Open the page again: a resting ledger is asked again only every quarter of a minute."""
    look(page)
    return bool(page.all(f"#files {selector}"))


def test_every_fault_of_a_feed_is_named_with_its_remedy(feeds: Page) -> None:
    feeds.run("document.querySelector('#feed-name').value = ' '")
    feeds.run("document.querySelector('form').noValidate = true")
    feeds.run("document.querySelector('#feed-days').value = '99'")

    make(feeds, content="last-days")

    faults = {row.text.split()[0]: row.text for row in feeds.all(".answer .faults tbody tr")}
    assert sorted(faults) == ["days", "name"]
    assert "Use visible characters." in faults["name"]


def test_an_id_that_no_feed_can_have_is_a_problem(feeds: Page) -> None:
    feeds.run("document.querySelector('#feed-id').value = 'Not an id'")

    make(feeds)

    assert feeds.text(".answer .problem h2") == "400 Path not valid"
    assert "letters a to z" in feeds.text(".answer .advice")


def test_a_feed_is_kept_unless_its_deletion_is_confirmed(feeds: Page) -> None:
    make(feeds)

    press(feeds, "Delete")
    question = feeds.driver.switch_to.alert
    asked = question.text
    question.dismiss()
    kept = len(feeds.all("#files article"))
    press(feeds, "Delete")
    feeds.driver.switch_to.alert.accept()
    feeds.wait(partial(fewer_than, feeds, 1))

    assert asked == "Delete the feed Daily values with everything that it made?"
    assert kept == 1
    assert feeds.text(".answer .outcome") == "Feed daily is deleted."


def test_a_feed_that_the_operator_paused_or_sends_says_so(feeds: Page, stack: Ports) -> None:
    make(feeds)
    receiver = Receiver("sftp.example", 22, "ola", "ssh-ed25519 AAAA")

    stored(stack).change(
        f"user:{demo.OLA.object_id}", "daily", lambda feed: replace(feed, is_paused=True, receiver=receiver)
    )
    look(feeds)

    assert feeds.text("#files article .entry-head") == "Daily values SFTP paused by us Delete"


def stored(stack: Ports) -> Feeds:
    """Return the feeds of the stack as the operator's commands see them."""
    return Feeds(tables.open_tables(environment.stack(stack)["TABLE_STORAGE"], credential=None))


def test_exports_and_feeds_are_chosen_by_keys_and_the_browser_keeps_a_link(page: Page) -> None:
    page.open(caller="kari", tab="files")
    assert page.text("#export-title") == "Make files"

    page.find("#file-kinds input").send_keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.all("#feed-title"))
    page.settle()

    assert "files=feeds" in page.driver.current_url
    assert page.run("return document.activeElement.value") == "feeds"


def test_feeds_that_cannot_be_listed_are_a_problem(page: Page) -> None:
    page.open(caller="kari", tab="files", files="feeds")
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/v1/feeds"]})
    try:
        page.tab("Overview")
        page.settle()
        page.tab("Files")
        page.wait(lambda: page.all("#files .problem"))
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.driver.execute_cdp_cmd("Network.disable", {})
    page.logged()

    page.find("#files .problem .again button").click()

    page.wait(lambda: page.text("#files section:last-child") == "Your feeds There are none yet.")
