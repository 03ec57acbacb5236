"""What the gateway answers, request by request, through sockets: status, code, headers, what gets through."""

from dataclasses import dataclass, field

import jwt
import pytest

from local import demo
from tests.builders.forgery import APP, TOKENS, USER
from tests.builders.gateway import PORTAL, Answer, World

KEY = ("Ocp-Apim-Subscription-Key", "key-partner")
CUSTOMERS = "/metering/v1/customers"
BEARER_INVALID = 'Bearer error="invalid_token"'
KEY_CHALLENGE = 'AzureApiManagementKey realm="metering",name="Ocp-Apim-Subscription-Key",type="header"'
POINT = "707057500000000018"


@dataclass(frozen=True)
class Case:
    """A request, and what has to come of it. No token is sent for an empty name."""

    title: str
    status: int
    code: str | None = None
    target: str = CUSTOMERS
    method: str = "GET"
    token: str = "app"
    key: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    scheme: str = "Bearer"
    answer: dict[str, str | None] = field(default_factory=dict)
    """Headers of the answer; None where one may not be."""
    backend: dict[str, list[str]] | None = None
    """Headers that the backend got. Absent: the request did not reach it, unless the status is 200."""
    backend_path: str | None = None
    backend_query: str | None = None


def accepted(token: str, *, as_type: str, as_id: str) -> Case:
    """Return a token with which the request reaches the backend."""
    return Case(
        f"token accepted: {token}", 200, token=token,
        backend={"x-caller-type": [as_type], "x-caller-id": [as_id]},
    )  # fmt: skip


def refused(token: str, code: str, *, status: int = 401, challenge: str | None = BEARER_INVALID) -> Case:
    """Return a bad token."""
    return Case(f"token refused: {token}", status, code, token=token, answer={"WWW-Authenticate": challenge})


def missing_role(token: str) -> Case:
    """Return a good token of somebody who may not read."""
    return refused(token, "missing-role", status=403, challenge=None)


KEYS = [
    Case("no key", 401, "missing-subscription-key", key=False, answer={"WWW-Authenticate": KEY_CHALLENGE}),
    Case("no key and no token", 401, "missing-subscription-key", key=False, token=""),
    Case(
        "unknown key", 401, "invalid-subscription-key", key=False, answer={"WWW-Authenticate": KEY_CHALLENGE},
        headers=(("Ocp-Apim-Subscription-Key", "nobody's"),),
    ),
    Case("key in other letters", 401, "invalid-subscription-key", key=False,
         headers=((KEY[0], "KEY-PARTNER"),)),
    Case("empty key", 401, "missing-subscription-key", key=False, headers=((KEY[0], ""),)),
    Case("the key twice", 401, "invalid-subscription-key", headers=(KEY,)),
    Case("key of all APIs, for which no product's limits run", 401, "invalid-subscription-key", key=False,
         headers=((KEY[0], "key-all"),), answer={"WWW-Authenticate": KEY_CHALLENGE}),
    Case("and no token is looked at then", 401, "invalid-subscription-key", key=False, token="",
         headers=((KEY[0], "key-all"),)),
    Case("second key of a subscription", 200, key=False, headers=((KEY[0], "key-standard-2"),),
         backend={"x-subscription-id": ["sub-standard"]}),
    Case("header name in lower case", 200, key=False, headers=((KEY[0].lower(), KEY[1]),)),
    Case("key in the query", 200, target=f"{CUSTOMERS}?subscription-key=key-partner&limit=5", key=False,
         backend={"x-subscription-id": ["sub-partner"]}, backend_query="limit=5"),
    Case("key in header and query: both are removed", 200, target=f"{CUSTOMERS}?subscription-key=key-partner",
         backend={"ocp-apim-subscription-key": []}, backend_query=""),
    Case("wrong key in the header is not saved by the query", 401, "invalid-subscription-key", key=False,
         target=f"{CUSTOMERS}?subscription-key=key-partner", headers=((KEY[0], "nobody's"),)),
    Case("the key twice in the query", 401, "invalid-subscription-key", key=False,
         target=f"{CUSTOMERS}?subscription-key=key-partner&subscription-key=key-partner"),
]  # fmt: skip

