#!/usr/bin/env python3
"""The developer's commands: `python3 dev.py run`, `test`, `check`, `load`, ...; `--help` lists them.

Needs nothing but Python: finds one that fits, makes `.venv`, installs the pinned requirements, and runs the
command's module. Every Python since 2.7 can read this file, so that an old one can report that it is too
old; the commands are in `local/command_line.py`.
"""

import os
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
OLDEST, NEWEST = (3, 11), (3, 13)
FITTING = ("3.13", "3.12", "3.11")


def main(arguments):  # type: (list[str]) -> int
    """Run a command, with another Python if this one does not fit."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return run_with_another_python(arguments)
    sys.path.insert(0, FOLDER)
    from local import command_line

    return command_line.main(arguments)


def run_with_another_python(arguments):  # type: (list[str]) -> int
    """Start again with a Python that fits, if there is one."""
    for version in FITTING:
        name = ["py", "-" + version] if os.name == "nt" else ["python" + version]
        if works(name):
            return become(name + [os.path.join(FOLDER, "dev.py")] + arguments)  # noqa: RUF005
    sys.stderr.write(
        "This needs Python 3.11, 3.12 or 3.13, and found only {}.{}: install one from "
        "https://www.python.org/downloads/ and try again.\n".format(*sys.version_info[:2])
    )
    return 1


def works(command):  # type: (list[str]) -> bool
    """Return whether a Python runs: a name on the path may belong to a version that is not installed."""
    with open(os.devnull, "w") as nowhere:
        try:
            return subprocess.call(command + ["-c", ""], stdout=nowhere, stderr=nowhere) == 0  # noqa: RUF005
        except OSError:
            return False


def become(command):  # type: (list[str]) -> int
    """Continue as another program, so that signals reach it directly."""
    if os.name != "nt":
        os.execvp(command[0], command)  # noqa: S606  # It does not return.
    return subprocess.call(command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
