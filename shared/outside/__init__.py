"""Access to other services: the app's identity, and HTTP within time limits."""
