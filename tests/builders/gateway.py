"""A whole gateway on real sockets: the deployed policies, an identity provider, a recording backend."""

import http.client
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local import demo
from local.gateway import assembly
from local.gateway.assembly import Files
from local.gateway.exchange import Subscription
from local.gateway.server import Server
from local.identity import app as identity_app
from local.identity.tenant import Identity
from tests.builders.serving import address_of, listening, served

ROOT = Path(__file__).resolve().parents[2]
PORTAL = "https://portal.example"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "Metering data", "version": "1"},
    "servers": [{"url": "/metering/v1"}],
    "paths": {
        "/customers": {
            "get": {"operationId": "list-customers"},
            "head": {"operationId": "head-list-customers"},
        },
        "/metering-points": {"get": {"operationId": "list-metering-points"}},
        "/metering-points/{meteringPointId}": {"get": {"operationId": "get-metering-point"}},
        "/metering-points/{meteringPointId}/consumption": {"get": {"operationId": "get-consumption"}},
        "/exports": {"post": {"operationId": "create-export"}},
        "/feeds/{feedId}": {"put": {"operationId": "put-feed"}},
    },
}

STANDARD = Subscription("sub-standard", "a baker", "standard", ("key-standard", "key-standard-2"), NOON)
OTHER = Subscription("sub-other", "a gardener", "standard", ("key-other",), NOON)
ALL_APIS = Subscription("sub-all", "an operator", None, ("key-all",), NOON)
PARTNER = Subscription("sub-partner", "a vendor", "partner", ("key-partner",), NOON)


class Clock:
    """A clock that stands still until a test advances it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Seen:
    """A request as the backend got it."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name.lower()]


@dataclass
class Recorder:
    """A backend that records its requests and answers as a test says."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=lambda: [("Content-Type", "application/json")])
    chunks: Callable[[], Iterator[bytes]] = lambda: iter([b"{}"])
    seen: list[Seen] = field(default_factory=list)

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer like this from now on."""
        self.status = status
        self.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.chunks = lambda: iter([body])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        headers = tuple((name.decode(), value.decode()) for name, value in scope["headers"])
        path, query = scope["raw_path"].decode(), scope["query_string"].decode()
        self.seen.append(Seen(scope["method"], path, query, headers, body))
        encoded = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})
        for chunk in self.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a problem, or None when the answer is no problem."""
        if self.header("Content-Type") != "application/problem+json" or not self.body:
            return None
        code: str = self.json["code"]
        return code


@dataclass
class World:
    """Everything a test of the gateway talks to."""

    address: str
    identity: Identity
    backend: Recorder
    clock: Clock
    backend_address: str

    def send(
        self, target: str, *, method: str = "GET", headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """Send one request exactly as written: nothing is normalised, repeated headers stay repeated."""
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=30)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return Answer(answer.status, tuple(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(
        self, target: str = "/metering/v1/customers", *, key: str = "key-partner", **extra: str
    ) -> Answer:
        """Return a good request of the demo vendor."""
        token = self.identity.application_token(demo.VENDOR)
        named = [(name.replace("_", "-"), value) for name, value in extra.items()]
        return self.send(
            target, headers=[("Ocp-Apim-Subscription-Key", key), ("Authorization", f"Bearer {token}"), *named]
        )


def copied_files(folder: Path, *, limits: Mapping[str, tuple[int, int]] | None = None) -> Files:
    """Return a copy of the deployed policies to change, a small OpenAPI file, products with these limits."""
    policies = folder / "policies"
    shutil.copytree(ROOT / "infra" / "apim" / "policies", policies)
    (folder / "openapi.json").write_text(json.dumps(OPENAPI))
    products = json.loads((ROOT / "infra" / "apim" / "products.json").read_text())
    for product in products["products"]:
        if limits and product["id"] in limits:
            product["callsPerMinute"], product["callsPerDay"] = limits[product["id"]]
    (folder / "products.json").write_text(json.dumps(products))
    return Files(policies, folder / "products.json", folder / "openapi.json")


def named_values(*, identity: str, backend: str) -> dict[str, str]:
    """Return the policies' named values."""
    return {
        "openid-config-url": f"{identity}/{demo.TENANT_ID}/v2.0/.well-known/openid-configuration",
        "token-issuer": f"{identity}/{demo.TENANT_ID}/v2.0",
        "api-audience": demo.AUDIENCE,
        "function-app-url": backend,
        "function-app-audience": demo.FUNCTION_APP_AUDIENCE,
        "developer-portal-url": PORTAL,
    }


@contextmanager
def world(
    files: Files,
    *,
    clock: Clock | None = None,
    subscriptions: Sequence[Subscription] = (STANDARD, OTHER, PARTNER, ALL_APIS),
    backend: Any = None,
    backend_address: str | None = None,
) -> Iterator[World]:
    """Yield a gateway over sockets, between clients and `backend` (by default one that records)."""
    clock = clock or Clock()
    recorder = Recorder()
    identity_socket, backend_socket, gateway_socket = listening(), listening(), listening()
    issuer, behind = address_of(identity_socket), address_of(backend_socket)
    identity = Identity(base_url=issuer, clock=clock)
    services = assembly.connect(
        identity_endpoint=f"{issuer}/msi/token", identity_header=demo.GATEWAY_IDENTITY_HEADER, clock=clock
    )
    gateway = assembly.assemble(
        files,
        named_values=named_values(identity=issuer, backend=backend_address or behind),
        subscriptions=subscriptions,
        services=services,
    )
    with served(
        (identity_app.build(identity), identity_socket),
        (backend or recorder, backend_socket),
        (Server(gateway, services=services), gateway_socket),
    ):
        yield World(address_of(gateway_socket), identity, recorder, clock, behind)
