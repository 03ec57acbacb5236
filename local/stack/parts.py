"""The parts of the local stack: commands, settings, ports, and addresses that answer when they are ready."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from local import demo, environment, places
from local.azurite import emulator, installation
from local.functionhost.host import READY_PATH
from local.page import app
from local.ports import Ports, address
from local.standins import receiver
from operations import app_settings

FAR_AWAY = 100_000_000
"""A limit of calls that nobody reaches."""


@dataclass(frozen=True)
class Part:
    """A process of the stack; `ports` must be free before it starts and taken once it is ready.

    `ready_url` answers 200 when the part can be used; without one, listening is enough.
    """

    name: str
    command: tuple[str, ...]
    ports: tuple[int, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None


def azurite(
    endpoints: emulator.Endpoints, *, data: Path | None, accounts: Mapping[str, str] | None = None
) -> Part:
    """Return Microsoft's storage emulator, installed if missing; data is in a folder, or in memory for None.

    `accounts` (name to key) replace the documented one.

    Raises:
        NotInstallable: if Node or the package registry is missing (local.azurite.installation).
    """
    node = installation.find_node()
    command = emulator.command(
        endpoints, node=node.program, installed=installation.install(node=node), data=data
    )
    settings = {"AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in (accounts or {}).items())}
    ports = (endpoints.blob, endpoints.queue, endpoints.table)
    return Part("azurite", tuple(command), ports, settings if accounts else {})


def identity(ports: Ports) -> Part:
    """Return the Entra look-alike."""
    return _module("identity", ports.identity)


def standins(ports: Ports, *, state: Path) -> Part:
    """Return the stand-ins for Severa and Microsoft Graph; changes to their data are kept in `state`."""
    return _module("standins", ports.standins, "--kept", str(state / "standins"))


def sftp(ports: Ports, *, state: Path) -> Part:
    """Return the stand-in for a customer's SFTP server; it keeps files in the folder `sftp` of `state`."""
    command = ("-m", "local.standins.sftp", "--port", str(ports.sftp), "--folder", str(state / "sftp"))
    return Part("sftp", (sys.executable, *command), (ports.sftp,))


def function_host(
    ports: Ports, *, state: Path, telemetry: str = "off", host: str | None = None, python: str | None = None
) -> Part:
    """Return the function app, which only the gateway's managed identity may call.

    Args:
        telemetry: the app's setting of that name.
        host: Microsoft's host to run it on; None for the stand-in.
        python: the Python that runs it on Microsoft's host.
    """
    part = _module(
        "functionhost",
        ports.function_host,
        *("--state", str(state)),
        *(() if host is None else ("--host", host)),
        *(() if python is None else ("--python", python)),
        *("--auth-issuer", environment.issuer(ports)),
        *("--auth-audience", demo.FUNCTION_APP_AUDIENCE),
        *("--auth-principal", demo.GATEWAY_PRINCIPAL_ID),
        *("--auth-excluded-path", environment.HEALTH_PATH),
        settings={
            **environment.stack(ports, state=state),
            **environment.of_host(ports),
            "TELEMETRY": telemetry,
        },
    )
    return replace(part, ready_url=f"{address(ports.function_host)}{READY_PATH}")


def gateway(ports: Ports, *, products: Path | None = None) -> Part:
    """Return the look-alike of API Management, with the policies of infra/apim and the developer page.

    `products` is a file with other limits than those of infra/apim.

    Raises:
        NotInstallable: if the page's packages cannot be installed (local.azurite.installation).
    """
    packages = installation.install(node=installation.find_node(), manifests=app.PACKAGES)
    return _module(
        "gateway",
        ports.gateway,
        *("--backend", address(ports.function_host)),
        *("--identity", address(ports.identity)),
        *("--page-packages", str(packages / "node_modules")),
        *("--receiver", f"{address(ports.standins)}{receiver.PREFIX}"),
        *("--outbox", address(ports.azurite_blob)),
        *(() if products is None else ("--products", str(products))),
    )


def gateway_with_limits(
    ports: Ports, *, state: Path, calls_a_minute: int, calls_a_day: int = FAR_AWAY, product: str | None = None
) -> Part:
    """Return the gateway with other limits of calls, for `product` or all: for tests and measurements.

    Raises:
        NotInstallable: as for `gateway`.
    """
    deployed = json.loads((places.ROOT / "infra/apim/products.json").read_text(encoding="utf-8"))
    for each in deployed["products"]:
        if product in (None, each["id"]):
            each |= {"callsPerMinute": calls_a_minute, "callsPerDay": calls_a_day}
    file = state / "products.json"
    file.write_text(json.dumps(deployed), encoding="utf-8")
    return gateway(ports, products=file)


def command(name: str, arguments: Iterable[str] = (), *, settings: Mapping[str, str]) -> Part:
    """Return an operator's command, such as `load`; it ends by itself.

    It works on the services in `settings`, also where the shell names a deployed app.
    """
    here = {**settings, app_settings.APP: "", app_settings.GROUP: ""}
    return Part(name, (sys.executable, "-m", "operations", name, *arguments), (), here)


def _module(name: str, port: int, *arguments: str, settings: Mapping[str, str] | None = None) -> Part:
    command = (sys.executable, "-m", f"local.{name}", "--port", str(port), *arguments)
    return Part(name, command, (port,), settings or {}, ready_url=f"{address(port)}/healthz")


def log_of(part: Part, *, state: Path = places.STATE) -> Path:
    """Return the file to which everything that the part prints is written."""
    return state / "logs" / f"{part.name}.log"
