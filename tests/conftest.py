"""What every test may use: Table Storage, in Microsoft's emulator, and ports that are free.

Each test process (`pytest --numprocesses`) has its own emulator, ports, warehouses and temporary folders.
"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from contract import hosting, world
from local.azurite import emulator
from local.functionhost.host import Host
from local.stack import free, parts
from local.stack.supervision import Supervisor
from shared import tables
from shared.tables import Tables
from shared.warehouse import opening
from tests import sentsql
from tests.builders import elsewhere
from tests.doubles import faulty
from tests.doubles.faulty import Faulty

# In CI the same examples are drawn each time, so that a red run comes from the change and not from chance;
# developers' runs draw new ones. No example has a deadline: a busy machine is no fault.
hypothesis.settings.register_profile("own", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "own")


def pytest_configure() -> None:
    """Keep each SQL text that the tests send, where SENT_SQL names a folder.

    All code opens warehouses with this one function, the app and its commands included.
    """
    if folder := os.environ.get(sentsql.VARIABLE):
        vars(opening)["open_warehouse"] = sentsql.keeping(opening.open_warehouse, folder=Path(folder))


def pytest_unconfigure() -> None:
    """Let Hypothesis's callback go, which counts the time of garbage collection.

    The interpreter never clears the list of callbacks: it would keep DuckDB's module alive at the end, and
    nanobind would print 45 lines of what has leaked.
    """
    gc.callbacks.clear()


_ACCOUNTS = tuple(f"tests{number:04}" for number in range(1000))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Return 1 where all tests empty and fill the tables of one server; None leaves it to the cores."""
    return 1 if elsewhere.is_shared() else None


@pytest.fixture
def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    return free.numbers(1)[0]


@pytest.fixture(scope="session")
def _azurite_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """Yield connection strings of unused accounts of one Azurite that runs as long as the test process."""
    endpoints = emulator.Endpoints(*free.numbers(3))
    state = tmp_path_factory.mktemp("azurite")
    accounts = dict.fromkeys(_ACCOUNTS, emulator.TEST_KEY)
    with Supervisor(state=state) as supervisor:
        supervisor.start_ready(parts.azurite(endpoints, data=None, accounts=accounts))
        yield iter(
            [emulator.connection_string(endpoints, account=name, key=key) for name, key in accounts.items()]
        )


@pytest.fixture(scope="session")
def azurite(_azurite_accounts: Iterator[str]) -> str:
    """Return the connection string of an account for a shared fixture of a module."""
    return next(_azurite_accounts)


@pytest.fixture
def table_storage(_azurite_accounts: Iterator[str]) -> str:
    """Return the connection string of an empty storage account for this test alone."""
    return next(_azurite_accounts)


@pytest.fixture
def storage(table_storage: str) -> Tables:
    """Return the service's tables, empty, in an account for this test alone."""
    opened = tables.open_tables(table_storage, credential=None)
    opened.create_missing()
    return opened


@pytest.fixture
def before_tables(table_storage: str) -> Iterator[Faulty]:
    """Yield what stands before this test's tables and can misbehave."""
    with Faulty(faulty.endpoint_port(table_storage, "Table")) as made:
        yield made


@pytest.fixture
def reached_storage(storage: Tables, table_storage: str, before_tables: Faulty) -> Tables:
    """Return the tables of `storage`, reached through `before_tables`."""
    address = faulty.with_port(table_storage, "Table", before_tables.port)
    return tables.open_tables(address, credential=None)


@pytest.fixture(scope="session")
def contract_host(
    _azurite_accounts: Iterator[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """Yield the app with the reference's demo world behind it; tests only read from it."""
    folder = tmp_path_factory.mktemp("contract")
    made = world.open_services(folder, table_storage=next(_azurite_accounts))
    host = hosting.host(made, folder)
    yield host
    host.pool.shutdown()
    made.warehouse.close()
