"""Starts parts, waits until they can be used, notices when one ends, and stops them with their children."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import httpx

from local import environment, leash, places, ports
from local.azurite import emulator
from local.stack import parts
from local.stack.parts import Part

READY_SECONDS = 60
STOP_SECONDS = 8
LOOK_SECONDS = 0.05
TAIL_LINES = 15


class StackFailed(Exception):
    """The stack cannot run; the message says why and what to do."""


@dataclass
class _Process:
    part: Part
    process: subprocess.Popen[bytes]
    log: Path


class Supervisor:
    """The running parts, in the order in which they were started.

    Start parts from the main thread: they end with the thread that started them.
    """

    def __init__(self, *, state: Path) -> None:
        self._state = state
        self._running: list[_Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, part: Part) -> None:
        """Start a part; does not wait for it."""
        log = parts.log_of(part, state=self._state)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = _spawn(part.command, part.settings, output=output)
        self._running.append(_Process(part, process, log))

    def start_ready(self, *wanted: Part) -> None:
        """Start parts that do not need each other to start, and wait until all of them can be used.

        Raises:
            StackFailed: one of them ended, or took too long.
        """
        for part in wanted:
            self.start(part)
        self.wait_ready(*(part.name for part in wanted))

    def run(self, part: Part) -> int:
        """Run a part that ends by itself, with our output; return its exit code."""
        one = _Process(part, _spawn(part.command, part.settings, output=None), Path(os.devnull))
        self._running.append(one)
        code = one.process.wait()
        self._running.remove(one)
        return code

    def wait_ready(self, *names: str, seconds: float = READY_SECONDS) -> None:
        """Wait until the named parts can be used.

        Raises:
            StackFailed: if one of them ended or took too long.
        """
        deadline = time.monotonic() + seconds
        waiting = [one for one in self._running if one.part.name in names]
        while waiting := [one for one in waiting if not _is_ready(one.part)]:
            self.check()
            if time.monotonic() > deadline:
                slow = waiting[0]
                raise StackFailed(f"{slow.part.name} is not ready after {seconds:g} s. {_tail(slow.log)}")
            time.sleep(LOOK_SECONDS)

    def process_id(self, name: str) -> int:
        """Return the process id of a part; the leash's, where the leash is a separate process."""
        return next(one.process.pid for one in self._running if one.part.name == name)

    def end_of_log(self, name: str) -> str:
        """Return the last lines of a part's log, for a message."""
        return _tail(next(one.log for one in self._running if one.part.name == name))

    def check(self) -> None:
        """Raise StackFailed if a part has ended."""
        for one in self._running:
            code = one.process.poll()
            if code is not None:
                raise StackFailed(f"{one.part.name} ended with exit code {code}. {_tail(one.log)}")

    def stop(self, *, patience: float = STOP_SECONDS) -> None:
        """Stop all parts, the last one started first; those that do not end in time are killed."""
        for one in reversed(self._running):
            _signal_group(one.process, signal.SIGTERM)
        deadline = time.monotonic() + patience
        for one in reversed(self._running):
            try:
                one.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(one.process, getattr(signal, "SIGKILL", signal.SIGTERM))
                one.process.wait()
            # Processes that a part started and did not stop are still in its group.
            _signal_group(one.process, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._running.clear()


def refuse_taken_ports(wanted: Sequence[Part]) -> None:
    """Raise StackFailed if another program listens on a port that a part needs."""
    for part in wanted:
        for port in part.ports:
            if _is_taken(port):
                raise StackFailed(
                    f"Port {port}, which {part.name} needs, is taken by another program: end that program, "
                    f"or choose other ports with --port-base, for example --port-base {_other_base(port)}."
                )


def _spawn(
    command: Sequence[str], settings: Mapping[str, str], *, output: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        leash.leashed(command),
        cwd=places.ROOT,
        env={**environment.without_settings(), **settings, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        # In its own group: Ctrl-C on the terminal is for the supervisor, which stops the parts in order.
        start_new_session=True,
    )


def _is_taken(port: int) -> bool:
    if emulator.answers(port):
        return True
    with socket.socket() as probe:
        if sys.platform != "win32":
            # A port that a stopped stack used a moment ago is free, though the system still remembers it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ports.HOST, port))
        except OSError:
            return True
    return False


def _other_base(port: int) -> int:
    return 18080 if port < 18000 else 28080


def _is_ready(part: Part) -> bool:
    if part.ready_url is None:
        return all(emulator.answers(port) for port in part.ports)
    try:
        return httpx.get(part.ready_url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _signal_group(process: subprocess.Popen[bytes], which: int) -> None:
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            # The group outlives its leader as long as a child of it runs.
            os.killpg(process.pid, which)


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    if not lines:
        return f"It wrote nothing to {log}."
    return f"The end of {log}:\n" + "\n".join(f"    {line}" for line in lines)
