"""The whole stack with a year of sample data, and a browser that looks at its page."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from local import places
from local.ports import Ports, address
from local.stack import free
from tests.builders import browser
from tests.builders.browser import Page


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    """The ports of a running stack."""
    if browser.programs() is None:
        pytest.skip(browser.NOT_FOUND)
    base = free.base()
    state = tmp_path_factory.mktemp("stack")
    command = [sys.executable, "-m", "local.stack", "--port-base", str(base), "--state", str(state)]
    process = subprocess.Popen(
        command, cwd=places.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "The demo world" in line:
            break
    else:
        raise AssertionError(f"the stack ended before it was ready:\n{printed}")
    yield Ports.from_base(base)
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture(scope="package")
def page(stack: Ports, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page in a browser."""
    with browser.chromium(profile=tmp_path_factory.mktemp("browser") / "profile") as driver:
        yield Page(driver, address(stack.gateway))
