"""Chance that can be repeated: the same names give the same numbers, on every machine and in any order."""

import random

SEED = 20261122


def of(*names: object) -> random.Random:
    """Return a source of random numbers for these names alone."""
    return random.Random(":".join(str(name) for name in (SEED, *names)))  # noqa: S311 - No secret is made.
