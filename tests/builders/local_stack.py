"""The local stack in a process of its own, as `dev.py run` starts it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import places
from local.ports import Ports
from local.stack import free

_START_SECONDS = 240
_STOP_SECONDS = 60
_READY = "The demo world"


@dataclass(frozen=True)
class LocalStack:
    """A stack that has been started.

    Attributes:
        output: the file with what it prints.
    """

    process: subprocess.Popen[bytes]
    ports: Ports
    state: Path
    output: Path

    @property
    def printed(self) -> str:
        """Everything that it has printed so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self) -> str:
        """Return everything that it prints up to the demo world's keys."""
        deadline = time.monotonic() + _START_SECONDS
        while _READY not in (printed := self.printed):
            ended = self.process.poll() is not None
            if (ended and _READY not in self.printed) or time.monotonic() > deadline:
                raise AssertionError(f"the stack does not run:\n{self.printed[-3000:]}")
            time.sleep(0.1)
        return printed

    def stop(self) -> None:
        """End it, if it still runs, and wait until it has ended."""
        self.process.terminate()
        self.process.wait(_STOP_SECONDS)


def start(state: Path, *options: str, through: tuple[str, ...] = ()) -> LocalStack:
    """Start a stack on free ports, with its data in `state`.

    Args:
        options: more of its command line.
        through: a command that executes the one which follows it.
    """
    state.mkdir(parents=True, exist_ok=True)
    base = free.base()
    command = [sys.executable, "-m", "local.stack", "--port-base", str(base), "--state", str(state), *options]
    output = state / f"printed-{base}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*through, *command],
            cwd=places.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return LocalStack(process, Ports.from_base(base), state, output)


@contextmanager
def running(state: Path, *options: str) -> Iterator[LocalStack]:
    """Start a stack, wait until it is ready, and end it at the end of the block."""
    stack = start(state, *options)
    try:
        stack.wait_ready()
        yield stack
    finally:
        stack.stop()
