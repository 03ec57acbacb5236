"""Access tokens with the claims of Entra's v2.0 tokens.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
App-only tokens carry `roles`, `idtyp` = "app" and a `sub` equal to `oid`; tokens of users
carry `scp`, a pairwise `sub` and no `idtyp`.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

from local import demo
from local.identity import directory

LIFETIME_SECONDS = 3599
"""What Entra grants to most clients: an hour, less the second that it took."""


def for_application(
    client: demo.Client, *, audience: str, issuer: str, now: datetime, lifetime: int = LIFETIME_SECONDS
) -> dict[str, Any]:
    """Return the claims of a client-credentials token. Roles only where the application was given them."""
    principal = directory.service_principal_id(client.client_id)
    claims = _common(audience=audience, issuer=issuer, now=now, lifetime=lifetime) | {
        "azp": client.client_id,
        "azpacr": "1",
        "idtyp": "app",
        "oid": principal,
        "sub": principal,
    }
    if audience == demo.AUDIENCE and client.roles:
        claims["roles"] = list(client.roles)
    return claims


def for_user(
    user: demo.User, *, client_id: str, scopes: tuple[str, ...], audience: str, issuer: str, now: datetime,
    lifetime: int = LIFETIME_SECONDS,
) -> dict[str, Any]:  # fmt: skip
    """Return the claims of a delegated token: a person who signed in through the application `client_id`."""
    return _common(audience=audience, issuer=issuer, now=now, lifetime=lifetime) | {
        "azp": client_id,
        "azpacr": "0",
        "name": user.display_name,
        "oid": user.object_id,
        "preferred_username": user.email,
        "scp": " ".join(scopes),
        "sub": directory.pairwise_subject(user.object_id, client_id),
    }


def for_managed_identity(
    identity: directory.ManagedIdentity, *, audience: str, issuer: str, now: datetime
) -> dict[str, Any]:
    """Return the claims of a token that Azure gives to a resource; it lives for a day."""
    return _common(audience=audience, issuer=issuer, now=now, lifetime=86_400) | {
        "azp": identity.client_id,
        "azpacr": "2",
        "idtyp": "app",
        "oid": identity.object_id,
        "sub": identity.object_id,
    }


def _common(*, audience: str, issuer: str, now: datetime, lifetime: int) -> dict[str, Any]:
    issued = int(now.timestamp())
    return {
        "aud": audience,
        "iss": issuer,
        "iat": issued,
        "nbf": issued,
        "exp": issued + lifetime,
        "tid": demo.TENANT_ID,
        "uti": uuid4().hex,
        "ver": "2.0",
    }
