"""The demo vendor's feeds, made as a customer and an operator make them.

One is fetched by links. The files of the other go to the stand-in for a customer's SFTP server, at the port
that it has this time.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from local import demo
from local.ports import HOST, Ports, address
from local.stack import clients, greeting, parts
from local.stack.supervision import StackFailed, Supervisor
from shared import tables
from shared.access import grant
from shared.files.feeds.receivers import Receiver
from shared.files.feeds.store import Feeds

LINKS, SFTP = "daily-gs2", "daily-csv"
OWNER = grant.app(demo.VENDOR.client_id)
BODIES: Mapping[str, Mapping[str, Any]] = {
    LINKS: {
        "name": "Daily values as GS2",
        "directions": ["consumption", "production"],
        "resolution": "PT1H",
        "form": {"format": "gs2", "gs2": {"to": "7080000000012", "from": "7080000000005"}},
    },
    SFTP: {
        "name": "Daily values as CSV, by SFTP",
        "directions": ["consumption", "production"],
        "form": {"format": "csv", "profile": {"delimiter": ";", "decimal": ",", "time": "local"}},
    },
}


def make(ports: Ports) -> None:
    """Have the vendor make its feeds; they begin with what is published from now on.

    Raises:
        StackFailed: the API did not take one.
    """
    headers = clients.vendor_headers(greeting.token_url(ports))
    for feed_id, body in BODIES.items():
        url = f"{address(ports.gateway)}{greeting.API}/feeds/{feed_id}"
        answer = httpx.put(url, json=body, headers=headers, timeout=30, trust_env=False)
        if not answer.is_success:
            raise StackFailed(f"The demo vendor's feed {feed_id} was not made: {answer.text}")


def connect(supervisor: Supervisor, ports: Ports, *, app_settings: Mapping[str, str]) -> None:
    """Have an operator send the second feed to the stand-in, unless it goes there or elsewhere already.

    Raises:
        StackFailed: the command failed.
    """
    from local.standins import sftp  # Most starts do not need its library.

    feed = Feeds(tables.open_tables(app_settings["TABLE_STORAGE"], credential=None)).get(OWNER, SFTP)
    here = Receiver(HOST, ports.sftp, demo.SFTP_USER, sftp.host_key())
    if feed is None or feed.receiver == here or not _is_of(here, feed.receiver):
        return
    options = (
        "--host",
        here.host,
        "--port",
        str(here.port),
        "--user",
        here.user,
        "--host-key",
        here.host_key,
    )
    command = parts.command("feeds", ["add-sftp", OWNER, SFTP, *options], settings=app_settings)
    if supervisor.run(command) != 0:
        raise StackFailed("The demo vendor's feed could not be sent to the stand-in of an SFTP server.")


def _is_of(here: Receiver, stored: Receiver | None) -> bool:
    """Return whether a feed waits for its server, or has the stand-in at another port."""
    return stored is None or replace(stored, port=here.port) == here
