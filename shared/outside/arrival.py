"""Reads from a socket until a moment: limits a whole answer, where libraries limit each silence only."""

import io
import threading
import time
from typing import Protocol


class Timed(Protocol):
    """A socket, plain or with TLS."""

    def gettimeout(self) -> float | None:
        """Seconds that one read waits at most; None for no limit."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """Set them."""
        ...


class Arrival:
    """When the answer that this thread waits for has to be complete.

    A request is sent and its answer read by one thread, so the moment belongs to the thread.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def begin(self, seconds: float) -> None:
        """Begin to wait: whatever this thread reads next has to be complete after so many seconds."""
        self._local.by = time.monotonic() + seconds

    def patience(self, silence: float | None) -> float | None:
        """How long the next read may wait, which is `silence` or what is left.

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


class Reader(io.RawIOBase):
    """The bytes that arrive at a socket, read by the moment of `arrival`.

    Args:
        raw: what the socket's `makefile` returns without a buffer.
        socket: whose limit of silence is restored after each read.
    """

    def __init__(self, raw: io.RawIOBase, socket: Timed, arrival: Arrival) -> None:
        self._raw = raw
        self._socket = socket
        self._arrival = arrival

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]  # mypy knows a wider type.
        """Read once."""
        silence = self._socket.gettimeout()
        self._socket.settimeout(self._arrival.patience(silence))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(silence)

    def close(self) -> None:
        """Close this side; the connection keeps its socket."""
        self._raw.close()
        super().close()
