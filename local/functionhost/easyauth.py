"""App Service authentication ("Easy Auth") in front of the functions: who may call the app at all.

It admits tokens of the configured principals (the gateway's managed identity) and tells the app who called,
in headers that nobody else can set.
Source: https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

PRINCIPAL_HEADERS = "x-ms-client-principal"
"""What the names of all headers begin with that only this step may set."""

SECONDS_BETWEEN_KEY_READS = 5
"""A token with an unknown key makes us read the issuer's keys again, but not more often than this."""

TOKENS_KEPT = 100
"""Accepted tokens that are kept until they end, so that a signature is checked once and not with each call:
the gateway sends one token for hours."""


class Unauthenticated(Exception):
    """No token, or one that the issuer did not make for this app, or that has ended."""


class Unauthorized(Exception):
    """A good token of somebody who may not call this app."""


@dataclass(frozen=True)
class Policy:
    """The parts of `authsettingsV2` that decide: who issues, for whom, and who may call."""

    issuer: str
    audience: str
    principals: frozenset[str]
    excluded_paths: frozenset[str]


@dataclass
class Authentication:
    """Checks requests by a policy, and remembers the issuer's keys."""

    policy: Policy
    client: httpx.AsyncClient
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _accepted: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def principal(self, headers: Mapping[str, str], *, path: str) -> str | None:
        """Object id of the caller; None for a path that is open to everybody.

        Raises:
            Unauthenticated: answer 401.
            Unauthorized: answer 403.
        """
        if path in self.policy.excluded_paths:
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("no bearer token")
        claims = await self._claims(token)
        principal = str(claims.get("oid", ""))
        if principal not in self.policy.principals:
            raise Unauthorized(f"'{principal}' is not among the principals that may call")
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        if token not in self._accepted:
            claims = await self._validated(token)
            if len(self._accepted) >= TOKENS_KEPT:
                self._accepted.clear()
            self._accepted[token] = claims
        claims = self._accepted[token]
        if claims["exp"] <= self.clock():
            raise Unauthenticated("the token has ended")
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


def without_principal(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without any that only this step may set."""
    reserved = PRINCIPAL_HEADERS.encode()
    return [(name, value) for name, value in headers if not name.lower().startswith(reserved)]


def with_principal(headers: list[tuple[bytes, bytes]], principal: str) -> list[tuple[bytes, bytes]]:
    """The headers with those that name the caller."""
    return [
        *headers,
        (b"x-ms-client-principal-id", principal.encode()),
        (b"x-ms-client-principal-idp", b"aad"),
    ]
