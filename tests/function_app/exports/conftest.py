"""Callers with feeds."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.files.feeds import ledger
from tests.builders.api import Api
from tests.function_app.conftest import Deliver
from tests.function_app.test_series import Customer


@pytest.fixture
def customer(api: Api, deliver: Deliver) -> Iterator[Customer]:
    """Yield a caller that has nothing yet; afterwards nobody has a feed."""
    yield Customer(api, deliver)
    services = api.services
    for feed in [*services.files.feeds.everything(), *services.files.feeds.deleted()]:
        services.files.feeds.change(feed.principal, feed.id, lambda stored: replace(stored, is_deleted=True))
        if not services.files.runs.clear(feed.principal, feed.id):  # What a test left holds the lease.
            services.files.outbox.delete(ledger.folder_of(feed.principal, feed.id))
            services.files.ledger.delete(feed.principal, feed.id)
            services.files.feeds.forget(feed.principal, feed.id)


@pytest.fixture
def other(api: Api, deliver: Deliver) -> Customer:
    """Return another caller."""
    return Customer(api, deliver)
