"""The gateway's HTTP face: an ASGI application that streams both ways.

Paths of the API go through the policies. Beside them, local only: `/healthz`, `/trace`, and the
developer page at `/`.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local.gateway.backends import Answer
from local.gateway.exchange import Exchange, Request, Response, Url
from local.gateway.headers import Fields
from local.gateway.pipeline import Gateway
from local.gateway.services import Services
from local.gateway.trace import Trace

PAGES = Path(__file__).parent / "pages"
_UNSAFE = re.compile(rb"[^\x21-\x7e]")
_LOCAL = ("/healthz", "/trace", "/")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Server:
    """The ASGI application."""

    def __init__(self, gateway: Gateway, *, services: Services, pages: Path = PAGES) -> None:
        self._gateway, self._services, self._clock = gateway, services, services.clock
        self._trace = Trace()
        self._local = _local_pages(self._trace, pages)
        self._pages = pages

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection's request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._is_local(scope["path"]):
            await self._local(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._services.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _is_local(self, path: str) -> bool:
        return path in _LOCAL or (path.startswith("/pages/") and self._pages.is_dir())

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        started, tick = self._clock(), time.perf_counter()
        exchange = Exchange(_request(scope, receive), str(uuid4()), self._clock)
        response = await self._gateway.handle(exchange)
        self._trace.record(exchange, response, started=started, seconds=time.perf_counter() - tick)
        if response.stream is None:
            await _send_whole(response, send)
        else:
            await _send_stream(response, response.stream, receive, send)


def _request(scope: Message, receive: Receive) -> Request:
    headers = Fields.decoded(scope["headers"])
    has_body = _has_body(headers)
    headers.drop_hop_by_hop()
    raw_path = _escaped(scope["raw_path"].partition(b"?")[0])
    query = [
        (unquote_plus(part.partition("=")[0]), part)
        for part in _escaped(scope["query_string"]).split("&")
        if part
    ]
    values = Fields((name, unquote_plus(part.partition("=")[2])) for name, part in query)
    client = scope.get("client")
    host = (headers.joined("Host") or "").partition(":")[0]
    return Request(
        method=scope["method"],
        original_url=Url(scope["scheme"], host, raw_path, values),
        headers=headers,
        ip_address=client[0] if client else "",
        query=query,
        body=_body(receive) if has_body else None,
    )


def _escaped(target: bytes) -> str:
    """A path or query in which bytes that no URL may hold are percent-encoded, as .NET's Uri does."""
    return _UNSAFE.sub(lambda found: b"%%%02X" % found.group(0)[0], target).decode("ascii")


def _has_body(headers: Fields) -> bool:
    return "Transfer-Encoding" in headers or (headers.joined("Content-Length") or "0") != "0"


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError("the client went away")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _send_whole(response: Response, send: Send) -> None:
    headers = Fields(response.headers)
    if response.status not in (204, 304):
        headers.replace("Content-Length", [str(len(response.body))])
    headers.replace("Date", [formatdate(usegmt=True)])
    await send({"type": "http.response.start", "status": response.status, "headers": headers.encoded()})
    await send({"type": "http.response.body", "body": response.body})


async def _send_stream(response: Response, stream: Answer, receive: Receive, send: Send) -> None:
    """Chunk by chunk, as they come. Ends the backend's answer when the client goes away."""
    gone: asyncio.Task[None] | None = None
    await send(
        {"type": "http.response.start", "status": response.status, "headers": response.headers.encoded()}
    )
    try:
        async for chunk in stream.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            # A small answer has one chunk; only a longer one is worth a watch.
            gone = gone or asyncio.create_task(_disconnected(receive))
            if gone.done():
                return
        await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()
        stream.close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _local_pages(trace: Trace, pages: Path) -> Starlette:
    async def healthy(_: HttpRequest) -> HttpResponse:
        return PlainTextResponse("ok")

    async def traced(_: HttpRequest) -> HttpResponse:
        return JSONResponse(trace.shown(), headers={"Cache-Control": "no-store"})

    async def index(_: HttpRequest) -> HttpResponse:
        page = pages / "index.html"
        if page.is_file():
            return HttpResponse(page.read_bytes(), media_type="text/html")
        return HttpResponse(_INDEX, media_type="text/html")

    routes: list[Route | Mount] = [
        Route("/", index),
        Route("/healthz", healthy),
        Route("/trace", traced),
    ]
    if pages.is_dir():
        routes.append(Mount("/pages", StaticFiles(directory=pages)))
    return Starlette(routes=routes)


_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Metering API, local gateway</title>
<h1>Metering API, local gateway</h1>
<p>The API is at <code>/metering/v1</code>. It needs a subscription key and an access token; the
command that started this stack printed both.</p>
<ul>
<li><a href="/metering/v1/status">/metering/v1/status</a>: without a key, so it answers 401</li>
<li><a href="/trace">/trace</a>: the last requests and what each policy decided</li>
<li><a href="/healthz">/healthz</a></li>
</ul>
</html>
"""
