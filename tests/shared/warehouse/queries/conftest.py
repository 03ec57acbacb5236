"""Published days that the tests of queries read."""

import pytest

from tests.builders.warehouse import CABIN, FIVE_DAYS, HOUSE, Deliverer, values


@pytest.fixture
def filled(deliverer: Deliverer) -> Deliverer:
    """Five days of a house and a cabin, from 28 March to 1 April."""
    deliverer.deliver(
        [line for id_ in (CABIN, HOUSE) for day in FIVE_DAYS for line in values(id_, day, ["0.5", "1"])]
    )
    return deliverer
