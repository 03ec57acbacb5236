"""How the developer page explains what went wrong, in a real browser on the whole stack."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local import demo
from local.ports import Ports, address
from local.sampledata import readings
from local.stack import free, parts
from local.stack.supervision import Supervisor
from tests.builders.browser import Page

pytestmark = pytest.mark.slow

BAKERY = readings.BAKERY


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
    assert not page.find("#toolbar").is_displayed()


@pytest.mark.parametrize(
    ("caller", "code"), [("without-role", "missing-role"), ("without-grants", "no-access")]
)
def test_a_caller_without_access_reads_what_is_missing(page: Page, caller: str, code: str) -> None:
    page.open(caller=caller)

    assert page.text("#figure .problem h2").startswith("403 ")
    assert f"code {code} " in page.text("#figure .problem .facts")


def test_a_service_that_is_away_is_explained_with_a_countdown(
    page: Page, stack: Ports, tmp_path: Path
) -> None:
    port, nobody = free.numbers(2)
    gateway = parts.gateway(Ports(gateway=port, function_host=nobody, identity=stack.identity))
    with Supervisor(state=tmp_path) as supervisor:
        supervisor.start_ready(gateway)
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
