"""Runs an ASGI app on a real socket of 127.0.0.1, in a thread, for as long as a test needs it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


def listening() -> socket.socket:
    """A socket on a port that was free."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    return bound


def address_of(bound: socket.socket) -> str:
    """The base address of what listens on a socket."""
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def served(app: Any, bound: socket.socket) -> Iterator[str]:
    """Serve `app` on a bound socket; gives its base address."""
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            started.set()

    server = Server(
        uvicorn.Config(app, log_level="critical", access_log=False, server_header=False, date_header=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        if not started.wait(10):
            raise TimeoutError("the app did not start")
        yield address_of(bound)
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
