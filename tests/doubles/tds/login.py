"""How a session begins: what both sides can do, who the client is, and which database it wants."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from tests.doubles.tds import tokens
from tests.doubles.tds.packets import FIRST_SIZE
from tests.doubles.tds.wire import Reader

_VERSION, _ENCRYPTION, _TOKEN_REQUIRED, _END = 0x00, 0x01, 0x06, 0xFF
_ENCRYPTED, _NO_ENCRYPTION, _REQUIRED = 0x01, 0x02, 0x03
_TOKEN, _UTF8 = 0x02, 0x0A
_FIRST_FIELD = 36


@dataclass(frozen=True)
class Login:
    """What a client says when it signs in."""

    user: str
    password: str
    application: str
    database: str
    packet_size: int
    features: Mapping[int, bytes]

    @property
    def token(self) -> str | None:
        """The access token that it signs in with."""
        if _TOKEN not in self.features:
            return None
        reader = Reader(self.features[_TOKEN], 1)
        return reader.take(reader.number(4)).decode("utf-16-le")


@dataclass(frozen=True)
class Greeting:
    """What a client says first: whether it wants to encrypt, and to sign in with a token."""

    wants_encryption: bool
    wants_token: bool


def greeting(data: bytes) -> Greeting:
    """Return a PRELOGIN message."""
    options: dict[int, bytes] = {}
    place = 0
    while data[place] != _END:
        option, start, length = struct.unpack_from(">BHH", data, place)
        options[option] = data[start : start + length]
        place += 5
    return Greeting(
        wants_encryption=options.get(_ENCRYPTION, b"\x00")[0] in (_ENCRYPTED, _REQUIRED),
        wants_token=options.get(_TOKEN_REQUIRED) == b"\x01",
    )


def greeting_answer(greeted: Greeting, *, encrypts: bool) -> bytes:
    """Announce a server of version 12, and which of the client's wishes it accepts."""
    options = [
        (_VERSION, bytes([12, 0, 0x07, 0xD0, 0, 0])),
        (_ENCRYPTION, bytes([_ENCRYPTED if encrypts else _NO_ENCRYPTION])),
        *([(_TOKEN_REQUIRED, b"\x01")] if greeted.wants_token else []),
    ]
    place = 5 * len(options) + 1
    head, body = b"", b""
    for option, value in options:
        head += struct.pack(">BHH", option, place + len(body), len(value))
        body += value
    return head + bytes([_END]) + body


def read(data: bytes) -> Login:
    """Return a LOGIN7 message."""
    reader = Reader(data, _FIRST_FIELD)
    fields = [(reader.number(2), reader.number(2)) for _ in range(9)]
    _, user, password, application, _, extension, _, _, database = fields
    return Login(
        user=_text(data, user),
        password=_plain(data[password[0] : password[0] + 2 * password[1]]),
        application=_text(data, application),
        database=_text(data, database),
        packet_size=struct.unpack_from("<I", data, 8)[0] or FIRST_SIZE,
        features=_features(data, extension) if data[27] & 0x10 else {},
    )


def _text(data: bytes, field: tuple[int, int]) -> str:
    place, length = field
    return Reader(data, place).text(length)


def _plain(scrambled: bytes) -> str:
    """Decode a password: its half bytes are swapped and mixed with 0xA5, which hides nothing."""
    mixed = (byte ^ 0xA5 for byte in scrambled)
    return bytes((byte << 4 & 0xF0) | byte >> 4 for byte in mixed).decode("utf-16-le")


def _features(data: bytes, extension: tuple[int, int]) -> dict[int, bytes]:
    reader = Reader(data, struct.unpack_from("<I", data, extension[0])[0])
    found = {}
    while (feature := reader.number(1)) != _END:
        found[feature] = reader.take(reader.number(4))
    return found


def accepted(login: Login) -> bytes:
    """Return the answer to a client that may enter."""
    taken = {_TOKEN: b"", _UTF8: b"\x01"}
    return (
        tokens.database_changed(login.database)
        + tokens.collation_changed()
        + tokens.login_accepted()
        + tokens.packet_size_changed(login.packet_size)
        + tokens.features_accepted({each: taken[each] for each in taken if each in login.features})
        + tokens.done()
    )
