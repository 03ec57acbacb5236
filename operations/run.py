"""`python -m operations.run COMMAND…`: an operator's command on the configured services.

Configured are those of the function app that FUNCTION_APP_NAME and RESOURCE_GROUP name, with that app's own
settings; else those that the environment names, else those of local.settings.json, else the local stack's:
those of the running one, or, while the command runs, services of its own on the stack's data.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import environment, places
from local.azurite import installation
from local.ports import Ports
from local.stack import free, lock, parts
from local.stack.supervision import StackFailed, Supervisor
from operations import app_settings
from operations.app_settings import FunctionApp

COMMANDS = ("load", "publish", "sync", "access", "check-warehouse")
WITH_SEVERA_AND_ENTRA = ("sync",)


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit code, or 1 when a service that it needs could not be started."""
    if not arguments or arguments[0] not in COMMANDS:
        print(f"Name a command: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    name, *rest = arguments
    try:
        app = app_settings.named(os.environ)
        if app is not None:
            return run_on_app(name, rest, app=app)
        configured = environment.configured()
        if configured is not None:
            return _run(name, rest, settings={**os.environ, **configured})
        return run_on_stack(name, rest, state=places.STATE)
    except (
        StackFailed, lock.AlreadyRunning, installation.NotInstallable, app_settings.AppSettingsUnavailable,
    ) as error:  # fmt: skip
        print(error, file=sys.stderr)
        return 1


def run_on_app(name: str, arguments: Sequence[str], *, app: FunctionApp) -> int:
    """Run the command on the services of a deployed app, by its settings; its exit code.

    Raises:
        AppSettingsUnavailable: they cannot be read.
    """
    print(f"On the services of the function app {app.name}, by its settings.", file=sys.stderr, flush=True)
    of_app = app_settings.read(app, environment=os.environ, with_secrets=name in WITH_SEVERA_AND_ENTRA)
    return _run(name, arguments, settings=of_app)


def run_on_stack(name: str, arguments: Sequence[str], *, state: Path) -> int:
    """Run the command on the data of the local stack, whether or not the stack runs; its exit code.

    Raises:
        StackFailed, AlreadyRunning, NotInstallable: a service that the command needs could not be started.
    """
    running = lock.running_ports(state)
    if running is not None:
        return _run(name, arguments, settings=_of_stack(running, state=state))
    ports = free.ports()
    needed = [parts.azurite(environment.azurite_endpoints(ports), data=state / "azurite-data")]
    if name in WITH_SEVERA_AND_ENTRA:
        needed += [parts.identity(ports), parts.standins(ports, state=state)]
    with lock.held(state, ports), Supervisor(state=state) as supervisor:
        for part in needed:
            supervisor.start(part)
        supervisor.wait_ready(*(part.name for part in needed))
        return _run(name, arguments, settings=_of_stack(ports, state=state))


def _run(name: str, arguments: Sequence[str], *, settings: Mapping[str, str]) -> int:
    part = parts.command(name, arguments, settings=settings)
    return subprocess.run(part.command, env=dict(part.settings), check=False).returncode


def _of_stack(ports: Ports, *, state: Path) -> dict[str, str]:
    return {**environment.without_settings(), **environment.stack(ports, state=state)}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
