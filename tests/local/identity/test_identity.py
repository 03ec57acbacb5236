"""The Entra look-alike: what its endpoints answer, and what its tokens say."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from jwt.types import Options
from starlette.types import ASGIApp

from local import demo
from local.identity import app
from local.identity.tenant import Identity
from tests.builders.asgi import Caller

BASE = "http://127.0.0.1:8085"
ISSUER = f"{BASE}/{demo.TENANT_ID}/v2.0"
TENANT = f"/{demo.TENANT_ID}"
TOKEN = f"{TENANT}/oauth2/v2.0/token"
DEVICE = f"{TENANT}/oauth2/v2.0/devicecode"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
GOOD = {
    "grant_type": "client_credentials",
    "client_id": demo.VENDOR.client_id,
    "client_secret": demo.VENDOR.secret,
    "scope": f"{demo.AUDIENCE}/.default",
}


@pytest.fixture(scope="module")
def caller() -> Caller:
    asgi: ASGIApp = app.build(Identity(base_url=BASE, clock=lambda: NOON))
    return Caller(asgi)


def verified(caller: Caller, token: str, *, audience: str = demo.AUDIENCE) -> dict[str, Any]:
    """Return the claims, when the published keys verify the token."""
    published = caller.get(f"{TENANT}/discovery/v2.0/keys").json()
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    # The clock of these tests stands still at a moment that is not now.
    options: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, options=options)


def test_the_configuration_leads_to_keys_and_tokens(caller: Caller) -> None:
    found = caller.get(f"{TENANT}/v2.0/.well-known/openid-configuration").json()

    assert found["issuer"] == ISSUER
    assert found["jwks_uri"] == f"{BASE}{TENANT}/discovery/v2.0/keys"
    assert found["token_endpoint"] == f"{BASE}{TOKEN}"
    assert found["device_authorization_endpoint"] == f"{BASE}{DEVICE}"


def test_an_application_gets_a_token_with_its_role(caller: Caller) -> None:
    answer = caller.post(TOKEN, data=GOOD)

    claims = verified(caller, answer.json()["access_token"])
    uti, oid = claims.pop("uti"), claims.pop("oid")
    assert uti
    assert oid not in (demo.VENDOR.client_id, demo.TENANT_ID)
    assert claims == {
        "aud": demo.AUDIENCE,
        "iss": ISSUER,
        "iat": int(NOON.timestamp()),
        "nbf": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 3599,
        "tid": demo.TENANT_ID,
        "ver": "2.0",
        "azp": demo.VENDOR.client_id,
        "azpacr": "1",
        "idtyp": "app",
        "sub": oid,
        "roles": [demo.ROLE],
    }
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3599
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_application_without_the_role_gets_a_token_without_it(caller: Caller) -> None:
    fields = GOOD | {"client_id": demo.WITHOUT_ROLE.client_id, "client_secret": demo.WITHOUT_ROLE.secret}

    claims = verified(caller, caller.post(TOKEN, data=fields).json()["access_token"])

    assert "roles" not in claims
    assert "scp" not in claims


def test_a_role_is_one_of_the_api_it_was_given_on(caller: Caller) -> None:
    answer = caller.post(TOKEN, data=GOOD | {"scope": f"{demo.OTHER_AUDIENCE}/.default"})

    claims = verified(caller, answer.json()["access_token"], audience=demo.OTHER_AUDIENCE)
    assert "roles" not in claims


def device_token(caller: Caller, **fields: str) -> dict[str, Any]:
    """Return a user's token by the device code flow."""
    client = {"client_id": demo.VENDOR.client_id}
    scope = {"scope": f"{demo.AUDIENCE}/{demo.ROLE} openid"}
    code = caller.post(DEVICE, data=client | scope | fields).json()["device_code"]
    grant = {"grant_type": app.DEVICE_GRANT, "device_code": code}
    answer: dict[str, Any] = caller.post(TOKEN, data=client | grant).json()
    return answer


def test_a_user_gets_a_token_with_the_scope(caller: Caller) -> None:
    claims = verified(caller, device_token(caller, user="ola")["access_token"])

    assert claims["oid"] == demo.OLA.object_id
    assert claims["scp"] == demo.ROLE
    assert claims["preferred_username"] == demo.OLA.email
    assert claims["azp"] == demo.VENDOR.client_id
    assert claims["sub"] not in (claims["oid"], demo.OLA.object_id)
    assert not {"roles", "idtyp"} & set(claims)


def test_a_lifetime_may_be_asked_for_so_that_expiry_can_be_tried(caller: Caller) -> None:
    of_app = verified(caller, caller.post(TOKEN, data=GOOD | {"lifetime": "-60"}).json()["access_token"])
    of_user = verified(caller, device_token(caller, user="kari", lifetime="5")["access_token"])

    assert of_app["exp"] == of_app["iat"] - 60
    assert of_user["exp"] == of_user["iat"] + 5