ACCEPTED = [
    *(
        accepted(token, as_type="app", as_id=APP)
        for token in (
            "app", "app, role among others", "app, two audiences", "app, no idtyp", "app, v1 appid",
            "app, id in capitals", "expired within the skew", "valid soon, within the skew",
            "key of a token without kid",
        )
    ),
    *(
        accepted(token, as_type="user", as_id=USER)
        for token in ("user", "user, scope among others", "user, idtyp user", "user, scope and role")
    ),
]  # fmt: skip

EXPIRED_CHALLENGE = 'Bearer error="invalid_token", error_description="The token has expired"'
REFUSED = [
    Case("no token", 401, "missing-token", token="", answer={"WWW-Authenticate": "Bearer"}),
    Case("token with another scheme", 401, "missing-token", scheme="Basic"),
    Case("token without a scheme", 401, "missing-token", scheme=""),
    Case("scheme in other letters", 200, scheme="bEARER"),
    Case("an empty header", 401, "missing-token", token="", headers=(("Authorization", ""),)),
    Case("a scheme alone", 401, "missing-token", token="", headers=(("Authorization", "Bearer"),)),
    Case("two tokens", 401, "invalid-token", headers=(("Authorization", "Bearer other"),)),
    Case("a token in the query only", 401, "missing-token", token="", target=f"{CUSTOMERS}?access_token=abc"),
    refused("expired", "expired-token", challenge=EXPIRED_CHALLENGE),
    refused("expired long ago", "expired-token", challenge=EXPIRED_CHALLENGE),
    *(
        refused(token, "invalid-token")
        for token in (
            "valid later", "no expiry", "expiry as text", "other audience", "no audience", "other issuer",
            "no issuer", "alg none", "alg None", "RS256 without signature", "HS256 with the public key",
            "borrowed key id", "unknown key id", "altered payload", "app that has a scope too",
            "role, no idtyp, no own subject", "role, no idtyp, no ids at all", "role, unknown idtyp",
            "app without id", "app whose id is no GUID", "app whose id ends in a line break",
            "app with two ids", "user without id",
            "user, role but other scope", "not a token", "three empty parts", "payload is a list",
            "kid is a list", "critical extension", "padded with signs",
        )
    ),
    *(
        missing_role(token)
        for token in (
            "no role", "other role", "role in other case", "role that only begins alike",
            "user without scope", "user, scope that only begins alike",
        )
    ),
]  # fmt: skip

