"""Asks app and gateway for every example, and writes what they answer to docs/examples."""

import asyncio
import tempfile
from pathlib import Path

import httpx

from contract import examples, hosting, stack, world
from contract.examples import Example
from contract.stack import Running
from local import demo
from local.azurite import emulator
from local.functionhost.host import Host
from local.stack import free, parts
from local.stack.supervision import Supervisor
from shared.api import boundary, responses
from shared.api.too_large import TooLargeForOneAnswer

_REQUEST_ID = "example-1"
_HEADERS = {"X-Request-Id": _REQUEST_ID, "Accept-Encoding": "identity"}


async def answers(host: Host) -> dict[Path, str]:
    """Return what the app answers to each example, by its file."""
    found = {}
    transport = httpx.ASGITransport(host.asgi(follow_schedules=False))
    base = "http://app.example"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=_HEADERS) as client:
        for example in examples.EXAMPLES:
            if example.error is not None:
                found[example.file] = _refusal(example.target, example.error)
            elif example.caller is not None:
                caller = _caller(example.caller)
                answer = await client.get(f"/v1{example.target}", headers={**caller, **example.headers})
                found[example.file] = _text(example, answer)
    return found


def _caller(caller: demo.Client | demo.User) -> dict[str, str]:
    """Return the headers by which the gateway names a caller."""
    if isinstance(caller, demo.User):
        return {"X-Caller-Type": "user", "X-Caller-Id": caller.object_id}
    return {"X-Caller-Type": "app", "X-Caller-Id": caller.client_id}


def refusals(gateway: Running) -> dict[Path, str]:
    """Return what a gateway without an app answers to the other examples, by their files."""
    headers = {**_HEADERS, **gateway.headers()}
    found = {}
    with httpx.Client(headers=headers, trust_env=False) as client:
        for example in examples.EXAMPLES:
            if example.caller is None:
                answer = client.get(f"{gateway.api}{example.target}", headers=dict(example.headers))
                found[example.file] = _text(example, answer)
    return found


def _refusal(target: str, error: TooLargeForOneAnswer) -> str:
    """Return the problem that callers get for an error."""
    response = responses.of_problem(boundary.problem_of(error), url=f"/v1{target}", request_id=_REQUEST_ID)
    return response.body.decode()


def _text(example: Example, answer: httpx.Response) -> str:
    if answer.status_code != example.status:
        raise AssertionError(f"{example.target} answered {answer.status_code}: {answer.text}")
    return answer.content.decode()


def main() -> int:
    """Write the answers to all examples."""
    endpoints = emulator.Endpoints(*free.numbers(3))
    with tempfile.TemporaryDirectory() as state, Supervisor(state=Path(state)) as supervisor:
        supervisor.start_ready(parts.azurite(endpoints, data=None))
        folder = Path(state)
        made = world.open_services(folder, table_storage=emulator.connection_string(endpoints))
        found = asyncio.run(answers(hosting.host(made, folder)))
        made.warehouse.close()
    with tempfile.TemporaryDirectory() as state, stack.without_app(Path(state)) as gateway:
        found |= refusals(gateway)
    examples.FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in found.items():
        path.write_bytes(text.encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
