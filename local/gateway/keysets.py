"""Signing keys by OpenID configuration: kept for an hour, fetched again for an unknown key id.

validate-jwt's reference: the configuration is pulled every hour; when a token names a key that
is missing, or a pull failed, at most once in five minutes.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt

_FRESH = timedelta(hours=1)
_AGAIN = timedelta(minutes=5)


class KeysUnavailable(Exception):
    """The OpenID configuration or its keys could not be read."""


@dataclass(frozen=True)
class KeySet:
    """What one OpenID configuration says."""

    issuer: str
    keys: Mapping[str, jwt.PyJWK]
    fetched: datetime


class KeySets:
    """The key sets of all OpenID configurations that policies name."""

    def __init__(self, *, http: httpx.AsyncClient, clock: Callable[[], datetime]) -> None:
        self._http, self._clock = http, clock
        self._known: dict[str, KeySet] = {}
        self._asked_again: dict[str, datetime] = {}
        self._failed: dict[str, datetime] = {}
        self._fetching = asyncio.Lock()

    async def of(self, url: str, *, key_id: str | None) -> KeySet:
        """Return the keys at `url`, fetched again when old or without `key_id`. Raises KeysUnavailable."""
        known = self._known.get(url)
        if known is not None and self._good_enough(known, url, key_id):
            return known
        async with self._fetching:
            known = self._known.get(url)
            if known is None or not self._good_enough(known, url, key_id):
                known = await self._refresh(url, known)
            return known

    def _good_enough(self, known: KeySet, url: str, key_id: str | None) -> bool:
        now = self._clock()
        if now - known.fetched >= _FRESH:
            return self._recent(self._failed.get(url), now)
        return key_id is None or key_id in known.keys or self._recent(self._asked_again.get(url), now)

    @staticmethod
    def _recent(moment: datetime | None, now: datetime) -> bool:
        return moment is not None and now - moment < _AGAIN

    async def _refresh(self, url: str, known: KeySet | None) -> KeySet:
        now = self._clock()
        if known is not None:
            self._asked_again[url] = now
        elif self._recent(self._failed.get(url), now):
            raise KeysUnavailable(f"Unable to obtain configuration from: '{url}'.")
        try:
            self._known[url] = await self._fetch(url, now)
        except (httpx.HTTPError, ValueError, KeyError, jwt.PyJWTError) as failed:
            self._failed[url] = now
            if known is not None:
                return known
            raise KeysUnavailable(f"Unable to obtain configuration from: '{url}'.") from failed
        self._failed.pop(url, None)
        return self._known[url]

    async def _fetch(self, url: str, now: datetime) -> KeySet:
        configuration = await self._json(url)
        published = await self._json(configuration["jwks_uri"])
        keys = {
            entry["kid"]: jwt.PyJWK(entry)
            for entry in published["keys"]
            if entry.get("kty") == "RSA" and entry.get("use", "sig") == "sig"
        }
        return KeySet(configuration["issuer"], keys, now)

    async def _json(self, url: str) -> dict[str, Any]:
        answer = await self._http.get(url)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content