HEADERS = [
    Case("what the caller says of itself is overwritten", 200,
         headers=(("X-Caller-Type", "user"), ("X-Caller-Id", USER), ("X-Subscription-Id", "sub-other")),
         backend={"x-caller-type": ["app"], "x-caller-id": [APP], "x-subscription-id": ["sub-partner"]}),
    Case("in any case, and repeated", 200,
         headers=(("x-caller-id", USER), ("X-CALLER-ID", USER), ("X-Caller-ID", "*"), ("x-CALLER-type", "u")),
         backend={"x-caller-type": ["app"], "x-caller-id": [APP]}),
    Case("a caller header of tomorrow", 400, "reserved-header", headers=(("X-Caller-Roles", "admin"),)),
    Case("one that begins like a known one", 400, "reserved-header", headers=(("x-caller-id2", USER),)),
    Case("an Easy Auth header of tomorrow", 400, "reserved-header",
         headers=(("x-ms-client-principal-roles", "admin"),)),
    Case("headers that steer a host are removed", 200,
         headers=(("x-functions-key", "abc"), ("X-ORIGINAL-URL", "/admin/host/status"),
                  ("X-Rewrite-Url", "/admin/host/status")),
         backend={"x-functions-key": [], "x-original-url": [], "x-rewrite-url": []}),
    Case("Easy Auth headers are removed", 200,
         headers=(("X-MS-CLIENT-PRINCIPAL-ID", demo.GATEWAY_PRINCIPAL_ID), ("x-ms-client-principal", "e30="),
                  ("X-Ms-Client-Principal-Name", "me"), ("X-MS-CLIENT-PRINCIPAL-IDP", "aad"),
                  ("X-ZUMO-AUTH", "abc"), ("Cookie", "AppServiceAuthSession=abc")),
         backend={"x-ms-client-principal-id": [], "x-ms-client-principal": [], "x-zumo-auth": [],
                  "x-ms-client-principal-name": [], "x-ms-client-principal-idp": [], "cookie": []}),
    Case("so are the tokens that Easy Auth passes on", 200,
         headers=(("X-MS-TOKEN-AAD-ACCESS-TOKEN", "abc"), ("X-MS-TOKEN-AAD-ID-TOKEN", "abc")),
         backend={"x-ms-token-aad-access-token": [], "x-ms-token-aad-id-token": []}),
    Case("Connection does not take away what a policy sets", 200, headers=(("Connection", "X-Caller-Id"),),
         backend={"x-caller-id": [APP]}),
    Case("Connection naming Authorization costs the caller its token", 401, "missing-token",
         headers=(("Connection", "Authorization"),)),
    Case("a good request id is kept", 200, headers=(("X-Request-Id", "abc.DEF_1-23"),),
         answer={"X-Request-Id": "abc.DEF_1-23"}, backend={"x-request-id": ["abc.DEF_1-23"]}),
    Case("and is in a problem", 401, "missing-token", token="", headers=(("X-Request-Id", "abc.DEF_1-23"),),
         answer={"X-Request-Id": "abc.DEF_1-23"}),
    Case("and in one before inbound", 401, "missing-subscription-key", key=False,
         headers=(("X-Request-Id", "abc.DEF_1-23"),), answer={"X-Request-Id": "abc.DEF_1-23"}),
    Case("traceparent goes through", 200, headers=(("traceparent", "00-aa-bb-01"),),
         backend={"traceparent": ["00-aa-bb-01"]}),
    Case("If-None-Match and Accept go through", 200,
         headers=(("If-None-Match", '"1"'), ("Accept", "text/csv")),
         backend={"if-none-match": ['"1"'], "accept": ["text/csv"]}),
    Case("what comes from the policies is announced", 200,
         answer={"RateLimit-Limit": "100000", "Access-Control-Allow-Origin": None}),
]  # fmt: skip

