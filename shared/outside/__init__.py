"""How the app reaches services outside: its identity, and HTTP within limits of time."""
