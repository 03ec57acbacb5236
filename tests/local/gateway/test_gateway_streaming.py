"""Answers go through as they come: nothing is collected, and nobody reads on for a client that has left."""

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import Any

from local import demo
from tests.builders import gateway
from tests.builders.gateway import World

CHUNK = bytes(64 * 1024)
TOTAL = 1600 * len(CHUNK)


class Fountain:
    """A backend with 100 MiB to give; it counts what it has got rid of and notices when it is left."""

    def __init__(self, *, status: int = 200) -> None:
        self.status = status
        self.sent = 0
        self.left = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        leaving = asyncio.create_task(self._watch(receive))
        headers = [(b"content-length", str(TOTAL).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        while self.sent < TOTAL and not self.left.is_set():
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            self.sent += len(CHUNK)
            await asyncio.sleep(0)  # Nothing waits in `send` once the other side has left.
        leaving.cancel()

    async def _watch(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()


def requested(world: World) -> socket.socket:
    """Send a request; return the connection once the first byte of the answer has come."""
    host, port = world.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    token = world.identity.application_token(demo.VENDOR).encode()
    connection.sendall(
        b"GET /metering/v1/customers HTTP/1.1\r\nHost: localhost\r\n"
        b"Ocp-Apim-Subscription-Key: key-partner\r\nAuthorization: Bearer " + token + b"\r\n\r\n"
    )
    assert connection.recv(1) == b"H"
    return connection


def sent_when_nothing_moves(fountain: Fountain) -> int:
    """Return what the backend has got rid of once it has begun and gets rid of no more."""
    latest, deadline = 0, time.monotonic() + 20
    while (latest == 0 or fountain.sent != latest) and time.monotonic() < deadline:
        latest = fountain.sent
        time.sleep(0.3)
    return latest


def test_the_backend_waits_for_a_client_that_does_not_read(tmp_path: Path) -> None:
    fountain = Fountain()
    with (
        gateway.world(gateway.copied_files(tmp_path), backend=fountain) as world,
        requested(world) as connection,
    ):
        under_way = sent_when_nothing_moves(fountain)
        received = 0
        while received < TOTAL:
            part = connection.recv(1 << 20)
            assert part, "the answer broke off"
            received += len(part)

    assert 0 < under_way < TOTAL // 4
    assert fountain.sent == TOTAL


def test_the_backend_is_left_when_the_client_leaves(tmp_path: Path) -> None:
    fountain = Fountain()
    with gateway.world(gateway.copied_files(tmp_path), backend=fountain) as world:
        requested(world).close()

        assert fountain.left.wait(20)

    assert fountain.sent < TOTAL


def test_the_backend_is_left_when_its_answer_is_replaced(tmp_path: Path) -> None:
    fountain = Fountain(status=500)
    with gateway.world(gateway.copied_files(tmp_path), backend=fountain) as world:
        answer = world.get()

        assert answer.status == 503
        assert fountain.left.wait(20)

    assert fountain.sent < TOTAL
