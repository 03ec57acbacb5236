"""Delivery files: read, checked, staged and stored."""
