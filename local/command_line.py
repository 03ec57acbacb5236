"""The commands of `python3 dev.py`: their list, and how one is started."""

import os
import subprocess
import sys
from typing import Any

from local import places, venvs
from operations import commands as operations

IN_PARALLEL = ("--numprocesses=auto", "--dist=loadfile")
"""A test process for each core. The tests of a file stay together: they share slow fixtures."""

COMMANDS = {
    "run": ("local.stack",),
    "test": ("pytest", *IN_PARALLEL),
    "check": ("local.check",),
    **{name: ("operations", name) for name in operations.COMMANDS},
    "bench": ("bench",),
    "openapi": ("contract.document",),
    "fuzz": ("contract.fuzz",),
}

USAGE = """usage: python3 dev.py COMMAND [arguments]

  run [--fresh] [--port-base N] [--telemetry] [--host DIR|func]
                                  the whole system on this machine; --host: the app on Microsoft's host
  test [pytest arguments]         the tests, a process for each core; -n 0: in one process
  check [--quick]                 format, lint, types, vulnerabilities, tests, infrastructure: what CI runs
  load FILE...                    load delivery files and publish them
  publish                         publish what has been loaded
  sync [--dry-run] [--allow-grants] [--allow-revocations] [--change-source] [--lift-restriction NUMBER...]
                                  update access from Severa and Entra
  access WHO...                   who may see what, since when and why
  access --compare PORTAL.CSV     what differs from the customer portal's list
  webhooks [WHO [ID [--enable]]]  callers' webhooks: why one is disabled, its notices; enable one again
  feeds [show|pause|resume|resend|key|add-sftp|compare ...]
                                  callers' feeds and their last runs; send one again, or compare an old file
  check-warehouse                 what is wrong with the warehouse in use
  cost [--points N] [--customers N] [--sweep points=N,N] [--plot FILE.svg] [--explain]
                                  what the service costs a month
  prices [--refresh]              the unit prices behind it, and reading them again
  bench [NAME]                    measurements, side by side with the usual way
  openapi [--server URL] [--contact EMAIL]
                                  write the OpenAPI files, with the address of a deployment
  fuzz [--max-examples N]         send unusual requests to the API, and check the answers against the contract

COMMAND --help says more."""


NEED_EVERYTHING = frozenset({"test", "check", "bench", "openapi", "fuzz"})
"""The commands for which the tests' packages are installed; the others need a third fewer."""


def main(arguments: list[str]) -> int:
    """Run a command; does not return on POSIX, where this process becomes the command."""
    if arguments[:1] in ([], ["-h"], ["--help"]):
        print(USAGE)
        return 0
    if arguments[0] not in COMMANDS:
        print(f"unknown command '{arguments[0]}'\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        python = venvs.ready(places.ROOT / ".venv", python=sys.executable, **requirements_of(arguments[0]))
    except venvs.NotMade as error:
        print(error, file=sys.stderr)
        return 1
    # Modules are found, and tools configured, by the checkout; files are named from where the caller is.
    os.environ["CALLER_DIRECTORY"] = os.getcwd()
    os.chdir(places.ROOT)
    return _become([str(python), "-m", *COMMANDS[arguments[0]], *arguments[1:]])


def requirements_of(command: str) -> dict[str, Any]:
    """Return what a command needs installed, as arguments of `venvs.ready`."""
    everything = places.ROOT / "requirements-dev.txt"
    if command in NEED_EVERYTHING:
        return {"requirements": everything}
    return {"requirements": places.ROOT / "local" / "stack" / "requirements.txt", "within": (everything,)}


def _become(command: list[str]) -> int:
    """Continue as another program, so that signals reach it directly."""
    if os.name != "nt":
        os.execvp(command[0], command)  # noqa: S606  # It does not return.
    return subprocess.call(command)
