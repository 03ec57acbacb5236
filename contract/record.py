"""Asks the app for every example, and writes what it answers to docs/examples."""

import asyncio
import tempfile
from pathlib import Path

import httpx

from contract import examples, hosting, world
from local.azurite import emulator
from local.functionhost.host import Host
from local.stack import free, parts
from local.stack.supervision import Supervisor


async def answers(host: Host) -> dict[Path, str]:
    """What the app answers to each example, by its file."""
    kind, _, caller_id = world.VENDOR.partition(":")
    headers = {
        "X-Caller-Type": kind,
        "X-Caller-Id": caller_id,
        "X-Request-Id": "example-1",
        "Accept-Encoding": "identity",
    }
    found = {}
    transport = httpx.ASGITransport(host.asgi(follow_schedules=False))
    base = "http://app.example"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
        for example in examples.EXAMPLES:
            answer = await client.get(f"/v1{example.target}", headers=dict(example.headers))
            if answer.status_code != example.status:
                raise AssertionError(f"{example.target} answered {answer.status_code}: {answer.text}")
            found[example.file] = answer.content.decode()
    return found


def main() -> int:
    """Write the answers to all examples."""
    endpoints = emulator.Endpoints(*free.numbers(3))
    with tempfile.TemporaryDirectory() as state, Supervisor(state=Path(state)) as supervisor:
        supervisor.start(parts.azurite(endpoints, data=None))
        supervisor.wait_ready("azurite")
        folder = Path(state)
        made = world.open_services(folder, table_storage=emulator.connection_string(endpoints))
        found = asyncio.run(answers(hosting.host(made, folder)))
        made.warehouse.close()
    examples.FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in found.items():
        path.write_bytes(text.encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
