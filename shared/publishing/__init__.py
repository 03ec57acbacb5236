"""Delivered values become market days that callers can read."""
