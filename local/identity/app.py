"""The HTTP face of the local identity provider: Entra's v2.0 endpoints for one tenant.

`POST …/devicecode` takes an extra field `user` (a demo user's short name) and the sign-in is
approved at once. `lifetime` (seconds, may be negative) on both flows and `POST /rotate-keys`
exist only here, so that expiry and key rotation can be tried. `GET /msi/token` speaks the
App Service managed identity protocol (api-version 2019-08-01).
"""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus
from uuid import uuid4

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local import demo
from local.identity import directory, refusals, tokens
from local.identity.refusals import Refused
from local.identity.tenant import Identity

PAGES_OF_THIS_MACHINE = r"http://(127\.0\.0\.1|localhost):\d+"
"""Origins whose pages may read answers: the developer page asks for tokens as a program would."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def build(identity: Identity) -> Starlette:
    """Return the ASGI application of one tenant."""

    async def configuration(_: Request) -> Response:
        return JSONResponse(_configuration(identity))

    async def published_keys(_: Request) -> Response:
        return JSONResponse(identity.keys.published(issuer=identity.issuer))

    async def token(request: Request) -> Response:
        fields = await _form(request)
        return JSONResponse(_granted(identity, fields), headers={"Cache-Control": "no-store"})

    async def device_code(request: Request) -> Response:
        return JSONResponse(_device_code(identity, await _form(request)))

    async def managed_identity(request: Request) -> Response:
        return _managed_identity(identity, request)

    async def rotate_keys(_: Request) -> Response:
        return JSONResponse({"kid": identity.keys.rotate().kid})

    async def refused(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refused)  # noqa: S101 - Starlette's handler type is wider than its use.
        return JSONResponse(refusal.body(now=identity.clock()), status_code=refusal.status)

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok")

    tenant = f"/{demo.TENANT_ID}"
    return Starlette(
        routes=[
            Route(f"{tenant}/v2.0/.well-known/openid-configuration", configuration),
            Route(f"{tenant}/discovery/v2.0/keys", published_keys),
            Route(f"{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
            Route(f"{tenant}/oauth2/v2.0/devicecode", device_code, methods=["POST"]),
            Route("/msi/token", managed_identity),
            Route("/rotate-keys", rotate_keys, methods=["POST"]),
            Route("/healthz", healthy),
        ],
        exception_handlers={Refused: refused},
        middleware=[
            Middleware(CORSMiddleware, allow_origin_regex=PAGES_OF_THIS_MACHINE, allow_methods=["POST"])
        ],
    )


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", errors="replace")
    return _basic(request.headers.get("authorization", "")) | dict(parse_qsl(body, keep_blank_values=True))


def _basic(header: str) -> dict[str, str]:
    """Return id and secret of `client_secret_basic` (RFC 6749, section 2.3.1); empty without the header."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def _configuration(identity: Identity) -> dict[str, Any]:
    return {
        "issuer": identity.issuer,
        "jwks_uri": f"{identity.tenant_url}/discovery/v2.0/keys",
        "token_endpoint": f"{identity.tenant_url}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{identity.tenant_url}/oauth2/v2.0/devicecode",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
    }


def _granted(identity: Identity, fields: Mapping[str, str]) -> dict[str, Any]:
    grant = _required(fields, "grant_type")
    if grant == "client_credentials":
        return _client_credentials(identity, fields)
    if grant == DEVICE_GRANT:
        return _device(identity, fields)
    raise refusals.unknown_grant(grant)


def _client_credentials(identity: Identity, fields: Mapping[str, str]) -> dict[str, Any]:
    client = _client(fields)
    if _required(fields, "client_secret") != client.secret:
        raise refusals.wrong_secret(client.client_id)
    scope = _required(fields, "scope")
    audience, _, suffix = scope.rpartition("/")
    if suffix != ".default":
        raise refusals.bad_scope(scope)
    _known_api(audience)
    lifetime = _lifetime(fields)
    return _answer(
        identity.application_token(client, audience=audience, lifetime=lifetime), lifetime=lifetime
    )


def _device_code(identity: Identity, fields: Mapping[str, str]) -> dict[str, Any]:
    _client(fields)
    _scopes(_required(fields, "scope"))
    if directory.user(fields.get("user", demo.USERS[0].name)) is None:
        raise refusals.unknown_user(fields["user"])
    user_code = uuid4().hex[:9].upper()
    return {
        "device_code": identity.remember_device(fields),
        "user_code": user_code,
        "verification_uri": f"{identity.tenant_url}/devicelogin",
        "expires_in": 900,
        "interval": 1,
        "message": f"Demo sign-in: {user_code} is approved already; ask the token endpoint.",
    }


def _device(identity: Identity, fields: Mapping[str, str]) -> dict[str, Any]:
    client = _client(fields)
    pending = identity.forget_device(_required(fields, "device_code"))
    if pending is None or pending["client_id"] != client.client_id:
        raise refusals.unknown_device_code()
    user = directory.user(pending.get("user", demo.USERS[0].name))
    assert user is not None  # noqa: S101 - the device code was only issued for a known user.
    audience, scopes = _scopes(pending["scope"])
    lifetime = _lifetime({**pending, **fields})
    token = identity.user_token(
        user, client_id=client.client_id, scopes=scopes, audience=audience, lifetime=lifetime
    )
    return _answer(token, lifetime=lifetime) | {"scope": pending["scope"]}


def _managed_identity(identity: Identity, request: Request) -> Response:
    """Follow https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference."""
    known = directory.managed_identity(request.headers.get("x-identity-header"))
    if known is None:
        return JSONResponse({"statusCode": 401, "message": "Unauthorized"}, status_code=401)
    query = request.query_params
    if query.get("api-version") != "2019-08-01" or "resource" not in query:
        return JSONResponse({"statusCode": 400, "message": "Unsupported request"}, status_code=400)
    if query.get("client_id", known.client_id) != known.client_id:
        return JSONResponse(
            {"statusCode": 400, "message": "No user-assigned identity with this client id."}, status_code=400
        )
    token, ends = identity.managed_identity_token(known, audience=query["resource"])
    return JSONResponse(
        {
            "access_token": token,
            "expires_on": str(ends),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": known.client_id,
        }
    )


def _required(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name):
        raise refusals.missing(name)
    return fields[name]


def _client(fields: Mapping[str, str]) -> demo.Client:
    client_id = _required(fields, "client_id")
    client = directory.client(client_id)
    if client is None:
        raise refusals.unknown_client(client_id)
    return client


def _known_api(audience: str) -> None:
    if audience not in directory.APIS:
        raise refusals.unknown_api(audience)


def _scopes(scope: str) -> tuple[str, tuple[str, ...]]:
    """Return API and scope names of `<api>/<name> …`; OpenID's own scopes are allowed beside them."""
    named = [part.rpartition("/") for part in scope.split() if "/" in part]
    audiences = {audience for audience, _, _ in named}
    if len(audiences) != 1:
        raise refusals.bad_scope(scope)
    audience = audiences.pop()
    _known_api(audience)
    names = tuple(demo.ROLE if name == ".default" else name for _, _, name in named)
    return audience, names


def _lifetime(fields: Mapping[str, str]) -> int:
    return int(fields.get("lifetime", tokens.LIFETIME_SECONDS))


def _answer(token: str, *, lifetime: int) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": token,
    }
