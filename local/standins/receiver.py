"""A receiver of webhooks that takes everything and shows what arrived.

`POST /receiver/NAME` is the address of a webhook: it answers 200, repeats a challenge, and remembers the
request. With `?answer=500` it answers that status instead, so that retries can be watched.
`GET /receiver/NAME` shows the last requests, the newest first, also to the developer page.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from local.identity.app import PAGES_OF_THIS_MACHINE

PREFIX = "/receiver"
REMEMBERED = 50
"""Requests to one address."""
_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Receiver:
    """The addresses of webhooks below `PREFIX`, and what arrived at each of them."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._arrived: dict[str, deque[dict[str, Any]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def routes(self) -> list[Mount]:
        """Return the routes, whose answers the pages of this machine may read."""
        cors = Middleware(CORSMiddleware, allow_origin_regex=PAGES_OF_THIS_MACHINE, allow_methods=["GET"])
        return [
            Mount(
                PREFIX,
                routes=[
                    Route("/{name}", self._show, methods=["GET"]),
                    Route("/{name}", self._receive, methods=["POST"]),
                ],
                middleware=[cors],
            )
        ]

    async def _receive(self, request: Request) -> Response:
        body = (await request.body()).decode("utf-8", errors="replace")
        status = _wanted_status(request)
        self._arrived[request.path_params["name"]].appendleft(
            {
                "at": self._clock().isoformat(timespec="milliseconds"),
                "headers": {name: request.headers.get(name, "") for name in _SIGNED},
                "body": body,
                "answered": status,
            }
        )
        return JSONResponse(_challenge(body), status)

    async def _show(self, request: Request) -> Response:
        return JSONResponse({"arrived": list(self._arrived[request.path_params["name"]])})


def _wanted_status(request: Request) -> int:
    given = request.query_params.get("answer", "200")
    return int(given) if given.isdigit() and 200 <= int(given) <= 599 else 200


def _challenge(body: str) -> dict[str, str]:
    """Return what confirms a webhook: the challenge of a `webhook.challenge`; nothing for other notices."""
    try:
        return {"challenge": str(json.loads(body)["data"]["challenge"])}
    except (ValueError, LookupError, TypeError):
        return {}
