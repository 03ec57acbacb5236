"""Metering data: how it comes in, how it is published, and how it is asked for."""
