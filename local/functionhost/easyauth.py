"""App Service authentication ("Easy Auth") in front of the functions: decides which principals may call.

It accepts tokens of the configured principals (the gateway's managed identity) and names the caller to the
app in headers that no caller can set.
Source: https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad
"""

import base64
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from local.functionhost import paths
from local.functionhost.server import App, Message, Receive, Send

log = logging.getLogger("functionhost.easyauth")

PRINCIPAL_HEADERS = "x-ms-client-principal"
"""The beginning of the names of headers that only this step may set."""

SECONDS_BETWEEN_KEY_READS = 5
"""The issuer's keys are read again for a token with an unknown key, but not more often than this."""

TOKENS_KEPT = 100
"""How many accepted tokens are kept until they expire, so that each signature is checked once: the gateway
sends one token for hours."""


class Unauthenticated(Exception):
    """There is no token, or it was not issued for this app, or it has expired."""


class Unauthorized(Exception):
    """The token is valid, but its principal may not call this app."""


@dataclass(frozen=True)
class Policy:
    """The parts of `authsettingsV2` that decide: issuer, audience, and the principals that may call."""

    issuer: str
    audience: str
    principals: frozenset[str]
    excluded_paths: frozenset[str]


@dataclass(frozen=True)
class Principal:
    """The caller: an object id of the directory, and the claims of the token."""

    object_id: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    def encoded(self) -> str:
        """Return the value of X-MS-CLIENT-PRINCIPAL: the claims as JSON in Base64."""
        claims = [{"typ": name, "val": str(value)} for name, value in self.claims.items()]
        content = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
        return base64.b64encode(json.dumps(content).encode()).decode()


@dataclass
class Authentication:
    """Checks requests by a policy, and keeps the issuer's keys."""

    policy: Policy
    client: httpx.AsyncClient
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _accepted: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def principal(self, headers: Mapping[str, str], *, path: str) -> Principal | None:
        """Return the caller; None for a path that is open to everybody.

        Raises:
            Unauthenticated: if the answer is to be 401.
            Unauthorized: if the answer is to be 403.
        """
        if path in self.policy.excluded_paths:
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("no bearer token")
        claims = await self._claims(token)
        principal = Principal(str(claims.get("oid", "")), claims)
        if principal.object_id not in self.policy.principals:
            raise Unauthorized(f"'{principal.object_id}' is not among the principals that may call")
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        if token not in self._accepted:
            claims = await self._validated(token)
            if len(self._accepted) >= TOKENS_KEPT:
                self._accepted.clear()
            self._accepted[token] = claims
        claims = self._accepted[token]
        if claims["exp"] <= self.clock():
            raise Unauthenticated("the token has expired")
        return claims

    async def _validated(self, token: str) -> dict[str, Any]:
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            return dict(
                jwt.decode(
                    token,
                    key,
                    algorithms=["RS256"],
                    audience=self.policy.audience,
                    issuer=self.policy.issuer,
                    options={"require": ["exp", "aud", "iss"]},
                )
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(str(error)) from error

    async def _key(self, name: str) -> jwt.PyJWK:
        if name not in self._keys and time.monotonic() - self._read_at > SECONDS_BETWEEN_KEY_READS:
            self._keys = await self._read_keys()
            self._read_at = time.monotonic()
        if name not in self._keys:
            raise jwt.InvalidTokenError("signed with a key that the issuer does not have")
        return self._keys[name]

    async def _read_keys(self) -> dict[str, jwt.PyJWK]:
        configuration = await self._read(f"{self.policy.issuer}/.well-known/openid-configuration")
        if configuration["issuer"] != self.policy.issuer:
            raise Unauthenticated(f"the configured issuer calls itself {configuration['issuer']}")
        document = await self._read(configuration["jwks_uri"])
        return {key.key_id or "": key for key in jwt.PyJWKSet.from_dict(document).keys}

    async def _read(self, address: str) -> dict[str, Any]:
        try:
            answer = await self.client.get(address)
            answer.raise_for_status()
            return dict(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            raise Unauthenticated(f"the issuer did not answer at {address}: {error}") from error


@dataclass(frozen=True)
class InFront:
    """An ASGI app behind authentication: headers that name a principal come from the platform only."""

    app: App
    authentication: Authentication

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer 401 or 403, or let the app answer. The host's own addresses have a key instead."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["raw_path"].decode("ascii")
        principal = None
        # As the host will read it: `/admin/../v1/customers` is not one of the host's own addresses.
        if not paths.without_dots(paths.decode(path)).lower().startswith("/admin/"):
            sent = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in scope["headers"]}
            try:
                principal = await self.authentication.principal(sent, path=path)
            except Unauthenticated as error:
                log.info("Refused a request: %s", error)
                await _refuse(send, 401, ((b"WWW-Authenticate", b"Bearer"),))
                return
            except Unauthorized as error:
                log.info("Refused a request: %s", error)
                await _refuse(send, 403)
                return
        headers = without_principal(scope["headers"])
        named = with_principal(headers, principal) if principal else headers
        await self.app({**scope, "headers": named}, receive, send)


async def _refuse(send: Send, status: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b""})


def without_principal(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers without those that only this step may set."""
    reserved = PRINCIPAL_HEADERS.encode()
    return [(name, value) for name, value in headers if not name.lower().startswith(reserved)]


def with_principal(headers: list[tuple[bytes, bytes]], principal: Principal) -> list[tuple[bytes, bytes]]:
    """Return the headers with those in which the platform names the caller."""
    return [
        *headers,
        (b"x-ms-client-principal", principal.encoded().encode()),
        (b"x-ms-client-principal-id", principal.object_id.encode()),
        (b"x-ms-client-principal-idp", b"aad"),
    ]
