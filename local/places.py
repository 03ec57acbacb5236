"""Where the local stack reads and keeps its things."""

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

STATE = ROOT / ".local"
"""Everything that the local stack makes; ignored by git, safe to delete while nothing runs."""


def named(path: str, *, inherited: Mapping[str, str] = os.environ) -> Path:
    """Return a path as somebody named it on the command line: dev.py runs its modules from the checkout."""
    caller = inherited.get("CALLER_DIRECTORY")
    return Path(path) if caller is None or caller == os.getcwd() else Path(caller, path)
