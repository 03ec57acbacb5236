"""One tenant of the local identity provider: its keys, its tokens, its pending sign-ins."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from local import demo
from local.identity import directory, tokens
from local.identity.keys import KeyRing


class Identity:
    """One tenant: its keys, and the device codes that wait to be exchanged."""

    def __init__(self, *, base_url: str, clock: Callable[[], datetime], keys: KeyRing | None = None) -> None:
        self.tenant_url = f"{base_url}/{demo.TENANT_ID}"
        self.issuer = f"{self.tenant_url}/v2.0"
        self.clock = clock
        self.keys = keys or KeyRing()
        self._devices: dict[str, Mapping[str, str]] = {}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a token with exactly these claims, under the current key."""
        return self.keys.current.sign(claims)

    def application_token(
        self, client: demo.Client, *, audience: str = demo.AUDIENCE, lifetime: int = tokens.LIFETIME_SECONDS
    ) -> str:
        """Return a client-credentials token."""
        return self.sign(
            tokens.for_application(
                client, audience=audience, issuer=self.issuer, now=self.clock(), lifetime=lifetime
            )
        )

    def user_token(
        self,
        user: demo.User,
        *,
        client_id: str = demo.VENDOR.client_id,
        scopes: tuple[str, ...] = (demo.ROLE,),
        audience: str = demo.AUDIENCE,
        lifetime: int = tokens.LIFETIME_SECONDS,
    ) -> str:
        """Return a delegated token of a demo user."""
        return self.sign(
            tokens.for_user(
                user, client_id=client_id, scopes=scopes, audience=audience, issuer=self.issuer,
                now=self.clock(), lifetime=lifetime,
            )
        )  # fmt: skip

    def managed_identity_token(
        self, identity: directory.ManagedIdentity, *, audience: str
    ) -> tuple[str, int]:
        """Return a token for an Azure resource, and the Unix time at which it ends."""
        claims = tokens.for_managed_identity(
            identity, audience=audience, issuer=self.issuer, now=self.clock()
        )
        return self.sign(claims), claims["exp"]

    def remember_device(self, fields: Mapping[str, str]) -> str:
        """Return a device code that can be exchanged once."""
        code = uuid4().hex
        self._devices[code] = fields
        return code

    def forget_device(self, code: str) -> Mapping[str, str] | None:
        """Return what was asked for under this code, once."""
        return self._devices.pop(code, None)
