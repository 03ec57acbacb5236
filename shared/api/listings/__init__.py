"""Customers and metering points."""
