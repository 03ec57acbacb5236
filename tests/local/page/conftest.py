"""The whole stack with a year of sample data, and a browser that looks at its page."""

from collections.abc import Iterator

import pytest

from local.ports import Ports, address
from tests.builders import browser, local_stack
from tests.builders.browser import Page


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """The ports of a running stack."""
    if browser.programs() is None:
        pytest.skip(browser.NOT_FOUND)
    with local_stack.running(tmp_path_factory.mktemp("stack")) as found:
        yield found.ports


@pytest.fixture(scope="package")
def page(stack: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page in a browser."""
    with browser.chromium(profile=tmp_path_factory.mktemp("browser") / "profile") as driver:
        yield Page(driver, address(stack.gateway))
