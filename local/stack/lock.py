"""One stack at a time on one state folder, and where the running one listens."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from local.ports import Ports

_FILE = "stack.lock"


class AlreadyRunning(Exception):
    """A stack or a command runs on this state folder."""


@contextmanager
def hold(state: Path, ports: Ports) -> Iterator[None]:
    """Hold the folder within the block; the operating system releases it however the process ends.

    Raises:
        AlreadyRunning: if another process holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / _FILE).open("a+", encoding="utf-8") as file:
        if not _lock(file):
            raise AlreadyRunning(
                f"A local stack, or a command of it, already uses {state}: end it with Ctrl-C where it runs."
            )
        file.truncate(0)
        file.write(json.dumps(asdict(ports)))
        file.flush()
        yield


def running_ports(state: Path) -> Ports | None:
    """Return the ports of the stack that runs on this folder; None if there is none."""
    path = state / _FILE
    if not path.exists():
        return None
    with path.open("r+", encoding="utf-8") as file:
        if _lock(file):
            return None
        return Ports(**json.loads(file.read()))


def _lock(file: IO[str]) -> bool:
    """Lock the file for this process until it is closed; return False if another process has it."""
    try:
        if os.name == "nt":
            import msvcrt

            # Beyond the end of the file, so that others can still read it.
            file.seek(1_000_000)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
