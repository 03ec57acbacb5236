"""The developer page, served by the local gateway."""
