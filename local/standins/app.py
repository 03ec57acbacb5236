"""Severa, Graph and a customer's receiver of webhooks in one application.

Under `/control`: `POST faults` orders a fault (`GET faults` explains the kinds), `GET requests` counts,
`PUT severa` and `PUT graph` replace the data, also for the next start, `POST reset` undoes everything.
"""

import copy
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.standins import data, faults, graph, keeping, receiver, severa
from local.standins.data import Record
from local.standins.keeping import Kept

REMEMBERED_REQUESTS = 10_000


class Standins:
    """An ASGI application. `monotonic` is the time by which tokens end and requests are limited.

    `severa_data` and `graph_data` are what a reset goes back to; `put` is what it begins with instead, where
    that is not None. What is put is written to `kept`.
    """

    def __init__(
        self,
        *,
        severa_data: Record,
        graph_data: Record,
        kept: Kept | None = None,
        put: tuple[Record | None, Record | None] = (None, None),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first = (severa_data, graph_data)
        self._monotonic = monotonic
        self._kept = kept or Kept(None)
        self.severa = severa.Severa(copy.deepcopy(put[0] or severa_data), monotonic=monotonic)
        self.graph = graph.Graph(copy.deepcopy(put[1] or graph_data))
        self._control = Starlette(routes=[*self._control_routes(), *receiver.Receiver().routes()])
        services = Starlette(routes=[*self.severa.routes(), *self.graph.routes()])
        self._faults = faults.Faults(services, severa=lambda: self.severa)
        self._requests = _Requests(severa.RateLimit(self._faults, monotonic=monotonic), monotonic=monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] != "http" or scope["path"].startswith(
            ("/control/", "/healthz", f"{receiver.PREFIX}/")
        )
        await (self._control if is_ours else self._requests)(scope, receive, send)

    def _control_routes(self) -> list[Route]:
        return [
            Route("/healthz", self._health),
            Route("/control/faults", self._explain_faults, methods=["GET"]),
            Route("/control/faults", self._order_fault, methods=["POST"]),
            Route("/control/requests", self._count_requests, methods=["GET"]),
            Route("/control/severa", self._replace_severa, methods=["PUT"]),
            Route("/control/graph", self._replace_graph, methods=["PUT"]),
            Route("/control/severa", self._show_severa, methods=["GET"]),
            Route("/control/graph", self._show_graph, methods=["GET"]),
            Route("/control/reset", self._reset, methods=["POST"]),
        ]

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _explain_faults(self, request: Request) -> Response:
        return JSONResponse(faults.KINDS)

    async def _order_fault(self, request: Request) -> Response:
        try:
            self._faults.ordered.append(faults.parse(await request.json()))
        except (ValueError, data.InvalidData) as error:
            return JSONResponse({"error": str(error)}, 400)
        return Response(status_code=204)

    async def _count_requests(self, request: Request) -> Response:
        return JSONResponse(self._requests.summary())

    async def _replace_severa(self, request: Request) -> Response:
        return await self._replace(self.severa, request, name=keeping.SEVERA, empty=data.EMPTY_SEVERA)

    async def _replace_graph(self, request: Request) -> Response:
        return await self._replace(self.graph, request, name=keeping.GRAPH, empty=data.EMPTY_GRAPH)

    async def _replace(
        self, service: severa.Severa | graph.Graph, request: Request, *, name: str, empty: Record
    ) -> Response:
        try:
            service.data = data.complete(await request.json(), empty=empty)
        except (ValueError, data.InvalidData) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._kept.write(name, service.data)
        return Response(status_code=204)

    async def _show_severa(self, request: Request) -> Response:
        return JSONResponse(self.severa.data)

    async def _show_graph(self, request: Request) -> Response:
        return JSONResponse(self.graph.data)

    async def _reset(self, request: Request) -> Response:
        self.severa.data, self.graph.data = copy.deepcopy(self._first)
        self._kept.forget()
        self.severa.end_tokens()
        self._faults.ordered.clear()
        self._requests.forget()
        return Response(status_code=204)


@dataclass
class _Seen:
    """A request; `status` is 0 until it is answered."""

    at: float
    method: str
    target: str
    status: int = 0


class _Requests:
    """Remembers the requests to both services, with the status that each was answered."""

    def __init__(self, app: ASGIApp, *, monotonic: Callable[[], float]) -> None:
        self._app = app
        self._monotonic = monotonic
        self._seen: deque[_Seen] = deque(maxlen=REMEMBERED_REQUESTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = "?" + scope["query_string"].decode() if scope["query_string"] else ""
        seen = _Seen(self._monotonic(), scope["method"], scope["path"] + query)
        self._seen.append(seen)

        async def remember(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            await send(message)

        await self._app(scope, receive, remember)

    def forget(self) -> None:
        """Count from zero."""
        self._seen.clear()

    def summary(self) -> Record:
        """Count by path and by status, the busiest second of Severa, and the requests one by one."""
        times = [seen.at for seen in self._seen if seen.target.startswith(severa.PREFIX)]
        return {
            "total": len(self._seen),
            "paths": Counter(seen.target.split("?")[0] for seen in self._seen),
            "statuses": Counter(str(seen.status) for seen in self._seen),
            "busiestSeveraSecond": max((_within_a_second(times, start) for start in times), default=0),
            "requests": [
                {"method": seen.method, "target": seen.target, "status": seen.status} for seen in self._seen
            ],
        }


def _within_a_second(times: list[float], start: float) -> int:
    return sum(start <= time < start + 1 for time in times)
