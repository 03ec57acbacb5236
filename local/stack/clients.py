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


def token_of_person(
    token_url: str, *, user: demo.User = demo.KARI, client: demo.Client = demo.BAKERY_APP
) -> str:
    """Return an access token of a person who signs in to an application, without asking the person.

    Raises:
        httpx.HTTPError: the identity provider did not give one.
    """
    with httpx.Client(timeout=SECONDS, trust_env=False) as http:
        form = {"client_id": client.client_id, "scope": f"{demo.AUDIENCE}/{demo.ROLE}", "user": user.name}
        started = http.post(token_url.removesuffix("token") + "devicecode", data=form).raise_for_status()
        answer = http.post(
            token_url,
            data={
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                "client_id": client.client_id,
                "device_code": started.json()["device_code"],
            },
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
