"""Calls the host's own addresses, as an operator does."""

import httpx

from local.functionhost.host import KEY_HEADER, MASTER_KEY


def start_timer(name: str, *, host: str) -> None:
    """Run a timer now; the host answers before the run has ended.

    Args:
        host: the base address of the function host.

    Raises:
        httpx.HTTPError: if the host does not answer or has no such function.
    """
    address = f"{host}/admin/functions/{name}"
    headers = {KEY_HEADER: MASTER_KEY}
    httpx.post(address, json={}, headers=headers, timeout=30, trust_env=False).raise_for_status()
