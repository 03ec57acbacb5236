"""An HTTP/1.1 server that behaves like Kestrel, the host's web server, where a caller can notice.

It serves an ASGI app. Answers with a body of unknown length are chunked, an answer without a body has
`Content-Length: 0`, and requests that Kestrel refuses never reach the app.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from local.functionhost import requests
from local.functionhost.requests import BodyTooLarge, Head, Refused

log = logging.getLogger("functionhost.server")

IDLE_SECONDS = 130
"""How long an idle connection is kept: `KeepAliveTimeout`."""
HEAD_SECONDS = 30
"""How long a head may take: `RequestHeadersTimeout`."""
DRAIN_SECONDS = 5
"""How long reading the rest of an unread body may take."""
PATIENCE_SECONDS = 5
"""How long requests under way may take once the server is stopping."""
_MOST_CHUNKED_BYTES = requests.BODY_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
"""An application of ASGI."""


def run(app: App, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then wait a little for requests under way."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(app, host=host, port=port))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _run(app: App, *, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows ends the process by itself.
            loop.add_signal_handler(each, stop.set)
    async with _lifespan(app), serving(app, host=host, port=port):
        await stop.wait()


@asynccontextmanager
async def serving(app: App, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve an app on the running loop within the block; yield the port, which the system chooses for 0."""
    connections: dict[asyncio.Task[None], _Connection] = {}

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(app, reader, writer)
        task = asyncio.ensure_future(connection.serve())
        connections[task] = connection
        task.add_done_callback(lambda ended: connections.pop(ended))

    listening = await asyncio.start_server(serve, host, port, limit=requests.HEADER_BYTES)
    try:
        yield int(listening.sockets[0].getsockname()[1])
    finally:
        listening.close()
        await _end(connections)


async def _end(connections: "Mapping[asyncio.Task[None], _Connection]") -> None:
    """Close connections; wait a while for those with a request under way."""
    open_ones = dict(connections)
    for task, connection in open_ones.items():
        if not connection.busy:
            task.cancel()
        connection.last = True
    if open_ones:
        _, late = await asyncio.wait(open_ones, timeout=PATIENCE_SECONDS)
        for task in late:
            task.cancel()


@asynccontextmanager
async def _lifespan(app: App) -> AsyncIterator[None]:
    """Run the app's lifespan around the block, as ASGI servers do."""
    wanted: asyncio.Queue[Message] = asyncio.Queue()
    done: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, wanted.get, done.put))
    await wanted.put({"type": "lifespan.startup"})
    started = await done.get()
    if started["type"] != "lifespan.startup.complete":
        raise RuntimeError(started.get("message", "the app did not start"))
    try:
        yield
    finally:
        await wanted.put({"type": "lifespan.shutdown"})
        await task


class _Connection:
    """One connection: requests one after the other, until one side closes it."""

    def __init__(self, app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._app = app
        self._reader = reader
        self._writer = writer
        self.busy = False
        self.last = False

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while await self._answer_one() and not self.last:
                pass
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError, asyncio.CancelledError):
            pass  # The caller has left or sent too little, or the server stops.
        finally:
            self._writer.close()

    async def _answer_one(self) -> bool:
        """Answer the next request; return whether another may follow on this connection."""
        try:
            head = await self._read_head()
        except Refused as refused:
            self._refuse(refused)
            await self._writer.drain()
            return False
        if head is None:
            return False
        self.busy = True
        exchange = _Exchange(head, self._reader, self._writer)
        try:
            await self._app(exchange.scope(), exchange.receive, exchange.send)
        except _Broken:
            return False
        finally:
            self.busy = False
        await self._writer.drain()
        return exchange.keeps_alive and await exchange.drain()

    async def _read_head(self) -> Head | None:
        """Read a head; None when the caller has closed the connection instead."""
        async with asyncio.timeout(IDLE_SECONDS):
            try:
                first = await self._line(too_long=414)
                while not first:
                    first = await self._line(too_long=414)
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    raise Refused(400) from error
                return None
        line = requests.read_line(first)
        lines: list[bytes] = []
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                while sent := await self._line(too_long=431):
                    lines.append(sent)
                    if len(lines) > requests.HEADERS:
                        raise Refused(431)
        except TimeoutError as error:
            raise Refused(408) from error
        return requests.read_head(line, lines)

    async def _line(self, *, too_long: int) -> bytes:
        try:
            sent = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise Refused(too_long) from error
        return sent[:-1].removesuffix(b"\r")

    def _refuse(self, refused: Refused) -> None:
        headers = [("Content-Length", "0"), ("Connection", "close"), *_own_headers()]
        if refused.allow is not None:
            headers.append(("Allow", refused.allow))
        self._writer.write(_head(refused.status, headers))


