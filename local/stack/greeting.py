"""The text that the stack prints when it is ready: commands to paste, the page, the demo world's keys."""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from local import demo, environment
from local.ports import Ports, address
from local.stack import clients

API = "/metering/v1"

TOKEN_FORM = clients.token_form(demo.VENDOR)
"""The form that the demo vendor sends for an access token."""


def text(ports: Ports, *, yesterday: date, seconds: float, state: Path) -> str:
    """Return the whole text."""
    return "\n".join(
        [
            "",
            f"Ready after {seconds:.0f} s. Open {address(ports.gateway)}/ in a browser; Ctrl-C stops all.",
            "",
            "Try it, in another terminal:",
            "",
            *variables(ports),
            "",
            token_command(),
            "",
            *curl_commands(yesterday=yesterday),
            "",
            *_severa(ports),
            "",
            *_feeds(state),
            "",
            *_demo_world(),
        ]
    )


def variables(ports: Ports) -> list[str]:
    """Return shell lines that set the variables of docs/getting-started.md for the demo vendor."""
    values = {
        "API": f"{address(ports.gateway)}{API}",
        "TOKEN_URL": token_url(ports),
        "SCOPE": TOKEN_FORM["scope"],
        "CLIENT_ID": TOKEN_FORM["client_id"],
        "CLIENT_SECRET": TOKEN_FORM["client_secret"],
        "KEY": demo.SUBSCRIPTIONS[0].key,
    }
    return [f"export {name}={value}" for name, value in values.items()]


def token_command() -> str:
    """Return a shell line that sets TOKEN to an access token of the demo vendor."""
    form = '-d client_id="$CLIENT_ID" --data-urlencode client_secret="$CLIENT_SECRET" -d scope="$SCOPE"'
    read = """'import json,sys; print(json.load(sys.stdin)["access_token"])'"""
    return (
        f'export TOKEN=$(curl -s "$TOKEN_URL" -d grant_type=client_credentials {form} | {python()} -c {read})'
    )


def token_url(ports: Ports) -> str:
    """Return the token endpoint of the demo tenant."""
    return f"{environment.issuer(ports).removesuffix('/v2.0')}/oauth2/v2.0/token"


def curl_commands(*, yesterday: date) -> list[str]:
    """Return shell lines that use TOKEN: the metering points, a day of one, and a month of all by day."""
    point = demo.METERING_POINTS[0].metering_point_id
    month = yesterday - timedelta(days=30)
    return [
        _curl("/metering-points"),
        _curl(f"/metering-points/{point}/consumption?date={yesterday}"),
        _curl(f"/consumption?from={month}&resolution=P1D"),
    ]


def python() -> str:
    """Return the name of Python in this system's shell."""
    return "python" if sys.platform == "win32" else "python3"


def _curl(path: str) -> str:
    headers = '-H "Authorization: Bearer $TOKEN" -H "Ocp-Apim-Subscription-Key: $KEY"'
    return f'curl -s {headers} "$API{path}"'


def _severa(ports: Ports) -> Iterator[str]:
    severa = f"{address(ports.standins)}/control/severa"
    yield "Who may see what comes from a stand-in for Severa. Change it, also for the next start:"
    yield ""
    yield f"curl -s {severa} -o severa.json    # edit the file, then"
    yield f"curl -s -T severa.json {severa} && {python()} dev.py sync"


def _feeds(state: Path) -> Iterator[str]:
    yield "Two feeds of the vendor make files within five minutes of each publication: one for links, one for"
    yield f"a stand-in of a customer's SFTP server, which keeps them in {state / 'sftp'}:"
    yield ""
    yield f"{python()} dev.py feeds"


def _demo_world() -> Iterator[str]:
    yield "The demo world (works nowhere else):"
    for subscription in demo.SUBSCRIPTIONS:
        yield f"  key     {subscription.key}  ({subscription.name}, product {subscription.product})"
    for client in demo.CLIENTS:
        yield f"  client  {client.client_id}  secret {client.secret}  ({client.name})"
    for user in demo.USERS:
        yield f"  user    {user.name}  ({user.display_name}, {user.email})"
    yield "Users sign in without a password: choose them on the page, under Who calls."
