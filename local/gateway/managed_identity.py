"""The gateway's managed identity: tokens from the App Service identity endpoint, kept until they end."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

_MARGIN = timedelta(minutes=5)


class IdentityUnavailable(Exception):
    """No token was given."""


class ManagedIdentity:
    """https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference."""

    def __init__(
        self, *, endpoint: str, header: str, http: httpx.AsyncClient, clock: Callable[[], datetime]
    ) -> None:
        self._endpoint, self._header, self._http, self._clock = endpoint, header, http, clock
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._asking = asyncio.Lock()

    async def token(self, resource: str) -> str:
        """Return a token for `resource`. Raises IdentityUnavailable."""
        if (token := self._kept(resource)) is not None:
            return token
        async with self._asking:
            if (token := self._kept(resource)) is None:
                token = await self._fetch(resource)
            return token

    def _kept(self, resource: str) -> str | None:
        token, ends = self._tokens.get(resource, (None, None))
        return token if ends is not None and self._clock() < ends - _MARGIN else None

    async def _fetch(self, resource: str) -> str:
        try:
            answer = await self._http.get(
                self._endpoint,
                params={"api-version": "2019-08-01", "resource": resource},
                headers={"X-IDENTITY-HEADER": self._header},
            )
            answer.raise_for_status()
            body = answer.json()
            token, ends = str(body["access_token"]), datetime.fromtimestamp(int(body["expires_on"]), UTC)
        except (httpx.HTTPError, ValueError, KeyError) as failed:
            raise IdentityUnavailable(str(failed)) from failed
        self._tokens[resource] = (token, ends)
        return token
