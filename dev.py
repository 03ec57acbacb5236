#!/usr/bin/env python3
"""The developer's commands: `python3 dev.py run`, `test`, `check`, `load`, …; `--help` lists them.

Needs nothing but Python: finds one that fits, makes `.venv`, installs the pinned requirements, and calls the
module that does the work. Runs on old Pythons too, so that they can say that they are too old.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 13)
FITTING = ("3.13", "3.12", "3.11")

COMMANDS = {
    "run": ("local.stack",),
    "test": ("pytest",),
    "check": ("local.check",),
    "load": ("operations.run", "load"),
    "publish": ("operations.run", "publish"),
    "sync": ("operations.run", "sync"),
    "access": ("operations.run", "access"),
    "check-warehouse": ("operations.run", "check-warehouse"),
    "bench": ("bench",),
    "openapi": ("contract.document",),
    "fuzz": ("contract.fuzz",),
}

USAGE = """usage: python3 dev.py COMMAND [arguments]

  run [--fresh] [--port-base N] [--telemetry]
                                  the whole system on this machine
  test [pytest arguments]         the tests
  check [--quick]                 format, lint, types, tests, infrastructure: what CI runs
  load FILE...                    load delivery files and publish them
  publish                         publish what has been loaded
  sync [--dry-run] [--allow-grants] [--allow-revocations] [--change-source] [--lift-restriction NUMBER...]
                                  bring access in step with Severa
  access WHO...                   who may see what, since when and why
  access --compare PORTAL.CSV     what differs from the customer portal's list
  check-warehouse                 what is wrong with the warehouse in use
  bench [NAME]                    measures, side by side
  openapi [--server URL] [--contact EMAIL]
                                  write the OpenAPI files, with the address of a deployment
  fuzz [--max-examples N]         ask the API what nobody would, and hold its answers against the contract

COMMAND --help tells more."""


def main(arguments: list[str]) -> int:
    """Run a command; does not return on POSIX, where this process becomes the command."""
    if arguments[:1] in ([], ["-h"], ["--help"]):
        print(USAGE)
        return 0
    if arguments[0] not in COMMANDS:
        print("unknown command '" + arguments[0] + "'\n\n" + USAGE, file=sys.stderr)
        return 2
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return run_with_another_python(arguments)
    from local import venvs

    try:
        python = venvs.ready(
            ROOT / ".venv", python=sys.executable, requirements=ROOT / "requirements-dev.txt"
        )
    except venvs.NotMade as error:
        print(error, file=sys.stderr)
        return 1
    # Modules are found, and tools configured, by the checkout; files are named from where the caller is.
    os.environ["CALLER_DIRECTORY"] = os.getcwd()
    os.chdir(str(ROOT))
    return become([str(python), "-m", *COMMANDS[arguments[0]], *arguments[1:]])


def run_with_another_python(arguments: list[str]) -> int:
    """Start again with a Python that fits, when there is one."""
    for version in FITTING:
        name = ["py", "-" + version] if os.name == "nt" else ["python" + version]
        if works(name):
            return become([*name, str(ROOT / "dev.py"), *arguments])
    print(
        "This needs Python 3.11, 3.12 or 3.13, and found only {}.{}: install one from "
        "https://www.python.org/downloads/ and try again.".format(*sys.version_info[:2]),
        file=sys.stderr,
    )
    return 1


def works(command: list[str]) -> bool:
    """Whether a Python is really there: a name on the path may belong to a version that is not installed."""
    try:
        return (
            subprocess.call([*command, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        )
    except OSError:
        return False


def become(command: list[str]) -> int:
    """Go on as another program, so that signals reach it and nobody waits in between."""
    if os.name != "nt":
        os.execvp(command[0], command)  # noqa: S606  # It does not return.
    return subprocess.call(command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
