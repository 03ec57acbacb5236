"""What every test may use: Table Storage, in Microsoft's emulator, and ports that are free."""

import socket
from collections.abc import Iterator

import pytest

from local.azurite import emulator

_ACCOUNTS = tuple(f"tests{number:04}" for number in range(1000))


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((emulator.HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    return _free_ports(1)[0]


@pytest.fixture(scope="session")
def _azurite_accounts() -> Iterator[Iterator[str]]:
    """Connection strings of accounts that nobody has used yet, of one Azurite for the whole run."""
    endpoints = emulator.Endpoints(*_free_ports(3))
    accounts = dict.fromkeys(_ACCOUNTS, emulator.TEST_KEY)
    with emulator.running(endpoints, data=None, accounts=accounts):
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
