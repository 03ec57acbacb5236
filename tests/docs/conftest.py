"""What the guides' commands are run against."""

from collections.abc import Iterator

import pytest

from contract import stack
from contract.stack import Running


@pytest.fixture(scope="session")
def running(_azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo world that stands still, behind the gateway."""
    state = tmp_path_factory.mktemp("guides")
    with stack.running(state, table_storage=next(_azurite_accounts)) as found:
        yield found
