"""HTTP to services outside, through the Azure SDK's clients and through httpx, within limits of time.

Both libraries limit only the silence between two bytes, so an answer that trickles in could last for ever.
Here each read from a connection also ends when the whole answer must have arrived.
"""

import io
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpcore
import httpx
from azure.core.pipeline.transport import RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.limits import Limit

_CONNECTIONS = 40
"""Connections that are kept: as many as threads may ask at once, on the largest instance."""


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # The library finds its type when it runs.
    """Sends requests of the Azure SDK; each answer must be complete within the limit."""

    def __init__(self, limit: Limit) -> None:
        session = Session()
        # The client's retry policy is the only one that tries again.
        none = Retry(total=False, redirect=False, raise_on_status=False)
        adapter = _Adapter(pool_maxsize=_CONNECTIONS, max_retries=none)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        super().__init__(
            session=session,
            session_owner=False,
            connection_timeout=limit.connect,
            read_timeout=limit.silence,
        )
        self._limit = limit

    def send(self, request: Any, **options: Any) -> Any:
        """Send a request."""
        _arrival.begin(self._limit.answer)
        return super().send(request, **options)


def azure_options(limit: Limit, transport: BoundedTransport | None = None) -> dict[str, Any]:
    """Return the arguments that keep a client of the Azure SDK within a limit.

    An answer such as 503 is not retried: its `Retry-After` may be longer than the caller waits.
    """
    return {
        "transport": transport or BoundedTransport(limit),
        "retry_total": limit.tries - 1,
        "retry_status": 0,
        "retry_backoff_factor": 0.2,
    }


def http_client(limit: Limit, *, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client that keeps each try of a request within the limit; `retrying` counts the tries."""
    return httpx.Client(
        timeout=httpx.Timeout(limit.silence, connect=limit.connect),
        transport=_BoundedHttpx(limit),
        headers=dict(headers or {}),
    )


class _Arrival:
    """When the answer that a thread waits for must be complete.

    One thread sends a request and reads its answer, so each thread has its own moment.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def begin(self, seconds: float) -> None:
        """Limit what this thread reads next: it must be complete after so many seconds."""
        self._local.by = time.monotonic() + seconds

    def patience(self, silence: float | None) -> float | None:
        """Return how long the next read may wait: `silence`, or what is left if that is less.

        Raises:
            TimeoutError: nothing is left.
        """
        by: float | None = getattr(self._local, "by", None)
        if by is None:
            return silence
        left = by - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long to arrive")
        return left if silence is None else min(silence, left)


_arrival = _Arrival()


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}


class _Plain(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Socket(self.sock)


class _Encrypted(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Socket(self.sock)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _Encrypted


class _Socket:
    """A connection's socket whose answers must be complete when the sending thread's time is over."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:
        raw = self._socket.makefile(mode, buffering=0)
        return io.BufferedReader(_Reader(raw, self._socket), 32 * 1024)


class _Reader(io.RawIOBase):
    """The bytes that arrive at a socket.

    Args:
        raw: what the socket's `makefile` returns without a buffer.
        socket: its limit of silence is restored after each read.
    """

    def __init__(self, raw: io.RawIOBase, socket: Any) -> None:
        self._raw = raw
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]  # mypy knows a wider type.
        silence = self._socket.gettimeout()
        self._socket.settimeout(_arrival.patience(silence))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(silence)

    def close(self) -> None:
        # Only this side: the connection keeps its socket.
        self._raw.close()
        super().close()


class _BoundedHttpx(httpx.HTTPTransport):
    """Sends requests of httpx; each answer must be complete within the limit."""

    def __init__(self, limit: Limit) -> None:
        super().__init__()
        self._limit = limit
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_Backend(httpcore.SyncBackend())
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        _arrival.begin(self._limit.answer)
        return super().handle_request(request)


class _Backend(httpcore.NetworkBackend):
    """Connects as another backend does, and limits the reads from its connections."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection."""
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            patience = _arrival.patience(timeout)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        return self._stream.read(max_bytes, patience)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
