"""The demo world: fixed ids, keys and secrets that work in the local stack and nowhere else."""

import base64
from dataclasses import dataclass

TENANT_ID = "5a5e0000-0000-4000-8000-000000000001"
AUDIENCE = "api://metering-demo"
OTHER_AUDIENCE = "api://another-api-demo"
"""A second API of the same tenant: its tokens are genuine and must still be refused."""
ROLE = "Metering.Read"
API_CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000f1"
"""Application (client) id of the API itself: the enterprise application that defines the role."""

GATEWAY_PRINCIPAL_ID = "5a5e0000-0000-4000-8000-0000000000a1"
GATEWAY_CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000a2"
GATEWAY_IDENTITY_HEADER = "demo-gateway-identity"
FUNCTION_APP_AUDIENCE = "api://metering-functions-demo"
FUNCTION_PRINCIPAL_ID = "5a5e0000-0000-4000-8000-0000000000b1"
FUNCTION_CLIENT_ID = "5a5e0000-0000-4000-8000-0000000000b2"
FUNCTION_IDENTITY_HEADER = "demo-function-identity"

SEVERA_CLIENT_ID = "demo-severa-client"
SEVERA_CLIENT_SECRET = "demo-severa-secret"

ACCESS_SETTINGS = {
    "METERING_POINT_SOURCE": "warehouse",
    "ENTRA_PROVISIONING": "report",
    "SEVERA_CLIENT_IDS_PROPERTY": "API client id",
    "SEVERA_METERING_POINTS_PROPERTY": "API metering points",
    "SEVERA_CONTACT_ROLE": "API",
}
"""How access is decided in the demo world; the app has no defaults for these."""

SEALING_KEY = base64.b64encode(b"demo-key-that-seals-demo-cursors").decode()
SFTP_KEY = base64.b64encode(b"demo-key-that-opens-sftp-servers").decode()
SFTP_HOST_KEY = base64.b64encode(b"demo-host-key-of-the-sftp-server").decode()
"""Of the customer's server in the demo world; the app never has it."""
SFTP_USER = "metering"


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
    Customer("5a5e0000-0000-4000-8000-0000000000e2", 10002, "Nordlys Kjøpesenter AS",
             (VENDOR.client_id,), OLA),
    Customer("5a5e0000-0000-4000-8000-0000000000e3", 10003, "Solberg Gård", ()),
)  # fmt: skip


@dataclass(frozen=True)
class MeteringPoint:
    """A metering point of the demo world; where it changed tenant, `former` supplied it before."""

    metering_point_id: str
    name: str
    address: str
    postal_code: str
    city: str
    price_area: str
    grid_area: str
    meter_serial: str
    customer: Customer
    former: Customer | None = None


BAKERY, CENTRE, FARM = CUSTOMERS

METERING_POINTS = (
    MeteringPoint("707057500000000018", "Bakeriet", "Damsgårdsveien 120", "5160", "Bergen",
                  "NO5", "BKK", "6970631400000011", BAKERY),
    MeteringPoint("707057500000000025", "Utsalg Torgallmenningen", "Torgallmenningen 8", "5014", "Bergen",
                  "NO5", "BKK", "6970631400000028", BAKERY),
    MeteringPoint("707057500000000032", "Kontor og lager med solceller", "Kanalveien 54", "5068", "Bergen",
                  "NO5", "BKK", "6970631400000035", BAKERY),
    MeteringPoint("707057500000000049", "Butikklokale Marken", "Marken 21", "5017", "Bergen",
                  "NO5", "BKK", "6970631400000042", FARM, BAKERY),
    MeteringPoint("707057500000000056", "Fellesareal", "Sjøgata 12", "9008", "Tromsø",
                  "NO4", "ARVA", "6970631400000059", CENTRE),
    MeteringPoint("707057500000000063", "Dagligvare", "Sjøgata 12", "9008", "Tromsø",
                  "NO4", "ARVA", "6970631400000066", CENTRE),
    MeteringPoint("707057500000000070", "Parkeringshus med elbillading", "Sjøgata 14", "9008", "Tromsø",
                  "NO4", "ARVA", "6970631400000073", CENTRE),
    MeteringPoint("707057500000000087", "Varmesentral", "Sjøgata 12", "9008", "Tromsø",
                  "NO4", "ARVA", "6970631400000080", CENTRE),
    MeteringPoint("707057500000000094", "Utelys", "Sjøgata 12", "9008", "Tromsø",
                  "NO4", "ARVA", "6970631400000097", CENTRE),
    MeteringPoint("707057500000000100", "Våningshus", "Solbergvegen 40", "2322", "Ridabu",
                  "NO1", "ELVIA", "6970631400000103", FARM),
    MeteringPoint("707057500000000117", "Fjøs", "Solbergvegen 40", "2322", "Ridabu",
                  "NO1", "ELVIA", "6970631400000110", FARM),
    MeteringPoint("707057500000000124", "Korntørke", "Solbergvegen 42", "2322", "Ridabu",
                  "NO1", "ELVIA", "6970631400000127", FARM),
)  # fmt: skip
