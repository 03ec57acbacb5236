"""Exports: files made once, on a caller's request."""

from shared.api.exports import rendering, requests

__all__ = ["rendering", "requests"]
