"""The demo world that stands still, behind the gateway and with tokens of the identity provider."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from local import demo, places
from local.azurite import emulator
from local.functionhost.host import READY_PATH
from local.ports import Ports, address
from local.stack import free, greeting, parts
from local.stack.parts import Part
from local.stack.supervision import Supervisor

FAR_AWAY = 1_000_000


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
        """What the demo vendor sends to the gateway."""
        form = {
            "grant_type": "client_credentials",
            "client_id": demo.VENDOR.client_id,
            "client_secret": demo.VENDOR.secret,
            "scope": f"{demo.AUDIENCE}/.default",
        }
        answer = httpx.post(self.token_url, data=form, trust_env=False).raise_for_status()
        return {
            "Authorization": f"Bearer {answer.json()['access_token']}",
            "Ocp-Apim-Subscription-Key": demo.SUBSCRIPTIONS[0].key,
        }


@contextmanager
def running(
    state: Path, *, table_storage: str | None = None, on: OnMicrosoftsHost | None = None
) -> Iterator[Running]:
    """Start it on free ports; limits of calls are far away.

    Args:
        table_storage: an empty storage account; None for one of its own.
        on: Microsoft's host to run the app on; None for the stand-in.
    """
    ports = free.ports()
    with Supervisor(state=state) as supervisor:
        if table_storage is None:
            endpoints = emulator.Endpoints(ports.azurite_blob, ports.azurite_queue, ports.azurite_table)
            supervisor.start(parts.azurite(endpoints, data=None))
            supervisor.wait_ready("azurite")
            table_storage = emulator.connection_string(endpoints)
        world = _world(ports, state=state, table_storage=table_storage, on=on)
        wanted = [parts.identity(ports), world, gateway(ports, state=state)]
        for part in wanted:
            supervisor.start(part)
        supervisor.wait_ready(*(part.name for part in wanted))
        yield Running(
            api=address(ports.gateway) + greeting.API,
            app=f"{address(ports.function_host)}/v1",
            token_url=greeting.token_url(ports),
            log=parts.log_of(world, state=state),
        )


@contextmanager
def without_app(state: Path) -> Iterator[Running]:
    """Start the gateway with nothing behind it; a subscription has two calls a minute."""
    ports = free.ports()
    with Supervisor(state=state) as supervisor:
        wanted = [parts.identity(ports), gateway(ports, state=state, calls_a_minute=2)]
        for part in wanted:
            supervisor.start(part)
        supervisor.wait_ready(*(part.name for part in wanted))
        yield Running(
            api=address(ports.gateway) + greeting.API,
            app=f"{address(ports.function_host)}/v1",
            token_url=greeting.token_url(ports),
            log=parts.log_of(wanted[-1], state=state),
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


def gateway(ports: Ports, *, state: Path, calls_a_minute: int = FAR_AWAY) -> Part:
    """The gateway of infra/apim, with other limits."""
    products = json.loads((places.ROOT / "infra/apim/products.json").read_text(encoding="utf-8"))
    for product in products["products"]:
        product |= {"callsPerMinute": calls_a_minute, "callsPerDay": FAR_AWAY}
    file = state / "products.json"
    file.write_text(json.dumps(products), encoding="utf-8")
    part = parts.gateway(ports)
    return Part(part.name, (*part.command, "--products", str(file)), part.ports, {}, part.ready_url)
