"""Webhooks on the developer page: registered, tested, and what arrived at the receiver of the machine."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.builders.browser import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def webhooks(page: Page) -> Iterator[Page]:
    """The page at the webhooks of ola, who has none before and after."""
    page.open(caller="ola", tab="webhooks")
    yield page
    page.open(caller="ola", tab="webhooks")
    while left := len(page.all(".webhook")):
        press(page, "Delete")
        page.wait(partial(fewer_than, page, left))


def fewer_than(page: Page, count: int) -> bool:
    return len(page.all(".webhook")) < count


def press(page: Page, name: str) -> None:
    # In one step: the list is made again every few seconds.
    page.run(
        "[...document.querySelectorAll('.webhook button')]"
        ".find(({ textContent }) => textContent === arguments[0]).click()",
        name,
    )


def register(page: Page, *, answer: str = "") -> None:
    page.run("document.querySelector('#webhook-url').value += arguments[0]", answer)
    page.find("#webhooks form button[type=submit]").click()
    page.wait(lambda: page.all(".webhook") or page.all(".answer .problem"))


def test_a_registered_webhook_is_confirmed_and_its_secret_is_shown_once(webhooks: Page) -> None:
    register(webhooks)

    assert webhooks.text(".secret code").startswith("whsec_")
    webhooks.wait(lambda: webhooks.all(".webhook .state.active"))
    webhooks.wait(lambda: "webhook.challenge" in webhooks.text(".arrived"))
    assert "signature is right" in webhooks.text(".arrived li")

    webhooks.open(caller="ola", tab="webhooks")

    assert not webhooks.all(".secret")
    assert "signature not checked" in webhooks.text(".arrived li")


def test_a_test_says_what_the_receiver_answered_and_shows_what_arrived(webhooks: Page) -> None:
    register(webhooks)
    webhooks.wait(lambda: webhooks.all(".webhook .state.active"))

    press(webhooks, "Test")

    webhooks.wait(
        lambda: webhooks.text(".answer .outcome").startswith("webhook.test: the receiver answered 200")
    )
    webhooks.wait(lambda: "webhook.test" in webhooks.text(".arrived li"))
    webhooks.wait(lambda: webhooks.text(".webhook tbody tr").startswith("webhook.test delivered 1 200 "))


def test_a_receiver_that_refuses_is_not_confirmed_and_its_answer_is_shown(webhooks: Page) -> None:
    register(webhooks, answer="?answer=503")

    webhooks.wait(lambda: "503" in webhooks.text(".webhook table"))
    webhooks.wait(lambda: "→ 503" in webhooks.text(".arrived"))
    assert webhooks.text(".webhook .state") == "unconfirmed"


def test_the_columns_of_all_webhooks_are_aligned_alike(webhooks: Page) -> None:
    register(webhooks)
    webhooks.wait(lambda: "webhook.challenge delivered 1 200 " in webhooks.text(".webhook tbody"))
    heads = webhooks.run(
        "return [...document.querySelectorAll('.webhook thead th.number')].map((each) => each.innerText)"
    )

    register(webhooks, answer="?answer=503")
    webhooks.wait(lambda: "503" in webhooks.text(".webhook tbody"))

    assert heads == ["Attempts"]
    assert webhooks.text(".webhook thead th.number") == "Attempts"


def test_a_new_secret_signs_beside_the_old_one(webhooks: Page) -> None:
    register(webhooks)
    first = webhooks.text(".secret code")

    press(webhooks, "New secret")

    webhooks.wait(lambda: webhooks.text(".secret code") not in ("", first))
    webhooks.wait(lambda: "Two secrets sign until" in webhooks.text(".webhook"))


def test_an_address_that_is_not_called_is_refused_with_the_remedy(webhooks: Page) -> None:
    webhooks.run("document.querySelector('#webhook-url').value = 'https://10.0.0.1/hook'")

    webhooks.find("#webhooks form button[type=submit]").click()

    webhooks.wait(lambda: webhooks.all(".answer .faults"))
    assert "public name" in webhooks.text(".answer .faults")


def test_a_deleted_webhook_is_gone(webhooks: Page) -> None:
    register(webhooks)

    press(webhooks, "Delete")

    webhooks.wait(lambda: "There are none yet." in webhooks.text("#webhooks"))
