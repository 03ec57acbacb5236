"""A running Azurite."""

import base64
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local import leash, places
from local.azurite import installation

HOST = "127.0.0.1"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's documented account and key: public, and of no use anywhere else."""

TEST_KEY = base64.b64encode(b"a key for tests, of no use elsewhere").decode()
START_SECONDS = 20
STOP_SECONDS = 10


class AzuriteNotStarted(Exception):
    """Azurite ended, or did not answer in time."""


@dataclass(frozen=True)
class Endpoints:
    """Ports on 127.0.0.1 of the three services."""

    blob: int
    queue: int
    table: int


def connection_string(endpoints: Endpoints, *, account: str = ACCOUNT, key: str = KEY) -> str:
    """What the Azure client libraries take as a connection string."""
    services = (("Blob", endpoints.blob), ("Queue", endpoints.queue), ("Table", endpoints.table))
    addresses = "".join(f"{name}Endpoint=http://{HOST}:{port}/{account};" for name, port in services)
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};{addresses}"


def command(endpoints: Endpoints, *, node: Path, installed: Path, data: Path | None) -> list[str]:
    """The command line of an Azurite that keeps its data in `data`, or in memory when that is None.

    The version check is off because the client libraries are often newer than the emulator; telemetry is off
    because nothing here may open a connection that leaves the machine.
    """
    ports = (("blob", endpoints.blob), ("queue", endpoints.queue), ("table", endpoints.table))
    listening = [word for name, port in ports for word in (f"--{name}Host", HOST, f"--{name}Port", str(port))]
    keeping = ["--inMemoryPersistence"] if data is None else ["--location", str(data)]
    script = installed / "node_modules/azurite/dist/src/azurite.js"
    return [
        str(node),
        str(script),
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        *listening,
        *keeping,
    ]


@contextmanager
def running(
    endpoints: Endpoints,
    *,
    data: Path | None,
    accounts: Mapping[str, str] | None = None,
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> Iterator[None]:
    """An Azurite that answers within the block. `accounts` (name to key) replace the documented one."""
    node = installation.find_node()
    installed = installation.install(node=node)
    line = command(endpoints, node=node.program, installed=installed, data=data)
    process = subprocess.Popen(
        leash.leashed(line),
        cwd=places.ROOT,
        env=_environment(accounts),
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        _wait(process, ports=(endpoints.blob, endpoints.queue, endpoints.table))
        yield
    finally:
        _stop(process)


def _environment(accounts: Mapping[str, str] | None) -> dict[str, str]:
    if accounts is None:
        return dict(os.environ)
    return {**os.environ, "AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in accounts.items())}


def _wait(process: subprocess.Popen[bytes], *, ports: Sequence[int]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not all(answers(port) for port in ports):
        if process.poll() is not None:
            raise AzuriteNotStarted(f"Azurite ended at once, with exit code {process.returncode}.")
        if time.monotonic() > deadline:
            raise AzuriteNotStarted(f"Azurite did not answer within {START_SECONDS} s.")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Whether somebody listens on `port` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
