"""Requests to Visma Severa: paced, with a token that is renewed in time, retried where that helps.

`client` says what is read, and names the sources of the rules.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, BeforeValidator

from shared import foreign, limits
from shared.access import retrying
from shared.access.severa import paging
from shared.access.severa.paging import Page, ReadPage
from shared.access.severa.records import Row, Text
from shared.limits import Limit
from shared.settings import SeveraSettings

REQUESTS_PER_SECOND = 8
"""Severa refuses more than 10 a second, counted in its own way; the rest is margin."""

RENEW_EARLY = 300.0
"""Seconds before a token's end at which it is renewed, or half its life when that is shorter."""

USUAL_LIFETIME = 600.0
"""Seconds that a token is used if Severa does not state its lifetime; one that ends earlier gets a 401."""

LONGEST_LIFETIME = 7 * 86_400.0
"""Seconds; a token that claims to last longer is used as if its lifetime were not stated."""

SCOPE = "customers:read,settings:read"
"""Custom values are customer data; the definitions of custom properties are settings."""

WHAT_TO_DO = {
    "AddonMissing": "Custom fields of customers need the Platinum or Enterprise edition of Severa; "
    "order it, or have Visma enable the add-on for this organisation.",
    "InsufficientApiScope": "Give the REST API credential the scopes customers:read and settings:read, "
    "in Severa under Settings > Integrations > REST API.",
    "OrganizationNotActive": "Severa says that the organisation is not active; ask Visma.",
    "TermsOfServiceNotApproved": "Somebody has to accept the terms of service in Severa.",
}


def _lifetime(value: object) -> float:
    """Return a lifetime in seconds: the usual one if the value is no number or no possible lifetime."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < LONGEST_LIFETIME:
        return USUAL_LIFETIME
    return float(value)


class TokenModel(BaseModel):
    """Severa's answer to a request for a token; the lifetime is in seconds."""

    access_token: Text = ""
    access_token_expires_in: Annotated[float, BeforeValidator(_lifetime)] = USUAL_LIFETIME


class SeveraFailed(Exception):
    """Severa was not read to the end, so none of it may be used; the subclasses say who can fix it."""


class SeveraUnavailable(SeveraFailed):
    """Severa did not answer properly in several tries; the next run may succeed."""


class SeveraTooLarge(SeveraUnavailable):
    """Severa answered, but there was not enough time to read everything."""


class SeveraRefused(SeveraFailed):
    """Severa understood and refused; somebody has to change a setting, here or in Severa."""


class SeveraIncomplete(SeveraFailed):
    """Severa answered, but not with everything that it has."""


