"""Connections of httpcore with a time limit for each step."""

import ssl
from collections.abc import Callable
from typing import Any

import httpcore

StepLimit = Callable[[float | None], float | None]
"""Returns how many seconds the next step may take, given its own timeout; raises httpcore.TimeoutException
when none are left."""


class Bounded(httpcore.NetworkStream):
    """A connection that limits the time of each read, write and TLS handshake."""

    def __init__(self, stream: httpcore.NetworkStream, step_limit: StepLimit) -> None:
        self._stream = stream
        self._step_limit = step_limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has arrived."""
        return self._stream.read(max_bytes, self._step_limit(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of a buffer."""
        self._stream.write(buffer, self._step_limit(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the connection, encrypted from here on."""
        encrypted = self._stream.start_tls(ssl_context, server_hostname, self._step_limit(timeout))
        return Bounded(encrypted, self._step_limit)

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection that httpcore asks for."""
        return self._stream.get_extra_info(info)
