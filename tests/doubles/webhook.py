"""A receiver of webhooks that behaves as ordered, on a port of its own, with or without TLS."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Received:
    """A request as it arrived; `server_name` is what the client asked for in SNI."""

    target: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None

    @property
    def type(self) -> str:
        """The type of the notice in the body."""
        return str(json.loads(self.body)["type"])


Reply = Callable[[Received, socket.socket], None]
"""Answers a request, or does not."""


def status(code: int, *, body: bytes = b"", **headers: str) -> Reply:
    """Answer with a status; an underscore in a header's name stands for a hyphen."""

    def reply(_: Received, connection: socket.socket) -> None:
        connection.sendall(_response(code, body, headers))

    return reply


def repeat_challenge(received: Received, connection: socket.socket) -> None:
    """Answer 200; repeat the challenge of a `webhook.challenge`."""
    challenge = json.loads(received.body)["data"].get("challenge")
    body = json.dumps({"challenge": challenge}).encode() if challenge else b""
    connection.sendall(_response(200, body, {}))


def hang(_: Received, connection: socket.socket) -> None:
    """Say nothing until the client gives up."""
    with contextlib.suppress(OSError):
        connection.recv(1)


def trickle_head(_: Received, connection: socket.socket) -> None:
    """Send a byte of a head at a time, without end."""
    _trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ", connection)


def trickle_body(_: Received, connection: socket.socket) -> None:
    """Send a head, and a byte of a body at a time, without end."""
    _trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", connection)


def reset(_: Received, connection: socket.socket) -> None:
    """Break the connection with a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def promise_more(_: Received, connection: socket.socket) -> None:
    """Promise a longer body than is sent."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\nshort")


def promise_nonsense(_: Received, connection: socket.socket) -> None:
    """Promise a body of a length that is no number."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")


def flood(_: Received, connection: socket.socket) -> None:
    """Send a body until the client closes the connection."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x" * 65_536)


class Receiver:
    """Receives webhooks; each request gets the next reply, and every later one the last.

    Args:
        certificate: a file with a certificate and its key; None for plain HTTP.
        replies: what requests get; the challenge is repeated if none are given.
    """

    def __init__(self, *replies: Reply, certificate: Path | None = None) -> None:
        self._replies = list(replies) or [repeat_challenge]
        self._tls = _server_context(certificate) if certificate else None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener = socket.create_server((HOST, 0), backlog=200)
        self.port = int(self._listener.getsockname()[1])
        self.received: list[Received] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the receiver on this machine."""
        return f"http{'s' if self._tls else ''}://{HOST}:{self.port}/hook"

    def reply(self, *replies: Reply) -> None:
        """Order other replies from now on."""
        with self._lock:
            self._replies = list(replies)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            if self._tls is None:
                self._exchange(connection, None)
                return
            names: list[str | None] = []
            self._tls.sni_callback = lambda _, name, __: names.append(name)
            with self._tls.wrap_socket(connection, server_side=True) as encrypted:
                self._exchange(encrypted, names[0] if names else None)

    def _exchange(self, connection: socket.socket, server_name: str | None) -> None:
        received = _read(connection, server_name)
        if received is None:
            return
        with self._lock:
            self.received.append(received)
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        reply(received, connection)


def _server_context(path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


def _read(connection: socket.socket, server_name: str | None) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        some = connection.recv(65_536)
        if not some:
            return None
        data += some
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        some = connection.recv(65_536)
        if not some:
            return None
        body += some
    return Received(first.split(" ")[1], headers, body, server_name)


def _response(code: int, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {code} As-Ordered", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _trickle(start: bytes, connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(start)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)
