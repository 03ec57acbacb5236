"""Kept-alive HTTP/1.1 connections that cost a measurement little and still read every answer to its end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

LARGEST_READ = 1 << 20


class BrokenAnswer(Exception):
    """The connection ended, or what came is not a whole HTTP answer."""


@dataclass(frozen=True)
class Answer:
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer. Raises BrokenAnswer."""
        try:
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, headers = _parsed(head)
            body = b"" if status in (204, 304) else await self._body(headers)
        except (OSError, EOFError, KeyError, ValueError) as broken:
            raise BrokenAnswer(repr(broken)) from broken
        return Answer(status, headers, body)

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self._exactly(int(headers["content-length"]))
        chunks = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            chunks.append((await self._exactly(size + len(b"\r\n")))[:size])
        await self._exactly(len(b"\r\n"))
        return b"".join(chunks)

    async def _exactly(self, size: int) -> bytes:
        pieces, rest = [], size
        while rest:
            piece = await self._reader.read(min(rest, LARGEST_READ))
            if not piece:
                raise EOFError(f"{rest} of {size} bytes did not come")
            pieces.append(piece)
            rest -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """End it."""
        self._writer.close()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Connection]:
    """Yield a connection to `http://host:port`."""
    host, port = address.removeprefix("http://").split(":")
    connection = Connection(*await asyncio.open_connection(host, int(port), limit=LARGEST_READ))
    try:
        yield connection
    finally:
        connection.close()


def request_for(path: str, headers: Mapping[str, str]) -> bytes:
    """Return a GET as bytes."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {text}" for name, text in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    named = (line.partition(":") for line in lines if line)
    return int(first.split(" ")[1]), {name.lower(): text.strip() for name, _, text in named}
