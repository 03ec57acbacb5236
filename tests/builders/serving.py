"""Runs ASGI apps on real sockets of 127.0.0.1, in threads, for as long as a test needs them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


def listening() -> socket.socket:
    """Return a socket on a port that was free."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    return bound


def address_of(bound: socket.socket) -> str:
    """Return the base address of what listens on a socket."""
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


class _Server(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_level="critical", access_log=False, server_header=False, date_header=False
            )
        )
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@contextmanager
def served(*apps: tuple[Any, socket.socket]) -> Iterator[None]:
    """Serve each app on its bound socket. All end together: each takes a moment to notice that it should."""
    servers = [(_Server(app), bound) for app, bound in apps]
    threads = [threading.Thread(target=server.run, kwargs={"sockets": [bound]}) for server, bound in servers]
    for thread in threads:
        thread.start()
    try:
        for server, _ in servers:
            if not server.ready.wait(10):
                raise TimeoutError("an app did not start")
        yield
    finally:
        for server, _ in servers:
            server.should_exit = True
        for thread in threads:
            thread.join(10)
        for _, bound in servers:
            bound.close()
