"""Who calls: told by the gateway, believed only from the gateway."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from shared import guids
from shared.api.problems import Refused

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Caller:
    """An identified caller.

    Attributes:
        principal: `app:<Entra application (client) id>` or `user:<Entra object id>`.
        subscription_id: the gateway's subscription that the key belongs to; for the log.
    """

    principal: str
    subscription_id: str


def identify(
    headers: Mapping[str, str], *, gateway_principal_id: str | None, authentication_enabled: bool
) -> Caller:
    """Return the caller that the gateway names.

    App Service authentication sets X-MS-CLIENT-PRINCIPAL-ID from the token that it validated
    (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities)
    and removes what a client sent under that name. The header is compared here once more,
    since authentication may be set to admit others than the gateway. Where authentication
    is off, anybody may send the header, and it says nothing.

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
    if kind not in ("app", "user") or not guids.is_guid(caller_id):
        raise Refused("unknown-caller", "The gateway sent no usable caller type and id.")
    return Caller(f"{kind}:{caller_id}", one_line(headers.get("x-subscription-id", "")))


def request_id(headers: Mapping[str, str]) -> str:
    """The request's id from X-Request-Id when it is well formed, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def for_the_log(headers: Mapping[str, str]) -> str:
    """The principal that the headers name, whoever wrote them; nothing of what names none."""
    kind, caller_id = headers.get("x-caller-type", ""), headers.get("x-caller-id", "").lower()
    return f"{kind}:{caller_id}" if kind in ("app", "user") and guids.is_guid(caller_id) else "unknown"


def one_line(text: str) -> str:
    """Text of a caller as it may go to a log: without line breaks and not long."""
    return " ".join(text.split())[:100]
