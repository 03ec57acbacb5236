"""Table Storage of their own for the tests of access, and Severa and Graph."""

from collections.abc import Callable, Iterator

import pytest

from shared import tables
from shared.tables import Tables
from tests.builders import standins
from tests.builders.standins import Service


@pytest.fixture(scope="session")
def new_storage(_azurite_accounts: Iterator[str]) -> Callable[[], Tables]:
    """Makes tables that are empty and nobody else's, for tests that need several."""

    def made() -> Tables:
        opened = tables.open_tables(next(_azurite_accounts), credential=None)
        opened.create_missing()
        return opened

    return made


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    """Yield stand-ins for Severa and Graph that the tests of a module share; each resets them."""
    with standins.running() as service:
        yield service
