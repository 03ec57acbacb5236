"""Repeatable random numbers: equal names give equal numbers, on every machine and in any order."""

import random

SEED = 20261122


def of(*names: object) -> random.Random:
    """Return a source of random numbers that depends on these names only."""
    return random.Random(":".join(str(name) for name in (SEED, *names)))  # noqa: S311 - No secret is made.
