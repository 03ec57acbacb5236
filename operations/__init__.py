"""The operator's commands, on the configured services."""
