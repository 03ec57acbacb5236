"""Who may read a customer's metering points, on the developer page."""

from typing import Any

import httpx
import pytest

from local import demo
from local.ports import Ports, address
from local.stack import greeting
from tests.builders.browser import Page

pytestmark = pytest.mark.slow


def readers(page: Page, stack: Ports) -> Any:
    """Return what the API answers kari, with a token that the page fetches."""
    token = page.run(
        "return import('/pages/js/api.js').then(async (api) => {"
        " const demo = await api.world();"
        " return api.token(demo, demo.callers.find(({ name }) => name === 'kari'), '') })"
    )
    key = demo.SUBSCRIPTIONS[1].key
    headers = {"Authorization": f"Bearer {token}", "Ocp-Apim-Subscription-Key": key}
    url = f"{address(stack.gateway)}{greeting.API}/customers/10001/readers"
    return httpx.get(url, headers=headers, timeout=30, trust_env=False).json()["readers"]


def test_a_contact_of_a_customer_sees_who_else_may_read(page: Page, stack: Ports) -> None:
    page.open(caller="kari")
    expected = readers(page, stack)

    shown = [entry.text for entry in page.all("#readers .entry")]

    assert len(shown) == len(expected) == 3
    for text, reader in zip(shown, expected, strict=True):
        assert reader["id"] in text
        assert "days from 1 May 2021" in text
    assert shown[0].startswith("eos-vendor")
    assert "registered with the customer" in shown[0]
    assert shown[2].startswith("k***@")
    assert [" you " in " ".join(text.split()) for text in shown] == [False, False, True]


def test_an_application_reads_why_it_gets_no_list(page: Page) -> None:
    page.open(caller="eos-vendor")
    customers = [each.text for each in page.all("#readers summary")]
    assert not page.all("#readers .problem")

    page.find("#readers summary").click()
    page.wait(lambda: page.all("#readers .problem"))

    assert customers == ["Fjordbakeriet AS (10001)", "Nordlys Kjøpesenter AS (10002)"]
    assert page.text("#readers .problem h2") == "403 Only persons may read this."
    assert "Choose one of the users" in page.text("#readers .advice")
    assert "code persons-only" in page.text("#readers .facts")


def test_readers_that_cannot_be_asked_for_are_a_problem(page: Page) -> None:
    page.open(caller="eos-vendor")
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/readers"]})
    try:
        page.find("#readers summary").click()
        page.wait(lambda: page.all("#readers .problem"))
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.driver.execute_cdp_cmd("Network.disable", {})
    page.logged()

    page.find("#readers .again button").click()

    page.wait(lambda: page.text("#readers .problem h2").startswith("403 "))
