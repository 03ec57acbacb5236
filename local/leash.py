"""Runs a command that ends when the process that started it does, however that one ends.

`python -m local.leash COMMAND…` lets a supervisor that is killed with SIGKILL leave nothing behind. On Linux
the kernel keeps the promise (PR_SET_PDEATHSIG, prctl(2)) and this process becomes the command; elsewhere it
stays, and checks on its parent twice a second.
"""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOOK_SECONDS = 0.5


def leashed(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` on a leash held by the calling process.

    On Linux the leash is held by the calling *thread*: start parts from one that lives as long as they do.
    """
    return [sys.executable, "-m", "local.leash", str(os.getpid()), *command]


def run_until_parent_ends(command: Sequence[str], *, parent: int) -> int:
    """Run `command` and return its exit code; on Linux this process becomes the command instead."""
    if platform.system() == "Linux":
        _end_with_parent_thread(parent)
        os.execvp(command[0], list(command))  # noqa: S606  # To become the command is the point.
    return watch(command, parent=parent)


def _end_with_parent_thread(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have ended before the kernel was asked; then nobody would send the signal.
    if os.getppid() != parent:
        raise SystemExit(1)


def watch(command: Sequence[str], *, parent: int) -> int:
    """Run `command`, end it when `parent` is no longer our parent, and return its exit code."""
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while process.poll() is None:
        if os.getppid() != parent:
            process.terminate()
        time.sleep(LOOK_SECONDS)
    return process.returncode


if __name__ == "__main__":
    raise SystemExit(run_until_parent_ends(sys.argv[2:], parent=int(sys.argv[1])))
