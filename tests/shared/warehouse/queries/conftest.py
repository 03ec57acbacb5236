"""Published days that the tests of queries read."""

import pytest

from tests.builders.warehouse import CABIN, HOUSE, Deliverer, values
from tests.shared.warehouse.queries.five_days import FIVE_DAYS


@pytest.fixture
def filled(deliverer: Deliverer) -> Deliverer:
    """Five days of a house and a cabin, from 28 March to 1 April."""
    deliverer.deliver(
        [line for id_ in (CABIN, HOUSE) for day in FIVE_DAYS for line in values(id_, day, ["0.5", "1"])]
    )
    return deliverer
