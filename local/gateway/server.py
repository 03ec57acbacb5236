"""The gateway's HTTP face: an ASGI application that streams both ways.

Paths of the API go through the policies. Beside them, local only: `/healthz`, `/trace`, and the
developer page at `/` with its files below `/pages`.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote_plus
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from local.gateway import operations
from local.gateway.backends import Answer
from local.gateway.exchange import Exchange, Request, Response, Url
from local.gateway.headers import Fields
from local.gateway.pipeline import Gateway, plain_body
from local.gateway.services import Services
from local.gateway.trace import Trace

_UNSAFE = re.compile(rb"[^\x21-\x7e]")
LONGEST_URL = 16 * 1024
LARGEST_HEADERS = 32 * 1024
_LOCAL = ("/healthz", "/trace", "/")
_PAGE_FILES = "/pages/"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Server:
    """The ASGI application."""

    def __init__(self, gateway: Gateway, *, services: Services, page: ASGIApp | None = None) -> None:
        self._gateway, self._services, self._clock = gateway, services, services.clock
        self._trace = Trace()
        self._local = _local_answers(self._trace, page)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] in _LOCAL or scope["path"].startswith(_PAGE_FILES):
            await self._local(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._services.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if (refused := _too_large(scope)) is not None:
            await _send_whole(refused, send)
            return
        started, tick = self._clock(), time.perf_counter()
        exchange = Exchange(_request(scope, receive), str(uuid4()), self._clock)
        response = await self._gateway.handle(exchange)
        self._trace.record(exchange, response, started=started, seconds=time.perf_counter() - tick)
        if response.stream is None:
            await _send_whole(response, send)
        else:
            await _send_stream(response, response.stream, receive, send)


def _too_large(scope: Message) -> Response | None:
    """Refuse before any policy runs, in the gateway's own words. For headers the size is Kestrel's."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_URL:
        status, message = 414, "URI Too Long"
    elif sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        status, message = 431, "Request Header Fields Too Large"
    else:
        return None
    return Response(status, Fields([("Content-Type", "application/json")]), plain_body(status, message))


def _request(scope: Message, receive: Receive) -> Request:
    headers = Fields.decoded(scope["headers"])
    framing = {name: headers.values(name) for name in ("Content-Length", "Transfer-Encoding")}
    headers.drop_hop_by_hop()
    # Policies see that there is a body, whatever Connection names; to the backend it is framed again.
    for name, given in framing.items():
        headers.replace(name, given)
    # .NET's Uri holds a path without dot segments from the start.
    raw_path = operations.normalised(_escaped(scope["raw_path"].partition(b"?")[0]))
    query = [
        (unquote_plus(part.partition("=")[0]), part)
        for part in _escaped(scope["query_string"]).split("&")
        if part
    ]
    values = Fields((name, unquote_plus(part.partition("=")[2])) for name, part in query)
    client = scope.get("client")
    host = (headers.joined("Host") or "").partition(":")[0]
    request = Request(
        method=scope["method"],
        original_url=Url(scope["scheme"], host, raw_path, values),
        headers=headers,
        ip_address=client[0] if client else "",
        query=query,
    )
    if _has_body(headers):
        request.body = _body(receive, request)
    return request


def _escaped(target: bytes) -> str:
    """Return a path or query in which bytes that no URL may hold are percent-encoded, as .NET's Uri does."""
    return _UNSAFE.sub(lambda found: b"%%%02X" % found.group(0)[0], target).decode("ascii")


def _has_body(headers: Fields) -> bool:
    return "Transfer-Encoding" in headers or (headers.joined("Content-Length") or "0") != "0"


async def _body(receive: Receive, request: Request) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            request.is_abandoned = True
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
    """Send chunk by chunk, as they come. Closes the backend's answer when the client disconnects."""
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


def _local_answers(trace: Trace, page: ASGIApp | None) -> Starlette:
    async def healthy(_: HttpRequest) -> HttpResponse:
        return PlainTextResponse("ok")

    async def traced(_: HttpRequest) -> HttpResponse:
        return JSONResponse(trace.shown(), headers={"Cache-Control": "no-store"})

    async def without_page(_: HttpRequest) -> HttpResponse:
        return PlainTextResponse("The local gateway of the metering API, without its developer page.\n")

    return Starlette(
        routes=[
            Route("/healthz", healthy),
            Route("/trace", traced),
            Mount("/", page) if page else Route("/", without_page),
        ]
    )
