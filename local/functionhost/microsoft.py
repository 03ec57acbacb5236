"""Runs the app on Microsoft's own host in place of the stand-in, and forwards requests to it.

App Service authentication in front of it is ours, as for the stand-in.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local import leash, places, ports, tools, venvs
from local.functionhost import easyauth, package, requests, server
from local.functionhost.host import KEY_HEADER, MASTER_KEY
from local.functionhost.server import App, Message, Receive, Send
from local.stack import free

CORE_TOOLS = "func"
WORKER_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
START_SECONDS = 60
STOP_SECONDS = 6
_LOOK_SECONDS = 0.1
_ANSWER_SECONDS = 240
"""Longer than API Management waits, so that the callers' own limits decide."""

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"expect"})
_SET_BY_OUR_SERVER = frozenset({b"date", b"server", *_HOP_BY_HOP})


class NotServed(Exception):
    """Microsoft's host is not on this machine, or does not start; the message says why."""


@dataclass(frozen=True)
class Launch:
    """How the app is run on Microsoft's host.

    Attributes:
        host: a folder with the host, or `func` for Azure Functions Core Tools.
        state: where the host keeps its keys and logs, and the app as it is deployed.
        python: a Python with the app's packages; those of the worker come beside them.
    """

    host: str
    state: Path
    python: str

    def command(self, port: int) -> tuple[str, ...]:
        """Return the command that serves the app at a port.

        Raises:
            NotServed: if the host is not on this machine.
        """
        if self.host == CORE_TOOLS:
            try:
                func = str(tools.HERE.core_tools())
            except tools.Missing as error:
                raise NotServed(str(error)) from error
            return (func, "start", "--port", str(port), "--no-build")
        return (str(run_script(self.host)), str(self.app), str(port))

    @property
    def app(self) -> Path:
        """The folder of the app as it is deployed."""
        return self.state / "app"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the host and of the worker that it starts.

        Raises:
            NotServed: if the packages of the worker cannot be installed.
        """
        if self.host == CORE_TOOLS:
            return dict(inherited)
        packages = worker_packages(self.python)
        return {
            **inherited,
            "PYTHON": self.python,
            "PYTHONPATH": str(packages),
            "FUNCTIONS_HOST_STATE": str(self.state / "host"),
            "FUNCTIONS_HOST_KEY": MASTER_KEY,
            # As in Azure, where pauses and limits are not a developer's.
            "AZURE_FUNCTIONS_ENVIRONMENT": "Production",
        }


def run_script(host: str) -> Path:
    """Return the script that runs an app on the host in a folder, unpacked where the folder has an archive.

    Raises:
        NotServed: if there is no host in it.
    """
    folder = places.named(host).resolve()
    for tools_folder in (folder, folder.parent):
        if (tools_folder / "functionhost" / "host.tar.xz").is_file():
            box = tools.Toolbox(environ={**os.environ, tools.FOLDER: str(tools_folder)})
            return box.function_host().run_script
    if (folder / "run-host.sh").is_file() and (folder / "host").is_dir():
        return folder / "run-host.sh"
    raise NotServed(f"There is no Functions host in {folder}: it has neither run-host.sh nor host.tar.xz.")


def worker_packages(python: str) -> Path:
    """Return a folder with the packages of Microsoft's Python worker, which are not the app's.

    Raises:
        NotServed: if they cannot be installed.
    """
    try:
        return venvs.packages(
            places.STATE / "worker-packages", python=python, requirements=WORKER_REQUIREMENTS
        )
    except venvs.NotMade as error:
        raise NotServed(str(error)) from error


def serve(launch: Launch, authentication: easyauth.Authentication | None, *, port: int) -> int:
    """Serve the app until SIGTERM, SIGINT or the end of the host; return the exit code.

    Args:
        authentication: the platform's part in front of the host.

    Raises:
        NotServed: if the host is not on this machine or does not start.
    """
    return asyncio.run(_serve(launch, authentication, port=port))


async def _serve(launch: Launch, authentication: easyauth.Authentication | None, *, port: int) -> int:
    package.copy_to(launch.app)
    launch.state.mkdir(parents=True, exist_ok=True)
    behind = free.numbers(1)[0]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows ends the process by itself.
            loop.add_signal_handler(each, stop.set)
    async with _running(launch, port=behind) as process:
        if not await _wait_until_running(process, port=behind, stop=stop):
            return 0
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=60)
        async with (
            httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False, limits=limits) as client,
            server.serving(_app(client, authentication, port=behind), host=ports.HOST, port=port),
        ):
            return await _first(_code(process.wait()), _code(stop.wait(), code=0))


@asynccontextmanager
async def _running(launch: Launch, *, port: int) -> Any:
    process = await asyncio.create_subprocess_exec(
        *leash.leashed(launch.command(port)),
        env=launch.environment(os.environ),
        cwd=launch.app if launch.host == CORE_TOOLS else places.ROOT,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()


async def _wait_until_running(process: asyncio.subprocess.Process, *, port: int, stop: asyncio.Event) -> bool:
    """Wait until the host reports that it runs; return False if it is stopped before."""
    address = f"http://{ports.HOST}:{port}/admin/host/status"
    async with httpx.AsyncClient(timeout=2, trust_env=False, headers={KEY_HEADER: MASTER_KEY}) as client:
        for _ in range(int(START_SECONDS / _LOOK_SECONDS)):
            if stop.is_set():
                return False
            if process.returncode is not None:
                raise NotServed(f"The Functions host ended with exit code {process.returncode}.")
            with suppress(httpx.HTTPError, ValueError):
                state = (await client.get(address)).json()
                if state.get("state") == "Running":
                    return True
                if state.get("state") == "Error":
                    raise NotServed(f"The Functions host does not run the app: {state.get('errors')}")
            await asyncio.sleep(_LOOK_SECONDS)
    raise NotServed(f"The Functions host did not run after {START_SECONDS} s.")


async def _code(ended: Awaitable[Any], *, code: int | None = None) -> int:
    found = await ended
    return int(found) if code is None else code


async def _first(*endings: Awaitable[int]) -> int:
    done, others = await asyncio.wait(
        [asyncio.ensure_future(each) for each in endings], return_when=asyncio.FIRST_COMPLETED
    )
    for other in others:
        other.cancel()
    return done.pop().result()


def _app(client: httpx.AsyncClient, authentication: easyauth.Authentication | None, *, port: int) -> App:
    app = forwarding(client, port=port)
    return app if authentication is None else easyauth.InFront(app, authentication)


def forwarding(client: httpx.AsyncClient, *, port: int) -> App:
    """Return an ASGI app that forwards each request unchanged to the host at a port."""

    async def forward(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            message = await receive()
        except requests.BodyTooLarge:
            await _answer(send, 500)
            return
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        try:
            answer = await client.send(
                # A client would add headers that the caller has not sent, such as Accept-Encoding.
                httpx.Request(
                    scope["method"],
                    httpx.URL(scheme="http", host=ports.HOST, port=port, raw_path=target),
                    headers=[each for each in scope["headers"] if each[0].lower() not in _HOP_BY_HOP],
                    content=message["body"] or None,
                ),
                stream=True,
            )
            body = b"".join([part async for part in answer.aiter_raw()])
            await answer.aclose()
        except httpx.HTTPError:
            # The platform's front end answers so when the host does not.
            await _answer(send, 502)
            return
        headers = [each for each in answer.headers.raw if each[0].lower() not in _SET_BY_OUR_SERVER]
        await _answer(send, answer.status_code, headers, body)

    return forward


async def _answer(
    send: Send,
    status: int,
    headers: list[tuple[bytes, bytes]] | None = None,
    body: bytes = b"",
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": body})
