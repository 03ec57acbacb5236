"""What the demo tenant knows: applications, users, APIs and managed identities, all from `local.demo`."""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from local import demo


@dataclass(frozen=True)
class ManagedIdentity:
    """An identity that Azure gives to a resource; only that resource knows the header value."""

    client_id: str
    object_id: str
    header: str


APIS = (demo.AUDIENCE, demo.OTHER_AUDIENCE, demo.FUNCTION_APP_AUDIENCE)
GATEWAY = ManagedIdentity(demo.GATEWAY_CLIENT_ID, demo.GATEWAY_PRINCIPAL_ID, demo.GATEWAY_IDENTITY_HEADER)
FUNCTION_APP = ManagedIdentity(
    demo.FUNCTION_CLIENT_ID, demo.FUNCTION_PRINCIPAL_ID, demo.FUNCTION_IDENTITY_HEADER
)
MANAGED_IDENTITIES = (GATEWAY, FUNCTION_APP)


def client(client_id: str) -> demo.Client | None:
    """Return the application with this client id."""
    return next((known for known in demo.CLIENTS if known.client_id == client_id), None)


def user(name: str) -> demo.User | None:
    """Return the person with this short name."""
    return next((known for known in demo.USERS if known.name == name), None)


def managed_identity(header: str | None) -> ManagedIdentity | None:
    """Return the resource that this X-IDENTITY-HEADER belongs to."""
    return next((known for known in MANAGED_IDENTITIES if known.header == header), None)


def service_principal_id(client_id: str) -> str:
    """Return the object id of an application's service principal; in Entra it differs from the client id."""
    return str(uuid5(NAMESPACE_URL, f"{demo.TENANT_ID}/service-principals/{client_id}"))


def pairwise_subject(user_id: str, client_id: str) -> str:
    """Return a user's `sub`: opaque, and another one for each application, as in Entra."""
    return uuid5(NAMESPACE_URL, f"{demo.TENANT_ID}/subjects/{user_id}/{client_id}").hex
