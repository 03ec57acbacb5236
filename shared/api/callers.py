"""Callers: the gateway identifies them, the grants say what they may read."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared import metering
from shared.access.grants import Grants
from shared.api.problems import Refused
from shared.metering import MeteringPointId
from shared.readable import Permission, Readable

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SUBSCRIPTION = re.compile(r"[A-Za-z0-9 ._-]{1,256}")


@dataclass(frozen=True)
class Caller:
    """An identified caller.

    Attributes:
        principal: `app:<Entra application (client) id>` or `user:<Entra object id>`.
    """

    principal: str

    @property
    def is_person(self) -> bool:
        """Whether it is a signed-in user, not an application."""
        return self.principal.startswith("user:")


def identify(
    headers: Mapping[str, str], *, gateway_principal_id: str | None, authentication_enabled: bool
) -> Caller:
    """Return the caller that the gateway names.

    App Service authentication sets X-MS-CLIENT-PRINCIPAL-ID from the token that it validated
    (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities)
    and removes a client's own header of that name. The header is compared with the gateway's id here,
    since authentication may be configured to admit other callers. Without authentication the header
    proves nothing: anybody may send it.

    Raises:
        Refused: 503 when authentication is off or the app does not know its gateway, 401 otherwise.
    """
    if not authentication_enabled:
        raise Refused(
            "gateway-not-configured",
            "App Service authentication is switched off.",
            headers={"Retry-After": "300"},
        )
    if gateway_principal_id is None:
        raise Refused(
            "gateway-not-configured",
            "The setting GATEWAY_PRINCIPAL_ID is missing.",
            headers={"Retry-After": "300"},
        )
    if headers.get("x-ms-client-principal-id", "").lower() != gateway_principal_id:
        raise Refused(
            "not-from-gateway", "Call the API through the gateway, with your subscription key and token."
        )
    kind = headers.get("x-caller-type", "")
    caller_id = headers.get("x-caller-id", "").lower()
    if kind not in ("app", "user") or not metering.is_guid(caller_id):
        raise Refused("unknown-caller", "The gateway sent no usable caller type and id.")
    return Caller(f"{kind}:{caller_id}")


def authorize_one(grants: Grants, caller: Caller, *, metering_point_id: MeteringPointId) -> Readable:
    """Return what the caller may read of one metering point.

    Raises:
        Refused: 404 when the caller may read none of it, whether it is unknown or another customer's.
    """
    readable = grants.of(caller.principal, metering_point_id=metering_point_id)
    if not readable.permissions:
        raise Refused("not-found", "GET /metering-points lists the metering points that you may read.")
    return readable


def authorize_many(
    grants: Grants,
    caller: Caller,
    *,
    named: Sequence[MeteringPointId] = (),
    customer_number: int | None = None,
) -> Readable:
    """Return what the caller may read of the named metering points, of a customer's, or of all.

    Named metering points that may not be read are left out.

    Raises:
        Refused: 404 when the caller may read nothing of the customer.
    """
    if customer_number is None:
        if named:
            return grants.some(caller.principal, metering_point_ids=named)
        return grants.portfolio(caller.principal)
    portfolio = grants.portfolio(caller.principal)
    if not _has_customer(portfolio.permissions, customer_number):
        raise Refused("not-found", "GET /customers lists the customers whose metering points you may read.")
    readable = portfolio.only(named) if named else portfolio
    permissions = tuple(each for each in readable.permissions if each.customer_number == customer_number)
    return replace(readable, permissions=permissions)


def authorize_person(grants: Grants, caller: Caller, *, customer_number: int) -> Readable:
    """Return what a person may read of a customer.

    Raises:
        Refused: 403 for an application: vendors need not know of each other. 404 when the person may read
            nothing of the customer.
    """
    if not caller.is_person:
        raise Refused("persons-only", "Sign in as a person who is registered as a contact of the customer.")
    return authorize_many(grants, caller, customer_number=customer_number)


def not_found(named: Sequence[MeteringPointId], readable: Readable) -> list[MeteringPointId]:
    """Return the named metering points that the caller may not read, unknown or foreign."""
    readable_ids = {each.metering_point_id for each in readable.permissions}
    return [each for each in named if each not in readable_ids]


def request_id(headers: Mapping[str, str]) -> str:
    """Return the id in X-Request-Id when it is well formed, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def for_the_log(headers: Mapping[str, str]) -> str:
    """Return the principal that the headers name, genuine or not; `unknown` when they are not well formed."""
    kind, caller_id = headers.get("x-caller-type", ""), headers.get("x-caller-id", "").lower()
    return f"{kind}:{caller_id}" if kind in ("app", "user") and metering.is_guid(caller_id) else "unknown"


def subscription(headers: Mapping[str, str]) -> str:
    """Return the subscription that the gateway names, for the log; `unknown` when it is not well formed."""
    given = headers.get("x-subscription-id", "")
    return given if _SUBSCRIPTION.fullmatch(given) else "unknown" if given else ""


def _has_customer(permissions: Sequence[Permission], customer_number: int) -> bool:
    return any(each.customer_number == customer_number for each in permissions)
