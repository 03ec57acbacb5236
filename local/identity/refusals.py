"""Errors as Entra words them: an OAuth error, an AADSTS code, ids to quote to support.

Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4


@dataclass
class Refused(Exception):
    """The token endpoint says no. `error` is the OAuth code, `number` Entra's own."""

    status: int
    error: str
    number: int
    text: str

    def body(self, *, now: datetime) -> dict[str, Any]:
        """Return the answer's JSON."""
        trace, correlation = str(uuid4()), str(uuid4())
        stamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        return {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.number}: {self.text} Trace ID: {trace} "
                f"Correlation ID: {correlation} Timestamp: {stamp}"
            ),
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }


def missing(parameter: str) -> Refused:
    """Refuse a request that lacks a form field."""
    return Refused(
        400,
        "invalid_request",
        900144,
        f"The request body must contain the following parameter: '{parameter}'.",
    )


def unknown_client(client_id: str) -> Refused:
    """Refuse an application that the tenant does not have."""
    return Refused(
        400,
        "unauthorized_client",
        700016,
        f"Application with identifier '{client_id}' was not found in the directory 'demo'.",
    )


def wrong_secret(client_id: str) -> Refused:
    """Refuse a wrong secret of an application that exists."""
    return Refused(
        401,
        "invalid_client",
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client "
        f"secret value, not the client secret ID, for a secret added to app '{client_id}'.",
    )


def unknown_api(audience: str) -> Refused:
    """Refuse a scope of an API that the tenant does not have."""
    return Refused(
        400,
        "invalid_resource",
        500011,
        f"The resource principal named {audience} was not found in the tenant named demo.",
    )


def bad_scope(scope: str) -> Refused:
    """Refuse a scope: client credentials take one API with `/.default`, nothing else."""
    return Refused(
        400,
        "invalid_scope",
        1002012,
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope "
        "value with /.default suffixed to the resource identifier (application ID URI).",
    )


def unknown_grant(grant_type: str) -> Refused:
    """Refuse a flow that is not offered here."""
    return Refused(
        400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant_type}'."
    )


def unknown_user(name: str) -> Refused:
    """Refuse a user (the extra field `user`) whom the demo tenant does not have."""
    return Refused(
        400, "invalid_grant", 50034, f"The user account {name} does not exist in the demo directory."
    )


def unknown_device_code() -> Refused:
    """Refuse a code that was never issued, or has been used."""
    return Refused(400, "invalid_grant", 70000, "The provided device code is not valid or was used already.")
