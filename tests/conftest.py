"""What every test may use: Table Storage, in Microsoft's emulator, and ports that are free."""

import gc
import os
from collections.abc import Iterator

import hypothesis
import pytest

from contract import hosting, world
from local.azurite import emulator
from local.functionhost.host import Host
from local.stack import free, parts
from local.stack.supervision import Supervisor

# In CI the same examples are drawn each time, so that a red run tells of the change and not of chance;
# developers' runs draw new ones. No example has a deadline: a busy machine is no fault.
hypothesis.settings.register_profile("own", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "own")


def pytest_unconfigure() -> None:
    """Let Hypothesis's callback go, which counts the time of garbage collection.

    The interpreter never clears the list of callbacks: it would keep DuckDB's module alive at the end, and
    nanobind would print 45 lines of what has leaked.
    """
    gc.callbacks.clear()


_ACCOUNTS = tuple(f"tests{number:04}" for number in range(1000))


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    return free.numbers(1)[0]


@pytest.fixture(scope="session")
def _azurite_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """Connection strings of accounts that nobody has used yet, of one Azurite for the whole run."""
    endpoints = emulator.Endpoints(*free.numbers(3))
    state = tmp_path_factory.mktemp("azurite")
    accounts = dict.fromkeys(_ACCOUNTS, emulator.TEST_KEY)
    with Supervisor(state=state) as supervisor:
        supervisor.start(parts.azurite(endpoints, data=None, accounts=accounts))
        supervisor.wait_ready("azurite")
        yield iter(
            [emulator.connection_string(endpoints, account=name, key=key) for name, key in accounts.items()]
        )


@pytest.fixture(scope="session")
def azurite(_azurite_accounts: Iterator[str]) -> str:
    """Connection string of an account that lives as long as the run: for a module's own shared fixture."""
    return next(_azurite_accounts)


@pytest.fixture
def table_storage(_azurite_accounts: Iterator[str]) -> str:
    """Connection string of an empty storage account that this test has for itself."""
    return next(_azurite_accounts)


@pytest.fixture(scope="session")
def contract_host(
    _azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """The app with the reference's demo world behind it; nothing in it may be changed."""
    folder = tmp_path_factory.mktemp("contract")
    made = world.open_services(folder, table_storage=next(_azurite_accounts))
    host = hosting.host(made, folder)
    yield host
    host.pool.shutdown()
    made.warehouse.close()
