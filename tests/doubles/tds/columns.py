"""Columns and rows of a result, from what the embedded engine calls its types."""

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.doubles.tds.tokens import COLLATION
from tests.doubles.tds.wire import short_text

LONGEST_NAME = 128
"""Characters of a name; the embedded engine names a column after its whole expression."""
LONGEST = 8000
"""Bytes of a text that is no varchar(max)."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WHOLE = {"TINYINT": 2, "SMALLINT": 2, "INTEGER": 4, "BIGINT": 8, "HUGEINT": 8, '"NULL"': 4}
_NULLABLE = 0x0001
_ROW, _ROW_WITH_NULLS, _COLUMNS = 0xD1, 0xD2, 0x81

Encode = Callable[[Any], bytes]


class NotKnown(Exception):
    """A type that the stand-in has no counterpart for."""


@dataclass(frozen=True)
class Column:
    """A column of a result.

    Attributes:
        kind: its type as the client sees it.
        encode: a value that is not null, with its length.
        null: what stands for null in a row that does not list its nulls.
    """

    name: str
    kind: bytes
    encode: Encode
    null: bytes


def column(name: str, *, kind: str, texts: Sequence[Any]) -> Column:
    """Return a column for a type of the embedded engine; the length of texts comes from the first rows."""
    if kind == "VARCHAR" and any(text is not None and len(text.encode()) > LONGEST for text in texts):
        return Column(name, b"\xa7\xff\xff" + COLLATION, _chunked, b"\xff" * 8)
    if kind == "VARCHAR":
        return Column(name, b"\xa7" + struct.pack("<H", LONGEST) + COLLATION, _text, b"\xff\xff")
    if kind in _WHOLE:
        return Column(name, bytes([0x26, _WHOLE[kind]]), _whole(_WHOLE[kind]), b"\x00")
    if kind == "BOOLEAN":
        return Column(name, b"\x68\x01", lambda value: b"\x01\x01" if value else b"\x01\x00", b"\x00")
    if kind == "DATE":
        return Column(name, b"\x28", lambda value: b"\x03" + _days(value), b"\x00")
    if kind == "TIMESTAMP":
        return Column(name, b"\x2a\x06", _moment, b"\x00")
    if kind == "TIMESTAMP_S":
        return Column(name, b"\x2a\x00", _second, b"\x00")
    if kind == "DOUBLE":
        return Column(name, b"\x6d\x08", lambda value: b"\x08" + struct.pack("<d", value), b"\x00")
    if found := _DECIMAL.fullmatch(kind):
        return _decimal(name, int(found[1]), int(found[2]))
    raise NotKnown(f"{name} is a {kind}")


def description(columns: Sequence[Column]) -> bytes:
    """Describe the columns for the client."""
    return struct.pack("<BH", _COLUMNS, len(columns)) + b"".join(
        struct.pack("<IH", 0, _NULLABLE) + each.kind + short_text(each.name[:LONGEST_NAME])
        for each in columns
    )


def row(columns: Sequence[Column], values: Sequence[Any]) -> bytes:
    """Encode a row; one with nulls in the form that lists them first."""
    if None not in values:
        return b"\xd1" + b"".join([each.encode(value) for each, value in zip(columns, values, strict=True)])
    nulls = sum(1 << place for place, value in enumerate(values) if value is None)
    return (
        bytes([_ROW_WITH_NULLS])
        + nulls.to_bytes((len(columns) + 7) // 8, "little")
        + b"".join(
            each.encode(value) for each, value in zip(columns, values, strict=True) if value is not None
        )
    )


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<H", len(encoded)) + encoded


def _chunked(value: str) -> bytes:
    encoded = value.encode()
    chunk = struct.pack("<I", len(encoded)) + encoded if encoded else b""
    return struct.pack("<Q", len(encoded)) + chunk + b"\x00" * 4


def _whole(length: int) -> Encode:
    packed = struct.Struct({2: "<Bh", 4: "<Bi", 8: "<Bq"}[length])
    return lambda value: packed.pack(length, value)


def _decimal(name: str, precision: int, scale: int) -> Column:
    length = 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17

    def encode(value: Decimal) -> bytes:
        whole = int(value.scaleb(scale))
        return bytes([length, whole >= 0]) + abs(whole).to_bytes(length - 1, "little")

    return Column(name, bytes([0x6A, length, precision, scale]), encode, b"\x00")


def _days(value: date) -> bytes:
    return (value.toordinal() - 1).to_bytes(3, "little")


def _moment(value: datetime) -> bytes:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return b"\x08" + (seconds * 1_000_000 + value.microsecond).to_bytes(5, "little") + _days(value)


def _second(value: datetime) -> bytes:
    return (
        b"\x06" + ((value.hour * 60 + value.minute) * 60 + value.second).to_bytes(3, "little") + _days(value)
    )
