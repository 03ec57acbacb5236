"""Webhooks, and a receiver."""

from collections.abc import Iterator

import pytest

from shared.tables import Tables
from tests.builders.warehouse import Clock
from tests.doubles.webhook import Receiver
from tests.shared.notices.services import Notices


@pytest.fixture
def notices(storage: Tables, clock: Clock) -> Notices:
    """Webhooks without one."""
    return Notices(storage, clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that confirms, and takes every notice."""
    with Receiver() as made:
        yield made
