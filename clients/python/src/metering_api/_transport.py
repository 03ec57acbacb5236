"""Calls over HTTP: key and token, waits after 429 and 503, and answers that are still valid."""

import json
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from metering_api import errors

Parameters = Mapping[str, Any]
_RENEWED_BEFORE_END = 300.0
_KEPT_ANSWERS = 32
_LARGEST_KEPT = 1_000_000
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_WORTH_A_RETRY = frozenset({429, 500, 502, 503, 504})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
VERSION = "0.1.0"


@dataclass(frozen=True)
class Credentials:
    """What an application signs in with, and its subscription key."""

    key: str = field(repr=False)
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str


@dataclass(frozen=True)
class Answer:
    """An answer of the API; `content` is None with 204 and 304."""

    status: int
    content: Any
    headers: Mapping[str, str]


@dataclass
class Waits:
    """The waits of one call, with a limit on their sum.

    Attributes:
        left: seconds that may still be waited.
    """

    left: float
    sleep: Callable[[float], None]
    tries: int = 0

    def before_next_try(self, failure: errors.MeteringError, *, requested: float | None = None) -> None:
        """Wait as long as the server asks, or longer each time; raise the failure if that is too long."""
        # Jitter: clients that failed together would otherwise retry together.
        growing = min(_FIRST_PAUSE * 2**self.tries, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
        pause = growing if requested is None else requested + random.uniform(0.0, 0.25)  # noqa: S311
        if pause > self.left:
            raise failure
        self.sleep(pause)
        self.left -= pause
        self.tries += 1


class Tokens:
    """Access tokens, each fetched once and renewed five minutes before it ends."""

    def __init__(
        self,
        http: httpx.Client,
        credentials: Credentials,
        *,
        waits: Callable[[], Waits],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._waits = waits
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0

    def current(self, *, other_than: str = "") -> str:
        """Return a valid token.

        Args:
            other_than: a token that was refused, and is not returned again.

        Raises:
            SignInFailed: the endpoint refuses the credentials.
            Unreachable: it does not answer.
        """
        with self._lock:
            if self._clock() >= self._good_until or self._token == other_than:
                asked_at = self._clock()
                self._token, lasts = self._fetch()
                # A token that is valid for minutes only is renewed at half of its time.
                self._good_until = asked_at + lasts - min(_RENEWED_BEFORE_END, lasts / 2)
            return self._token

    def _fetch(self) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
            "scope": self._credentials.scope,
        }
        waits = self._waits()
        while True:
            try:
                answer = self._http.post(self._credentials.token_url, data=form)
            except httpx.RequestError as error:
                waits.before_next_try(errors.Unreachable(f"The token endpoint: {_about(error)}"))
                continue
            if answer.status_code not in _WORTH_A_RETRY:
                return _token(answer)
            failure = errors.Unreachable(f"The token endpoint: status {answer.status_code}")
            waits.before_next_try(failure, requested=retry_after(answer.headers))


class Transport:
    """Sends requests with key and token, waits where the API asks for it, and raises its problems.

    Args:
        address: of the API, with its version: `https://api.example.com/metering/v1`.
        patience: seconds that all waits of one call may take.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials,
        *,
        patience: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        http: httpx.Client | None = None,
    ) -> None:
        self._address = address.rstrip("/")
        self._key = credentials.key
        self._http = http or httpx.Client(
            timeout=httpx.Timeout(170.0, connect=10.0),
            headers={"User-Agent": f"metering-api-client/{VERSION}", "Accept": "application/json"},
        )
        self._patience = patience
        self._sleep = sleep
        self._tokens = Tokens(self._http, credentials, waits=self.waits, clock=clock)
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, parameters: Parameters | None = None, *, etag: str | None = None) -> Answer:
        """Request a path, with `None` and empty parameters left out.

        Without `etag`, an answer comes from memory if the API confirms that it is unchanged.

        Args:
            etag: of the answer that the caller holds; 304 is then an answer without content.

        Raises:
            Problem: the API refused.
            Unreachable: there was no answer within the patience.
        """
        return self.send("GET", path, parameters=parameters, etag=etag)

    def send(
        self,
        method: str,
        path: str,
        *,
        parameters: Parameters | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Send a request that may be repeated: GET, PUT, DELETE, and POST with an Idempotency-Key.

        404 after a repeated DELETE counts as success: an earlier try, whose answer was lost, has deleted it.

        Raises:
            Problem: the API refused.
            Unreachable: there was no answer within the patience.
        """
        given = {name: value for name, value in (parameters or {}).items() if value not in (None, (), [])}
        request = self._http.build_request(
            method, self._address + path, params=given, json=body, headers=dict(headers or {})
        )
        place = str(request.url)
        kept = self._kept.get(place) if method == "GET" and etag is None else None
        if known := etag or (kept and kept[0]):
            request.headers["If-None-Match"] = known
        answer = self._tried(request)
        if answer.status_code == 304:
            content = json.loads(kept[1], parse_float=Decimal) if kept else None
            return Answer(200 if kept else 304, content, answer.headers)
        if method == "GET" and answer.status_code == 200:
            self._keep(place, answer)
        return Answer(answer.status_code, _content(answer), answer.headers)

    def waits(self) -> Waits:
        """Return the waits of a call that begins now."""
        return Waits(self._patience, self._sleep)

    def _tried(self, request: httpx.Request) -> httpx.Response:
        waits, refused, is_maybe_done = self.waits(), "", False
        while True:
            token = self._tokens.current(other_than=refused)
            request.headers["Authorization"] = f"Bearer {token}"
            request.headers["Ocp-Apim-Subscription-Key"] = self._key
            try:
                answer = self._http.send(request, follow_redirects=False)
            except httpx.RequestError as error:
                waits.before_next_try(errors.Unreachable(f"{request.url.host}: {_about(error)}"))
                is_maybe_done = is_maybe_done or not isinstance(error, _NEVER_SENT)
                continue
            if answer.status_code == 404 and request.method == "DELETE" and is_maybe_done:
                return httpx.Response(204, request=request)
            if answer.status_code < 400:
                return answer
            problem = _problem(answer)
            if problem.code == "expired-token" and not refused:
                refused = token
            elif answer.status_code in _WORTH_A_RETRY:
                waits.before_next_try(problem, requested=problem.retry_after)
                is_maybe_done = is_maybe_done or answer.status_code != 429
            elif problem.code == errors.NO_CODE:
                raise errors.UnexpectedAnswer(
                    f"{request.url.host} answered {answer.status_code}, and not as the API does: "
                    f"{problem.detail or 'no reason given'}"
                )
            else:
                raise problem

    def pages(self, path: str, parameters: Parameters) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of an answer, one request each."""
        cursor = None
        while True:
            page = self.get(path, {**parameters, "cursor": cursor}).content
            yield page
            cursor = page["nextCursor"]
            if cursor is None:
                return

    @contextmanager
    def open_link(self, path: str, *, offset: int = 0) -> Iterator[httpx.Response]:
        """Request a file, and open the address that the API redirects to, without key and token.

        Args:
            offset: the first byte to send; a server without ranges answers 200, with the whole file.

        Raises:
            Problem: the API refused.
            Unreachable: the server does not answer, answers with an error, or stops in the middle.
        """
        answer = self._tried(self._http.build_request("GET", self._address + path))
        place = answer.headers.get("Location")
        if answer.status_code != 302 or place is None:
            raise errors.UnexpectedAnswer(f"{path} has no link: status {answer.status_code}.")
        target = httpx.URL(self._address).join(place)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        try:
            with self._http.stream("GET", target, headers=headers) as opened:
                if opened.status_code not in (200, 206):
                    raise errors.Unreachable(f"{target.host}: status {opened.status_code}")
                yield opened
        except httpx.RequestError as error:
            raise errors.Unreachable(f"{target.host}: {_about(error)}") from error

    def _keep(self, place: str, answer: httpx.Response) -> None:
        etag = answer.headers.get("ETag")
        if etag is None or len(answer.content) > _LARGEST_KEPT:
            return
        self._kept[place] = (etag, answer.content)
        self._kept.move_to_end(place)
        while len(self._kept) > _KEPT_ANSWERS:
            self._kept.popitem(last=False)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, which is a number or a date; None without a usable one."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _problem(answer: httpx.Response) -> errors.Problem:
    try:
        content = answer.json()
    except ValueError:
        content = {"detail": answer.text[:200]}
    return errors.problem(answer.status_code, content, retry_after=retry_after(answer.headers))


def _content(answer: httpx.Response) -> Any:
    if answer.status_code == 204:
        return None
    if answer.has_redirect_location:
        raise errors.UnexpectedAnswer(
            f"{answer.url.host} answered {answer.status_code} with another address, which the API does not."
        )
    try:
        return json.loads(answer.content, parse_float=Decimal)
    except ValueError as error:
        raise errors.UnexpectedAnswer(
            f"{answer.url.host} answered {answer.status_code} without JSON."
        ) from error


def _token(answer: httpx.Response) -> tuple[str, float]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if answer.status_code != 200:
        given = content if isinstance(content, dict) else {}
        described = given.get("error_description") or given.get("error")
        if not described:
            raise errors.UnexpectedAnswer(
                f"The token endpoint answered {answer.status_code}, and not as a token endpoint does."
            )
        raise errors.SignInFailed(f"{answer.status_code}: {str(described).splitlines()[0]}")
    try:
        return str(content["access_token"]), float(content["expires_in"])
    except (KeyError, TypeError, ValueError) as error:
        raise errors.UnexpectedAnswer("The token endpoint answered without a token.") from error


def _about(error: httpx.RequestError) -> str:
    return str(error) or type(error).__name__
