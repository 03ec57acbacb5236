"""What an answer consists of, apart from rows."""

import struct
from collections.abc import Mapping

from tests.doubles.tds.wire import long_text, short_text

SERVER = "stand-in"

# Latin1_General_100_BIN2_UTF8, the collation of Fabric's warehouses: language 0x0409, binary order by
# code point (bit 25), UTF-8 (bit 26), version 2 from bit 28.
COLLATION = struct.pack("<IB", 0x0409 | 1 << 25 | 1 << 26 | 2 << 28, 0)

_DATABASE, _PACKET_SIZE, _COLLATION, _BEGUN, _COMMITTED, _ROLLED_BACK = 1, 4, 7, 8, 9, 10
_MORE, _ERROR, _COUNT, _ATTENTION = 0x01, 0x02, 0x10, 0x20
_DONE, _DONE_PROCEDURE, _DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
_TDS_7_4 = b"\x74\x00\x00\x04"


def _with_length(token: int, body: bytes) -> bytes:
    return struct.pack("<BH", token, len(body)) + body


def _changed(what: int, new: bytes, old: bytes) -> bytes:
    return _with_length(0xE3, bytes([what]) + new + old)


def database_changed(name: str) -> bytes:
    """Report the database in use."""
    return _changed(_DATABASE, short_text(name), short_text("master"))


def collation_changed() -> bytes:
    """Return the collation of the database."""
    return _changed(_COLLATION, bytes([len(COLLATION)]) + COLLATION, b"\x00")


def packet_size_changed(size: int) -> bytes:
    """Return the size of packets from now on."""
    return _changed(_PACKET_SIZE, short_text(str(size)), short_text(str(size)))


def transaction_begun(number: int) -> bytes:
    """Report that a transaction has begun; the client names it in later messages."""
    return _changed(_BEGUN, b"\x08" + struct.pack("<Q", number), b"\x00")


def transaction_committed(number: int) -> bytes:
    """Report that the transaction has been committed."""
    return _changed(_COMMITTED, b"\x00", b"\x08" + struct.pack("<Q", number))


def transaction_rolled_back(number: int) -> bytes:
    """Report that the transaction has been rolled back, by the client or by a failure."""
    return _changed(_ROLLED_BACK, b"\x00", b"\x08" + struct.pack("<Q", number))


def login_accepted() -> bytes:
    """Report that the client is signed in; T-SQL and TDS 7.4 are spoken."""
    return _with_length(
        0xAD, b"\x01" + _TDS_7_4 + short_text("Microsoft SQL Server") + bytes([12, 0, 7, 0xD0])
    )


def features_accepted(features: Mapping[int, bytes]) -> bytes:
    """Report which of the requested features are supported, with the data of each."""
    listed = b"".join(struct.pack("<BI", each, len(data)) + data for each, data in features.items())
    return b"\xae" + listed + b"\xff" if features else b""


def error(number: int, text: str, *, severity: int = 16, state: int = 1) -> bytes:
    """Report an error."""
    return _with_length(
        0xAA,
        struct.pack("<IBB", number, state, severity)
        + long_text(text)
        + short_text(SERVER)
        + short_text("")
        + struct.pack("<I", 1),
    )


def done(*, rows: int | None = None, failed: bool = False) -> bytes:
    """Return the end of a batch, with the number of rows that it read or changed."""
    return _done(_DONE, rows=rows, status=_ERROR if failed else 0)


def done_in_procedure(*, rows: int | None) -> bytes:
    """Return the end of a statement of a call; more of the call's answer follows."""
    return _done(_DONE_IN_PROCEDURE, rows=rows, status=_MORE)


def done_procedure(*, failed: bool = False) -> bytes:
    """Return the end of a call."""
    return _done(_DONE_PROCEDURE, rows=None, status=_ERROR if failed else 0)


def cancelled() -> bytes:
    """Return what the client's attention is answered with."""
    return _done(_DONE, rows=None, status=_ATTENTION)


def _done(token: int, *, rows: int | None, status: int) -> bytes:
    status |= 0 if rows is None else _COUNT
    return struct.pack("<BHHQ", token, status, 0xC1, rows or 0)


def return_status(value: int = 0) -> bytes:
    """Return what a procedure returns."""
    return b"\x79" + struct.pack("<i", value)


def handle(number: int) -> bytes:
    """Return the number of a prepared statement, as the output parameter of the call that prepared it."""
    kind = b"\x26\x04"
    return (
        struct.pack("<BH", 0xAC, 0)
        + short_text("")
        + b"\x01"
        + struct.pack("<IH", 0, 0)
        + kind
        + struct.pack("<Bi", 4, number)
    )
