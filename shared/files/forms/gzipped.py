"""Gzip with the same output each time: no name and no time in the header (RFC 1952)."""

import struct
import zlib
from collections.abc import Iterable, Iterator

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no flags, no time, no level of compression, unknown system."""
_LEVEL = 6


def pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """Compress pieces of bytes, and yield the result in pieces."""
    packer, checksum, length = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS), 0, 0
    yield _HEADER
    for piece in content:
        checksum, length = zlib.crc32(piece, checksum), length + len(piece)
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush() + struct.pack("<LL", checksum, length & 0xFFFFFFFF)
