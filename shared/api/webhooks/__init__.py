"""Webhooks of a caller: addresses that are notified."""

from shared.api.webhooks import rendering, requests

__all__ = ["rendering", "requests"]
