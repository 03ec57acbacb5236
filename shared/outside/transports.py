"""HTTP to Azure's services, through its SDK's clients, within time limits.

The library limits only the silence between two bytes, so an answer that trickles in could last for ever.
Here each read from a connection also ends when the whole answer must have arrived.
"""

import io
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.limits import Limit

_CONNECTIONS = 40
"""Connections that are kept: as many as there are threads on the largest instance."""


Policy = TypeVar("Policy")


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # The library sets its type at run time.
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
        arrival.begin(self._limit.answer)
        return super().send(request, **options)


class StorageUnavailable(Exception):
    """Blob or Queue Storage did not answer, or refused the request.

    It is defined here so that it can be caught without importing the client libraries.
    """


def code(error: AzureError) -> str:
    """Return the service's code of an error, such as `BlobNotFound`; empty if it has none."""
    given = getattr(error, "error_code", None)
    return str(getattr(given, "value", given) or "")


def reason(error: AzureError) -> str:
    """Return the service's code, or the type of the error.

    The full message may hold keys of entities, or an address with a signature.
    """
    return code(error) or type(error).__name__


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


def storage_retry(policy: Callable[..., Policy], limit: Limit) -> Policy:
    """Return the retry policy of a client of blobs or queues, whose pauses are at most 4 and 6 s.

    With its defaults the pauses are so long that the lease of the deliveries would end meanwhile.

    Args:
        policy: `ExponentialRetry` of the client's library.
    """
    return policy(initial_backoff=1, increment_base=2, random_jitter_range=1, retry_total=limit.tries - 1)


class Arrival:
    """When the answer that a thread waits for must be complete.

    One thread sends a request and reads its answer, so each thread has its own moment.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def begin(self, seconds: float) -> None:
        """Limit what this thread reads next: it must be complete after this many seconds."""
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


arrival = Arrival()
"""Shared by the transports of the Azure SDK and of httpx."""


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
    """A connection's socket whose answers must be complete within the time of the sending thread."""

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
        self._socket.settimeout(arrival.patience(silence))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(silence)

    def close(self) -> None:
        # Only this side: the connection keeps its socket.
        self._raw.close()
        super().close()
