"""HTTP to other services, through httpx, within the same time limits.

Separate from `transports`, because no request of the API needs httpx, and importing it takes 60 ms.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from shared.limits import Limit
from shared.outside.streams import Bounded
from shared.outside.transports import arrival

_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def open_client(limit: Limit, *, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client that keeps each try of a request within the limit; `retrying` counts the tries."""
    return httpx.Client(
        timeout=httpx.Timeout(limit.silence, connect=limit.connect),
        transport=_BoundedTransport(limit),
        headers=dict(headers or {}),
    )


class _BoundedTransport(httpx.BaseTransport):
    """Sends requests of httpx through httpcore; each answer must be complete within the limit."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_Backend(httpcore.SyncBackend())
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        arrival.begin(self._limit.answer)
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            answer = self._pool.handle_request(sent)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Raise httpcore's errors as those of httpx, which have the same names."""
    try:
        yield
    except _ERRORS as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Backend(httpcore.NetworkBackend):
    """Connects as another backend does; an answer on its connections must arrive in time."""

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
        stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return Bounded(stream, _patience)


def _patience(silence: float | None) -> float | None:
    try:
        return arrival.patience(silence)
    except TimeoutError as error:
        raise httpcore.ReadTimeout(str(error)) from error
