"""Sends one notice over HTTP, through httpcore, to a checked address.

A name is resolved once, all its addresses are checked, and the connection goes to one of those. SNI, the
check of the certificate and `Host` use the name. Redirects are not followed, and no proxy of the environment
is used: `httpcore` does neither.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotResolvedInTime
from contextlib import suppress
from typing import Any

import httpcore

from shared import limits
from shared.limits import Limit
from shared.notices import addresses
from shared.notices.addresses import NotCallable
from shared.notices.schedule import Answer
from shared.outside.streams import Bounded

MOST_BYTES = 4_096
"""How much of an answer is read."""

USER_AGENT = "metering-api-webhooks"

Resolve = Callable[[str, int], Sequence[str]]
"""Returns all addresses of a host; raises OSError."""

_RESOLVING_AT_ONCE = 32


class Sender:
    """Sends notices. Safe to use from several threads.

    Args:
        limit: of one attempt, all of it: resolving, connecting, sending, and the answer.
        allow_loopback: also send to this machine; only for laptops and tests.
        resolve: returns the addresses of a name.
        backend: opens connections to addresses.
        ssl_context: checks receivers' certificates.
        monotonic: seconds.
    """

    def __init__(
        self,
        *,
        limit: Limit = limits.WEBHOOKS,
        allow_loopback: bool = False,
        resolve: Resolve | None = None,
        backend: httpcore.NetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._allow_loopback = allow_loopback
        self._resolve = resolve or _resolved
        self._backend = backend or httpcore.SyncBackend()
        self._ssl_context = ssl_context or ssl.create_default_context()
        self._monotonic = monotonic
        # The system's resolver has no time limit of its own.
        self._resolvers = ThreadPoolExecutor(_RESOLVING_AT_ONCE, thread_name_prefix="resolving")

    def send(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a JSON body once, and return the result; a failure is a result too, and raises nothing."""
        started = self._monotonic()
        within = _Within(by=started + self._limit.in_all, monotonic=self._monotonic)

        def answered(status: int | None, fault: str | None, **more: Any) -> Answer:
            return Answer(status, fault, round((self._monotonic() - started) * 1000), **more)

        try:
            status, retry_after, start = self._exchange(url, headers=headers, body=body, within=within)
        except NotCallable:
            return answered(None, "address-not-allowed")
        except (httpcore.TimeoutException, TimeoutError):
            return answered(None, "timeout")
        except httpcore.ConnectError as error:
            return answered(None, "certificate" if _is_of_tls(error) else "no-connection")
        except OSError:
            return answered(None, "no-such-host")
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return answered(None, "broken-answer")
        return answered(status, None, retry_after=retry_after, body=start)

    def _exchange(
        self, url: str, *, headers: Mapping[str, str], body: bytes, within: "_Within"
    ) -> tuple[int, str | None, bytes]:
        """Return status, `Retry-After` and the start of the answer's body."""
        endpoint = addresses.parse(url, allow_loopback=self._allow_loopback)
        address = self._checked_address(endpoint.host, endpoint.port, within=within)
        sent = {"content-type": "application/json", "user-agent": USER_AGENT, **headers}
        # A pool for each attempt: a kept connection would still lead to an address checked long ago.
        with (
            httpcore.ConnectionPool(
                ssl_context=self._ssl_context,
                network_backend=_Pinned(self._backend, address, connect=self._limit.connect, within=within),
            ) as pool,
            pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
        ):
            retry_after = next(
                (value for name, value in response.headers if name.lower() == b"retry-after"), b""
            )
            return response.status, retry_after.decode("latin-1") or None, _start(response)

    def _checked_address(self, host: str, port: int, *, within: "_Within") -> str:
        resolving = self._resolvers.submit(self._resolve, host, port)
        try:
            resolved = resolving.result(timeout=within.left())
        except NotResolvedInTime:
            raise TimeoutError("the host's name was not resolved in time") from None
        return addresses.choose(resolved, allow_loopback=self._allow_loopback)


def _resolved(host: str, port: int) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # What Python's own codec raises for a name that is too long.
        raise OSError("no such name") from error
    return [str(each[4][0]) for each in answers]


def _start(response: httpcore.Response) -> bytes:
    """Read the start of a body; the status counts even if the body never ends or breaks off."""
    start = bytearray()
    with suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        for piece in response.iter_stream():
            start += piece
            if len(start) >= MOST_BYTES:
                break
    return bytes(start[:MOST_BYTES])


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Within:
    """The time that is left of one attempt."""

    def __init__(self, *, by: float, monotonic: Callable[[], float]) -> None:
        self._by = by
        self._monotonic = monotonic

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            httpcore.TimeoutException: no time is left.
        """
        left = self._by - self._monotonic()
        if left <= 0:
            raise httpcore.TimeoutException("the attempt took too long")
        return left


class _Pinned(httpcore.NetworkBackend):
    """Connects to one checked address, whatever the name resolves to by now, within the time that is left."""

    def __init__(
        self, backend: httpcore.NetworkBackend, address: str, *, connect: float, within: _Within
    ) -> None:
        self._backend = backend
        self._address = address
        self._connect = connect
        self._within = within

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection."""
        timeout = min(self._connect, self._within.left())
        stream = self._backend.connect_tcp(self._address, port, timeout, local_address, socket_options)
        return Bounded(stream, lambda _: self._within.left())
