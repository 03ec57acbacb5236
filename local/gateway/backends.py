"""Calls to the service behind the gateway. The only importer of aiohttp.

Not httpx, which the rest of the project uses: its connection pool looks at every connection for
every call, and under 50 concurrent clients that cost more than all policies together.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

import aiohttp
from multidict import CIMultiDict
from yarl import URL

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 4.0
"""Shorter than the 5 s after which uvicorn closes an idle connection: none is used as it closes."""

Pairs = Iterable[tuple[bytes, bytes]]


class BackendAway(Exception):
    """The connection was not made, or it broke before the answer's headers."""


class BackendLate(Exception):
    """No headers in time."""


class Answer:
    """An answer whose headers are here and whose body is still to come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The status code."""
        return self._response.status

    @property
    def headers(self) -> Pairs:
        """Every header, as it was sent."""
        return self._response.raw_headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, as it was encoded. Raises BackendAway when it breaks off."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as broken:
            raise BackendAway(str(broken)) from broken

    def close(self) -> None:
        """Free the connection: for the next call when the body has been read, else by ending it."""
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()


class Backends:
    """Kept-alive connections to backends."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Pairs,
        body: AsyncIterator[bytes] | bytes | None,
        seconds: float,
    ) -> Answer:
        """Send a request as it is written and wait for the answer's headers.

        Raises BackendAway, or BackendLate after `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                response = await self._open().request(
                    method,
                    URL(url, encoded=True),
                    headers=CIMultiDict(
                        (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
                    ),
                    data=body,
                    allow_redirects=False,
                )
        except TimeoutError as late:
            raise BackendLate(str(late)) from late
        except (aiohttp.ClientError, OSError) as failed:
            raise BackendAway(str(failed)) from failed
        return Answer(response)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                # Only connecting and the headers are limited: a body may take as long as it keeps coming.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """End all connections."""
        if self._session is not None:
            await self._session.close()
