"""The series of one metering point and of many."""

from shared.api.series import pages, rendering, requests

__all__ = ["pages", "rendering", "requests"]
