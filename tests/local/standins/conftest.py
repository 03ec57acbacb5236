"""What the tests of the stand-ins share."""

from collections.abc import Iterator

import pytest

from tests.builders import standins
from tests.builders.standins import Service


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    """Yield stand-ins for Severa and Graph that the tests of a module share; each resets them."""
    with standins.running() as service:
        yield service
