"""Headers and query parameters: ordered, repeatable, looked up without regard to case."""

from collections.abc import Iterable, Iterator

_NEVER_JOINED = frozenset(
    {
        "user-agent", "www-authenticate", "proxy-authenticate", "cookie", "set-cookie", "warning",
        "date", "expires", "if-modified-since", "if-unmodified-since", "last-modified", "retry-after",
    }
)  # fmt: skip
"""Headers whose several values stay apart (set-header's usage notes)."""


_HOP_BY_HOP = (
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
)  # fmt: skip


class Fields:
    """A list of names and values in which names are compared without regard to case."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = [(name.lower(), name, value) for name, value in pairs]

    @classmethod
    def decoded(cls, raw: Iterable[tuple[bytes, bytes]]) -> "Fields":
        """Decode the bytes of a message."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)

    def encoded(self) -> list[tuple[bytes, bytes]]:
        """Encode as the bytes of a message."""
        return [(name.encode("latin-1"), value.encode("latin-1")) for _, name, value in self._pairs]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._pairs)

    def __contains__(self, name: str) -> bool:
        key = name.lower()
        return any(known == key for known, _, _ in self._pairs)

    def values(self, name: str) -> list[str]:
        """Return every value of a name, in order; empty when it is not there."""
        key = name.lower()
        return [value for known, _, value in self._pairs if known == key]

    def joined(self, name: str) -> str | None:
        """Return the values of a name with commas between, as GetValueOrDefault gives them."""
        values = self.values(name)
        return ",".join(values) if values else None

    def names(self) -> list[str]:
        """Return each name once, as first written."""
        first: dict[str, str] = {}
        for key, name, _ in self._pairs:
            first.setdefault(key, name)
        return list(first.values())

    def delete(self, name: str) -> None:
        """Remove every value of a name."""
        key = name.lower()
        self._pairs = [pair for pair in self._pairs if pair[0] != key]

    def add(self, name: str, value: str) -> None:
        """Add one more value."""
        self._pairs.append((name.lower(), name, value))

    def replace(self, name: str, values: list[str]) -> None:
        """Replace all values of a name by these."""
        self.delete(name)
        for value in values:
            self.add(name, value)

    def set_header(self, name: str, values: list[str]) -> None:
        """Set a header as set-header does: several values become one, except where that is not allowed."""
        self.replace(name, values if name.lower() in _NEVER_JOINED else [",".join(values)])

    def drop_hop_by_hop(self) -> None:
        """Remove the headers of one connection, including those that Connection names (RFC 9110, 7.6.1).

        Done as a message comes in, so that a caller cannot name a header that a policy sets later.
        """
        named = ",".join(self.values("connection")).split(",")
        for name in (*_HOP_BY_HOP, *(part.strip() for part in named if part.strip())):
            self.delete(name)
