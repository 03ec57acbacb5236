"""Paths and queries as the host reads them: what is decoded, what stays as sent, what the app sees of it.

Source: Kestrel's `UrlDecoder` and `PathNormalizer`, and `PathString.ToUriComponent`, in
https://github.com/dotnet/aspnetcore; compared with the real host.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPED_OR_PLAIN = re.compile(r"%[0-9A-Fa-f]{2}|[^%]+|%")
_KEPT_IN_PATHS = "/!$&'()*+,:;=@_~-."
_SLASH = 0x2F


def decode(text: str) -> str:
    """Return a path with its escapes decoded once; `%2F`, and bytes that are not UTF-8, stay as sent."""
    return _ESCAPES.sub(lambda run: "".join(_decoded(run[0], keeps_slash=True)), text)


def without_dots(path: str) -> str:
    """Return a decoded path with its segments `.` and `..` resolved; nothing leads above the root."""
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def encode(path: str) -> str:
    """Return a decoded path as it stands in the address that the app sees; what looks escaped stays."""
    return "".join(
        part if len(part) == 3 and part[0] == "%" else quote(part, safe=_KEPT_IN_PATHS)
        for part in _ESCAPED_OR_PLAIN.findall(path)
    )


def parameters(query: str) -> dict[str, str]:
    """Return the parameters of a query; names that differ only in case are one parameter.

    Its values are joined with commas, without the empty ones; a parameter with only empty values is left out.
    """
    values: dict[str, list[str]] = {}
    spellings: dict[str, list[str]] = {}
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            name = _unescape(name)
            values.setdefault(name.upper(), []).append(_unescape(value))
            spellings.setdefault(name.upper(), []).append(name)
    # The host's dictionary takes the spelling of the second and third occurrence, and of no later one.
    joined = {spellings[key][:3][-1]: join(each) for key, each in values.items()}
    return {name: value for name, value in joined.items() if value}


def join(values: list[str]) -> str:
    """Return several values of one name as .NET's `StringValues` writes them: without the empty ones."""
    return ",".join(filter(None, values))


def _unescape(text: str) -> str:
    plain = text.replace("+", " ")
    return _ESCAPES.sub(lambda run: "".join(_decoded(run[0], keeps_slash=False)), plain)


def _decoded(escapes: str, *, keeps_slash: bool) -> Iterator[str]:
    """Yield a run of escapes: each sequence of UTF-8 as its sign, each other byte as it was sent."""
    sent = bytes.fromhex(escapes.replace("%", ""))
    at = 0
    while at < len(sent):
        sign, length = _first_sign(sent[at:])
        if sign is None or (keeps_slash and sent[at] == _SLASH):
            yield escapes[3 * at : 3 * at + 3]
        else:
            yield sign
        at += length


def _first_sign(sent: bytes) -> tuple[str | None, int]:
    for length in range(1, 5):
        try:
            return sent[:length].decode(), length
        except UnicodeDecodeError:
            continue
    return None, 1
