"""Microsoft Graph v1.0, as far as finding and inviting users and assigning an app role go.

What a filter needs and what is returned only when selected follows
https://learn.microsoft.com/graph/aad-advanced-queries and the pages of user, invitation and
appRoleAssignment.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.standins.data import Record, guest

PREFIX = "/graph/v1.0"
DEFAULT_PROPERTIES = ("id", "displayName", "mail", "userPrincipalName")
UNINVITABLE = re.compile(r"[~!#$%^&*()+=\[\]{}\\/|;:\"<>?,]")

_TEXT = r"'((?:[^']|'')*)'"
_EQUALS = re.compile(rf"(\w+) eq {_TEXT}")
_STARTS = re.compile(rf"startsWith\((\w+),{_TEXT}\)")
_ANY = re.compile(rf"(\w+)/any\((\w+):\2 eq {_TEXT}\)")
_IN = re.compile(rf"(\w+) in \(({_TEXT}(?:,{_TEXT})*)\)")

Test = Callable[[Record], bool]


class Refused(Exception):
    """An answer in Graph's error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def response(self) -> Response:
        """Return an error as https://learn.microsoft.com/graph/errors describes it."""
        return JSONResponse({"error": {"code": self.code, "message": str(self)}}, self.status)


class Graph:
    """One tenant's directory."""

    def __init__(self, data: Record) -> None:
        self.data = data

    def routes(self) -> list[Route]:
        """Return the paths of the API."""
        by_app = f"{PREFIX}/servicePrincipals(appId='{{app_id}}')"
        assigned = f"{PREFIX}/servicePrincipals/{{id}}/appRoleAssignedTo"
        return [
            Route(f"{PREFIX}/users", _answering(self._users)),
            Route(f"{PREFIX}/invitations", _answering(self._invite), methods=["POST"]),
            Route(by_app, _answering(self._service_principal)),
            Route(assigned, _answering(self._assignments), methods=["GET"]),
            Route(assigned, _answering(self._assign), methods=["POST"]),
        ]

    def _users(self, request: Request, body: Record) -> Response:
        test = _parse_filter(request.query_params.get("$filter"), advanced=_is_advanced(request))
        rows = [row for row in self.data["users"] if test(row)]
        selected = request.query_params.get("$select", ",".join(DEFAULT_PROPERTIES)).split(",")
        return self._page([{name: row.get(name) for name in selected} for row in rows], request)

    def _invite(self, request: Request, body: Record) -> Response:
        email = str(body.get("invitedUserEmailAddress") or "")
        if "@" not in email or UNINVITABLE.search(email) or not body.get("inviteRedirectUrl"):
            raise Refused(400, "BadRequest", "The invited user email address is invalid.")
        users = self.data["users"]
        user = next((row for row in users if (row.get("mail") or "").lower() == email.lower()), None)
        if user is None:
            user = guest(object_id=str(uuid.uuid4()), email=email)
            users.append(user)
        invitation = {"invitedUserEmailAddress": email, "invitedUser": {"id": user["id"]}}
        return JSONResponse({**invitation, "status": "PendingAcceptance"}, 201)

    def _service_principal(self, request: Request, body: Record) -> Response:
        for row in self.data["servicePrincipals"]:
            if row["appId"] == request.path_params["app_id"]:
                return JSONResponse(row)
        raise Refused(404, "Request_ResourceNotFound", "The service principal does not exist.")

    def _assignments(self, request: Request, body: Record) -> Response:
        rows = self.data["appRoleAssignments"]
        return self._page([row for row in rows if row["resourceId"] == request.path_params["id"]], request)

    def _assign(self, request: Request, body: Record) -> Response:
        wanted = {name: body.get(name) for name in ("principalId", "resourceId", "appRoleId")}
        if not any(row["id"] == wanted["principalId"] for row in self.data["users"]):
            raise Refused(404, "Request_ResourceNotFound", "The principal does not exist.")
        if any(wanted.items() <= row.items() for row in self.data["appRoleAssignments"]):
            raise Refused(400, "Request_BadRequest", "Permission being assigned already exists on the object")
        assignment = {"id": str(uuid.uuid4()), "principalType": "User", **wanted}
        self.data["appRoleAssignments"].append(assignment)
        return JSONResponse(assignment, 201)

    def _page(self, rows: list[Record], request: Request) -> Response:
        skip = int(request.query_params.get("$skiptoken", 0))
        end = skip + self.data["pageSize"]
        body: Record = {"value": rows[skip:end]}
        if end < len(rows):
            body["@odata.nextLink"] = str(request.url.include_query_params(**{"$skiptoken": end}))
        return JSONResponse(body)


def _answering(view: Callable[[Request, Record], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            if not request.headers.get("Authorization", "").startswith("Bearer "):
                raise Refused(401, "InvalidAuthenticationToken", "Access token is empty.")
            return view(request, await request.json() if request.method == "POST" else {})
        except Refused as refused:
            return refused.response()

    return endpoint


def _is_advanced(request: Request) -> bool:
    eventual = request.headers.get("ConsistencyLevel") == "eventual"
    return eventual and request.query_params.get("$count") == "true"


def _parse_filter(text: str | None, *, advanced: bool) -> Test:
    """Return the filter as a test of a user; Graph compares texts without regard to case."""
    if text is None:
        return lambda row: True
    tests: list[Test] = []
    fields = set()
    rest = text
    while rest:
        field, test, end = _parse_clause(rest)
        tests.append(test)
        fields.add(field)
        if rest[end:] and not rest[end:].startswith(" or "):
            raise Refused(400, "BadRequest", f"Invalid filter clause: {rest[end:]}")
        rest = rest[end + len(" or ") :]
    if len(fields) > 1 and not advanced:
        raise Refused(
            400,
            "Request_UnsupportedQuery",
            "The required parameters might be missing. Try adding $count=true and ConsistencyLevel:eventual.",
        )
    return lambda row: any(test(row) for test in tests)


def _parse_clause(text: str) -> tuple[str, Test, int]:
    """Return the property, the test of it, and where the clause ends."""
    if found := _ANY.match(text):
        field, value = found[1], _unquoted(found[3])
        return field, lambda row: value in [each.lower() for each in row.get(field) or []], found.end()
    if found := _STARTS.match(text):
        field, value = found[1], _unquoted(found[2])
        return field, lambda row: str(row.get(field) or "").lower().startswith(value), found.end()
    if found := _EQUALS.match(text):
        field, value = found[1], _unquoted(found[2])
        return field, lambda row: str(row.get(field) or "").lower() == value, found.end()
    if found := _IN.match(text):
        field, values = found[1], {_unquoted(each) for each in re.findall(_TEXT, found[2])}
        if len(values) > 15:
            raise Refused(400, "Request_UnsupportedQuery", "Too many child clauses specified.")
        return field, lambda row: str(row.get(field) or "").lower() in values, found.end()
    raise Refused(400, "Request_UnsupportedQuery", f"Unsupported filter clause: {text}")


def _unquoted(text: str) -> str:
    return text.replace("''", "'").lower()
