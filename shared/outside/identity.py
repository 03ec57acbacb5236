"""The app's own identity: one credential for tables, blobs, warehouse, Graph and telemetry."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential
from azure.identity import AzureCliCredential, CredentialUnavailableError, ManagedIdentityCredential

from shared import limits
from shared.limits import Limit
from shared.outside import transports

_SIGNS_OF_AZURE = ("IDENTITY_ENDPOINT", "WEBSITE_INSTANCE_ID")
"""Set by App Service: the first where an app has an identity, the second on every instance."""


def credential(
    client_id: str | None, environment: Mapping[str, str] = os.environ, *, limit: Limit = limits.TOKEN
) -> TokenCredential:
    """Return the credential of the managed identity in Azure, of the Azure CLI elsewhere.

    In Azure no developer's sign-in is tried, whatever the identity's endpoint answers: each would take
    seconds, and some start other programs.

    Args:
        client_id: of the user-assigned managed identity; None for the one of the app itself.
        environment: shows whether the app runs in Azure.
        limit: of the managed identity's endpoint.
    """
    if any(environment.get(name) for name in _SIGNS_OF_AZURE):
        return _ManagedIdentity(client_id=client_id, **transports.azure_options(limit))
    return AzureCliCredential()


class _ManagedIdentity(ManagedIdentityCredential):
    """Raises an error of the Azure SDK even if the endpoint's answer is not JSON, or is an empty 503.

    After a 503 the library asks for no token until the endpoint's `Retry-After` is over.
    """

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token, for clients that use the older protocol."""
        with _translate_errors():
            token: AccessToken = super().get_token(*scopes, **options)
            return token

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        """Return a token and the time to renew it."""
        with _translate_errors():
            token: AccessTokenInfo = super().get_token_info(*scopes, **options)
            return token


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CredentialUnavailableError("The identity's endpoint returned no token.") from error
