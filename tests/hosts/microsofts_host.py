"""Finds Microsoft's Functions host for tests, and runs apps on it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from contract.stack import OnMicrosoftsHost
from local import check, environment, places, tools, venvs
from local.functionhost import microsoft
from local.functionhost.host import KEY_HEADER, MASTER_KEY
from local.stack import free

PYTHONS = ("3.11", check.WORKER_PYTHON)
"""The oldest Python that the app runs on, with Microsoft's worker of 3.11, and the one that is deployed."""

HOSTS = ("stand-in", "Microsoft's host")
"""What tests of the whole stack run the app on, one after the other."""

START_SECONDS = 60
STOP_SECONDS = 15


@dataclass(frozen=True)
class RunningHost:
    """A host that serves an app at a port; `log` has what the host and the app have written."""

    port: int
    log: Path
    process: int

    @property
    def address(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.port}"


def run_script() -> Path:
    """Return the script that starts the host; skip the test if there is none, unless it is required."""
    try:
        return tools.HERE.function_host().run_script
    except tools.Missing as missing:
        if tools.HERE.required:
            raise
        pytest.skip(str(missing))


def python(version: str) -> str:
    """Return a Python of a version with the app's packages; skip the test if there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    if version == check.WORKER_PYTHON:
        made = venvs.made(check.WORKER_VENV, requirements=check.WORKER_REQUIREMENTS)
        if made is not None:
            return str(made)
    if version == check.WORKER_PYTHON and tools.HERE.required and venvs.find(version) is not None:
        pytest.fail(f"Python {version} is here, but no environment of it: `python3 dev.py check` makes one")
    pytest.skip(
        f"no environment with Python {version}: `python3 dev.py check` makes one of {check.WORKER_PYTHON}"
    )


def named(host: str) -> OnMicrosoftsHost | None:
    """Return what the app runs on for one of HOSTS: None for the stand-in.

    Microsoft's host runs the deployed Python where this machine has it, and this Python otherwise.
    """
    if host == "stand-in":
        return None
    has_deployed = venvs.find(check.WORKER_PYTHON) is not None
    version = check.WORKER_PYTHON if has_deployed else f"{sys.version_info.major}.{sys.version_info.minor}"
    return OnMicrosoftsHost(run_script().parent, python(version))


def options(host: str) -> tuple[str, ...]:
    """Return the options with which the local stack runs the app on one of HOSTS."""
    on = named(host)
    return () if on is None else ("--host", str(on.folder), "--host-python", on.python)


@contextmanager
def running(
    app: Path, *, state: Path, python: str, settings: Mapping[str, str], packages: Path | None = None
) -> Iterator[RunningHost]:
    """Run the app in a folder on the host, from when it answers to the end of the block.

    Args:
        packages: those of the worker; None for those that are pinned.
    """
    script, port = run_script(), free.numbers(1)[0]
    launch = microsoft.Launch(str(script.parent), state, python)
    state.mkdir(parents=True, exist_ok=True)
    log = state / "host.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(script), str(app), str(port)],
            env=launch.environment({**environment.without_settings(), **settings}),
            cwd=places.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_running(process, port=port, log=log)
        yield RunningHost(port, log, process.pid)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait(STOP_SECONDS)


def _wait_until_running(process: "subprocess.Popen[bytes]", *, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    address = f"http://127.0.0.1:{port}/admin/host/status"
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(address, headers={KEY_HEADER: MASTER_KEY}, timeout=2, trust_env=False)
            if answer.json()["state"] == "Running":
                return
        time.sleep(0.1)
    raise AssertionError(f"the host does not run:\n{log.read_text(errors='replace')[-3000:]}")