class _Broken(Exception):
    """The answer cannot be completed: the connection closes in the middle of it."""


class _Exchange:
    """A request and its answer, in ASGI's messages."""

    def __init__(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._head = head
        self._reader = reader
        self._writer = writer
        self._unread = head.framing != "none"
        self.keeps_alive = head.keeps_alive
        self._start: Message = {}

    def scope(self) -> dict[str, Any]:
        """Return the request as an ASGI scope; header names and values are UTF-8."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": self._head.line.version,
            "method": self._head.line.method,
            "scheme": "http",
            "path": self._head.path,
            "raw_path": self._head.path.encode("ascii"),
            "query_string": self._head.query.encode("ascii"),
            "headers": [(name.encode(), text.encode()) for name, text in self._head.headers],
        }

    async def receive(self) -> Message:
        """Return the whole body, if its length was announced; send 100 to a caller that waits for it.

        Raises:
            BodyTooLarge: if the body is too large; it is not read.
        """
        body = b""
        if self._unread and self._head.framing == "length":
            if self._head.length > requests.BODY_BYTES:
                self.keeps_alive = False
                raise BodyTooLarge
            self._unread = False
            body = await self._whole_body()
        return {"type": "http.request", "body": body, "more_body": False}

    async def _whole_body(self) -> bytes:
        reading = asyncio.ensure_future(self._reader.readexactly(self._head.length))
        await asyncio.sleep(0)
        if self._head.expects_continue and not reading.done():
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await reading

    async def send(self, message: Message) -> None:
        """Write the answer once its body is complete: the host always has it in one piece."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message.get("more_body"):
            raise RuntimeError("the body of an answer comes in one piece")
        self._write(self._start["status"], list(self._start["headers"]), message.get("body", b""))

    def _write(self, status: int, sent: list[tuple[bytes, bytes]], body: bytes) -> None:
        headers = [(name.decode(), text.decode()) for name, text in sent]
        length = next((int(text) for name, text in headers if name.lower() == "content-length"), None)
        has_body = status not in (204, 304) and self._head.line.method != "HEAD"
        chunked = False
        if length is None and has_body:
            if not body:
                headers.append(("Content-Length", "0"))
            elif self._head.line.version == "1.1":
                chunked = True
                headers.append(("Transfer-Encoding", "chunked"))
            else:
                self.keeps_alive = False
        elif has_body and length is not None and len(body) > length:
            # Kestrel notices before anything is sent.
            status, headers, body = 500, [("Content-Length", "0")], b""
            self.keeps_alive = False
        if not self.keeps_alive:
            headers.append(("Connection", "close"))
        elif self._head.line.version == "1.0":
            headers.append(("Connection", "keep-alive"))
        self._writer.write(_head(status, [*headers, *_own_headers()]))
        if has_body and body:
            self._writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
        if has_body and length is not None and len(body) < length:
            raise _Broken

    async def drain(self) -> bool:
        """Read the rest of the body; return whether the connection may be used again."""
        if not self._unread:
            return True
        if self._head.length > requests.BODY_BYTES:
            return False
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                if self._head.framing == "chunked":
                    await self._skip_chunks()
                else:
                    await self._reader.readexactly(self._head.length)
        except (TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False
        return True

    async def _skip_chunks(self) -> None:
        while size := int((await self._reader.readuntil(b"\n")).partition(b";")[0].strip(), 16):
            if not 0 < size <= _MOST_CHUNKED_BYTES:
                raise ValueError(size)
            await self._reader.readexactly(size)
            await self._reader.readuntil(b"\n")
        while (await self._reader.readuntil(b"\n")).strip():
            pass


def _own_headers() -> list[tuple[str, str]]:
    return [("Date", format_datetime(datetime.now(UTC), usegmt=True)), ("Server", "Kestrel")]


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}".rstrip(), *(f"{name}: {text}" for name, text in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
