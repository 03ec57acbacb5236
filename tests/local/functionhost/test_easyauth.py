"""Who gets past App Service authentication, and what the app then sees."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.functionhost import easyauth, functions
from local.functionhost.host import Host
from tests.builders.asgi import Caller

ISSUER = "http://issuer.example/v2.0"
GATEWAY = "5a5e0000-0000-4000-8000-0000000000a1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """An issuer that answers from memory and counts how often its keys were read."""

    def __init__(self) -> None:
        self.reads = 0
        self.keys = {"one": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2.0/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://issuer.example/keys"})
        self.reads += 1
        public = [
            {
                **jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True),
                "kid": name,
                "alg": "RS256",
            }
            for name, key in self.keys.items()
        ]
        return httpx.Response(200, json={"keys": public})


def token(*, key: rsa.RSAPrivateKey = KEY, kid: str = "one", **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": "api://app", "oid": GATEWAY, "exp": int(time.time()) + 60, **changes}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm="RS256", headers={"kid": kid})


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def client(issuer: Issuer) -> Iterator[Caller]:
    """An app behind authentication that answers with the principal that it received."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route("v1/{rest}")
    def who(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(req.headers.get("X-MS-CLIENT-PRINCIPAL-ID", "nobody"))

    @app.route("v1/headers")
    def headers(req: func.HttpRequest) -> func.HttpResponse:
        named = {name: text for name, text in req.headers.items() if name.startswith("x-ms-client-")}
        return func.HttpResponse(json.dumps(named))

    policy = easyauth.Policy(ISSUER, "api://app", frozenset({GATEWAY}), frozenset({"/v1/health"}))
    keys = httpx.AsyncClient(transport=httpx.MockTransport(issuer.answer))
    with ThreadPoolExecutor(1) as pool:
        host = Host(
            functions=functions.index(app, prefix="", settings={}),
            pool=pool,
            directory="/app",
            clock=lambda: datetime(2026, 11, 22, tzinfo=UTC),
            authentication=easyauth.Authentication(policy, keys),
        )
        yield Caller(host.asgi(follow_schedules=False))


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_the_gateway_gets_in_and_the_app_learns_who_it_is(client: Caller) -> None:
    answer = client.get(
        "/v1/status", headers={**bearer(token()), "X-MS-CLIENT-PRINCIPAL-ID": "somebody else"}
    )

    assert (answer.status_code, answer.text) == (200, GATEWAY)


def test_the_platform_names_the_caller_in_three_headers_and_takes_off_all_that_are_sent(
    client: Caller,
) -> None:
    sent = {f"X-MS-CLIENT-PRINCIPAL{end}": "mine" for end in ("", "-ID", "-NAME", "-IDP")}

    seen = json.loads(client.get("/v1/headers", headers={**bearer(token()), **sent}).content)

    claims = json.loads(base64.b64decode(seen.pop("x-ms-client-principal")))
    assert seen == {"x-ms-client-principal-id": GATEWAY, "x-ms-client-principal-idp": "aad"}
    assert {"typ": "oid", "val": GATEWAY} in claims["claims"]


@pytest.mark.parametrize(
    "path", ["/admin/../v1/status", "/admin/%2e%2e/v1/status", "/admin/x/../../v1/status"]
)
def test_a_path_that_only_begins_like_the_hosts_own_is_not_open(client: Caller, path: str) -> None:
    assert client.raw(path).status_code == 401


def test_another_principal_with_a_good_token_is_403(client: Caller) -> None:
    answer = client.get("/v1/status", headers=bearer(token(oid="5a5e0000-0000-4000-8000-0000000000ff")))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic abc"},
        bearer("not a token"),
        bearer(token(aud="api://another")),
        bearer(token(iss="http://another.example/v2.0")),
        bearer(token(exp=int(time.time()) - 60)),
        bearer(token(exp=None)),
        bearer(token(key=OTHER_KEY)),
        bearer(token(key=OTHER_KEY, kid="unknown")),
        bearer(
            jwt.encode({"iss": ISSUER, "aud": "api://app", "oid": GATEWAY}, "x" * 32, headers={"kid": "one"})
        ),
    ],
)
def test_a_missing_or_bad_token_is_401_without_a_reason(client: Caller, headers: dict[str, str]) -> None:
    answer = client.get("/v1/status", headers=headers)

    assert (answer.status_code, answer.content) == (401, b"")


def test_an_excluded_path_is_open_and_names_nobody(client: Caller) -> None:
    answer = client.get("/v1/health", headers={"X-MS-CLIENT-PRINCIPAL-ID": GATEWAY})

    assert (answer.status_code, answer.text) == (200, "nobody")


def test_only_the_exact_excluded_path_is_open(client: Caller) -> None:
    assert client.get("/v1/health2").status_code == 401


def test_an_unknown_path_is_refused_before_it_is_looked_up(client: Caller) -> None:
    assert client.get("/nowhere").status_code == 401


def test_keys_are_read_once_and_unknown_ones_do_not_make_us_ask_again_at_once(
    client: Caller, issuer: Issuer
) -> None:
    for text in (token(), token(), token(key=OTHER_KEY, kid="two"), token(key=OTHER_KEY, kid="three")):
        client.get("/v1/status", headers=bearer(text))

    assert issuer.reads == 1


def test_an_accepted_token_is_refused_once_it_has_ended(issuer: Issuer) -> None:
    policy = easyauth.Policy(ISSUER, "api://app", frozenset({GATEWAY}), frozenset())
    keys = httpx.AsyncClient(transport=httpx.MockTransport(issuer.answer))
    ends = int(time.time()) + 60
    times = iter([ends - 60, ends - 1, ends])
    authentication = easyauth.Authentication(policy, keys, clock=lambda: next(times))
    headers = {"authorization": f"Bearer {token(exp=ends)}"}

    async def ask() -> str | None:
        found = await authentication.principal(headers, path="/v1/status")
        return found.object_id if found else None

    assert asyncio.run(ask()) == GATEWAY
    assert asyncio.run(ask()) == GATEWAY
    with pytest.raises(easyauth.Unauthenticated):
        asyncio.run(ask())


def test_more_tokens_than_are_kept_are_all_let_in(client: Caller) -> None:
    texts = [token(jti=str(number)) for number in range(easyauth.TOKENS_KEPT + 1)]

    statuses = {client.get("/v1/status", headers=bearer(text)).status_code for text in (*texts, texts[0])}

    assert statuses == {200}


def test_an_issuer_that_does_not_answer_lets_nobody_in() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    policy = easyauth.Policy(ISSUER, "api://app", frozenset({GATEWAY}), frozenset())
    authentication = easyauth.Authentication(policy, httpx.AsyncClient(transport=httpx.MockTransport(fail)))
    host = Host(
        functions=[],
        pool=ThreadPoolExecutor(1),
        directory="/app",
        clock=lambda: datetime(2026, 11, 22, tzinfo=UTC),
        authentication=authentication,
    )

    assert Caller(host.asgi()).get("/v1/status", headers=bearer(token())).status_code == 401
