"""The whole stack with a year of sample data, and a browser that looks at its page."""

from collections.abc import Iterator
from datetime import date

import pytest

from local.ports import Ports, address
from local.stack import sample
from tests.builders import browser, local_stack
from tests.builders.browser import Page
from tests.builders.local_stack import LocalStack


@pytest.fixture(scope="package")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack."""
    if browser.programs() is None:
        pytest.skip(browser.NOT_FOUND)
    with local_stack.running(tmp_path_factory.mktemp("stack")) as found:
        yield found


@pytest.fixture(scope="package")
def stack(started: LocalStack) -> Ports:
    """The ports of the stack."""
    return started.ports


@pytest.fixture(scope="package")
def yesterday(started: LocalStack) -> date:
    """The newest market day of the sample: yesterday when the stack started, whatever the time is now."""
    loaded = sample.read(started.state)
    assert loaded is not None
    return loaded.until


@pytest.fixture(scope="package")
def page(stack: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page in a browser."""
    with browser.chromium(profile=tmp_path_factory.mktemp("browser") / "profile") as driver:
        yield Page(driver, address(stack.gateway))
