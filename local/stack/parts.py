"""What the local stack consists of: command lines, environments, ports and signs of life."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from local import demo, environment, places
from local.azurite import emulator, installation
from local.functionhost.host import READY_PATH
from local.page import app
from local.ports import Ports, address
from operations import app_settings


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
    """Microsoft's storage emulator, installed when it is not; its data in a folder, or in memory for None.

    `accounts` (name to key) replace the documented one.

    Raises:
        NotInstallable: of local.azurite.installation.
    """
    node = installation.find_node()
    command = emulator.command(
        endpoints, node=node.program, installed=installation.install(node=node), data=data
    )
    settings = {"AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in (accounts or {}).items())}
    ports = (endpoints.blob, endpoints.queue, endpoints.table)
    return Part("azurite", tuple(command), ports, settings if accounts else {})


def identity(ports: Ports) -> Part:
    """The Entra look-alike."""
    return _module("identity", ports.identity)


def standins(ports: Ports, *, state: Path) -> Part:
    """Severa and Microsoft Graph, with what was put into them kept in the state folder."""
    return _module("standins", ports.standins, "--kept", str(state / "standins"))


def function_host(
    ports: Ports, *, state: Path, telemetry: str = "off", host: str | None = None, python: str | None = None
) -> Part:
    """The function app, behind the gateway's managed identity; `telemetry` is its setting of that name.

    `host` names Microsoft's host to run it on, and `python` the Python that runs it there.
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


def gateway(ports: Ports) -> Part:
    """The look-alike of API Management, with the policies of infra/apim and the developer page.

    Raises:
        NotInstallable: the page's packages, by local.azurite.installation.
    """
    packages = installation.install(node=installation.find_node(), manifests=app.PACKAGES)
    return _module(
        "gateway",
        ports.gateway,
        *("--backend", address(ports.function_host)),
        *("--identity", address(ports.identity)),
        *("--page-packages", str(packages / "node_modules")),
    )


def command(name: str, arguments: Iterable[str] = (), *, settings: Mapping[str, str]) -> Part:
    """An operator's command of operations, such as `load`; it ends by itself.

    It works on the services in `settings`, also where the shell names a deployed app.
    """
    here = {**settings, app_settings.APP: "", app_settings.GROUP: ""}
    return Part(name, (sys.executable, "-m", "operations", name, *arguments), (), here)


def _module(name: str, port: int, *arguments: str, settings: Mapping[str, str] | None = None) -> Part:
    command = (sys.executable, "-m", f"local.{name}", "--port", str(port), *arguments)
    return Part(name, command, (port,), settings or {}, ready_url=f"{address(port)}/healthz")


def log_of(part: Part, *, state: Path = places.STATE) -> Path:
    """The file that everything the part prints goes to."""
    return state / "logs" / f"{part.name}.log"
