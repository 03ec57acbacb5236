"""Callers with feeds."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.builders.api import Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import Customer


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Iterator[Customer]:
    """Yield a caller that has nothing yet; afterwards nobody has a feed."""
    yield Customer(api, deliver)
    for feed in list(api.services.feeds.everything()):
        api.services.feeds.change(feed.principal, feed.id, lambda stored: replace(stored, is_deleted=True))
        api.services.runs.clear(feed.principal, feed.id)


@pytest.fixture
def other(api: Api, deliver: Deliver) -> Customer:
    """Return another caller."""
    return Customer(api, deliver)
