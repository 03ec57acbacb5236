"""Table Storage of their own for the tests of access."""

import pytest

from shared import tables
from shared.tables import Tables


@pytest.fixture
def storage(table_storage: str) -> Tables:
    """The service's tables, empty, in Microsoft's emulator."""
    opened = tables.open_tables(table_storage, credential=None)
    opened.create_missing()
    return opened
