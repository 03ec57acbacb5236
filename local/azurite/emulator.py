"""How Azurite is run and reached."""

import base64
import socket
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's documented account and key: public, and of no use anywhere else."""

TEST_KEY = base64.b64encode(b"a key for tests, of no use elsewhere").decode()


@dataclass(frozen=True)
class Endpoints:
    """Ports on 127.0.0.1 of the three services."""

    blob: int
    queue: int
    table: int


def connection_string(endpoints: Endpoints, *, account: str = ACCOUNT, key: str = KEY) -> str:
    """Return what the Azure client libraries take as a connection string."""
    services = (("Blob", endpoints.blob), ("Queue", endpoints.queue), ("Table", endpoints.table))
    addresses = "".join(f"{name}Endpoint=http://{HOST}:{port}/{account};" for name, port in services)
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};{addresses}"


def command(endpoints: Endpoints, *, node: Path, installed: Path, data: Path | None) -> list[str]:
    """Return the command line of an Azurite that keeps its data in `data`, or in memory when that is None.

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


def answers(port: int) -> bool:
    """Return whether somebody listens on `port` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
