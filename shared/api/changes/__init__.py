"""New and corrected market days since a cursor."""

from shared.api.changes import pages, rendering, requests

__all__ = ["pages", "rendering", "requests"]