ALLOW: dict[str, str | None] = {"Allow": "GET, HEAD, OPTIONS"}
PATHS = [
    Case("unknown path", 404, "unknown-path", target="/metering/v1/nothing"),
    Case("unknown path without key and token", 404, "unknown-path", target="/metering/v1/x", key=False,
         token=""),
    Case("health is not exposed", 404, "unknown-path", target="/metering/v1/health"),
    Case("the backend's own path", 404, "unknown-path", target="/v1/customers"),
    Case("the API's root", 404, "unknown-path", target="/metering/v1"),
    Case("another version", 404, "unknown-path", target="/metering/v2/customers"),
    Case("a name that begins alike", 404, "unknown-path", target="/metering/v10/customers"),
    Case("a slash too many at the end", 404, "unknown-path", target=f"{CUSTOMERS}/"),
    Case("a slash too many inside", 404, "unknown-path", target="/metering/v1//customers"),
    Case("dots do not lead to health", 404, "unknown-path", target="/metering/v1/metering-points/../health"),
    Case("nor do encoded dots", 404, "unknown-path", target="/metering/v1/metering-points/%2e%2E/health"),
    Case("nor do backslashes", 404, "unknown-path", target="/metering/v1/metering-points\\..\\health"),
    Case("dots inside the API", 200, target="/metering/v1/x/../customers", backend_path="/v1/customers"),
    Case("dots out of the API", 404, "unknown-path", target="/metering/v1/../../v1/customers"),
    Case("a parameter", 200, target=f"/metering/v1/metering-points/{POINT}",
         backend_path=f"/v1/metering-points/{POINT}"),
    Case("an empty parameter", 404, "unknown-path", target="/metering/v1/metering-points/"),
    Case("capitals in a path", 200, target="/Metering/V1/Customers", backend_path="/v1/Customers"),
    Case("encoded letters in a path", 400, "invalid-path", target="/metering/v1/%63ustomers"),
    *(
        Case(f"a metering point that is no number of 18 digits: {segment}", 400, "invalid-path",
             target=f"/metering/v1/metering-points/{segment}")
        for segment in ("x", POINT[1:], f"{POINT}0", f"{POINT}%0A", "%37" + POINT[1:], f"{POINT}%2Fhealth",
                        "%2e%2e%2Fadmin%2Fhost%2Fstatus", "..%2F..%2Fadmin", "%D9%A3" * 18, f"%20{POINT}")
    ),
    Case("nor is one with a series below it", 400, "invalid-path",
         target="/metering/v1/metering-points/..%2F..%2Fadmin%2Fhost/consumption"),
    Case("an invalid path is reported before the token", 400, "invalid-path", token="",
         target="/metering/v1/metering-points/x"),
    Case("but not without a key", 401, "missing-subscription-key", key=False,
         target="/metering/v1/metering-points/x"),
    Case("the query goes on as it came", 200, target=f"{CUSTOMERS}?a=1&a=2&b=%C3%A6%26&c&d=x%2By+z",
         backend_query="a=1&a=2&b=%C3%A6%26&c&d=x%2By+z"),
    Case("HEAD", 200, method="HEAD"),
    Case("a method that is not served", 405, "method-not-allowed", method="POST", answer=ALLOW),
    Case("DELETE is not served", 405, "method-not-allowed", method="DELETE", answer=ALLOW),
    Case("TRACE is not served", 405, "method-not-allowed", method="TRACE", answer=ALLOW),
    Case("nor below a metering point", 405, "method-not-allowed", method="PUT", answer=ALLOW,
         target=f"/metering/v1/metering-points/{POINT}/production"),
    Case("nor without any credentials", 405, "method-not-allowed", method="POST", key=False, token="",
         answer=ALLOW),
    Case("another method for an unknown path", 404, "unknown-path", method="POST",
         target="/metering/v1/nothing"),
    Case("another method for health", 404, "unknown-path", method="POST", target="/metering/v1/health"),
    Case("OPTIONS that is no preflight", 204, method="OPTIONS", backend={}, answer=ALLOW),
    Case("OPTIONS for an unknown path", 404, "unknown-path", method="OPTIONS", target="/metering/v1/nothing"),
]  # fmt: skip


def preflight(
    origin: str, method: str = "GET", headers: str = "authorization"
) -> tuple[tuple[str, str], ...]:
    """Return what a browser asks before it sends a request with a token."""
    return (
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    )


NO_CORS: dict[str, str | None] = {
    "Access-Control-Allow-Origin": None,
    "Access-Control-Allow-Methods": None,
    "Access-Control-Allow-Headers": None,
}
BROWSERS = [
    Case("preflight of the portal, without key and token", 200, method="OPTIONS", key=False, token="",
         headers=preflight(PORTAL, headers="authorization, ocp-apim-subscription-key"), backend={},
         answer={"Access-Control-Allow-Origin": PORTAL, "Access-Control-Allow-Methods": "GET,POST,PUT,DELETE",
                 "Access-Control-Max-Age": "300", "Access-Control-Allow-Credentials": None}),
    Case("preflight of another page", 200, method="OPTIONS", key=False, token="", backend={},
         headers=preflight("https://evil.example"), answer=NO_CORS),
    Case("preflight of a page whose name begins alike", 200, method="OPTIONS", key=False, token="",
         backend={}, headers=preflight(f"{PORTAL}.evil.example"), answer=NO_CORS),
    Case("preflight with another scheme", 200, method="OPTIONS", key=False, token="", backend={},
         headers=preflight(PORTAL.replace("https", "http")), answer=NO_CORS),
    Case("preflight for a header that is not allowed", 200, method="OPTIONS", key=False, token="",
         backend={}, headers=preflight(PORTAL, headers="x-caller-id"), answer=NO_CORS),
    Case("preflight for a method that is not served", 204, method="OPTIONS", key=False, token="", backend={},
         headers=preflight(PORTAL, method="DELETE"), answer=NO_CORS),
    Case("preflight for an unknown path", 404, "unknown-path", method="OPTIONS", key=False, token="",
         target="/metering/v1/nothing", headers=preflight(PORTAL)),
    Case("a call from the portal", 200, headers=(("Origin", PORTAL),),
         answer={"Access-Control-Allow-Origin": PORTAL,
                 "Access-Control-Expose-Headers": "Content-Disposition,Content-Location,ETag,Last-Modified,"
                                                  "Link,Location,"
                                                  "RateLimit-Limit,RateLimit-Remaining,Retry-After,"
                                                  "X-Access-Version,X-Cursor,X-Next-Cursor,X-Not-Found,"
                                                  "X-Not-Found-Count,X-Request-Id,X-Stored-Coarser,"
                                                  "X-Stored-Coarser-Count"}),
    Case("a problem for the portal", 401, "missing-token", token="", headers=(("Origin", PORTAL),),
         answer={"Access-Control-Allow-Origin": PORTAL}),
    Case("a call from another page is answered without CORS headers", 200,
         headers=(("Origin", "https://evil.example"),), answer=NO_CORS),
]  # fmt: skip

