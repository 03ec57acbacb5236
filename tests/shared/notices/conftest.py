"""Tables with webhooks, and a receiver."""

from collections.abc import Iterator

import pytest

from shared import tables
from shared.tables import Tables
from tests.builders.warehouse import Clock
from tests.doubles.webhook import Receiver
from tests.shared.notices.services import Notices


@pytest.fixture
def storage(table_storage: str) -> Tables:
    """The tables of an empty account."""
    opened = tables.open_tables(table_storage, credential=None)
    opened.create_missing()
    return opened


@pytest.fixture
def notices(storage: Tables, clock: Clock) -> Notices:
    """Webhooks without one."""
    return Notices(storage, clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that confirms, and takes every notice."""
    with Receiver() as made:
        yield made
