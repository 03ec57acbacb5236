"""Feeds: files that are made after each publication."""

from shared.api.feeds import rendering, requests

__all__ = ["rendering", "requests"]
