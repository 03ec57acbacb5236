"""How a session begins: what both sides can do, who the client is, and which database it wants."""

import struct
from dataclasses import dataclass

from local.tds import tokens
from local.tds.packets import FIRST_SIZE
from local.tds.wire import Reader

_VERSION, _ENCRYPTION, _END = 0x00, 0x01, 0xFF
_NO_ENCRYPTION = 0x02
_UTF8 = 0x0A
_FIRST_FIELD = 36


@dataclass(frozen=True)
class Login:
    """What a client says when it signs in."""

    user: str
    password: str
    application: str
    database: str
    packet_size: int
    features: frozenset[int]


def prelogin_answer() -> bytes:
    """That this server is one of version 12 and never encrypts."""
    options = [(_VERSION, bytes([12, 0, 0x07, 0xD0, 0, 0])), (_ENCRYPTION, bytes([_NO_ENCRYPTION]))]
    place = 5 * len(options) + 1
    head, body = b"", b""
    for token, value in options:
        head += struct.pack(">BHH", token, place + len(body), len(value))
        body += value
    return head + bytes([_END]) + body


def read(data: bytes) -> Login:
    """A LOGIN7 message."""
    reader = Reader(data, _FIRST_FIELD)
    fields = [(reader.number(2), reader.number(2)) for _ in range(9)]
    _, user, password, application, _, extension, _, _, database = fields
    return Login(
        user=_text(data, user),
        password=_plain(data[password[0] : password[0] + 2 * password[1]]),
        application=_text(data, application),
        database=_text(data, database),
        packet_size=struct.unpack_from("<I", data, 8)[0] or FIRST_SIZE,
        features=_features(data, extension) if data[27] & 0x10 else frozenset(),
    )


def _text(data: bytes, field: tuple[int, int]) -> str:
    place, length = field
    return Reader(data, place).text(length)


def _plain(scrambled: bytes) -> str:
    """A password: its half bytes change places and are mixed with 0xA5, which hides nothing."""
    mixed = (byte ^ 0xA5 for byte in scrambled)
    return bytes((byte << 4 & 0xF0) | byte >> 4 for byte in mixed).decode("utf-16-le")


def _features(data: bytes, extension: tuple[int, int]) -> frozenset[int]:
    reader = Reader(data, struct.unpack_from("<I", data, extension[0])[0])
    found = set()
    while (feature := reader.number(1)) != _END:
        found.add(feature)
        reader.take(reader.number(4))
    return frozenset(found)


def accepted(login: Login) -> bytes:
    """The answer to a client that may enter."""
    return (
        tokens.database_changed(login.database)
        + tokens.collation_changed()
        + tokens.login_accepted()
        + tokens.packet_size_changed(login.packet_size)
        + (tokens.feature_accepted(_UTF8, b"\x01") if _UTF8 in login.features else b"")
        + tokens.done()
    )
