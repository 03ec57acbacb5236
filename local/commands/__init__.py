"""Operator's commands, on the configured services."""
