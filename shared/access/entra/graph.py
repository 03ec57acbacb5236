"""Microsoft Graph over HTTP: reads and creates records, and reads whole lists. `directory` decides which."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from azure.core.exceptions import AzureError
from pydantic import BaseModel, ValidationError

from shared import foreign, limits
from shared.access import retrying
from shared.access.entra.records import ErrorModel
from shared.limits import Limit

Model = TypeVar("Model", bound=BaseModel)

SCOPE = "https://graph.microsoft.com/.default"
"""The scope of the token that Graph takes."""

SEARCH = {"$count": "true"}
"""Makes a query advanced, as a filter over several properties requires.

Advanced queries are answered from an index that lags behind the directory by minutes:
https://learn.microsoft.com/graph/aad-advanced-queries
"""


class DirectoryFailed(Exception):
    """Entra did not return everything that was requested, so none of it may be used."""


class DirectoryUnavailable(DirectoryFailed):
    """Graph did not answer properly in several tries; the next run may succeed."""


class DirectoryRefused(DirectoryFailed):
    """Graph understood and refused; somebody has to change a permission or a setting."""


@dataclass(frozen=True)
class Refusal:
    """A 4xx answer that the caller may be able to handle: Graph's code and message."""

    status: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.message}"


NO_HEADERS: Mapping[str, str] = {}


class Graph:
    """A connection with its token; retries what is throttled (429 with `Retry-After`), cut off or 5xx.

    `token` returns a token for `SCOPE`. It is called before each request and has its own cache, like that
    of azure-identity.
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reading = retrying.Reading(limits.GRAPH_READING, monotonic=monotonic)
        self._http = http
        self._limit = limit
        self._base_url = base_url
        self._token = token
        self._clock = clock
        self._sleep = sleep

    def one(self, path: str, parameters: Mapping[str, str], *, of: type[Model]) -> Model | None:
        """Return a single record; None where Graph has none.

        Raises:
            DirectoryRefused: Graph refused the request.
            DirectoryUnavailable: Graph did not answer properly in several tries.
        """
        answer = self._get(self._base_url + path, parameters)
        if isinstance(answer, Refusal):
            if answer.status == httpx.codes.NOT_FOUND:
                return None
            raise DirectoryRefused(f"Graph refused {path}. {answer}")
        return _read(of, answer, path=path)

    def every(self, path: str, parameters: Mapping[str, str], *, of: type[Model]) -> Iterator[Model]:
        """Yield all records of a list, following `@odata.nextLink` to its end.

        Raises:
            DirectoryRefused, DirectoryUnavailable: as `one`; records yielded before must not be used.
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
            yield from (_read(of, row, path=path) for row in rows)
            link = answer.get("@odata.nextLink")
            if not link:
                return
            self._refuse_foreign(link, followed)
            # None leaves the link's own parameters; even an empty set would remove them.
            answer = self._get(link, None, headers)

    def create(self, path: str, body: Mapping[str, Any], *, of: type[Model]) -> Model | Refusal:
        """POST `body` and return the created record, or the refusal if it is about this body alone.

        Raises:
            DirectoryRefused: the permission for it is missing (401, 403).
            DirectoryUnavailable: several tries failed. A try whose answer was cut off may have succeeded,
                so create only what can be repeated without harm.
        """
        answer = self._answer(
            path, lambda bearer: self._http.post(self._base_url + path, json=body, headers=bearer)
        )
        return answer if isinstance(answer, Refusal) else _read(of, answer, path=path)

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
            with self._reading.within(self._limit) as limit:
                response = retrying.send_with_retries(
                    whole, limit=limit, sleep=self._sleep, clock=self._clock
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
        """Refuse a link that would send the token to another host, or that was followed before."""
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


def _read(model: type[Model], row: object, *, path: str) -> Model:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        # Not chained: the text of pydantic's error quotes the record, and a log would have it.
        fields = sorted({".".join(map(str, fault["loc"])) or "everything" for fault in error.errors()})
        raise DirectoryUnavailable(
            f"Graph answered {path} with a record that cannot be read: wrong or missing {', '.join(fields)}."
        ) from None


def _refusal(response: httpx.Response) -> Refusal:
    error = (_object(response) or {}).get("error")
    if not isinstance(error, dict):
        return Refusal(response.status_code, "", foreign.excerpt(response.text))
    read = ErrorModel.model_validate(error)
    return Refusal(response.status_code, read.code, foreign.excerpt(read.message))
