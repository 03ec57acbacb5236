"""Table Storage of their own for the tests of access."""

from collections.abc import Callable, Iterator

import pytest

from shared import tables
from shared.tables import Tables


@pytest.fixture
def storage(table_storage: str) -> Tables:
    """The service's tables, empty, in Microsoft's emulator."""
    opened = tables.open_tables(table_storage, credential=None)
    opened.create_missing()
    return opened


@pytest.fixture(scope="session")
def new_storage(_azurite_accounts: Iterator[str]) -> Callable[[], Tables]:
    """Makes tables that are empty and nobody else's, for tests that need several."""

    def made() -> Tables:
        opened = tables.open_tables(next(_azurite_accounts), credential=None)
        opened.create_missing()
        return opened

    return made
