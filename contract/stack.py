"""The demo world that stands still, behind the gateway and with tokens of the identity provider."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.azurite import emulator
from local.functionhost.host import READY_PATH
from local.ports import Ports, address
from local.stack import clients, free, greeting, parts
from local.stack.parts import Part
from local.stack.supervision import Supervisor


@dataclass(frozen=True)
class OnMicrosoftsHost:
    """A folder with Microsoft's host, and the Python that runs the app on it."""

    folder: Path
    python: str


@dataclass(frozen=True)
class Running:
    """Where to ask.

    Attributes:
        api: the API at the gateway.
        app: the API at the function host, which takes every request for one of the gateway's.
        log: what the function app logs.
    """

    api: str
    app: str
    token_url: str
    log: Path

    def headers(self) -> dict[str, str]:
        """Return what the demo vendor sends to the gateway."""
        return clients.vendor_headers(self.token_url)


@contextmanager
def running(
    state: Path, *, table_storage: str | None = None, on: OnMicrosoftsHost | None = None
) -> Iterator[Running]:
    """Start it on free ports, with limits of calls that nobody reaches.

    Args:
        table_storage: an empty storage account; None for one of its own.
        on: Microsoft's host to run the app on; None for the stand-in.
    """
    ports = free.ports()
    with Supervisor(state=state) as supervisor:
        if table_storage is None:
            endpoints = emulator.Endpoints(ports.azurite_blob, ports.azurite_queue, ports.azurite_table)
            supervisor.start_ready(parts.azurite(endpoints, data=None))
            table_storage = emulator.connection_string(endpoints)
        world = _world(ports, state=state, table_storage=table_storage, on=on)
        gateway = parts.gateway_with_limits(ports, state=state, calls_a_minute=parts.FAR_AWAY)
        supervisor.start_ready(parts.identity(ports), world, gateway)
        yield of(ports, log=parts.log_of(world, state=state))


@contextmanager
def without_app(state: Path) -> Iterator[Running]:
    """Start the gateway with nothing behind it; a subscription has two calls a minute."""
    ports = free.ports()
    with Supervisor(state=state) as supervisor:
        gateway = parts.gateway_with_limits(ports, state=state, calls_a_minute=2)
        supervisor.start_ready(parts.identity(ports), gateway)
        yield of(ports, log=parts.log_of(gateway, state=state))


def of(ports: Ports, *, log: Path) -> Running:
    """Return where a stack on these ports is asked."""
    return Running(
        api=address(ports.gateway) + greeting.API,
        app=f"{address(ports.function_host)}/v1",
        token_url=greeting.token_url(ports),
        log=log,
    )


def _world(ports: Ports, *, state: Path, table_storage: str, on: OnMicrosoftsHost | None) -> Part:
    folder = state / "world"
    folder.mkdir()
    command = (
        *(sys.executable, "-m", "contract.serve"),
        *("--port", str(ports.function_host)),
        *("--table-storage", table_storage, "--state", str(folder)),
        *(() if on is None else ("--host", str(on.folder), "--python", on.python)),
    )
    port = ports.function_host
    return Part("functionhost", command, (port,), ready_url=f"{address(port)}{READY_PATH}")
