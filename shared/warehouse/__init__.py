"""Metering data: how it is stored, how it is published, and how it is asked for."""
