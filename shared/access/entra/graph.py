"""Microsoft Graph over HTTP: reading lists to their end, and creating. What is asked is up to `directory`."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from azure.core.exceptions import AzureError

from shared import foreign, limits
from shared.access import retrying
from shared.limits import Limit

SCOPE = "https://graph.microsoft.com/.default"
"""What the token has to be for."""

SEARCH = {"$count": "true"}
"""With it a list is read as an advanced query, which a filter over several properties has to be.

Such a query is answered from an index that lags behind the directory by minutes:
https://learn.microsoft.com/graph/aad-advanced-queries
"""


class DirectoryFailed(Exception):
    """Entra did not tell everything that was asked, so nothing of it may be used."""


class DirectoryUnavailable(DirectoryFailed):
    """Graph did not answer properly in spite of patience; the next run may succeed."""


class DirectoryRefused(DirectoryFailed):
    """Graph understood and said no; somebody has to change a permission or a setting."""


@dataclass(frozen=True)
class Refusal:
    """A 4xx answer that the caller may know how to take: Graph's code and message."""

    status: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.message}"


NO_HEADERS: Mapping[str, str] = {}


class Graph:
    """A connection with its token, tried again when throttled (429 with `Retry-After`), cut off or 5xx.

    `token` gives a token for `SCOPE`; it is asked before each request and answers from its own
    cache, as azure-identity does.
    """

    def __init__(
        self,
        http: httpx.Client,
        *,
        base_url: str,
        token: Callable[[], str],
        clock: Callable[[], datetime],
        limit: Limit = limits.GRAPH,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._limit = limit
        self._base_url = base_url
        self._token = token
        self._clock = clock
        self._sleep = sleep

    def one(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """A single resource, or None when there is none.

        Raises:
            DirectoryFailed: in its kinds.
        """
        answer = self._get(self._base_url + path, parameters)
        if isinstance(answer, Refusal):
            if answer.status == httpx.codes.NOT_FOUND:
                return None
            raise DirectoryRefused(f"Graph refused {path}. {answer}")
        return answer

    def every(self, path: str, parameters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """All rows of a list, followed by `@odata.nextLink` to its end.

        Raises:
            DirectoryFailed: in its kinds; the rows before it may not be used.
        """
        headers = {"ConsistencyLevel": "eventual"} if SEARCH.items() <= parameters.items() else {}
        answer = self._get(self._base_url + path, parameters, headers)
        followed: set[str] = set()
        while True:
            if isinstance(answer, Refusal):
                raise DirectoryRefused(f"Graph refused {path}. {answer}")
            rows = answer.get("value")
            if not isinstance(rows, list):
                raise DirectoryUnavailable(f"Graph answered {path} with something other than a list.")
            yield from rows
            link = answer.get("@odata.nextLink")
            if not link:
                return
            self._refuse_foreign(link, followed)
            # None leaves the link's own parameters; even an empty set would remove them.
            answer = self._get(link, None, headers)

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | Refusal:
        """POST `body`: what was made, or the refusal when it is about this body alone.

        Raises:
            DirectoryRefused: without the permission for it (401, 403).
            DirectoryUnavailable: after several tries. A try whose answer was cut may have succeeded,
                so only what can be repeated without harm may be created.
        """
        return self._answer(
            path, lambda bearer: self._http.post(self._base_url + path, json=body, headers=bearer)
        )

    def _get(
        self, url: str, parameters: Mapping[str, str] | None, headers: Mapping[str, str] = NO_HEADERS
    ) -> dict[str, Any] | Refusal:
        return self._answer(
            url, lambda bearer: self._http.get(url, params=parameters, headers={**headers, **bearer})
        )

    def _answer(
        self, what: str, send: Callable[[Mapping[str, str]], httpx.Response]
    ) -> dict[str, Any] | Refusal:
        def whole() -> httpx.Response:
            response = send({"Authorization": f"Bearer {self._current_token()}"})
            if response.is_success and _object(response) is None:
                raise httpx.RemoteProtocolError(f"HTTP {response.status_code} without a JSON object")
            return response

        try:
            response = retrying.send_with_retries(
                whole, limit=self._limit, sleep=self._sleep, clock=self._clock
            )
        except retrying.GaveUp as error:
            raise DirectoryUnavailable(f"Graph did not answer. The last of several tries: {error}") from error
        if response.is_success:
            return _object(response) or {}
        refusal = _refusal(response)
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise DirectoryRefused(f"Graph refused {what.split('?')[0]}. {refusal}. {PERMISSIONS}")
        return refusal

    def _current_token(self) -> str:
        try:
            return self._token()
        except AzureError as error:
            raise DirectoryUnavailable(f"There is no token for Microsoft Graph. {error}") from error

    def _refuse_foreign(self, link: str, followed: set[str]) -> None:
        """The token goes nowhere but to Graph, and no page is read twice."""
        if link in followed:
            raise DirectoryUnavailable("Graph gave the same next link twice.")
        there, here = httpx.URL(link), httpx.URL(self._base_url)
        if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
            raise DirectoryUnavailable("Graph gave a next link to another host.")
        followed.add(link)


PERMISSIONS = (
    "The app's managed identity needs the Graph application permission User.Read.All, and to invite also "
    "User.Invite.All, Application.Read.All and AppRoleAssignment.ReadWrite.All, with admin consent"
)


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = foreign.parse_json(response.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refusal(response: httpx.Response) -> Refusal:
    """Graph's error body: https://learn.microsoft.com/graph/errors"""
    error = (_object(response) or {}).get("error")
    if not isinstance(error, dict):
        return Refusal(response.status_code, "", foreign.excerpt(response.text))
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    return Refusal(response.status_code, code, foreign.excerpt(message))
