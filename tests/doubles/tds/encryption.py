"""TLS as TDS 7 has it: the handshake lies in packets, and after it packets lie in TLS."""

import ssl
import threading
from collections.abc import Callable
from pathlib import Path

_AT_A_TIME = 65_536


def context(path: Path) -> ssl.SSLContext:
    """Return what a server with this certificate encrypts with."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # In TLS 1.3 the server speaks once more after the handshake, when packets are no longer put around it.
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(path)
    return made


class Encrypted:
    """Bytes over a connection that is encrypted. One thread may read while another writes.

    Args:
        wanted: what to encrypt with.
        receive: bytes from the connection; none when the client has gone.
        send: bytes to the connection.
    """

    def __init__(
        self, wanted: ssl.SSLContext, *, receive: Callable[[int], bytes], send: Callable[[bytes], None]
    ) -> None:
        self._receive = receive
        self._send = send
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = wanted.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock = threading.Lock()

    def shake_hands(self, *, receive: Callable[[], bytes], send: Callable[[bytes], None]) -> None:
        """Agree on keys with the client.

        Raises:
            ssl.SSLError: the client does not trust the certificate, or speaks no TLS.
        """
        while not self._is_agreed():
            if self._outgoing.pending:
                send(self._outgoing.read())
            self._incoming.write(receive())
        send(self._outgoing.read())

    def _is_agreed(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def recv(self, length: int) -> bytes:
        """Return at most `length` bytes; none when the client has gone."""
        while True:
            with self._lock:
                try:
                    return self._tls.read(length)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    return b""
            some = self._receive(_AT_A_TIME)
            if not some:
                return b""
            with self._lock:
                self._incoming.write(some)

    def sendall(self, data: bytes) -> None:
        """Send bytes."""
        with self._lock:
            self._tls.write(data)
            encrypted = self._outgoing.read()
        self._send(encrypted)
