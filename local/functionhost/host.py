"""The host as an ASGI app: routes, functions, timers and the host's own addresses."""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest

from local.functionhost import easyauth, invocation, messages, requests, routes, throttle
from local.functionhost.functions import Function, HttpFunction, QueueFunction, TimerFunction
from local.functionhost.messages import Answer, Request
from local.functionhost.queues import QueueListener, QueueOptions
from local.functionhost.server import App, Message, Receive, Send
from local.functionhost.throttle import Throttle
from local.functionhost.timers import States, Timer

log = logging.getLogger("functionhost")

MASTER_KEY = "local-host-key"
"""The key of the host's own addresses; Microsoft's host is started with the same one."""

KEY_HEADER = "x-functions-key"
READY_PATH = "/admin/host/ping"
"""Answers 200 as soon as the host listens, even if the app could not be loaded."""

DRAIN_SECONDS = 10
"""How long functions of queues may go on after the host was asked to stop; then they are cut."""

_WITHOUT_KEY = Answer(401, (("WWW-Authenticate", "Bearer"),))
_HOME_PAGE = b"<!DOCTYPE html><title>Your Functions app is up and running</title>"


@dataclass
class Host:
    """The host of one app."""

    functions: Sequence[Function]
    pool: ThreadPoolExecutor
    directory: str
    clock: Callable[[], datetime]
    authentication: easyauth.Authentication | None = None
    """The platform's part in front of the host; without it, headers that name a caller pass unchanged."""
    throttle: Throttle = field(default_factory=Throttle)
    home_page: bool = True
    """Whether `/` answers with a page, as it does without the setting AzureWebJobsDisableHomepage."""
    timer_states: States | None = None
    queues: QueueOptions = field(default_factory=QueueOptions)
    timers: Mapping[str, Timer] = field(init=False)
    _runs: set[asyncio.Task[bool]] = field(default_factory=set)
    _listeners: list[QueueListener] = field(default_factory=list)
    _drains: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._http = {one.name: one for one in self.functions if isinstance(one, HttpFunction)}
        self._routes = routes.in_order([one.route for one in self._http.values()])
        self.timers = {
            one.name: Timer(one, run=self._run_timer, states=self.timer_states)
            for one in self.functions
            if isinstance(one, TimerFunction)
        }

    def asgi(self, *, follow_schedules: bool = True) -> App:
        """Return the app to serve; without schedules, timers run only on request."""

        async def serve(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await self._live(receive, send, follow_schedules=follow_schedules)
                return
            answer = await self._answer(scope, receive)
            headers = [(name.encode(), text.encode()) for name, text in answer.headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

        return serve if self.authentication is None else easyauth.InFront(serve, self.authentication)

    async def _live(self, receive: Receive, send: Send, *, follow_schedules: bool) -> None:
        await receive()
        timers = self.timers.values() if follow_schedules else ()
        tasks = [asyncio.create_task(timer.follow(clock=self.clock)) for timer in timers]
        if follow_schedules:
            self._listeners.extend(
                QueueListener(one, run=self._run_message, options=self.queues)
                for one in self.functions
                if isinstance(one, QueueFunction)
            )
        tasks += [asyncio.create_task(listener.follow()) for listener in self._listeners]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.gather(*(listener.drain(patience=DRAIN_SECONDS) for listener in self._listeners))
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        request = messages.read(scope)
        path = request.route_path.lower()
        if path == "/":
            return _home(self.home_page)
        if path.startswith("/admin/"):
            return await self._administer(request, path.removeprefix("/admin/"), receive)
        found = routes.match(self._routes, method=request.method, path=request.route_path)
        if found is None:
            return Answer(404)
        route, parameters = found
        try:
            async with self.throttle.place():
                return await self._call(self._http[route.function], request, parameters, receive)
        except throttle.TooBusy:
            log.warning("Refused a request: too many wait already.")
            return Answer(429, (("X-FUNCTION-SCALEOUT", "1"),))

    async def _call(
        self,
        function: HttpFunction,
        request: Request,
        parameters: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        if not function.anonymous and not _has_key(request):
            return Answer(401)
        if not requests.is_address(request.header("host")):
            log.error("The address of a request to '%s' cannot be built.", function.name)
            return Answer(500)
        try:
            body = await _body(request, receive)
        except requests.BodyTooLarge:
            return Answer(500)
        sent = messages.to_function(request, body=body, route_params=parameters)
        context = invocation.context(function, directory=self.directory, headers=sent.headers)
        try:
            answer = await invocation.invoke(function, sent, context=context, pool=self.pool)
            return messages.from_function(answer)
        except Exception:
            log.exception("The function '%s' failed (invocation %s).", function.name, context.invocation_id)
            return Answer(500)

    async def _administer(self, request: Request, path: str, receive: Receive) -> Answer:
        """Answer a request to one of the host's own addresses; most of the real host's are missing."""
        if path == "host/ping":
            return Answer(200, (("Cache-Control", "no-store,no-cache"), ("Pragma", "no-cache")))
        kind, _, name = path.partition("/")
        is_function = kind == "functions" and name != "" and "/" not in name and request.method == "POST"
        is_drain = path == "host/drain" and request.method == "POST"
        if path != "host/status" and not is_function and not is_drain:
            return Answer(404)
        if not _has_key(request):
            return _WITHOUT_KEY
        if is_drain:
            for listener in self._listeners:
                self._drains.append(asyncio.create_task(listener.drain()))
            return Answer(202)
        if is_function:
            return await self._run_function(name, request, receive)
        return Answer(200, (("Content-Type", "application/json; charset=utf-8"),), b'{"state":"Running"}')

    async def _run_function(self, name: str, request: Request, receive: Receive) -> Answer:
        """Start a function and answer at once; only timers are run.

        Source: https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
        """
        if request.header("content-type").partition(";")[0].strip().lower() != "application/json":
            return Answer(415)
        if not _is_object(await _body(request, receive)):
            return Answer(400)
        found = next((one for one in self.functions if one.name.lower() == name), None)
        if found is None:
            return Answer(404)
        if found.name in self.timers:
            run = asyncio.create_task(self.timers[found.name].run_now(self.clock()))
            # The event loop itself does not keep a task alive.
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        return Answer(202)

    async def _run_message(self, function: QueueFunction, message: QueueMessage) -> None:
        context = invocation.context(function, directory=self.directory, headers={})
        returned = await invocation.invoke(function, message, context=context, pool=self.pool)
        if returned is not None:
            # As the worker does: a queue function has no $return binding.
            raise TypeError(f"the queue function '{function.name}' returned a value")

    async def _run_timer(self, function: TimerFunction, request: TimerRequest) -> None:
        context = invocation.context(function, directory=self.directory, headers={})
        returned = await invocation.invoke(function, request, context=context, pool=self.pool)
        if returned is not None:
            # As the worker does: a timer has no $return binding.
            raise TypeError(f"the timer '{function.name}' returned a value")


async def _body(request: Request, receive: Receive) -> bytes:
    """Return the body that the function gets: none if it was sent in chunks, without a length.

    Source: GrpcMessageConversionExtensions.cs, https://github.com/Azure/azure-functions-host/issues/7930
    """
    if not request.header("content-length"):
        return b""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _has_key(request: Request) -> bool:
    given = request.header(KEY_HEADER) or messages.parameter(request, "code")
    return secrets.compare_digest(given.encode(), MASTER_KEY.encode())


def _home(page: bool) -> Answer:
    return Answer(200, (("Content-Type", "text/html"),), _HOME_PAGE) if page else Answer(204)
