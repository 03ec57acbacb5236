"""The smallest pieces of TDS: numbers with the least byte first, and texts with their length before them."""

import struct
from dataclasses import dataclass


@dataclass
class Reader:
    """Bytes of a message, read from the front."""

    data: bytes
    position: int = 0

    @property
    def is_at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= len(self.data)

    def take(self, length: int) -> bytes:
        """Return the next so many bytes."""
        start, self.position = self.position, self.position + length
        return self.data[start : self.position]

    def number(self, length: int) -> int:
        """Return a number without a sign."""
        return int.from_bytes(self.take(length), "little")

    def signed(self, length: int) -> int:
        """Return a number with a sign."""
        return int.from_bytes(self.take(length), "little", signed=True)

    def text(self, characters: int) -> str:
        """Return so many characters of UTF-16."""
        return self.take(2 * characters).decode("utf-16-le")


def short_text(text: str) -> bytes:
    """Return a text of at most 255 characters: B_VARCHAR."""
    return bytes([len(text.encode("utf-16-le")) // 2]) + text.encode("utf-16-le")


def long_text(text: str) -> bytes:
    """Return a text of at most 65 535 characters: US_VARCHAR."""
    encoded = text.encode("utf-16-le")
    return struct.pack("<H", len(encoded) // 2) + encoded
