"""One stack or command at a time on one state folder, and where the running stack listens."""

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
def hold(state: Path, ports: Ports | None = None) -> Iterator[None]:
    """Hold the folder within the block; the operating system releases it however the process ends.

    `ports` are those of a whole stack, which commands use too. A command gives none: the services that it
    starts are not all of them, and end with it.

    Raises:
        AlreadyRunning: if another process holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / _FILE).open("a+", encoding="utf-8") as file:
        if not _lock(file):
            raise _already_running(state, _read_ports(file))
        file.truncate(0)
        if ports is not None:
            file.write(json.dumps(asdict(ports)))
            file.flush()
        yield


def running_ports(state: Path) -> Ports | None:
    """Return the ports of the stack that runs on this folder; None if there is none.

    Raises:
        AlreadyRunning: a command holds the folder.
    """
    path = state / _FILE
    if not path.exists():
        return None
    with path.open("r+", encoding="utf-8") as file:
        if _lock(file):
            return None
        ports = _read_ports(file)
    if ports is None:
        raise _already_running(state, ports)
    return ports


def _read_ports(file: IO[str]) -> Ports | None:
    """Return the ports of the stack that holds the folder; None if a command does."""
    file.seek(0)
    text = file.read()
    return Ports(**json.loads(text)) if text else None


def _already_running(state: Path, ports: Ports | None) -> AlreadyRunning:
    if ports is None:
        return AlreadyRunning(f"A command already uses {state}: wait until it ends.")
    return AlreadyRunning(f"A local stack already uses {state}: end it with Ctrl-C where it runs.")


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
