"""Messages of TDS on a socket. A message is sent in packets of at most the size that was agreed on."""

import socket
import ssl
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from tests.doubles.tds.encryption import Encrypted

FIRST_SIZE = 4096
"""Bytes of a packet until client and server have agreed on another size."""
LOOK_EVERY = 0.02
"""Seconds between two looks whether the client is still there."""

_HEADER = struct.Struct(">BBHHBB")
_LAST_OF_MESSAGE = 1


class Kind(IntEnum):
    """What a message is."""

    BATCH = 0x01
    CALL = 0x03
    ANSWER = 0x04
    ATTENTION = 0x06
    TRANSACTION = 0x0E
    LOGIN = 0x10
    PRELOGIN = 0x12


class Gone(Exception):
    """The other side has closed the connection."""


@dataclass(frozen=True)
class Message:
    """A whole message."""

    kind: int
    data: bytes


class Channel:
    """Messages over a socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._stream: socket.socket | Encrypted = connected
        self.packet_size = FIRST_SIZE

    def receive(self) -> Message:
        """Return the next message.

        Raises:
            Gone: the client has closed the connection, or what it sends is no TDS.
        """
        parts = []
        while True:
            kind, status, length, *_ = _HEADER.unpack(self._exactly(_HEADER.size))
            if length < _HEADER.size:
                raise Gone
            parts.append(self._exactly(length - _HEADER.size))
            if status & _LAST_OF_MESSAGE:
                return Message(kind, b"".join(parts))

    def answer(self, kind: Kind = Kind.ANSWER) -> "Answer":
        """Return an answer to be written."""
        return Answer(self, kind)

    def encrypt(self, wanted: ssl.SSLContext) -> None:
        """Encrypt what is sent from now on.

        Raises:
            Gone: the client did not want to after all.
        """

        def send(data: bytes) -> None:
            answer = self.answer(Kind.PRELOGIN)
            answer.write(data)
            answer.end()

        encrypted = Encrypted(wanted, receive=self._socket.recv, send=self._socket.sendall)
        try:
            encrypted.shake_hands(receive=lambda: self.receive().data, send=send)
        except ssl.SSLError as error:
            raise Gone from error
        self._stream = encrypted

    def send(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            Gone: nobody is there to read them.
        """
        try:
            self._stream.sendall(data)
        except OSError as error:
            raise Gone from error

    def stop_reading(self) -> None:
        """End a `receive` that waits in another thread; nothing of it is seen on the other side."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def until_gone(self) -> None:
        """Do nothing until the other side has closed the connection. Another thread may `receive` meanwhile.

        Raises:
            Gone: in any case.
        """
        while not self._is_closed():
            time.sleep(LOOK_EVERY)
        raise Gone

    def _is_closed(self) -> bool:
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def cut(self) -> None:
        """Break the connection as a failing machine does: the client sees a reset, not an end."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _exactly(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            try:
                some = self._stream.recv(length - len(parts))
            except OSError as error:
                raise Gone from error
            if not some:
                raise Gone
            parts += some
        return bytes(parts)


class Answer:
    """One answer: tokens are collected, and sent as soon as they fill a packet."""

    def __init__(self, channel: Channel, kind: Kind) -> None:
        self._channel = channel
        self._kind = kind
        self._waiting = bytearray()
        self._packets = 0

    def write(self, tokens: bytes) -> None:
        """Add whole tokens."""
        self._waiting += tokens
        room = self._channel.packet_size - _HEADER.size
        while len(self._waiting) > room:
            self._send(bytes(self._waiting[:room]), status=0)
            del self._waiting[:room]

    def flush(self) -> None:
        """Send what waits, in a packet that is not the last."""
        if self._waiting:
            self._send(bytes(self._waiting), status=0)
            self._waiting.clear()

    def end(self) -> None:
        """Send the last packet."""
        self._send(bytes(self._waiting), status=_LAST_OF_MESSAGE)
        self._waiting.clear()

    def _send(self, data: bytes, *, status: int) -> None:
        self._packets = self._packets % 255 + 1
        header = _HEADER.pack(self._kind, status, _HEADER.size + len(data), 0, self._packets, 0)
        self._channel.send(header + data)
