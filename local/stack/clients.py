"""What the demo world's applications send: access tokens from the identity provider, and keys."""

import httpx

from local import demo

SECONDS = 30


def token_form(client: demo.Client) -> dict[str, str]:
    """Return what an application sends for an access token of the API."""
    return {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.secret,
        "scope": f"{demo.AUDIENCE}/.default",
    }


def token(token_url: str, *, client: demo.Client = demo.VENDOR) -> str:
    """Return an access token of an application for the API.

    Raises:
        httpx.HTTPError: the identity provider did not give one.
    """
    answer = httpx.post(
        token_url, data=token_form(client), timeout=SECONDS, trust_env=False
    ).raise_for_status()
    return str(answer.json()["access_token"])


def vendor_headers(token_url: str) -> dict[str, str]:
    """Return what the demo vendor sends to the gateway, with a new token.

    Raises:
        httpx.HTTPError: the identity provider did not give a token.
    """
    return {
        "Authorization": f"Bearer {token(token_url)}",
        "Ocp-Apim-Subscription-Key": demo.SUBSCRIPTIONS[0].key,
    }
