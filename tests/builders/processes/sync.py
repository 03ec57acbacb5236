"""Syncs in processes that are killed: `python -m tests.builders.processes.sync CONNECTION_STRING`.

Reads lines `<mapping> <hours> <seconds>`: synchronises that mapping with the clock so many hours later, and
kills the process so many seconds after it began to write. Answers each with the seconds that it wrote for.
The imports are made once, so that a process begins in milliseconds.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from shared import tables
from shared.access.entra.users import ContactEmail, Directory
from shared.access.severa.severa_register import SeveraRegister
from shared.access.sync import stages
from shared.access.sync.guard import Allowance
from shared.access.sync.stages import Rules, Sources
from shared.tables import Tables
from tests.builders.access import NOW, Client, Entra, Person, guid, point, register

USERS = {"kari@fjord.example": guid(70), "ola@fjord.example": guid(71)}


def mapping(name: str) -> SeveraRegister:
    """Return two mappings that differ in most of what they grant: enough for several transactions."""
    is_first = name == "first"
    since = "2024-02-01..2025-06-01" if is_first else "2024-08-01.."
    own = Client(
        1, apps=f"{guid(1)} {guid(2)}", points=" ".join(f"{point(each)} {since}" for each in range(60))
    )
    moving = Client(
        2 if is_first else 3, apps=guid(1), points=" ".join(point(each) for each in range(200, 260))
    )
    person = (
        Person(7, emails=("kari@fjord.example",)) if is_first else Person(8, emails=("ola@fjord.example",))
    )
    visited = Client(4, points=f"{point(500)} {point(501)}", persons=(person,))
    return register([own, moving, visited])


def run(name: str, *, storage: Tables, hours: int, writing: Callable[[], None]) -> None:
    """Synchronise a mapping, however much it revokes; `writing` is called when that begins."""

    def find(wanted: Sequence[ContactEmail], bound: Mapping[ContactEmail, str]) -> Directory:
        writing()
        return Entra(USERS).find(wanted, bound)

    sources = Sources(lambda: mapping(name), find)
    rules = Rules(allowed=frozenset({Allowance.REVOCATIONS, Allowance.GRANTS}))
    stages.run(sources, storage=storage, rules=rules, clock=lambda: NOW + timedelta(hours=hours))


def run_and_kill(name: str, *, connection_string: str, hours: int, seconds: float) -> float:
    """Run in a process that lives at most so long once it writes; the seconds that it wrote for."""
    reading, ready = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            storage = tables.open_tables(connection_string, credential=None)
            run(name, storage=storage, hours=hours, writing=lambda: os.close(ready))
        finally:
            os._exit(0)
    os.close(ready)
    os.read(reading, 1)  # Ends when the process closes its side.
    os.close(reading)
    began = time.monotonic()
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() - began >= seconds:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            break
        time.sleep(0.001)
    return time.monotonic() - began


def main() -> None:
    """Answer each line."""
    for line in sys.stdin:
        name, hours, seconds = line.split()
        wrote = run_and_kill(name, connection_string=sys.argv[1], hours=int(hours), seconds=float(seconds))
        sys.stdout.write(f"{wrote}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
