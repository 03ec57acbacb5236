"""Callers with feeds."""

from collections.abc import Iterator

import pytest

from tests.builders.api import Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import Customer


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Iterator[Customer]:
    """Yield a caller that has nothing yet; afterwards nobody has a feed."""
    yield Customer(api, deliver)
    for feed in list(api.services.feeds.everything()):
        api.services.feeder.delete(feed)


@pytest.fixture
def other(api: Api, deliver: Deliver) -> Customer:
    """Return another caller."""
    return Customer(api, deliver)