class Pace:
    """Allows at most `per_second` calls a second for all threads, evenly spaced and never in a burst.

    Even spacing keeps the limit in every window of a second, however the service counts; a token bucket
    could allow twice as many calls around a refill.
    """

    def __init__(
        self, *, per_second: float, monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._interval = 1 / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = monotonic()

    def wait(self) -> None:
        """Block until the next call is allowed."""
        while (seconds := self._take()) > 0:
            self._sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Delay all calls, including those that already wait, for `seconds` from now."""
        with self._lock:
            self._next = max(self._next, self._monotonic() + seconds)

    def _take(self) -> float:
        """Take the next slot and return 0, or return the seconds until a slot may be free."""
        with self._lock:
            now = self._monotonic()
            if now < self._next:
                return self._next - now
            self._next = now + self._interval
            return 0


class Session:
    """What all requests of one reading share: pace, token and connection."""

    def __init__(
        self,
        http: httpx.Client,
        settings: SeveraSettings,
        *,
        limit: Limit,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._http = http
        self._settings = settings
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._monotonic = monotonic
        self._pace = Pace(per_second=REQUESTS_PER_SECOND, monotonic=monotonic, sleep=sleep)
        self._reading = retrying.Reading(limits.SEVERA_READING, monotonic=monotonic)
        self._token_lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def by_token(self, path: str) -> list[Row]:
        """Return a whole list that is paged by token."""
        return paging.by_token(self._reader(path, {}))

    def by_row(self, path: str, sortings: Mapping[str, str]) -> list[Row]:
        """Return a whole list that is paged by row number."""
        return paging.by_row(self._reader(path, sortings))

    def _reader(self, path: str, parameters: Mapping[str, str]) -> ReadPage:
        def read(page: Mapping[str, str]) -> Page:
            response = self._get(path, {**page, **parameters})
            rows = foreign.parse_json(response.content)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise SeveraIncomplete(f"Severa answered {path} with something other than a list of records.")
            return Page(rows, response.headers.get("NextPageToken") or None)

        return read

    def _get(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        token = self._current_token()
        response = self._try_get(path, parameters, token=token)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # Severa may end a token early; a second refusal is final.
            self._forget(token)
            response = self._try_get(path, parameters, token=self._current_token())
        if not response.is_success:
            raise _refusal(response, path=path)
        return response

    def _try_get(self, path: str, parameters: Mapping[str, str], *, token: str) -> httpx.Response:
        url = self._settings.base_url + path
        headers = {"Authorization": f"Bearer {token}"}
        return self._send(path, lambda: self._http.get(url, params=parameters, headers=headers))

    def _send(self, path: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        def paced() -> httpx.Response:
            self._pace.wait()
            return _whole(send())

        try:
            with self._reading.within(self._limit) as limit:
                return retrying.send_with_retries(
                    paced, limit=limit, sleep=self._sleep, clock=self._clock, pause=self._pace.pause
                )
        except retrying.OutOfTime as error:
            raise SeveraTooLarge(f"Severa could not be read in time; {path} was next: {error}.") from error
        except retrying.GaveUp as error:
            raise SeveraUnavailable(
                f"Severa did not answer {path}. The last of several tries: {error}"
            ) from error

    def _current_token(self) -> str:
        with self._token_lock:
            if not self._token or self._monotonic() >= self._renew_at:
                self._token, lifetime = self._request_token()
                self._renew_at = self._monotonic() + lifetime - min(RENEW_EARLY, lifetime / 2)
            return self._token

    def _forget(self, token: str) -> None:
        with self._token_lock:
            if self._token == token:
                self._token = ""

    def _request_token(self) -> tuple[str, float]:
        """Return a token and its lifetime in seconds. Severa's field names are not those of OAuth."""
        body = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "scope": SCOPE,
        }
        url = self._settings.base_url + "/v1/token"
        response = self._send("/v1/token", lambda: self._http.post(url, json=body))
        answer = foreign.parse_json(response.content) if response.is_success else {}
        read = TokenModel.model_validate(answer if isinstance(answer, dict) else {})
        if not read.access_token:
            raise SeveraRefused(
                "Severa gave no token; check SEVERA_CLIENT_ID and SEVERA_CLIENT_SECRET. " + _text(response)
            )
        return read.access_token, read.access_token_expires_in


def _whole(response: httpx.Response) -> httpx.Response:
    """Raise a retryable error for a success without JSON: a proxy's page, or a body that was cut off."""
    if response.is_success:
        try:
            foreign.parse_json(response.content)
        except ValueError as error:
            raise httpx.RemoteProtocolError(
                f"HTTP {response.status_code} with a body that is not JSON: {foreign.excerpt(response.text)}"
            ) from error
    return response


def _refusal(response: httpx.Response, *, path: str) -> SeveraFailed:
    kind, _ = _fault(response)
    text = f"Severa refused {path}. {_text(response)}"
    if response.status_code == httpx.codes.NOT_FOUND:
        return SeveraIncomplete(f"{text} Something was deleted while it was read.")
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return SeveraRefused(f"{text} A new token was refused as well; check the credential in Severa.")
    return SeveraRefused(f"{text} {WHAT_TO_DO.get(kind, '')}".strip())


def _text(response: httpx.Response) -> str:
    """Return an error answer on one line: status, type and message."""
    kind, message = _fault(response)
    parts = (f"HTTP {response.status_code}", kind, message)
    return " ".join(part for part in parts if part).rstrip(".") + "."


def _fault(response: httpx.Response) -> tuple[str, str]:
    """Return type and message of an error answer, in any shape that Severa is known to use.

    Its description has `{"error": {"type", "details": [{"message"}]}}`; the same fields at the top and plain
    text occur as well. Unknown types are returned as they are.
    """
    try:
        body = foreign.parse_json(response.content)
    except ValueError:
        return "", foreign.excerpt(response.text)
    fault: Any = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(fault, dict):
        return "", foreign.excerpt(str(fault))
    details = fault.get("details")
    messages = [fault.get("message")]
    if isinstance(details, list):
        messages += [detail.get("message") for detail in details if isinstance(detail, dict)]
    text = "; ".join(message for message in messages if isinstance(message, str))
    return str(fault.get("type") or ""), foreign.excerpt(text)
