"""The app's own identity: one credential for tables, blobs, warehouse, Graph and telemetry."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential

from shared import limits
from shared.limits import Limit
from shared.outside import azure_transport

_SIGNS_OF_AZURE = ("IDENTITY_ENDPOINT", "WEBSITE_INSTANCE_ID")
"""Set by App Service: the first where an app has an identity, the second on every instance."""


def credential(
    client_id: str | None, environment: Mapping[str, str] = os.environ, *, limit: Limit = limits.TOKEN
) -> TokenCredential:
    """The managed identity in Azure, a developer's sign-in elsewhere.

    In Azure no developer's sign-in is tried, whatever the identity's endpoint answers: each would cost
    seconds, and some start other programs.

    Args:
        client_id: of the user-assigned managed identity; None for the one of the app itself.
        environment: tells where the app runs.
        limit: of the managed identity's endpoint.
    """
    if any(environment.get(name) for name in _SIGNS_OF_AZURE):
        return _ManagedIdentity(client_id=client_id, **azure_transport.options(limit))
    return DefaultAzureCredential(managed_identity_client_id=client_id)


class _ManagedIdentity(ManagedIdentityCredential):
    """Raises an error of the Azure SDK, too, where the endpoint's answer is not JSON, or empty with a 503.

    After a 503 the library takes no token before the endpoint's `Retry-After` is over.
    """

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token, for clients that take nothing else."""
        with _translated():
            token: AccessToken = super().get_token(*scopes, **options)
            return token

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        """Return a token with when to renew it."""
        with _translated():
            token: AccessTokenInfo = super().get_token_info(*scopes, **options)
            return token


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CredentialUnavailableError("The identity's endpoint answered no token.") from error
