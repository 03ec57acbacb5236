"""Visma Severa's REST API, as far as customers, contact persons and custom fields go.

Paths, field names, ways of paging and errors are those of Severa's OpenAPI description; the limit of
10 requests a second and its plain text are what clients have met.
"""

import base64
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.standins.data import Record

PREFIX = "/severa/rest-api"
PER_SECOND = 10
DEFAULT_ROWS = 20
SORTABLE = ("firstName", "lastName", "name")
"""Only the fields that the examples in Severa's description sort by; it lists no others."""


class Refused(Exception):
    """An answer in Severa's error model."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind

    def response(self) -> Response:
        """Return the ExceptionModel."""
        return JSONResponse(error_body(status=self.status, kind=self.kind, message=str(self)), self.status)


def error_body(*, status: int, kind: str, message: str) -> Record:
    """Return Severa's ExceptionModel."""
    details = [{"message": message, "url": None, "location": None}]
    return {"error": {"httpStatusCode": status, "type": kind, "details": details, "stack": None}}


@dataclass(frozen=True)
class _Token:
    client_id: str
    scopes: frozenset[str]
    ends_at: float


class Severa:
    """One organisation's Severa. `data` may be replaced or changed at any time, as people do in Severa."""

    def __init__(self, data: Record, *, monotonic: Callable[[], float]) -> None:
        self.data = data
        self._monotonic = monotonic
        self._tokens: dict[str, _Token] = {}

    def end_tokens(self) -> None:
        """End every token that was given out, before its time."""
        self._tokens.clear()

    def routes(self) -> list[Route]:
        """Return the paths of the API."""
        return [
            Route(f"{PREFIX}/v1/token", self._token, methods=["POST"]),
            Route(f"{PREFIX}/v1/customers", _answering(self._customers)),
            Route(f"{PREFIX}/v1/contactpersons", _answering(self._contact_persons)),
            Route(f"{PREFIX}/v1/customers/customproperties", _answering(self._custom_properties)),
            Route(f"{PREFIX}/v1/customers/{{guid}}/customvalues", _answering(self._custom_values)),
        ]

    async def _token(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            return Refused(400, "InvalidRequest", "The body is not JSON.").response()
        client_id, secret = str(body.get("client_id")), body.get("client_secret")
        if self.data["credentials"].get(client_id) != secret:
            return Refused(401, "AuthenticationRequired", "Invalid client credentials.").response()
        requested = str(body.get("scope") or " ".join(self.data["scopes"])).replace(",", " ").split()
        scopes = frozenset(requested) & frozenset(self.data["scopes"])
        lifetime = self.data["tokenLifetime"]
        token = secrets.token_urlsafe()
        self._tokens[token] = _Token(client_id, scopes, self._monotonic() + lifetime)
        return JSONResponse(
            {
                "access_token": token,
                "access_token_type": "Bearer",
                "access_token_expires_in": lifetime,
                "refresh_token": secrets.token_urlsafe(),
                "refresh_token_expires_in": lifetime * 2,
                "scope": " ".join(sorted(scopes)),
            }
        )

    def _customers(self, request: Request) -> Response:
        self._authorize(request, scope="customers:read")
        rows = _filtered(self.data["customers"], request.query_params.get("isActive"))
        return self._page_by_token(sorted(rows, key=lambda row: str(row["guid"])), request)

    def _contact_persons(self, request: Request) -> Response:
        self._authorize(request, scope="customers:read")
        rows = _filtered(self.data["contactPersons"], request.query_params.get("active"))
        return self._page_by_row(rows, request)

    def _custom_properties(self, request: Request) -> Response:
        self._authorize(request, scope="settings:read")
        self._want_custom_fields()
        rows = _filtered(self.data["customProperties"], request.query_params.get("active"))
        return self._page_by_row(rows, request)

    def _custom_values(self, request: Request) -> Response:
        self._authorize(request, scope="customers:read")
        self._want_custom_fields()
        guid = request.path_params["guid"]
        if not any(row["guid"] == guid for row in self.data["customers"]):
            raise Refused(404, "InvalidRequest", "Resource not found")
        return self._page_by_row(
            [row for row in self.data["customValues"] if row["customerGuid"] == guid], request
        )

    def _authorize(self, request: Request, *, scope: str) -> None:
        token = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if token is None or token.ends_at <= self._monotonic():
            raise Refused(401, "AuthenticationRequired", "The access token is missing, unknown or expired.")
        if request.headers.get("Client_Id") != token.client_id:
            raise Refused(401, "AuthenticationRequired", "The header Client_Id is not the token's client.")
        if scope not in token.scopes:
            raise Refused(403, "InsufficientApiScope", f"The scope {scope} is needed.")

    def _want_custom_fields(self) -> None:
        if not self.data["customFields"]:
            raise Refused(403, "AddonMissing", "Addon required")

    def _page_by_token(self, rows: list[Record], request: Request) -> Response:
        """Return the page after the guid that the token stands for; the next token is a header."""
        after = base64.urlsafe_b64decode(request.query_params.get("pageToken", "")).decode()
        rest = [row for row in rows if row["guid"] > after]
        page = rest[: self._row_count(request)]
        headers = {}
        if len(page) < len(rest):
            headers["NextPageToken"] = base64.urlsafe_b64encode(page[-1]["guid"].encode()).decode()
        return JSONResponse(page, headers=headers)

    def _page_by_row(self, rows: list[Record], request: Request) -> Response:
        """Return the page from a row number of the current list; `pageToken` is ignored."""
        first = int(request.query_params.get("firstRow", 0))
        return JSONResponse(_sorted(rows, request)[first : first + self._row_count(request)])

    def _row_count(self, request: Request) -> int:
        maximum: int = self.data["maximumRows"]
        return min(int(request.query_params.get("rowCount", DEFAULT_ROWS)), maximum)


def _answering(view: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return view(request)
        except Refused as refused:
            return refused.response()

    return endpoint


def _filtered(rows: list[Record], active: str | None) -> list[Record]:
    """Filter rows. Without the filter Severa returns active and inactive rows alike."""
    return (
        rows if active is None else [row for row in rows if row.get("isActive", True) is (active == "true")]
    )


def _sorted(rows: list[Record], request: Request) -> list[Record]:
    """Sort by `sortings[n].key` and `.value`; keys are the model's fields, whatever their case."""
    number = 0
    sortings = []
    while key := request.query_params.get(f"sortings[{number}].key"):
        sortings.append((key, request.query_params.get(f"sortings[{number}].value", "Asc")))
        number += 1
    for key, direction in reversed(sortings):
        field = key[:1].lower() + key[1:]
        if field not in SORTABLE:
            raise Refused(400, "InvalidParameter", f"'{key}' is not a sortable field.")
        rows = sorted(rows, key=lambda row: str(row.get(field) or ""), reverse=direction == "Desc")
    return rows


class RateLimit:
    """Lets through 10 requests in any second, and answers the rest with plain text and no `Retry-After`."""

    def __init__(self, app: ASGIApp, *, monotonic: Callable[[], float]) -> None:
        self._app = app
        self._monotonic = monotonic
        self._let_through: deque[float] = deque(maxlen=PER_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        now = self._monotonic()
        if len(self._let_through) == PER_SECOND and now - self._let_through[0] < 1:
            text = f"API calls quota exceeded! maximum admitted {PER_SECOND} per 1s."
            await PlainTextResponse(text, 429)(scope, receive, send)
            return
        self._let_through.append(now)
        await self._app(scope, receive, send)