TABLE = [*KEYS, *ACCEPTED, *REFUSED, *HEADERS, *PATHS, *BROWSERS]


def ask(world: World, case: Case) -> Answer:
    headers = [KEY] if case.key else []
    if case.token:
        headers.append(("Authorization", f"{case.scheme} {TOKENS[case.token](world.identity)}".strip()))
    return world.send(case.target, method=case.method, headers=[*headers, *case.headers])


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.title)
def test_the_gateway_answers(calm_world: World, case: Case) -> None:
    answer = ask(calm_world, case)

    assert (answer.status, answer.code) == (case.status, case.code)
    for name, value in case.answer.items():
        assert answer.header(name) == value
    assert answer.header("X-Request-Id") is not None or case.method == "OPTIONS"


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.title)
def test_the_backend_sees(calm_world: World, case: Case) -> None:
    ask(calm_world, case)

    reached = case.status == 200 and case.method in ("GET", "HEAD")
    assert len(calm_world.backend.seen) == (1 if reached else 0)
    for seen in calm_world.backend.seen:
        for name, values in (case.backend or {}).items():
            assert seen.header(name) == values
        assert case.backend_path is None or seen.path == case.backend_path
        assert case.backend_query is None or seen.query == case.backend_query
        assert seen.header("ocp-apim-subscription-key") == []


@pytest.mark.parametrize(
    "sent", ["short", "x" * 65, "with space", "line\tbreak", "semi;colon", "æøå-æøå-æøå"]
)
def test_a_request_id_that_is_not_well_formed_is_replaced(calm_world: World, sent: str) -> None:
    answer = calm_world.get(X_Request_Id=sent.encode().decode("latin-1"))

    made = answer.header("X-Request-Id")
    assert made is not None
    assert len(made) == 36
    assert calm_world.backend.seen[0].header("x-request-id") == [made]


def test_the_backend_gets_the_token_of_the_gateways_own_identity(calm_world: World) -> None:
    calm_world.get()

    (authorization,) = calm_world.backend.seen[0].header("authorization")
    claims = jwt.decode(authorization.removeprefix("Bearer "), options={"verify_signature": False})
    assert claims["oid"] == demo.GATEWAY_PRINCIPAL_ID
    assert claims["aud"] == demo.FUNCTION_APP_AUDIENCE


def test_a_problem_is_complete(calm_world: World) -> None:
    answer = calm_world.send(f"{CUSTOMERS}?subscription-key=x%22", headers=[("X-Request-Id", "request-1")])

    assert answer.json == {
        "type": "/problems/invalid-subscription-key",
        "title": "Subscription key not valid",
        "status": 401,
        "detail": "The subscription key is unknown, or its subscription is not active for this API.",
        "instance": "/metering/v1/customers",
        "code": "invalid-subscription-key",
        "requestId": "request-1",
    }
    assert answer.header("Cache-Control") == "no-store"


def test_every_token_there_is_appears_in_the_table() -> None:
    assert set(TOKENS) == {case.token for case in TABLE if case.token}
