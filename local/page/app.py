"""The developer page's files below `/pages`, and the demo world for it. Local only.

/pages/…             the page's own files
/pages/world.json    the demo world: who may call, with which secret and key, and where tokens come from
/pages/openapi.json  the customers' OpenAPI document
/pages/openapi-client.json  the one that clients are generated from
/pages/guides.json   the customers' guides: names and titles
/pages/guides/…      a guide as a page
/pages/uplot/…       the chart library with its licence, as its package was installed
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local import demo, places
from local.page import guides

FILES = Path(__file__).parent / "files"
PACKAGES = Path(__file__).parent / "packages"
"""The package.json of what the page carries from the npm registry, and its lock file."""
DOCUMENTS = places.ROOT / "docs"
API = "/metering/v1"

_LIBRARY_MISSING = (
    "The chart library is not installed: start the stack with `python3 dev.py run`, which brings it."
)


@dataclass(frozen=True)
class DeveloperPage:
    """Where the page's parts are, and the other addresses that it asks.

    Attributes:
        identity: the identity provider of its tokens.
        receiver: a receiver of webhooks; a name below it is the address of one.
        outbox: where the links to files lead.
        packages: the folder of the installed npm packages; None if nobody has installed them.
    """

    identity: str
    receiver: str
    outbox: str
    packages: Path | None
    files: Path = FILES
    documents: Path = DOCUMENTS

    def application(self) -> ASGIApp:
        """Serve the page and its files: `/` and all below `/pages`."""

        async def index(_: Request) -> Response:
            return FileResponse(self.files / "index.html")

        async def world(_: Request) -> Response:
            return JSONResponse(_world(self.identity, receiver=self.receiver))

        async def openapi(request: Request) -> Response:
            name = request.url.path.rpartition("/")[2]
            return FileResponse(self.documents / name, media_type="application/json")

        async def listed(_: Request) -> Response:
            return JSONResponse({"guides": guides.listed(self.documents)})

        async def guide(request: Request) -> Response:
            found = guides.page(request.path_params["name"], self.documents)
            return PlainTextResponse("No such guide.", 404) if found is None else HTMLResponse(found)

        app = Starlette(
            routes=[
                Route("/", index),
                Route("/pages/world.json", world),
                Route("/pages/openapi.json", openapi),
                Route("/pages/openapi-client.json", openapi),
                Route("/pages/guides.json", listed),
                Route("/pages/guides/{name}", guide),
                _library(self.packages),
                Mount("/pages", StaticFiles(directory=self.files)),
            ],
            middleware=[Middleware(GZipMiddleware)],
        )
        return _with_headers(app, self._headers())

    def _headers(self) -> Sequence[tuple[bytes, bytes]]:
        # Only the page's own scripts run, and they reach only the gateway and the three addresses above.
        reached = " ".join(_origin(each) for each in (self.identity, self.receiver, self.outbox))
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {reached}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            # A changed file shows at the next reload.
            (b"cache-control", b"no-cache"),
        ]


def _library(packages: Path | None) -> BaseRoute:
    async def missing(_: Request) -> Response:
        return PlainTextResponse(_LIBRARY_MISSING, status_code=404)

    if packages is None:
        return Route("/pages/uplot/{file:path}", missing)
    return Mount("/pages/uplot", StaticFiles(directory=packages / "uplot"))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _world(identity: str, *, receiver: str) -> dict[str, Any]:
    """Return everybody of the demo world, as the page shows them. Their secrets and keys are public."""
    keys = {subscription.name: subscription for subscription in demo.SUBSCRIPTIONS}
    tenant = f"{identity}/{demo.TENANT_ID}"

    def called_with(client: demo.Client) -> dict[str, Any]:
        subscription = keys.get(client.name, keys[demo.BAKERY_APP.name])
        return {
            "clientId": client.client_id,
            "clientSecret": client.secret,
            "subscription": subscription.name,
            "product": subscription.product,
            "subscriptionKey": subscription.key,
        }

    return {
        "api": API,
        "tokenUrl": f"{tenant}/oauth2/v2.0/token",
        "deviceCodeUrl": f"{tenant}/oauth2/v2.0/devicecode",
        "scope": f"{demo.AUDIENCE}/.default",
        "otherScope": f"{demo.OTHER_AUDIENCE}/.default",
        "userScope": f"{demo.AUDIENCE}/{demo.ROLE}",
        "receiver": receiver,
        "callers": [
            *({"name": client.name, "kind": "app", **called_with(client)} for client in demo.CLIENTS),
            *(
                {"name": user.name, "kind": "user", "displayName": user.display_name, "email": user.email}
                | called_with(demo.BAKERY_APP)
                for user in demo.USERS
            ),
        ],
    }


def _with_headers(app: ASGIApp, headers: Sequence[tuple[bytes, bytes]]) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await app(scope, receive, sending)

    return answer