def test_a_device_code_is_good_once_and_for_its_client(caller: Caller) -> None:
    fields = {"client_id": demo.VENDOR.client_id, "scope": f"{demo.AUDIENCE}/{demo.ROLE}"}
    code = caller.post(DEVICE, data=fields).json()["device_code"]
    stolen = {"grant_type": app.DEVICE_GRANT, "device_code": code, "client_id": demo.BAKERY_APP.client_id}

    assert caller.post(TOKEN, data=stolen).json()["error"] == "invalid_grant"
    assert caller.post(TOKEN, data=stolen | {"client_id": demo.VENDOR.client_id}).status_code == 400


def test_a_client_may_send_its_secret_in_a_header(caller: Caller) -> None:
    configuration = caller.get(f"{TENANT}/v2.0/.well-known/openid-configuration").json()
    form = {name: value for name, value in GOOD.items() if not name.startswith("client_")}
    encoded = (quote(demo.VENDOR.client_id, safe=""), quote(demo.VENDOR.secret, safe=""))

    granted = caller.post(TOKEN, data=form, auth=encoded)
    wrong = caller.post(TOKEN, data=form, auth=(demo.VENDOR.client_id, "wrong"))
    broken = caller.post(TOKEN, data=form, headers={"Authorization": "Basic ?"})

    assert "client_secret_basic" in configuration["token_endpoint_auth_methods_supported"]
    assert verified(caller, granted.json()["access_token"])["azp"] == demo.VENDOR.client_id
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (broken.status_code, broken.json()["error_codes"]) == (400, [900144])


REFUSALS = [
    ({"grant_type": ""}, 400, "invalid_request", 900144),
    ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ({"client_id": demo.TENANT_ID}, 400, "unauthorized_client", 700016),
    ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
    ({"client_secret": ""}, 400, "invalid_request", 900144),
    ({"scope": f"{demo.AUDIENCE}/{demo.ROLE}"}, 400, "invalid_scope", 1002012),
    ({"scope": "api://unknown/.default"}, 400, "invalid_resource", 500011),
]


@pytest.mark.parametrize(("change", "status", "error", "number"), REFUSALS)
def test_a_refusal_is_worded_as_entras(
    caller: Caller, change: dict[str, str], status: int, error: str, number: int
) -> None:
    answer = caller.post(TOKEN, data=GOOD | change)

    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert body["timestamp"] == "2026-06-01 12:00:00Z"
    assert {"trace_id", "correlation_id"} <= set(body)
    assert "wrong" not in body["error_description"]


def test_an_unknown_user_is_refused(caller: Caller) -> None:
    fields = {"client_id": demo.VENDOR.client_id, "scope": f"{demo.AUDIENCE}/{demo.ROLE}", "user": "nobody"}

    assert caller.post(DEVICE, data=fields).json()["error"] == "invalid_grant"


def managed(caller: Caller, *, header: str = demo.GATEWAY_IDENTITY_HEADER, **query: str) -> Any:
    """Ask the managed identity endpoint as azure-identity does."""
    parameters = {"api-version": "2019-08-01", "resource": demo.FUNCTION_APP_AUDIENCE} | query
    return caller.get("/msi/token", params=parameters, headers={"X-IDENTITY-HEADER": header})


@pytest.mark.parametrize(
    ("header", "principal"),
    [
        (demo.GATEWAY_IDENTITY_HEADER, demo.GATEWAY_PRINCIPAL_ID),
        (demo.FUNCTION_IDENTITY_HEADER, demo.FUNCTION_PRINCIPAL_ID),
    ],
)
def test_a_resource_gets_a_token_of_its_own_identity(caller: Caller, header: str, principal: str) -> None:
    answer = managed(caller, header=header).json()

    claims = verified(caller, answer["access_token"], audience=demo.FUNCTION_APP_AUDIENCE)
    assert (claims["oid"], claims["sub"], claims["idtyp"]) == (principal, principal, "app")
    assert answer["expires_on"] == str(claims["exp"])
    assert answer["resource"] == demo.FUNCTION_APP_AUDIENCE


def test_nobody_else_gets_one(caller: Caller) -> None:
    assert managed(caller, header="guessed").status_code == 401
    assert managed(caller, client_id=demo.FUNCTION_CLIENT_ID).status_code == 400
    assert managed(caller, **{"api-version": "2017-09-01"}).status_code == 400


def test_rotation_publishes_the_new_key_beside_the_old(caller: Caller) -> None:
    before = caller.post(TOKEN, data=GOOD).json()["access_token"]

    new = caller.post("/rotate-keys").json()["kid"]

    after = caller.post(TOKEN, data=GOOD).json()["access_token"]
    assert jwt.get_unverified_header(after)["kid"] == new
    assert verified(caller, before)["oid"] == verified(caller, after)["oid"]


def test_it_says_when_it_is_ready(caller: Caller) -> None:
    assert caller.get("/healthz").text == "ok"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "http://localhost:23000"])
def test_a_page_of_this_machine_may_read_a_token(caller: Caller, origin: str) -> None:
    answer = caller.post(TOKEN, data=GOOD, headers={"Origin": origin})

    assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize("origin", ["https://127.0.0.1.example", "http://127.0.0.1:80.example", "null"])
def test_a_page_from_elsewhere_may_not(caller: Caller, origin: str) -> None:
    answer = caller.post(TOKEN, data=GOOD, headers={"Origin": origin})

    assert "access-control-allow-origin" not in answer.headers
