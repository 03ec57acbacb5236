"""A service that misbehaves as ordered, in front of a real one: on a port of its own, with real sockets."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, Self

HOST = "127.0.0.1"

Fault = Literal["refuses", "silent", "unavailable", "trickles", "cuts", "nonsense"]
"""What happens to a request: no connection; no answer; 503 with a long `Retry-After`; an answer of one byte a
second; an answer that breaks off in its middle; an answer of 200 with a page of HTML instead of JSON."""

FAULTS: tuple[Fault, ...] = ("refuses", "silent", "unavailable", "trickles", "cuts", "nonsense")

RETRY_AFTER = 40
_PAGE = b"<html><body>Sign in to the wireless network</body></html>"
_ANSWERS: dict[Fault, bytes] = {
    "unavailable": b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n"
    % RETRY_AFTER,
    "trickles": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n[",
    "cuts": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n[{",
    "nonsense": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_PAGE), _PAGE),
}


class Faulty:
    """Passes connections on to the service at a port, until a fault is ordered.

    Args:
        upstream: the port of the real service on this machine; None where every connection meets a fault.
        fault: ordered from the beginning.
    """

    def __init__(self, upstream: int | None = None, *, fault: Fault | None = None) -> None:
        self._upstream = upstream
        self._fault = fault
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._ended = threading.Event()
        self._lost = 0
        self._listener = socket.create_server((HOST, 0), backlog=200)
        self.port = int(self._listener.getsockname()[1])
        self.accepted = 0
        """Connections so far."""
        self._start(self._accept, self._listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._close_listener()
        self._break_connections()

    @contextmanager
    def misbehaving(self, fault: Fault) -> Iterator[None]:
        """Misbehave until the end of the block; connections that stand are broken at both ends of it."""
        self._fault = fault
        if fault == "refuses":
            self._close_listener()
        self._break_connections()
        try:
            yield
        finally:
            self._fault = None
            if fault == "refuses":
                self._listener = socket.create_server((HOST, self.port), backlog=200)
                self._start(self._accept, self._listener)
            self._break_connections()

    def lose_answers(self, count: int) -> None:
        """Break the connection instead of passing on each of the next answers; what they answer is done."""
        self._lost = count

    def _close_listener(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _break_connections(self) -> None:
        with self._lock:
            broken, self._connections = self._connections, set()
        for each in broken:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _start(self, target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, name="faulty", daemon=True).start()  # type: ignore[arg-type]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            if not self._keep(connection):
                return
            self._start(self._serve, connection, self._fault)

    def _keep(self, connection: socket.socket) -> bool:
        """Remember a connection, or close it when everything has ended: nobody would break it then."""
        with self._lock:
            if not self._ended.is_set():
                self._connections.add(connection)
                return True
        connection.close()
        return False

    def _serve(self, connection: socket.socket, fault: Fault | None) -> None:
        with suppress(OSError):
            if fault is None:
                self._pass_on(connection)
            else:
                self._misbehave(connection, fault)

    def _pass_on(self, connection: socket.socket) -> None:
        if self._upstream is None:
            raise OSError("there is nothing behind this one")
        there = socket.create_connection((HOST, self._upstream))
        if not self._keep(there):
            return
        self._start(_pump, there, connection, self._is_passed_on)
        _pump(connection, there)

    def _is_passed_on(self) -> bool:
        with self._lock:
            is_lost = self._lost > 0
            self._lost -= is_lost
            return not is_lost

    def _misbehave(self, connection: socket.socket, fault: Fault) -> None:
        while connection.recv(65_536):
            if fault == "silent":
                continue
            answer = _ANSWERS[fault]
            if fault == "trickles":
                self._trickle(connection, answer + b" " * 5000)
            connection.sendall(answer)
            if fault in ("cuts", "trickles"):
                connection.shutdown(socket.SHUT_RDWR)

    def _trickle(self, connection: socket.socket, answer: bytes) -> None:
        for position in range(len(answer)):
            connection.sendall(answer[position : position + 1])
            if self._ended.wait(1):
                return


def _pump(here: socket.socket, there: socket.socket, is_passed_on: Callable[[], bool] = lambda: True) -> None:
    """Pass bytes on until one side ends, or some are not to be passed on."""
    with suppress(OSError):
        while (data := here.recv(65_536)) and is_passed_on():
            there.sendall(data)
    for each in (here, there):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def endpoint_port(connection_string: str, kind: str) -> int:
    """Return the port of the emulator's endpoint of this kind: `Blob`, `Queue` or `Table`."""
    found = re.search(rf"{kind}Endpoint=http://127\.0\.0\.1:(\d+)/", connection_string)
    if found is None:
        raise AssertionError("the emulator has no such endpoint")
    return int(found[1])


def with_port(connection_string: str, kind: str, port: int) -> str:
    """Return a connection string whose endpoint of this kind is at another port."""
    there = f"{kind}Endpoint=http://127.0.0.1:"
    return re.sub(rf"{there}\d+/", f"{there}{port}/", connection_string)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Demand that the block ends within a limit; a second and a tenth more for a busy machine."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 1.1 * seconds + 1
