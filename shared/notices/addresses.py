"""Which addresses a webhook may have: only public ones, so that the app never calls our own network. Pure.

Rules: Standard Webhooks 1.0.0, *Server side request forgery*, and OWASP API7:2023. Names are checked when a
webhook is registered. What a name resolves to is checked before each connection, since it may change.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

LONGEST = 2_000
"""Characters of an address."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter, so that no spelling of an IPv4 address (127.1, 0x7f.1) matches.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
# No spaces, control characters, backslashes or characters beyond ASCII: programs read those differently.
_ADDRESS = re.compile(r"https?://[!-\[\]-~]+", re.IGNORECASE)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_NAMES_INSIDE = (
    "localhost",
    "local",
    "internal",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "onion",
    "test",
    "invalid",
)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1")
_LONGEST_NAME = 253

_NOT_PUBLIC = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # Carriers' NAT; other clouds have metadata there (100.100.100.200).
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's DNS, health probes and agent; public only by its number.
        "169.254.0.0/16",  # With the metadata service 169.254.169.254 and App Service's token endpoint.
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",  # Teredo, benchmarking, ORCHID and others; no services.
        "2001:db8::/32",
        "2002::/16",  # 6to4 holds an IPv4 address, which may be a private one.
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Outside of 2000::/3 there are loopback, mapped and NAT64 addresses, unique-local, link-local and multicast.
_GLOBAL_UNICAST = ip_network("2000::/3")

IpAddress = IPv4Address | IPv6Address


class NotCallable(ValueError):
    """An address that is not called; its text says why, for the caller who gave it."""


@dataclass(frozen=True)
class Endpoint:
    """Where a notice is sent: an address whose form was checked."""

    host: str
    port: int


def parse(url: str, *, allow_loopback: bool = False) -> Endpoint:
    """Return the endpoint of an address.

    Args:
        url: as the caller wrote it.
        allow_loopback: also accept http and https addresses of this machine, with any port.

    Raises:
        NotCallable: notices are not sent to such an address.
    """
    if len(url) > LONGEST or not _ADDRESS.fullmatch(url):
        raise NotCallable(f"it is not an https address of at most {LONGEST} printable ASCII characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotCallable("it is not an address") from None
    if "@" in parts.netloc:
        raise NotCallable("it has user information before the host")
    if "#" in url:
        raise NotCallable("it has a fragment, which no server receives")
    host, separator, port = parts.netloc.lower().partition(":")
    if separator and not _PORT.fullmatch(port):
        raise NotCallable("its host is not a name, or its port is not a number")
    if allow_loopback and host in _LOOPBACK_NAMES:
        return Endpoint(host, int(port) if port else {"https": 443, "http": 80}[parts.scheme])
    if parts.scheme != "https" or port not in ("", "443"):
        raise NotCallable("it is not https on port 443")
    _refuse_inside(host)
    return Endpoint(host, 443)


def _refuse_inside(host: str) -> None:
    if len(host) > _LONGEST_NAME or not _NAME.fullmatch(host):
        raise NotCallable("its host is not a full domain name, such as hooks.example.com")
    if any(host == inside or host.endswith(f".{inside}") for inside in _NAMES_INSIDE):
        raise NotCallable("its host is a name for use inside a network")


def is_public(address: IpAddress) -> bool:
    """Return whether an address is a public one of the internet, and not one of Azure's own services."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def choose(resolved: Sequence[str], *, allow_loopback: bool = False) -> str:
    """Choose the address to connect to, from all those that a name resolves to.

    Raises:
        NotCallable: there is no address, or one of them is not public, so that the name is not trusted.
    """
    addresses = [ip_address(each.partition("%")[0]) for each in resolved]
    if not addresses:
        raise NotCallable("its host has no address")
    if not all(is_public(each) or (allow_loopback and each.is_loopback) for each in addresses):
        raise NotCallable("its host has an address that is not public")
    # IPv4 first: Azure Functions cannot connect over IPv6 from most networks.
    return str(min(addresses, key=lambda each: each.version))
