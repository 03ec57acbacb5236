"""HTTP for the Azure SDK's clients, within limits that also hold where an answer trickles in."""

import io
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.limits import Limit
from shared.outside.arrival import Arrival, Reader

_CONNECTIONS = 40
"""Connections that are kept: as many as threads may ask at once, on the largest instance."""

_arrival = Arrival()


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # The library finds its type when it runs.
    """Sends requests; an answer has to be complete within the limit, however slowly it arrives."""

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


def options(limit: Limit, transport: BoundedTransport | None = None) -> dict[str, Any]:
    """Arguments of an Azure SDK's client that keep it within a limit.

    An answer such as 503 is not waited out: its `Retry-After` may be longer than the caller's patience.
    """
    return {
        "transport": transport or BoundedTransport(limit),
        "retry_total": limit.tries - 1,
        "retry_status": 0,
        "retry_backoff_factor": 0.2,
    }


class _Socket:
    """A connection's socket, whose answers are read by the moment that the sending thread has set."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:
        raw = self._socket.makefile(mode, buffering=0)
        return io.BufferedReader(Reader(raw, self._socket, _arrival), 32 * 1024)


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


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}
