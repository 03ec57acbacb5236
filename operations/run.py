"""Runs an operator's command on the configured services. Only this module decides which services these are.

It uses the first of these that exists: the function app that FUNCTION_APP_NAME and RESOURCE_GROUP name, with
its own settings; the environment; local.settings.json; the local stack. If the stack does not run, the
services that the command needs are started on the stack's data, and end with the command. A line on stderr
says which services are used.
"""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import environment, places
from local.azurite import installation
from local.ports import Ports
from local.stack import free, lock, parts
from local.stack.supervision import StackFailed, Supervisor
from operations import app_settings
from operations.app_settings import FunctionApp
from operations.commands import COMMANDS

_HELP = frozenset({"-h", "--help"})


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code, or 1 if a service that it needs could not be started."""
    if not arguments or arguments[0] not in COMMANDS:
        _say(f"Name a command: {', '.join(COMMANDS)}.")
        return 2
    name, *rest = arguments
    if not COMMANDS[name].uses_services or _HELP.intersection(rest):
        return _run(name, rest, given=os.environ)
    try:
        app = app_settings.named(os.environ)
        if app is not None:
            return run_on_app(name, rest, app=app)
        configured = environment.configured()
        if configured is not None:
            _say(f"Working on the services in {configured.source}: {app_settings.APP} is not set.")
            return _run(name, rest, given={**os.environ, **configured.values})
        return run_on_stack(name, rest, state=places.STATE)
    except (
        StackFailed, lock.AlreadyRunning, installation.NotInstallable, app_settings.AppSettingsUnavailable,
        environment.UnreadableSettingsFile,
    ) as error:  # fmt: skip
        _say(str(error))
        return 1


def run_on_app(name: str, arguments: Sequence[str], *, app: FunctionApp) -> int:
    """Run the command on the services of a deployed app, by its settings, and return its exit code.

    Raises:
        AppSettingsUnavailable: the settings cannot be read.
    """
    _say(f"Working on the services of the function app {app.name}, with its settings.")
    of_app = app_settings.read(app, environment=os.environ, secrets=COMMANDS[name].secrets(arguments))
    return _run(name, arguments, given=of_app)


def run_on_stack(name: str, arguments: Sequence[str], *, state: Path) -> int:
    """Run the command on the data of the local stack, whether or not it runs, and return its exit code.

    Raises:
        StackFailed, AlreadyRunning, NotInstallable: a service that the command needs could not be started.
    """
    _say(f"Working on the local stack's data: {app_settings.APP} is not set.")
    running = lock.running_ports(state)
    if running is not None:
        return _run(name, arguments, given=_of_stack(running, state=state))
    ports = free.ports()
    needed = [parts.azurite(environment.azurite_endpoints(ports), data=state / "azurite-data")]
    if COMMANDS[name].reads_severa_and_entra:
        needed += [parts.identity(ports), parts.standins(ports, state=state)]
    with lock.hold(state), Supervisor(state=state) as supervisor:
        supervisor.start_ready(*needed)
        return _run(name, arguments, given=_of_stack(ports, state=state))


def _say(line: str) -> None:
    """Print a line on stderr: stdout has only what the command prints."""
    print(line, file=sys.stderr, flush=True)


def _run(name: str, arguments: Sequence[str], *, given: Mapping[str, str]) -> int:
    module = importlib.import_module(COMMANDS[name].module)
    with _environment(given):
        code: int = module.main(arguments)
        return code


@contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    """Replace the environment of this process: libraries for sign-in and ODBC read it, as the settings do."""
    before, during = dict(os.environ), dict(given)  # `given` may be the environment that is cleared here.
    os.environ.clear()
    os.environ.update(during)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _of_stack(ports: Ports, *, state: Path) -> dict[str, str]:
    return {**environment.without_settings(), **environment.stack(ports, state=state)}
