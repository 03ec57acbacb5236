"""Addresses: as they were asked, and as the caller has to write them."""

from collections import defaultdict
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

PUBLIC_PREFIX = "/metering"
"""What the gateway's paths have before the app's: it serves /metering/v1 and asks the app for /v1."""


def parameters(url: str) -> dict[str, list[str]]:
    """Query parameters by name, each with all its values in order.

    The worker's own dictionary of parameters keeps one value of a repeated parameter; the address has all.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found[name].append(value)
    return dict(found)


def public_path(url: str) -> str:
    """The path that the caller asked the gateway for."""
    return PUBLIC_PREFIX + quote(urlsplit(url).path, safe="/%:@!$&'()*+,;=~")


def following(url: str, *, cursor: str) -> str:
    """Where the caller gets the next page: the same question with another cursor, without the host."""
    asked = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "cursor"]
    # A colon need not be escaped in a query (RFC 3986, section 3.4), and times have many.
    return f"{public_path(url)}?{urlencode([*kept, ('cursor', cursor)], safe=':')}"
