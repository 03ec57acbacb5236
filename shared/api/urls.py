"""Addresses as they were asked."""

from collections import defaultdict
from urllib.parse import parse_qsl, urlsplit


def parameters(url: str) -> dict[str, list[str]]:
    """Query parameters by name, each with all its values in order.

    The worker's own dictionary of parameters keeps one value of a repeated parameter; the address has all.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found[name].append(value)
    return dict(found)
