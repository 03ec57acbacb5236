"""The deployed package: everything that answers requests, syncs access and publishes metering data."""
