"""How the app reaches services outside: with its identity, and over HTTP within limits of time."""
