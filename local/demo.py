"""The demo world: fixed ids, keys and secrets that work in the local stack and nowhere else."""

from dataclasses import dataclass

TENANT_ID = "5a5e0000-0000-4000-8000-000000000001"
AUDIENCE = "api://metering-demo"
OTHER_AUDIENCE = "api://another-api-demo"
"""A second API of the same tenant: its tokens are genuine and must still be refused."""
ROLE = "Metering.Read"

GATEWAY_PRINCIPAL_ID = "5a5e0000-0000-4000-8000-0000000000a1"
GATEWAY_CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000a2"
GATEWAY_IDENTITY_HEADER = "demo-gateway-identity"
FUNCTION_APP_AUDIENCE = "api://metering-functions-demo"
FUNCTION_PRINCIPAL_ID = "5a5e0000-0000-4000-8000-0000000000b1"
FUNCTION_CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000b2"
FUNCTION_IDENTITY_HEADER = "demo-function-identity"

SEVERA_CLIENT_ID = "demo-severa-client"
SEVERA_CLIENT_SECRET = "demo-severa-secret"


@dataclass(frozen=True)
class Client:
    """An application registered in the demo tenant, with the roles that it was given on the API."""

    name: str
    client_id: str
    secret: str
    roles: tuple[str, ...] = (ROLE,)


@dataclass(frozen=True)
class User:
    """A person in the demo tenant."""

    name: str
    object_id: str
    email: str
    display_name: str


@dataclass(frozen=True)
class Subscription:
    """A subscription of a product of the gateway, with its key."""

    name: str
    product: str
    key: str


@dataclass(frozen=True)
class Customer:
    """A customer as Severa has it."""

    guid: str
    number: int
    name: str
    client_ids: tuple[str, ...]
    contact: User | None = None


VENDOR = Client("eos-vendor", "5a5e0000-0000-4000-8000-0000000000c1", "demo-eos-vendor-secret")
BAKERY_APP = Client("fjordbakeriet", "5a5e0000-0000-4000-8000-0000000000c2", "demo-fjordbakeriet-secret")
WITHOUT_ROLE = Client(
    "without-role", "5a5e0000-0000-4000-8000-0000000000c3", "demo-without-role-secret", roles=()
)
WITHOUT_GRANTS = Client(
    "without-grants", "5a5e0000-0000-4000-8000-0000000000c4", "demo-without-grants-secret"
)
CLIENTS = (VENDOR, BAKERY_APP, WITHOUT_ROLE, WITHOUT_GRANTS)

KARI = User(
    "kari", "5a5e0000-0000-4000-8000-0000000000d1", "kari.nordmann@fjordbakeriet.example", "Kari Nordmann"
)
OLA = User(
    "ola", "5a5e0000-0000-4000-8000-0000000000d2", "ola.nordmann@nordlys-kjopesenter.example", "Ola Nordmann"
)
USERS = (KARI, OLA)

SUBSCRIPTIONS = (
    Subscription("eos-vendor", "partner", "demo-key-eos-vendor"),
    Subscription("fjordbakeriet", "standard", "demo-key-fjordbakeriet"),
)

CUSTOMERS = (
    Customer("5a5e0000-0000-4000-8000-0000000000e1", 10001, "Fjordbakeriet AS",
             (BAKERY_APP.client_id, VENDOR.client_id), KARI),
    Customer("5a5e0000-0000-4000-8000-0000000000e2", 10002, "Nordlys Kjøpesenter AS", (VENDOR.client_id,)),
    Customer("5a5e0000-0000-4000-8000-0000000000e3", 10003, "Solberg Gård", ()),
)  # fmt: skip
