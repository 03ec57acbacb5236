"""The host as an ASGI app: authentication, routes, functions, timers and the host's own addresses."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from azure.functions.timer import TimerRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local.functionhost import easyauth, invocation, messages, routes, throttle
from local.functionhost.functions import Function, HttpFunction, TimerFunction
from local.functionhost.throttle import Throttle
from local.functionhost.timers import Timer

log = logging.getLogger("functionhost")

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass
class Host:
    """What serves one app."""

    functions: Sequence[Function]
    pool: ThreadPoolExecutor
    directory: str
    clock: Callable[[], datetime]
    authentication: easyauth.Authentication | None = None
    throttle: Throttle = field(default_factory=Throttle)
    timers: Mapping[str, Timer] = field(init=False)
    _runs: set[asyncio.Task[bool]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._http = {one.name: one for one in self.functions if isinstance(one, HttpFunction)}
        self._routes = routes.in_order([one.route for one in self._http.values()])
        self.timers = {
            one.name: Timer(one, run=self._run_timer)
            for one in self.functions
            if isinstance(one, TimerFunction)
        }

    def asgi(self, *, follow_schedules: bool = True) -> Starlette:
        """The app to serve; without schedules, timers run only when asked to."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            timers = self.timers.values() if follow_schedules else ()
            tasks = [asyncio.create_task(timer.follow(clock=self.clock)) for timer in timers]
            yield
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

        return Starlette(
            routes=[
                Route("/healthz", self.health, methods=["GET"]),
                Route("/admin/functions/{name}", self.run_timer, methods=["POST"]),
                Route("/{path:path}", self.answer, methods=METHODS),
            ],
            lifespan=lifespan,
        )

    async def health(self, _: Request) -> Response:
        """The host's own sign of life: the app is loaded."""
        return PlainTextResponse("ok")

    async def run_timer(self, request: Request) -> Response:
        """Runs a timer now; answers at once, as the real host does.

        In Azure the real host asks for the master key, on a developer's machine for nothing. `?wait=true` is
        ours: 200 or 500 when the run has ended.
        Source: https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        """
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return Response(status_code=415)
        timer = self.timers.get(request.path_params["name"])
        if timer is None:
            return Response(status_code=404)
        run = asyncio.create_task(timer.run_now(self.clock()))
        if request.query_params.get("wait") == "true":
            return Response(status_code=200 if await run else 500)
        # The event loop itself does not keep a task alive.
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        return Response(status_code=202)

    async def answer(self, request: Request) -> Response:
        """A request for a function: authentication first, then its turn, the route and the function."""
        try:
            principal = await self._principal(request)
        except easyauth.Unauthenticated as error:
            log.info("Refused a request: %s", error)
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        except easyauth.Unauthorized as error:
            log.info("Refused a request: %s", error)
            return Response(status_code=403)
        try:
            async with self.throttle.place():
                return await self._route(_naming(principal, request))
        except throttle.TooBusy:
            log.warning("Turned a request away: so many wait already.")
            return Response(status_code=429)

    async def _route(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii")
        found = routes.match(self._routes, method=request.method, path=path)
        if found is None:
            return Response(status_code=404)
        route, parameters = found
        return await self._call(self._http[route.function], request, parameters)

    async def _principal(self, request: Request) -> str | None:
        if self.authentication is None:
            return None
        return await self.authentication.principal(request.headers, path=request.url.path)

    async def _call(
        self, function: HttpFunction, request: Request, parameters: Mapping[str, str]
    ) -> Response:
        if not function.anonymous:
            # There are no function keys here, so nobody has the right one.
            return Response(status_code=401)
        sent = messages.to_function(request, body=await request.body(), route_params=parameters)
        context = invocation.context(function, directory=self.directory, headers=sent.headers)
        try:
            answer = await invocation.invoke(function, sent, context=context, pool=self.pool)
            return messages.from_function(answer)
        except Exception:
            log.exception("The function '%s' failed (invocation %s).", function.name, context.invocation_id)
            return Response(status_code=500)

    async def _run_timer(self, function: TimerFunction, request: TimerRequest) -> None:
        context = invocation.context(function, directory=self.directory, headers={})
        returned = await invocation.invoke(function, request, context=context, pool=self.pool)
        if returned is not None:
            # The worker refuses it too: a timer has no $return binding.
            raise TypeError(f"the timer '{function.name}' returned a value")


def _naming(principal: str | None, request: Request) -> Request:
    """The request with the caller's principal, and no other, among its headers."""
    headers = easyauth.without_principal(request.scope["headers"])
    named = easyauth.with_principal(headers, principal) if principal else headers
    return Request({**request.scope, "headers": named}, request.receive)
