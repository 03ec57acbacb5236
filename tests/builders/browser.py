"""A real Chromium, driven over WebDriver, for the tests of the developer page."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from local.leash import leashed
from local.stack import free

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NOT_FOUND = "no Chromium with chromedriver on the path: apt-get install chromium chromium-driver"
SECONDS = 60

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,1000",
)


def programs() -> tuple[str, str] | None:
    """Return Chromium and its driver, when both are on the path."""
    browser = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@dataclass
class Page:
    """The developer page of one gateway, in a browser of its own."""

    driver: webdriver.Remote
    address: str

    def open(self, **state: str) -> None:
        """Open it again with a state such as caller="kari", view="year"; wait until all is shown."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/#" + "&".join(f"{name}={value}" for name, value in state.items()))
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for has been answered and drawn."""
        self.wait(
            lambda: self.run(
                "return document.querySelector('#tabs .tabs') && !document.querySelector('[aria-busy]')"
            )
        )

    def wait(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, f"still not so after {SECONDS} s: {self.text('main')}"
            time.sleep(0.05)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns."""
        return self.driver.execute_script(script, *arguments)  # type: ignore[no-untyped-call, unused-ignore]

    def find(self, selector: str) -> WebElement:
        """Return the first element; raises without one."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return every element."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return what is to be read there, on one line."""
        # In one step: an element that was found could be gone before it is read.
        found: str = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        return " ".join(found.split())

    def logged(self) -> list[str]:
        """Return warnings and errors of the console since the last call."""
        entries = self.driver.execute("getLog", {"type": "browser"})["value"]
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def choose(self, selector: str, value: str) -> None:
        """Choose in a list."""
        self.run(
            "const [list, value] = [document.querySelector(arguments[0]), arguments[1]];"
            "list.value = value; list.dispatchEvent(new Event('change'))",
            selector,
            value,
        )

    @contextmanager
    def sized(self, width: int, height: int) -> Iterator[None]:
        """Show it on a phone's screen of so many CSS pixels, inside the block."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    @contextmanager
    def speaking(self, language: str) -> Iterator[None]:
        """Have the page in a language, inside the block, from its next opening on."""
        if not self.driver.current_url.startswith(self.address):
            self.open()  # What is kept belongs to an address, and the browser begins without one.
        self.run("localStorage.setItem('language', arguments[0])", language)
        try:
            yield
        finally:
            self.run("localStorage.removeItem('language')")

    def tab(self, name: str, *, within: str = "body") -> None:
        """Open a tab by the beginning of its name."""
        # In one step, as above.
        self.run(
            "return [...document.querySelectorAll(arguments[0])]"
            ".find((tab) => tab.innerText.startsWith(arguments[1]))",
            f"{within} [role=tab]",
            name,
        ).click()

    def chart(self, place: int = 0) -> WebElement:
        """Return one of the charts."""
        return self.all(".chart")[place]

    def rows(self) -> list[list[str]]:
        """Return the table of the values."""
        self.run("document.querySelector('details.values').open = true")
        self.wait(lambda: self.all(".values tbody tr"))
        found: list[list[str]] = self.run(
            "return [...document.querySelectorAll('.values tbody tr')]"
            ".map((row) => [...row.children].map((cell) => cell.textContent))"
        )
        return found

    def headline(self, name: str) -> str:
        """Return a figure above the chart, such as Total, with its note."""
        found: str = self.run(
            "return [...document.querySelectorAll('.headline div')]"
            ".find((each) => each.firstChild.textContent.startsWith(arguments[0])).lastChild.textContent",
            name,
        )
        return found


@contextmanager
def chromium(*, profile: Path) -> Iterator[webdriver.Remote]:
    """Yield a headless Chromium with a fresh profile; ends with the block."""
    found = programs()
    assert found is not None
    browser, driver = found
    port = free.numbers(1)[0]
    with profile.with_suffix(".log").open("wb") as log, _started(driver, port=port, log=log):
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        session = webdriver.Remote(f"http://127.0.0.1:{port}", options=options)
        try:
            yield session
        finally:
            session.quit()


@contextmanager
def _started(driver: str, *, port: int, log: Any) -> Iterator[None]:
    process = subprocess.Popen(leashed([driver, f"--port={port}"]), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + SECONDS
        while not _ready(port):
            assert process.poll() is None, "chromedriver ended"
            assert time.monotonic() < deadline, "chromedriver does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _ready(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/status", trust_env=False).json()["value"]["ready"])
    except httpx.HTTPError:
        return False
