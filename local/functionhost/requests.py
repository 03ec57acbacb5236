"""Reads the head of an HTTP/1.1 request, and refuses what Kestrel, the host's web server, refuses.

Source: `HttpParser`, `Http1Connection` and `KestrelServerLimits` in https://github.com/dotnet/aspnetcore;
compared with the real host.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from local.functionhost import paths

LINE_BYTES = 8_192
"""The longest request line, with its end."""
HEADERS = 100
"""The most headers of a request."""
HEADER_BYTES = 32_768
"""The most bytes of all headers of a request together."""
BODY_BYTES = 104_857_600
"""The most bytes of a body: ScriptConstants.cs of the host."""

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(rb"HTTP/[0-9.]+", re.IGNORECASE)
_HOST = re.compile(r"(?:[A-Za-z0-9_.~!$&'()*;=-]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]+))?")
_LENGTH = re.compile(r"\+?[0-9]{1,18}")
_CONNECTION_OPTIONS = {"keep-alive", "close", "upgrade"}

Framing = Literal["none", "length", "chunked"]


class Refused(Exception):
    """The server answers without calling the app, and closes the connection."""

    def __init__(self, status: int, *, allow: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.allow = allow


class BodyTooLarge(Exception):
    """The body is over `BODY_BYTES`, which is noticed when it is read: the host answers 500."""


@dataclass(frozen=True)
class Line:
    """A request line; `target` is a path with its query, `*`, or for CONNECT a host and port."""

    method: str
    target: str
    version: Literal["1.0", "1.1"]
    authority: str | None
    """The host that an address in the request line names."""


@dataclass(frozen=True)
class Head:
    """A request without its body; names of headers are in lower case."""

    line: Line
    headers: tuple[tuple[str, str], ...]
    framing: Framing
    length: int
    keeps_alive: bool
    expects_continue: bool

    @property
    def path(self) -> str:
        """The path as sent, still escaped."""
        return self.line.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent, without its question mark."""
        return self.line.target.partition("?")[2]


def read_line(sent: bytes) -> Line:
    """Return the request line in `sent`, which has no line end.

    Raises:
        Refused: if Kestrel refuses it.
    """
    if len(sent) + 2 > LINE_BYTES:
        raise Refused(414)
    parts = sent.split(b" ")
    if len(parts) != 3 or not _METHOD.fullmatch(parts[0]) or not parts[1]:
        raise Refused(400)
    method, target, version = parts
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise Refused(505 if _VERSION.fullmatch(version) else 400)
    if not target.isascii() or any(byte < 0x20 for byte in target):
        raise Refused(400)
    path, authority = _target(method.decode(), target.decode())
    return Line(method.decode(), path, "1.1" if version.endswith(b"1") else "1.0", authority)


def _target(method: str, target: str) -> tuple[str, str | None]:
    if target.startswith("/"):
        if "\0" in paths.decode(target.partition("?")[0]):
            raise Refused(400)
        return target, None
    if target == "*":
        if method != "OPTIONS":
            raise Refused(405, allow="OPTIONS")
        return target, None
    scheme, _, rest = target.partition("://")
    if rest and scheme.lower() in ("http", "https"):
        host = re.split("[/?]", rest, maxsplit=1)[0]
        return f"/{rest[len(host) :].removeprefix('/')}", host
    if target.startswith("?"):
        raise Refused(400)
    if method != "CONNECT":
        raise Refused(405, allow="CONNECT")
    return "*", target


def read_head(line: Line, lines: Sequence[bytes]) -> Head:
    """Return the request with the headers in `lines`, which have no line ends.

    Raises:
        Refused: if Kestrel refuses it.
    """
    if len(lines) > HEADERS or sum(len(each) + 2 for each in lines) > HEADER_BYTES:
        raise Refused(431)
    headers = [_header(each) for each in lines]
    hosts = [text for name, text in headers if name == "host"]
    _check_host(line, hosts)
    chunked = _is_chunked(headers)
    length = _length(headers)
    if chunked and length is not None:
        # A length beside chunks is renamed, and the connection is not reused.
        headers = [(f"x-{name}" if name == "content-length" else name, text) for name, text in headers]
    options = _connection_options(headers)
    keeps_alive = "close" not in options if line.version == "1.1" else "keep-alive" in options
    return Head(
        line=line,
        headers=tuple(_connection_header(name, text) for name, text in headers),
        framing="chunked" if chunked else "length" if length else "none",
        length=0 if chunked else length or 0,
        keeps_alive=keeps_alive and not (chunked and length is not None),
        expects_continue=any(name == "expect" and text.lower() == "100-continue" for name, text in headers),
    )


def _header(line: bytes) -> tuple[str, str]:
    name, colon, text = line.partition(b":")
    if not colon or not name or not name.isascii() or b" " in name or b"\t" in name:
        raise Refused(400)
    if b"\0" in text or b"\r" in text:
        raise Refused(400)
    try:
        value = text.strip(b" \t").decode()
    except UnicodeDecodeError as error:
        raise Refused(400) from error
    lower = name.decode().lower()
    return lower, value.removeprefix("+") if lower == "content-length" else value


def _check_host(line: Line, hosts: Sequence[str]) -> None:
    if len(hosts) > 1 or (line.version == "1.1" and not hosts):
        raise Refused(400)
    host = hosts[0] if hosts else ""
    if not _HOST.fullmatch(host):
        raise Refused(400)
    if line.authority is not None and not _names_the_same(line.authority, host):
        raise Refused(400)


def _names_the_same(authority: str, host: str) -> bool:
    return authority.lower().removesuffix(":80") == host.lower().removesuffix(":80")


def is_address(host: str) -> bool:
    """Return whether .NET can build an address from a Host that Kestrel accepts; 500 follows if not."""
    found = _HOST.fullmatch(host)
    return found is not None and host != "" and int(found["port"] or 0) <= 65_535


def _is_chunked(headers: Sequence[tuple[str, str]]) -> bool:
    codings = ",".join(text for name, text in headers if name == "transfer-encoding")
    if not codings:
        return False
    if codings.rpartition(",")[2].strip().lower() != "chunked":
        raise Refused(400)
    return True


def _length(headers: Sequence[tuple[str, str]]) -> int | None:
    lengths = [text for name, text in headers if name == "content-length"]
    if not lengths:
        return None
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Refused(400)
    return int(lengths[0])


def _connection_options(headers: Sequence[tuple[str, str]]) -> set[str]:
    named = ",".join(text for name, text in headers if name == "connection").lower()
    return {option.strip() for option in named.split(",")} & _CONNECTION_OPTIONS


def _connection_header(name: str, text: str) -> tuple[str, str]:
    """Return a header; of `Connection`, only the option that Kestrel knows, if there is just one."""
    if name != "connection":
        return name, text
    options = [option.strip() for option in text.split(",")]
    known = [option for option in options if option.lower() in _CONNECTION_OPTIONS]
    return name, known[0] if len(known) == 1 else text
