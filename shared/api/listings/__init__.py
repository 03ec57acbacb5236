"""Customers and metering points."""

from shared.api.listings import customers, metering_points, requests

__all__ = ["customers", "metering_points", "requests"]
