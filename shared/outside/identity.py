"""The app's own identity: one credential for tables, blobs, warehouse, Graph and telemetry."""

import os
from collections.abc import Mapping

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from shared import limits
from shared.outside import azure_transport

_SIGNS_OF_AZURE = ("IDENTITY_ENDPOINT", "WEBSITE_INSTANCE_ID")
"""Set by App Service: the first where an app has an identity, the second on every instance."""


def credential(client_id: str | None, environment: Mapping[str, str] = os.environ) -> TokenCredential:
    """The managed identity in Azure, a developer's sign-in elsewhere.

    In Azure no developer's sign-in is tried, whatever the identity's endpoint answers: each would cost
    seconds, and some start other programs.

    Args:
        client_id: of the user-assigned managed identity; None for the one of the app itself.
        environment: tells where the app runs.
    """
    if any(environment.get(name) for name in _SIGNS_OF_AZURE):
        return ManagedIdentityCredential(client_id=client_id, **azure_transport.options(limits.TOKEN))
    return DefaultAzureCredential(managed_identity_client_id=client_id)
