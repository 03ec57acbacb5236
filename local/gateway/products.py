"""Products from the file that Bicep reads too, and the subscriptions of the local gateway."""

import hmac
import json
from collections.abc import Iterable
from pathlib import Path

from local.gateway.exchange import Product, Subscription


class ProductsRefused(Exception):
    """The products file, or a subscription, does not fit."""


def read(path: Path) -> dict[str, Product]:
    """Return products by id. Raises ProductsRefused."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["products"]
        products = [
            Product(entry["id"], entry["name"], int(entry["callsPerMinute"]), int(entry["callsPerDay"]))
            for entry in listed
        ]
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise ProductsRefused(f"{path} cannot be read: {broken!r}") from broken
    return {product.id: product for product in products}


def placeholders(product: Product) -> dict[str, str]:
    """Return what Bicep and the local gateway put into product.xml."""
    return {
        "__calls-per-minute__": str(product.calls_per_minute),
        "__calls-per-day__": str(product.calls_per_day),
    }


class Subscriptions:
    """Subscriptions by key."""

    def __init__(self, subscriptions: Iterable[Subscription], *, products: Iterable[str]) -> None:
        known = set(products)
        self._subscriptions = tuple(subscriptions)
        for subscription in self._subscriptions:
            if subscription.product is not None and subscription.product not in known:
                raise ProductsRefused(
                    f"subscription '{subscription.name}' is of an unknown product '{subscription.product}'"
                )

    def of(self, key: str) -> Subscription | None:
        """Return the subscription with this key; compared in constant time."""
        given = key.encode()
        found = None
        for subscription in self._subscriptions:
            for known in subscription.keys:
                if hmac.compare_digest(known.encode(), given):
                    found = subscription
        return found
