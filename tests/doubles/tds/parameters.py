"""The parameters of a call, as the client sends them: a type, and a value of it."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.doubles.tds.wire import Reader

_NO_TEXT, _LONG = 0xFFFF, 0xFFFF
_NO_CHUNKS = 0xFFFFFFFFFFFFFFFF
_FIRST_DAY = date.min.toordinal()
_BY_REFERENCE = 0x01


class NotTaken(Exception):
    """A parameter of a type that Fabric's statements here never have."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a call."""

    name: str
    is_output: bool
    value: Any


def read(reader: Reader) -> Parameter:
    """Return the next parameter."""
    name = reader.text(reader.number(1))
    is_output = bool(reader.number(1) & _BY_REFERENCE)
    kind = reader.number(1)
    if kind not in _READERS:
        raise NotTaken(f"a parameter of the type 0x{kind:02x}")
    return Parameter(name, is_output, _READERS[kind](reader))


def _whole(reader: Reader) -> int | None:
    reader.take(1)
    length = reader.number(1)
    return reader.signed(length) if length else None


def _bit(reader: Reader) -> bool | None:
    reader.take(1)
    length = reader.number(1)
    return bool(reader.number(length)) if length else None


def _decimal(reader: Reader) -> Decimal | None:
    reader.take(2)
    scale = reader.number(1)
    length = reader.number(1)
    if not length:
        return None
    sign = 1 if reader.number(1) else -1
    return Decimal(sign * reader.number(length - 1)).scaleb(-scale)


def _double(reader: Reader) -> float | None:
    reader.take(1)
    length = reader.number(1)
    return struct.unpack("<d" if length == 8 else "<f", reader.take(length))[0] if length else None


def _date(reader: Reader) -> date | None:
    length = reader.number(1)
    return date.fromordinal(_FIRST_DAY + reader.number(3)) if length else None


def _moment(reader: Reader) -> datetime | None:
    scale = reader.number(1)
    length = reader.number(1)
    if not length:
        return None
    units = reader.number(length - 3)
    day = date.fromordinal(_FIRST_DAY + reader.number(3))
    return datetime.combine(day, datetime.min.time()) + timedelta(microseconds=units * 10**6 // 10**scale)


def _text(encoding: str) -> Callable[[Reader], str | None]:
    def read_text(reader: Reader) -> str | None:
        longest = reader.number(2)
        reader.take(5)
        if longest == _LONG:
            encoded = _chunks(reader)
        else:
            length = reader.number(2)
            encoded = None if length == _NO_TEXT else reader.take(length)
        return None if encoded is None else encoded.decode(encoding)

    return read_text


def _chunks(reader: Reader) -> bytes | None:
    if reader.number(8) == _NO_CHUNKS:
        return None
    parts = []
    while length := reader.number(4):
        parts.append(reader.take(length))
    return b"".join(parts)


_READERS: dict[int, Callable[[Reader], Any]] = {
    0x26: _whole,
    0x28: _date,
    0x2A: _moment,
    0x68: _bit,
    0x6A: _decimal,
    0x6C: _decimal,
    0x6D: _double,
    0xA7: _text("utf-8"),
    0xE7: _text("utf-16-le"),
}
