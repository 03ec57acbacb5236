"""Calls an ASGI app in this process, without a socket."""

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class Caller:
    """Sends one request after the other, each on an event loop of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Return the app's answer to a request; `request` as for `httpx.request`."""
        return asyncio.run(self._request(method, path, **request))

    def get(self, path: str, **request: Any) -> httpx.Response:
        """Return the app's answer to a GET."""
        return self.request("GET", path, **request)

    def post(self, path: str, **request: Any) -> httpx.Response:
        """Return the app's answer to a POST."""
        return self.request("POST", path, **request)

    def raw(self, path: str) -> httpx.Response:
        """Return the app's answer to a GET of a path that is sent as it stands."""
        url = httpx.URL(scheme="http", host="testserver", raw_path=path.encode("ascii"))
        return asyncio.run(self._request("GET", url))

    async def _request(self, method: str, path: str | httpx.URL, **request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            answer = await client.request(method, path, **request)
            await _others()
            return answer


async def _others() -> None:
    """Let what the request left running come to its end: a loop that closes would cancel it."""
    while running := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(running)
