"""Customers, their readers, and metering points."""

from shared.api.listings import customers, metering_points, readers, requests

__all__ = ["customers", "metering_points", "readers", "requests"]
